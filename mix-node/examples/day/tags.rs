//! Replay tags of a busy node across the change of its key: a set in memory and a log on the disk for each hour.

use std::path::Path;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sotto_protocol::limits::REPLAY_TAGS_MAX;
use sotto_protocol::sphinx::{Fingerprint, ReplaySet, ReplayTag, ReplayVerdict, TagHashKey};
use sotto_transport::clock::Stopwatch;
use sotto_transport::node::epoch_keys::EpochKeys;
use sotto_transport::node::memory::rss_kib;
use sotto_transport::node::tag_log::TagLogs;
use sotto_transport::rng::OsRng;

/// The last of them takes the memory that the first has left.
const HOURS: u64 = 3;
/// Tags that are made durable together.
const COMMIT: u64 = 8_192;
/// Tags between two steps of freezing the set of the hour before: all of them are done within half a minute at
/// 5,000 tags a second.
const FREEZE_INTERVAL: u64 = 128;
/// Tags of the hour before that come after its end: packets that were on their way.
const LATE: u64 = 50_000;
/// Tags between two looks at the memory.
const LOOK_INTERVAL: u64 = 100_000;

/// What the process has, in KiB, over what it had before.
struct Memory {
    before_kib: u64,
    peak_kib: u64,
}

impl Memory {
    fn begin() -> Self {
        Self { before_kib: rss_kib().unwrap_or_default(), peak_kib: 0 }
    }

    fn look(&mut self) -> u64 {
        let now = rss_kib().unwrap_or_default().saturating_sub(self.before_kib);
        self.peak_kib = self.peak_kib.max(now);
        now
    }

    fn print(&mut self, when: &str, sets: &[&ReplaySet]) {
        let bytes: usize = sets.iter().map(|set| set.memory_bytes()).sum();
        println!("| {when} | {:.1} | {:.1} |", mib(bytes / 1024), mib(usize::try_from(self.look()).unwrap()));
    }
}

fn mib(kib: usize) -> f64 {
    kib as f64 / 1024.0
}

/// Lets `HOURS` pass in which `tags` come each, and tells what is in memory.
pub fn run(dir: &Path, tags: u64) {
    let keys = EpochKeys::open(dir).unwrap();
    let mut logs = keys.tag_logs();
    let mut rng = ChaCha8Rng::seed_from_u64(18);
    let mut memory = Memory::begin();
    println!("\n{tags} tags in each of {HOURS} hours, and {LATE} more after the hour's end\n");
    println!("| | sets, MiB | resident beyond the start, MiB |\n|---|---|---|");
    let mut batch = Batch::default();
    let mut before: Option<ReplaySet> = None;
    let mut step_max = Duration::ZERO;
    for hour in 1..=HOURS {
        let key = TagHashKey::derive(&keys.ensure(hour, &mut OsRng).unwrap());
        let mut present = ReplaySet::new(key, REPLAY_TAGS_MAX);
        let mut is_freezing = before.is_some();
        for number in 0..tags {
            batch.take(hour, &mut present, &mut rng);
            // What is late still goes into the set of the hour before, which is frozen bit by bit.
            if let Some(before) = &mut before {
                if number < LATE {
                    batch.take(hour - 1, before, &mut rng);
                }
                if is_freezing && number % FREEZE_INTERVAL == 0 {
                    let step = Stopwatch::start();
                    is_freezing = before.freeze_step();
                    step_max = step_max.max(step.elapsed());
                }
            }
            batch.commit_if_full(&mut logs);
            if number % LOOK_INTERVAL == 0 {
                memory.look();
            }
        }
        batch.commit(&mut logs);
        let sets: Vec<&ReplaySet> = before.iter().chain([&present]).collect();
        memory.print(&format!("at the end of hour {hour}"), &sets);
        before = Some(present);
        keys.retire_before(hour).unwrap();
        memory.print(
            &format!("after the end of hour {hour}, when the key before is wiped"),
            &[before.as_ref().unwrap()],
        );
    }
    let sizes = logs.sizes();
    println!(
        "\npeak {:.1} MiB; longest step of freezing {} us",
        mib(usize::try_from(memory.peak_kib).unwrap()),
        step_max.as_micros()
    );
    let [size] = sizes.as_slice() else { panic!("one log is left: {sizes:?}") };
    assert_eq!((size.epoch, size.tags), (HOURS, tags));
    println!("the log of an hour has {} bytes", size.bytes);
}

#[derive(Default)]
struct Batch(Vec<(u64, Fingerprint)>);

impl Batch {
    fn take(&mut self, epoch: u64, set: &mut ReplaySet, rng: &mut ChaCha8Rng) {
        let mut tag = [0; 32];
        rng.fill_bytes(&mut tag[..16]);
        let (verdict, fingerprint) = set.insert(&ReplayTag::from_bytes(tag));
        // One in some thousand million would be taken for a replay.
        if verdict == ReplayVerdict::Fresh {
            self.0.push((epoch, fingerprint));
        }
    }

    fn commit_if_full(&mut self, logs: &mut TagLogs) {
        if self.0.len() as u64 >= COMMIT {
            self.commit(logs);
        }
    }

    fn commit(&mut self, logs: &mut TagLogs) {
        logs.commit(&self.0).unwrap();
        self.0.clear();
    }
}
