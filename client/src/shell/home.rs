//! The profile's files that change while it runs: which routes the user wants.

use sotto_protocol::directory::NetworkInfo;

use super::config::Config;
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

    /// Keeps other routes for the profile.
    ///
    /// # Errors
    /// `network-no-onion` if the network could not be reached by them; [`super::settings::SettingsError`] if they
    /// cannot be written. Then nothing has changed.
    pub fn keep_plan(&mut self, plan: &RoutePlan) -> Result<(), Failure> {
        check_reachable(plan, &self.network)?;
        let config = self.config.clone().with_plan(plan);
        config.write(&self.profile)?;
        self.config = config;
        Ok(())
    }
}
