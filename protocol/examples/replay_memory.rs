//! What sets of replay tags take: resident memory, time of an insertion, time of a merge. As at a node with 5,000
//! packets a second and key epochs of an hour, the set of the epoch before is frozen while the present one grows, and
//! goes when the next begins.
//!
//! `cargo run --release -p sotto-protocol --example replay_memory [TAGS_IN_AN_EPOCH]`
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::print_stdout
)]

use std::time::{Duration, Instant};

use sotto_protocol::limits::REPLAY_TAGS_MAX;
use sotto_protocol::sphinx::{ReplaySet, ReplayTag, ReplayVerdict, TagHashKey};

const MILLION: u64 = 1_000_000;
const EPOCHS: u64 = 4;

fn main() {
    let tags: u64 = std::env::args().nth(1).map_or(18 * MILLION, |number| number.parse().unwrap());
    let bare = resident_kib("VmRSS:");
    println!(
        "| epoch | tags | set, MiB | bytes a tag | resident, MiB | peak, MiB | ns an insertion | longest, us |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let row = |name: String, set: &ReplaySet, took: Option<(f64, Duration)>| {
        let mib = |kib: u64| kib.saturating_sub(bare) as f64 / 1024.0;
        let bytes = set.memory_bytes() as f64;
        let (each, longest) = took.map_or((String::new(), String::new()), |(each, longest)| {
            (format!("{each:.0}"), longest.as_micros().to_string())
        });
        println!(
            "| {name} | {} | {:.1} | {:.2} | {:.1} | {:.1} | {each} | {longest} |",
            set.len(),
            bytes / 1_048_576.0,
            bytes / set.len() as f64,
            mib(resident_kib("VmRSS:")),
            mib(resident_kib("VmHWM:")),
        );
    };
    let mut previous: Option<ReplaySet> = None;
    for epoch in 0..EPOCHS {
        let mut set = ReplaySet::new(TagHashKey::from_bytes([epoch as u8; 16]), REPLAY_TAGS_MAX);
        let first = MILLION.min(tags);
        let took = fill(&mut set, 0, first);
        row(epoch.to_string(), &set, Some(took));
        let took = fill(&mut set, first, tags);
        row(epoch.to_string(), &set, Some(took));
        drop(previous.take());
        let started = Instant::now();
        set.freeze();
        let froze = started.elapsed();
        row(format!("{epoch}, frozen in {} ms", froze.as_millis()), &set, None);
        let started = Instant::now();
        for number in 0..MILLION.min(tags) {
            assert_eq!(set.insert(&tag(number)).0, ReplayVerdict::Replayed);
        }
        let each = started.elapsed().as_nanos() as f64 / MILLION.min(tags) as f64;
        row(format!("{epoch}, {each:.0} ns a replay found"), &set, None);
        previous = Some(set);
    }
}

/// Inserts tags, and returns nanoseconds for each and the longest that one took.
fn fill(set: &mut ReplaySet, from: u64, to: u64) -> (f64, Duration) {
    let begun = Instant::now();
    let (mut before, mut longest) = (begun, Duration::ZERO);
    for number in from..to {
        let verdict = set.insert(&tag(number)).0;
        let now = Instant::now();
        longest = longest.max(now - before);
        before = now;
        assert_eq!(verdict, ReplayVerdict::Fresh);
    }
    (begun.elapsed().as_nanos() as f64 / (to - from).max(1) as f64, longest)
}

fn tag(number: u64) -> ReplayTag {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    ReplayTag::from_bytes(bytes)
}

fn resident_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
