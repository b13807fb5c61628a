//! `config.toml`: what the user has chosen for a profile, and how it is written.
//!
//! The program writes the file itself, each setting under a line that explains it; what else a user wrote into it is
//! not kept when the routes are changed by command.

use serde::{Deserialize, Serialize};
use sotto_transport::node::ConfigText;
use sotto_transport::private;
use sotto_transport::tor::TorConfig;

use super::Profile;
use super::auto_lock::AUTO_LOCK_MIN_MAX;
use super::settings::SettingsError;
use crate::core::{EngineSettings, Route, RoutePlan};

/// The longest `config.toml`, in bytes: room for a list of bridges.
const CONFIG_LEN_MAX: usize = 16 * 1024;
/// The format of `config.toml` that this program reads and writes.
const CONFIG_VERSION: u32 = 1;

/// The user's choices.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    version: u32,
    /// The name of the cover class, from the network's consensus. Changing it is visible to the entry.
    pub cover_class: String,
    #[serde(default = "route_default")]
    route: Route,
    #[serde(default)]
    fallback: Vec<Route>,
    /// Whether decoys fill the empty ticks of the route `tor`.
    #[serde(default)]
    pub tor_cover: bool,
    /// Lock after so many minutes without a command; 0 for never.
    #[serde(default)]
    pub auto_lock_min: u32,
    /// How Tor is reached.
    #[serde(default)]
    pub tor: TorConfig,
}

const fn route_default() -> Route {
    Route::Mix
}

impl Config {
    /// With this cover class, the route `mix` and nothing else.
    #[must_use]
    pub fn new(cover_class: &str) -> Self {
        Self {
            version: CONFIG_VERSION,
            cover_class: cover_class.to_owned(),
            route: route_default(),
            fallback: Vec::new(),
            tor_cover: false,
            auto_lock_min: 0,
            tor: TorConfig::default(),
        }
    }

    /// The routes.
    #[must_use]
    pub fn plan(&self) -> RoutePlan {
        // Checked when it was read or set; a plan that is none would be the wanted route alone.
        RoutePlan::new(self.route, &self.fallback).unwrap_or_else(|_| RoutePlan::only(self.route))
    }

    /// The same with other routes.
    #[must_use]
    pub fn with_plan(mut self, plan: &RoutePlan) -> Self {
        self.route = plan.wanted();
        self.fallback = plan.fallbacks().to_vec();
        self
    }

    /// What the engine has to know of it.
    #[must_use]
    pub fn engine_settings(&self) -> EngineSettings {
        EngineSettings {
            routes: self.plan(),
            tor_cover: self.tor_cover,
            ..EngineSettings::new(&self.cover_class)
        }
    }

    /// Reads the profile's `config.toml`.
    ///
    /// # Errors
    /// [`SettingsError`]
    pub fn read(profile: &Profile) -> Result<Self, SettingsError> {
        let path = profile.config_file();
        let bytes = private::read(&path, CONFIG_LEN_MAX)?;
        let malformed = |reason: String| SettingsError::Config { path: path.clone(), reason };
        let text = std::str::from_utf8(&bytes).map_err(|_| malformed("it is not UTF-8".to_owned()))?;
        let config: Self = toml::from_str(text).map_err(|error| malformed(error.to_string()))?;
        if config.version != CONFIG_VERSION {
            return Err(malformed(format!(
                "it has version {}, this program reads version {CONFIG_VERSION}",
                config.version
            )));
        }
        config.check(profile)?;
        Ok(config)
    }

    /// Refuses routes that make no plan, a time to lock that is too long, and a `[tor]` table that contradicts itself.
    ///
    /// # Errors
    /// [`SettingsError::Config`], [`SettingsError::Routes`] or [`SettingsError::Tor`].
    pub fn check(&self, profile: &Profile) -> Result<(), SettingsError> {
        let path = || profile.config_file();
        if self.auto_lock_min > AUTO_LOCK_MIN_MAX {
            let reason = format!(
                "auto_lock_min is {}: expected 0 for never, or up to {AUTO_LOCK_MIN_MAX} minutes",
                self.auto_lock_min
            );
            return Err(SettingsError::Config { path: path(), reason });
        }
        RoutePlan::new(self.route, &self.fallback)
            .map_err(|reason| SettingsError::Routes { path: path(), reason })?;
        self.tor.check().map_err(|reason| SettingsError::Tor { path: path(), reason })
    }

    /// Writes the profile's `config.toml`.
    ///
    /// # Errors
    /// [`SettingsError`]
    pub fn write(&self, profile: &Profile) -> Result<(), SettingsError> {
        self.check(profile)?;
        let path = profile.config_file();
        let text = self
            .to_text()
            .map_err(|error| SettingsError::Config { path: path.clone(), reason: error.to_string() })?;
        Ok(private::replace(&path, text.as_bytes())?)
    }

