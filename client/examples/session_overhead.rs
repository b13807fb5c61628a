//! What the session layer and the vault add to their primitives: a table, then the same as JSON.
//!
//! Samples of both sides alternate, so that what else the machine does meets both, and medians are compared. With an
//! argument, only the pairs whose name has it are measured.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]

#[path = "../benches/pairs/mod.rs"]
mod pairs;

use std::time::Duration;

use pairs::{Pair, Side};

/// Samples of each side.
const SAMPLES: usize = 401;
const SAMPLES_UNLOCK: usize = 25;
/// About so long a sample is: long enough for the clock, short enough to fall between two interruptions.
const SAMPLE_TIME: Duration = Duration::from_millis(1);
const WIPING_RUNS: u64 = 1000;
/// Runs of each side before anything is counted.
const WARM_UP_RUNS: u64 = 64;

struct Row {
    name: &'static str,
    primitives: &'static str,
    runs: u64,
    samples: usize,
    whole_us: f64,
    bare_us: f64,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.whole_us / self.bare_us
    }
}

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let mut rows: Vec<Row> = pairs::session()
        .into_iter()
        .filter(|pair| pair.name.contains(&wanted))
        .map(|pair| measure(pair, SAMPLES, WARM_UP_RUNS))
        .collect();
    if "unlock".contains(&wanted) {
        rows.push(measure(pairs::unlock(), SAMPLES_UNLOCK, 1));
    }
    println!("| operation | whole, us | bare primitives, us | ratio |");
    println!("|---|---|---|---|");
    for row in &rows {
        println!("| {} | {:.2} | {:.2} | {:.3} |", row.name, row.whole_us, row.bare_us, row.ratio());
    }
    let wiping = pairs::wiping().map(|(when, mut side)| {
        let times = (0..SAMPLES).map(|_| side(WIPING_RUNS)).collect();
        (when, median_us(times, WIPING_RUNS))
    });
    println!("\n| wiping of the stack | us |");
    println!("|---|---|");
    for (when, us) in wiping {
        println!("| {when} | {us:.2} |");
    }
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            serde_json::json!({
                "operation": row.name,
                "primitives": row.primitives,
                "runs_per_sample": row.runs,
                "samples": row.samples,
                "whole_us": row.whole_us,
                "bare_us": row.bare_us,
                "ratio": row.ratio(),
            })
        })
        .collect();
    let wiping: Vec<_> = wiping.map(|(when, us)| serde_json::json!({ "when": when, "us": us })).into();
    let json = serde_json::json!({ "pairs": rows, "wiping": wiping });
    println!("\n{}", serde_json::to_string_pretty(&json).unwrap());
}

fn measure(pair: Pair, samples: usize, warm_up: u64) -> Row {
    let Pair { name, primitives, mut whole, mut bare } = pair;
    whole(warm_up);
    let once = bare(warm_up).as_nanos().max(1) / u128::from(warm_up);
    let runs = (SAMPLE_TIME.as_nanos() / once.max(1)).max(1) as u64;
    let mut times = [Vec::with_capacity(samples), Vec::with_capacity(samples)];
    for at in 0..samples {
        // Each side goes first in every other sample.
        for side in [at % 2, (at + 1) % 2] {
            let run: &mut Side = if side == 0 { &mut whole } else { &mut bare };
            times[side].push(run(runs));
        }
    }
    let [whole_us, bare_us] = times.map(|times| median_us(times, runs));
    Row { name, primitives, runs, samples, whole_us, bare_us }
}

fn median_us(mut times: Vec<Duration>, runs: u64) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6 / runs as f64
}
