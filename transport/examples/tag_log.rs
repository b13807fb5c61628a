//! What a log of replay tags takes: bytes on disk, time of a commit, time of opening and loading it.
//!
//! `cargo run --release -p sotto-transport --no-default-features --example tag_log [TAGS [TAGS_IN_A_COMMIT [DIR]]]`
//!
//! The log is made in `DIR`, or else in the directory for temporary files. Commits are measured on some of the tags;
//! the others go in large commits.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};
use sotto_protocol::limits::REPLAY_TAGS_MAX;
use sotto_protocol::sphinx::{Fingerprint, ReplaySet, ReplayTag, ReplayVerdict, TagHashKey};
use sotto_transport::node::epoch_keys::EpochKeys;
use sotto_transport::rng::OsRng;

const EPOCH: u64 = 7;
const MEASURED_COMMITS: usize = 1000;
const LARGE_COMMIT: usize = 8192;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let tags: u64 = arguments.next().map_or(18_000_000, |number| number.parse().unwrap());
    let batch: usize = arguments.next().map_or(50, |number| number.parse().unwrap());
    let parent = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(parent).unwrap();
    let dir = dir.path().join("hop-keys");

    let keys = EpochKeys::open(&dir).unwrap();
    let key = TagHashKey::derive(&keys.ensure(EPOCH, &mut OsRng).unwrap());
    let mut logs = keys.tag_logs();
    let prints: Vec<(u64, Fingerprint)> =
        (0..tags).map(|number| (EPOCH, key.fingerprint(&tag(number)))).collect();
    let measured = prints.len().min(MEASURED_COMMITS * batch);
    let mut times: Vec<Duration> = prints[..measured]
        .chunks(batch)
        .map(|batch| {
            let started = Instant::now();
            logs.commit(batch).unwrap();
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_micros();
    println!("commits of {batch} tags: p10 {} us, p50 {} us, p99 {} us", at(10), at(50), at(99));
    let size = logs.sizes()[0];
    println!("bytes for a million tags in such commits: {}", size.bytes * 1_000_000 / size.tags.max(1));
    for batch in prints[measured..].chunks(LARGE_COMMIT) {
        logs.commit(batch).unwrap();
    }
    println!("{} tags in {} bytes", logs.sizes()[0].tags, logs.sizes()[0].bytes);
    drop((prints, logs, keys));

    forget_cache(&dir.join(format!("epoch-{EPOCH}.tags")));
    let started = Instant::now();
    let keys = EpochKeys::open(&dir).unwrap();
    println!("opened, which reads and checks it, in {} ms", started.elapsed().as_millis());
    let mut set = ReplaySet::new(key, REPLAY_TAGS_MAX);
    let started = Instant::now();
    let loaded = keys.tag_logs().load(EPOCH, |_| ()).unwrap();
    println!("{loaded} tags read again in {} ms", started.elapsed().as_millis());
    let started = Instant::now();
    keys.tag_logs().restore(EPOCH, &mut set).unwrap();
    println!("read and restored to a set in {} ms", started.elapsed().as_millis());
    assert_eq!(set.insert(&tag(tags - 1)).0, ReplayVerdict::Replayed);
}

/// The next reading comes from the disk, as after a start of the machine.
fn forget_cache(path: &Path) {
    let file = std::fs::File::open(path).unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
}

fn tag(number: u64) -> ReplayTag {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    ReplayTag::from_bytes(bytes)
}
