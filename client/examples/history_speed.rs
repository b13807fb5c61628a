//! How long it takes to open a profile with 50,000 messages, to turn its pages and to search it: a table, or the same as
//! JSON with `--json`. With another argument, only what has it in its name is measured; opening is `open`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]

#[path = "../benches/past/mod.rs"]
mod past;

use std::time::{Duration, Instant};

use serde_json::json;

/// How often each deed is done, and how often the profile is opened.
const SAMPLES: usize = 400;
const OPENINGS: usize = 20;
/// Times of one deed before anything is counted.
const WARM_UP: usize = 5;
/// What each deed may take on a profile that is open.
const GOAL: Duration = Duration::from_millis(50);

struct Row {
    name: &'static str,
    times: Vec<Duration>,
    /// Messages shown, each time.
    shown: usize,
    goal: Option<Duration>,
}

impl Row {
    fn new(name: &'static str, mut times: Vec<Duration>, shown: usize, goal: Option<Duration>) -> Self {
        times.sort_unstable();
        Self { name, times, shown, goal }
    }

    /// The time that so many of a hundred do not exceed.
    fn percentile_ms(&self, percent: usize) -> f64 {
        let at = (self.times.len() * percent).div_ceil(100).max(1) - 1;
        ms(self.times[at])
    }

    fn is_reached(&self) -> bool {
        self.goal.is_none_or(|goal| self.percentile_ms(99) <= ms(goal))
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn main() {
    let (mut is_json, mut wanted, mut directory) = (false, String::new(), None);
    for argument in std::env::args().skip(1) {
        match argument.strip_prefix("--in=") {
            Some(path) => directory = Some(path.to_owned()),
            None if argument == "--json" => is_json = true,
            None => wanted = argument,
        }
    }
    match directory {
        Some(directory) => measure(&past::Profile::of(directory.as_ref()), &wanted, is_json),
        None => make(is_json),
    }
}

/// Makes a profile, and has it measured by another process: that finds its memory as it is when a program has begun.
fn make(is_json: bool) {
    let directory = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let (profile, made) = past::Profile::make(directory.path());
    if !is_json {
        println!(
            "{} messages of {} bytes in {} conversations, {} in the longest; vault.redb has {} bytes and was made in {:.1} s\n",
            past::MESSAGES,
            made.text_len,
            past::CONVERSATIONS,
            made.longest,
            profile.vault_len(),
            start.elapsed().as_secs_f64()
        );
    }
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(std::env::args().skip(1))
        .arg(format!("--in={}", directory.path().display()))
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

fn measure(profile: &past::Profile, wanted: &str, is_json: bool) {
    let mut rows = Vec::new();
    let mut engine = profile.engine(profile.vault());
    let memory_mib = memory_mib();
    for mut deed in past::deeds().into_iter().filter(|deed| deed.name.contains(wanted)) {
        let mut shown = 0;
        for _ in 0..WARM_UP {
            (deed.run)(&mut engine);
        }
        let times = times(SAMPLES, || shown = (deed.run)(&mut engine));
        rows.push(Row::new(deed.name, times, shown, Some(GOAL)));
    }
    drop(engine);
    // Last, because memory is not in the same order after so many.
    if "open".contains(wanted) {
        rows.splice(0..0, openings(profile));
    }
    if is_json {
        print_json(&rows, profile.vault_len(), memory_mib);
    } else {
        print_table(&rows, memory_mib);
    }
}

fn openings(profile: &past::Profile) -> Vec<Row> {
    let cost = past::cost();
    let argon2 = times(OPENINGS, || cost.rehearse().unwrap());
    let (mut unlocking, mut reading) = (Vec::new(), Vec::new());
    for _ in 0..OPENINGS {
        let start = Instant::now();
        let vault = profile.vault();
        unlocking.push(start.elapsed());
        let start = Instant::now();
        let engine = profile.engine(vault);
        reading.push(start.elapsed());
        drop(engine);
    }
    vec![
        Row::new("Argon2id alone", argon2, 0, None),
        Row::new("unlock the vault, Argon2id included", unlocking, 0, None),
        Row::new("read all that is in it", reading, 0, None),
    ]
}

fn times(count: usize, mut run: impl FnMut()) -> Vec<Duration> {
    let mut once = || {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    (0..count).map(|_| once()).collect()
}

/// Memory of this process, and the most that it was so far.
fn memory_mib() -> [u64; 2] {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    ["VmRSS:", "VmHWM:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    })
}

fn print_table(rows: &[Row], [memory, memory_max]: [u64; 2]) {
    println!(
        "Once it is open, the process has {memory} MiB of memory; while it was opened, it had {memory_max} MiB.\n"
    );
    println!("| | times | p50, ms | p99, ms | goal, ms | |");
    println!("|---|---|---|---|---|---|");
    for row in rows {
        let goal = row.goal.map_or_else(String::new, |goal| format!("{:.0}", ms(goal)));
        let verdict = match (row.goal, row.is_reached()) {
            (None, _) => "",
            (Some(_), true) => "reached",
            (Some(_), false) => "missed",
        };
        println!(
            "| {} | {} | {:.2} | {:.2} | {goal} | {verdict} |",
            row.name,
            row.times.len(),
            row.percentile_ms(50),
            row.percentile_ms(99)
        );
    }
}

fn print_json(rows: &[Row], vault_len: u64, [memory, memory_max]: [u64; 2]) {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "name": row.name,
                "times": row.times.len(),
                "shown": row.shown,
                "p50_ms": row.percentile_ms(50),
                "p99_ms": row.percentile_ms(99),
                "goal_ms": row.goal.map(ms),
                "reached": row.goal.map(|_| row.is_reached()),
            })
        })
        .collect();
    let report = json!({
        "messages": past::MESSAGES,
        "conversations": past::CONVERSATIONS,
        "vault_bytes": vault_len,
        "memory_mib": memory,
        "memory_opening_mib": memory_max,
        "rows": rows,
    });
    println!("{report}");
}
