//! The profile's files that change while it runs: which routes the user wants, and the consensus that was kept.

use sotto_protocol::directory::{Consensus, NetworkInfo};

use super::config::Config;
use super::directory::read_kept;
use super::servers::check_reachable;
use super::{Failure, Profile};
use crate::core::RoutePlan;

/// Where the profile's settings are kept.
#[derive(Debug)]
pub struct Home {
    profile: Profile,
    config: Config,
    network: NetworkInfo,
}

impl Home {
    /// With the settings as they were read.
    #[must_use]
    pub const fn new(profile: Profile, config: Config, network: NetworkInfo) -> Self {
        Self { profile, config, network }
    }

    /// The network's link and the settings as they were read, for a backup.
    ///
    /// # Errors
    /// When one of them cannot be written as text.
    pub fn texts(&self) -> Result<(String, String), Failure> {
        let link = self.network.to_link().map_err(|error| Failure::new("network-link", error.to_string()))?;
        let config = self.config.to_text().map_err(|error| Failure::new("config", error.to_string()))?;
        Ok((link, config))
    }

    /// The consensus that was kept last, whatever its age, if the authorities have signed it.
    #[must_use]
    pub fn kept_consensus(&self) -> Option<Consensus> {
        read_kept(&self.profile.consensus_file(), &self.network.authority_set().ok()?)
    }

    /// Keeps other routes for the profile.
    ///
    /// # Errors
    /// `network-no-onion` if the network could not be reached by them; `config-changed` if the file is no longer the
    /// one that was read; [`super::settings::SettingsError`] if it cannot be read or written. Then nothing has changed.
    pub fn keep_plan(&mut self, plan: &RoutePlan) -> Result<(), Failure> {
        check_reachable(plan, &self.network)?;
        if Config::read(&self.profile)? != self.config {
            // Bridges that somebody has entered meanwhile would be lost, and Tor started without them.
            return Err(Failure::new(
                "config-changed",
                format!(
                    "{} was changed since this process began, and its settings count from the next start: end \
                     `sotto daemon`, and choose the route again",
                    self.profile.config_file().display()
                ),
            ));
        }
        let config = self.config.clone().with_plan(plan);
        config.write(&self.profile)?;
        self.config = config;
        Ok(())
    }
}
