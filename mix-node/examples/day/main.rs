//! Twenty-four hours of an entry with hourly keys in virtual time, and the replay tags of a busy node across the change
//! of its key: `cargo run --release -p sotto-mix-node --no-default-features --example day [tags]`.
//!
//! Prints what the node has in memory and on the disk at the end of each hour, and fails if the last hour is above the
//! third by more than `flat` says. With `tags`, the second part alone.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout, reason = "an example prints what it has found")]

mod flat;
mod network;
mod people;
mod tags;
mod world;

use std::time::Duration;

use sotto_protocol::directory::Params;
use sotto_transport::clock::Stopwatch;

use flat::Hours;
use world::{Day, DayPlan};

/// What a node has to remember in an hour at 5,000 packets a second.
const TAGS: u64 = 18_000_000;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    if std::env::args().nth(1).is_none() {
        let plan = DayPlan {
            people: 120,
            packet_interval_mean: Duration::from_secs(1),
            // The rates of a real network: own loops, dummies, downlinks.
            params: Params::default(),
            commit_interval: Duration::from_secs(10),
        };
        run_day(plan, dir.path().join("hop-keys"));
    }
    let took = Stopwatch::start();
    tags::run(&dir.path().join("busy"), TAGS);
    println!("in {:.0} s", took.elapsed().as_secs_f64());
}

fn run_day(plan: DayPlan, dir: std::path::PathBuf) {
    let took = Stopwatch::start();
    println!(
        "{} clients, a packet from outside in {} ms on average, commits {} s apart\n",
        plan.people,
        plan.packet_interval_mean.as_millis(),
        plan.commit_interval.as_secs()
    );
    println!(
        "| hour | allocated since the start, KiB | resident, KiB | tags | of these bytes | keys | files | their bytes | sessions, connected and resumable | expired, remembered | packets held | loops under way | loops' links |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    let mut day = Day::begin(plan, dir);
    let mut hours = Hours::default();
    for number in 1..=24 {
        hours.pass(&mut day);
        let (hour, heap) = hours.hours.last().unwrap();
        let report = &hour.report;
        println!(
            "| {number} | {} | {} | {} | {} | {} | {} | {} | {} and {} | {} | {} | {} | {} |",
            heap / 1024,
            hour.rss_kib,
            report.pipeline.tags,
            report.pipeline.tags_bytes,
            hour.keys_alive,
            hour.files,
            hour.files_bytes,
            report.sessions.connected,
            report.sessions.resumable,
            report.sessions.expired_remembered,
            report.ledger.held,
            report.loops.outstanding,
            report.loops.links.len(),
        );
    }
    hours.check_growth();
    let (last, _) = hours.hours.last().unwrap();
    let (ledger, sessions) = (&last.report.ledger, &last.report.sessions);
    println!(
        "\n{} packets received: {} forwarded, {:?}, {:?}",
        ledger.received, ledger.forwarded, ledger.delivered, ledger.dropped
    );
    println!(
        "{} sessions opened, {} resumed, {} expired; {} frames down; {} loops sent, {} returned, {} lost; {} dummies",
        sessions.opened,
        sessions.resumed,
        sessions.expired,
        last.report.pipeline.downlink.count,
        last.report.loops.sent,
        last.report.loops.returned,
        last.report.loops.lost,
        last.report.dummies,
    );
    println!("24 h in {:.0} s", took.elapsed().as_secs_f64());
}
