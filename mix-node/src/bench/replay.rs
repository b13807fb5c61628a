//! The node's memory with the replay tags of full epochs.
//!
//! An hour at 5,000 packets/s is written to the logs of the present epoch and of the one before, as if the node had
//! worked that long; then the node starts on them, and works at that rate.

use std::fs;
use std::path::Path;

use sotto_protocol::directory::epoch_of;
use sotto_protocol::sphinx::{Fingerprint, ReplayTag, TagHashKey};
use sotto_transport::clock::{Clock, Stopwatch};
use sotto_transport::node::epoch_keys::EpochKeys;
use sotto_transport::node::{NodeError, layout};
use sotto_transport::rng::OsRng;

use super::BenchArgs;
use super::error::BenchError;
use super::node::{EPOCH_S, Play};
use super::report::MemoryReport;
use crate::stage::StageError;

/// Packets in a second.
const RATE_PER_S: u64 = 5_000;
/// Tags of one key: an hour of them.
const TAGS: u64 = RATE_PER_S * 3_600;
/// Tags in one commit.
const COMMIT: u64 = 8_192;

/// Fills the logs, starts the node on them and lets it work.
pub(super) fn measure(args: &BenchArgs, progress: &mut dyn FnMut(&str)) -> Result<MemoryReport, BenchError> {
    progress(&format!("writing the replay tags of two hours at {RATE_PER_S} packets/s"));
    let mut filled = 0;
    let mut disk_bytes = 0;
    let mut watch = Stopwatch::start();
    let mut play = Play::begin(args, |dir| {
        (filled, disk_bytes) = fill(dir)?;
        watch = Stopwatch::start();
        Ok(())
    })?;
    let start_s = watch.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a small rate")]
    let paced = play.paced(RATE_PER_S as f64, args.seconds, progress)?;
    let (rss_kib, rss_kib_max) = play.node.rss_kib().ok_or(BenchError::Untold { what: "memory" })?;
    play.end()?;
    Ok(MemoryReport {
        tags: filled,
        start_s,
        rate_per_s: paced.rate_per_s,
        rss_mib: mib(rss_kib * 1024),
        rss_mib_max: mib(rss_kib_max * 1024),
        disk_mib: mib(disk_bytes),
    })
}

/// Makes the keys of the present epoch and the one before, and their logs; returns the number of tags and the bytes
/// of the files.
fn fill(dir: &Path) -> Result<(u64, u64), BenchError> {
    let keys_dir = layout::hop_keys_dir(dir);
    let failed = |error| StageError::from(NodeError::key("sotto-mix")(error));
    let keys = EpochKeys::open(&keys_dir).map_err(failed)?;
    let present = epoch_of(Clock::system().now(), EPOCH_S);
    let mut logs = keys.tag_logs();
    let mut number = 0_u64;
    for epoch in [present.saturating_sub(1), present] {
        let secret = keys.ensure(epoch, &mut OsRng).map_err(failed)?;
        let hash = TagHashKey::derive(&secret);
        let end = number + TAGS;
        while number < end {
            let batch: Vec<(u64, Fingerprint)> = (number..end.min(number + COMMIT))
                .map(|number| (epoch, hash.fingerprint(&tag(number))))
                .collect();
            number += COMMIT.min(end - number);
            logs.commit(&batch).map_err(|error| BenchError::Tags(error.to_string()))?;
        }
    }
    let entries = fs::read_dir(&keys_dir).map_err(BenchError::system("list the node's keys"))?;
    let bytes = entries.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).sum();
    Ok((number, bytes))
}

/// A tag of nobody's packet. Hashed under a key, such tags are spread like others.
fn tag(number: u64) -> ReplayTag {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(number.to_le_bytes()) {
        *to = from;
    }
    ReplayTag::from_bytes(bytes)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
