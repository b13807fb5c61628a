//! What all metrics are taken from: one status of the node, and what the process sees of its host.

use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};
use sotto_protocol::directory::{epoch_of, epoch_start};
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;

use crate::shell::asking::Asker;
use crate::shell::status::Observed;

/// Where snapshots come from.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) asker: Asker,
    pub(crate) clock: Clock,
    pub(crate) started: Timestamp,
    pub(crate) epoch_s: u32,
    pub(crate) dir: PathBuf,
}

/// One look at the node.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) observed: Observed,
    pub(crate) now: Timestamp,
    /// The system's time of day, which the node's clock does not follow backwards.
    pub(crate) time_of_day: Timestamp,
    pub(crate) started: Timestamp,
    pub(crate) epoch_s: u32,
    pub(crate) files: Option<Files>,
    /// Bytes free and in all, on the file system of the node's directory.
    pub(crate) disk: Option<(u64, u64)>,
}

/// Open files of the process, and how many there may be.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) open: u64,
    pub(crate) max: u64,
}

impl Source {
    /// Takes one; `None` if the node does not answer.
    pub(crate) async fn take(&self) -> Option<Snapshot> {
        let observed = self.asker.status().await?;
        Some(Snapshot {
            observed,
            now: self.clock.now(),
            time_of_day: Clock::system().now(),
            started: self.started,
            epoch_s: self.epoch_s,
            files: files(),
            disk: disk_room(&self.dir),
        })
    }
}

impl Snapshot {
    /// The epoch by the node's clock.
    pub(crate) fn present_epoch(&self) -> u64 {
        epoch_of(self.now, self.epoch_s)
    }

    /// Seconds since the newest consensus came into force.
    pub(crate) fn consensus_age_s(&self) -> Option<f64> {
        let epoch = self.observed.status.report.consensus_epoch?;
        Some(self.now.since(epoch_start(epoch, self.epoch_s)).as_secs_f64())
    }

    /// By how many seconds the node's clock is ahead of the system's time of day; negative, if behind.
    pub(crate) fn clock_ahead_s(&self) -> f64 {
        self.now.since(self.time_of_day).as_secs_f64() - self.time_of_day.since(self.now).as_secs_f64()
    }
}

fn files() -> Option<Files> {
    // The directory that is read is open itself.
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    let max = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    Some(Files { open: u64::try_from(open).unwrap_or(u64::MAX), max })
}

/// Bytes that are free, and bytes in all, on the file system that holds `path`.
pub(crate) fn disk_room(path: &Path) -> Option<(u64, u64)> {
    let stat = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Some((bytes(stat.f_bavail), bytes(stat.f_blocks)))
}
