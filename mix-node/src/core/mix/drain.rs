//! Leaving the network without losing a packet: the node works for as long as anybody may send it something.
//!
//! Whoever drives the core has the node announce no key beyond the present epoch, so that no later consensus lists it.
//! Those that do count for their grace, and so long packets under its keys may come. When that is over is said here;
//! the end itself is a stop like any other.

use sotto_protocol::time::Timestamp;

use super::super::config::FLUSH_MAX;
use super::super::report::DrainReport;
use super::Mix;

impl Mix {
    /// Begins a drain or takes it back. While it lasts no session is opened; those that there are can be resumed.
    pub const fn set_draining(&mut self, draining: bool) {
        self.draining = draining;
    }

    /// Whether the node is leaving.
    #[must_use]
    pub const fn is_draining(&self) -> bool {
        self.draining
    }

    /// When the node can be stopped without loss, by what is known so far: as long before the last consensus that lists
    /// it counts no more as a stop may take. `None` if no consensus that counts lists it.
    #[must_use]
    pub fn drain_ends(&self) -> Option<Timestamp> {
        self.topology.listed_until().map(|until| until - FLUSH_MAX)
    }

    pub(super) fn drain_report(&self) -> Option<DrainReport> {
        self.draining.then(|| DrainReport { ends_s: self.drain_ends().map(Timestamp::as_secs) })
    }
}