    fn to_text(&self) -> Result<String, toml::ser::Error> {
        /// The last table of the file.
        #[derive(Serialize)]
        struct Table<'a> {
            tor: &'a TorConfig,
        }
        let fallback: Vec<String> = self.fallback.iter().map(|route| format!("\"{route}\"")).collect();
        let text = ConfigText::new("The settings of a Sotto profile. They count from the next start.")
            .value("The format of this file.", "version", self.version)
            .text("The cover class: one that the network offers.", "cover_class", &self.cover_class)
            .text("The route: mix, tor+mix or tor. `sotto route` changes it.", "route", self.route.label())
            .value(
                "Routes that may be taken while that one fails, in order.",
                "fallback",
                format!("[{}]", fallback.join(", ")),
            )
            .value("Whether decoys fill the empty moments of the route tor.", "tor_cover", self.tor_cover)
            .value(
                "Lock the daemon after so many minutes without a command; 0 for never.",
                "auto_lock_min",
                self.auto_lock_min,
            );
        if self.tor == TorConfig::default() {
            return Ok(text.finish());
        }
        let table = toml::to_string(&Table { tor: &self.tor })?;
        Ok(text.section("How Tor is reached.", &table).finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(root: &std::path::Path) -> Profile {
        let profile = Profile::within("alice", root, None).unwrap();
        profile.create_directories().unwrap();
        profile
    }

    #[test]
    fn what_was_written_is_read() {
        let root = tempfile::tempdir().unwrap();
        let profile = profile(root.path());
        let plain = Config::new("frugal");
        let plan = RoutePlan::new(Route::TorMix, &[Route::Tor, Route::Mix]).unwrap();
        let mut full = plain.clone().with_plan(&plan);
        full.tor_cover = true;
        full.auto_lock_min = 15;
        let arti_config = root.path().join("arti.toml");
        std::fs::write(&arti_config, "").unwrap();
        full.tor.arti_config = Some(arti_config);
        for config in [plain, full] {
            config.write(&profile).unwrap();
            assert_eq!(Config::read(&profile).unwrap(), config);
        }
        assert_eq!(Config::read(&profile).unwrap().plan(), plan);
        let text = std::fs::read_to_string(profile.config_file()).unwrap();
        assert!(text.contains("fallback = [\"tor\", \"mix\"]") && text.contains("[tor]"), "{text}");
    }

    #[test]
    fn a_config_of_two_lines_has_the_route_mix() {
        let root = tempfile::tempdir().unwrap();
        let profile = profile(root.path());
        private::replace(&profile.config_file(), b"version = 1\ncover_class = \"standard\"\n").unwrap();
        assert_eq!(Config::read(&profile).unwrap(), Config::new("standard"));
        assert_eq!(Config::new("standard").plan(), RoutePlan::only(Route::Mix));
    }

    #[test]
    fn a_config_that_cannot_be_used_is_refused_by_name() {
        let root = tempfile::tempdir().unwrap();
        let profile = profile(root.path());
        let cases = [
            ("", "config"),
            ("version = 2\ncover_class = \"a\"", "config"),
            ("version = 1\ncover_class = \"a\"\ncolour = 1", "config"),
            ("\u{0}", "config"),
            ("version = 1\ncover_class = \"a\"\nroute = \"pigeon\"", "config"),
            ("version = 1\ncover_class = \"a\"\nauto_lock_min = 10081", "config"),
            ("version = 1\ncover_class = \"a\"\nauto_lock_min = -1", "config"),
            ("version = 1\ncover_class = \"a\"\n[tor]\nproxy = \"x\"", "config"),
            (
                "version = 1\ncover_class = \"a\"\nroute = \"tor\"\nfallback = [\"tor\"]",
                "route-plan-repeated",
            ),
        ];
        for (text, label) in cases {
            private::replace(&profile.config_file(), text.as_bytes()).unwrap();
            assert_eq!(Config::read(&profile).unwrap_err().label(), label, "{text:?}");
        }
        std::fs::remove_file(profile.config_file()).unwrap();
        assert_eq!(Config::read(&profile).unwrap_err().label(), "io");
    }

    #[test]
    fn a_tor_table_that_contradicts_itself_is_neither_read_nor_written() {
        let root = tempfile::tempdir().unwrap();
        let profile = profile(root.path());
        let text =
            "version = 1\ncover_class = \"a\"\n[tor]\nsocks = \"127.0.0.1:9050\"\narti_config = \"/x\"";
        private::replace(&profile.config_file(), text.as_bytes()).unwrap();
        let refused = Config::read(&profile).unwrap_err();
        assert!(matches!(refused, SettingsError::Tor { .. }), "{refused}");
        let mut config = Config::new("a");
        config.tor.socks = Some("127.0.0.1:9050".parse().unwrap());
        config.tor.arti_config = Some("/x".into());
        assert_eq!(config.write(&profile).unwrap_err().label(), refused.label());
    }
}
