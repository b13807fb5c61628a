//! How much the mix holds: told at its start, changed while it works.

use super::Mix;
use crate::core::config::waiting_max;
use crate::core::report::LimitsReport;

impl Mix {
    /// Holds at most so many packets and sessions from now on. What is beyond a lower limit stays until it ends by
    /// itself; nothing is added to it.
    pub const fn set_limits(&mut self, held_max: usize, sessions_max: usize) {
        self.config.held_max = held_max;
        self.config.sessions_max = sessions_max;
        self.sessions.set_max(sessions_max, waiting_max(held_max));
    }

    /// The limits in force.
    pub(super) const fn limits(&self) -> LimitsReport {
        LimitsReport { held_max: self.config.held_max, sessions_max: self.config.sessions_max }
    }
}
