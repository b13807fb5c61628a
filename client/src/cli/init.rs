//! `sotto init`: makes a profile.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sotto_protocol::directory::NetworkInfo;
use sotto_transport::tor::TorConfig;

use super::argon2::CostArgs;
use super::route::fallback_notes;
use super::{Common, Ended, escape, vault};
use crate::core::{Route, RoutePlan};
use crate::shell::config::Config;
use crate::shell::servers::check_reachable;
use crate::shell::{Failure, ProfileError, ProfileLock, settings};

/// Make a profile: choose a network and a passphrase.
///
/// The network comes as a link (`sotto:network:...`) or as a file that holds one, from somebody you
/// trust: whoever makes the link chooses the network. The passphrase protects everything that is
/// kept on this device. It cannot be recovered or reset.
#[derive(Args, Debug)]
pub(super) struct InitArgs {
    /// The network: its link, or a file that holds the link.
    #[arg(long, value_name = "LINK_OR_FILE")]
    network: String,
    /// How much cover traffic to send: a class that the network offers. More is faster and uses more data.
    #[arg(long, value_name = "CLASS", default_value = "standard")]
    cover_class: String,
    #[command(flatten)]
    cost: CostArgs,
    /// The way that packets take: mix, tor+mix or tor. `sotto route --help` says what each is. Without it, mix; it has
    /// to be named where an option says how Tor is used.
    #[arg(long, value_name = "ROUTE")]
    route: Option<Route>,
    /// A route that may be taken while that one fails. Several are tried in their order.
    #[arg(long, value_name = "ROUTE")]
    fallback: Vec<Route>,
    /// On route tor, send something at every tick, whether there is anything to send or not.
    #[arg(long)]
    tor_cover: bool,
    /// Use the tor or arti that runs already, by its SOCKS5 port, for example 127.0.0.1:9050.
    #[arg(long, value_name = "IP:PORT", conflicts_with_all = ["tor_bridge", "tor_arti_config"])]
    tor_socks: Option<SocketAddr>,
    /// Reach Tor by this bridge; the line as it was given to you. May be repeated. A bridge with a pluggable
    /// transport is written into config.toml instead, beside the transport's program.
    #[arg(long, value_name = "LINE")]
    tor_bridge: Vec<String>,
    /// A file in arti's own format, for a private Tor network or for what has no option here.
    #[arg(long, value_name = "FILE")]
    tor_arti_config: Option<PathBuf>,
}

impl InitArgs {
    /// Whether an option says how Tor is used.
    const fn names_tor(&self) -> bool {
        self.tor_cover
            || self.tor_socks.is_some()
            || !self.tor_bridge.is_empty()
            || self.tor_arti_config.is_some()
    }

    /// The settings that the options make.
    ///
    /// # Errors
    /// When they contradict each other, or the network cannot be reached by these routes.
    fn config(&self, network: &NetworkInfo) -> Result<Config, Failure> {
        let route = match self.route {
            Some(route) => route,
            // Who says how Tor is used expects it to be used.
            None if self.names_tor() => {
                return Err(Failure::new(
                    "route-not-named",
                    "an option says how Tor is used, and none that it is: add --route tor+mix or --route tor, or \
                     --route mix if only some conversations are to go by Tor",
                ));
            }
            None => Route::Mix,
        };
        let plan = RoutePlan::new(route, &self.fallback)?;
        check_reachable(&plan, network)?;
        let mut config = Config::new(&self.cover_class).with_plan(&plan);
        config.tor_cover = self.tor_cover;
        let arti_config = self.tor_arti_config.as_ref().map(std::path::absolute).transpose();
        let arti_config = arti_config
            .map_err(|error| Failure::new("tor-arti-config", format!("--tor-arti-config: {error}")))?;
        config.tor = TorConfig {
            socks: self.tor_socks,
            bridges: self.tor_bridge.clone(),
            arti_config,
            ..TorConfig::default()
        };
        config.tor.check()?;
        Ok(config)
    }
}

pub(super) fn run(common: &Common, args: &InitArgs) -> Result<Ended, Failure> {
    let network = settings::network_from(&args.network)?;
    let config = args.config(&network)?;
    let profile = common.profile()?;
    let exists = || ProfileError::Exists {
        name: profile.name().to_owned(),
        directory: profile.directory().to_owned(),
    };
    if profile.exists() {
        return Err(exists().into());
    }
    let new = vault::NewVault::prepare(common, &args.cost)?;
    profile.create_directories()?;
    let _lock = ProfileLock::take(&profile)?;
    if profile.exists() {
        return Err(exists().into());
    }
    settings::write_network(&profile, &network)?;
    config.write(&profile)?;
    // The vault last: it is what makes the profile one.
    let vault = new.make(&profile)?;
    let made = json!({
        "profile": profile.name(),
        "directory": profile.directory(),
        "network": network.network,
        "cover_class": args.cover_class,
        "routes": config.plan(),
        "vault": vault,
    });
    common.output().result(&made, |_| {
        let mut lines = vec![format!(
            "Profile {:?} for the network {:?} is ready in {}.\nNext: leave `sotto daemon` running, then `sotto invite \
             NAME` or `sotto accept NAME LINK`.",
            profile.name(),
            network.network,
            escape::line(&profile.directory().display().to_string()),
        )];
        lines.push(format!("Route {}: {}.", config.plan(), config.plan().wanted().protects()));
        lines.extend(fallback_notes(&config.plan()));
        lines.join("\n")
    })?;
    Ok(Ended::Well)
}
