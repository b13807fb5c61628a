//! Ten thousand clients of one entry: what each costs, and whether all get their cover on time.
//! `cargo run --release -p sotto-mix-node --no-default-features --example ten_thousand_sessions`; `-- --help` for more.
//!
//! The entry is a process of its own, the clients are in this one. Each opens a session over a real link, sends nothing
//! and takes the frames of its downlink: so what is measured is the cover, and not the packets of clients. The entry
//! tells how late each frame was handed to its client's link; from outside one sees whether the gaps between frames are
//! exponential, as they have to be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints what it has found")]

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde::Serialize;
use sotto_mix_node::core::TimesReport;
use sotto_mix_node::shell::{Limits, MixRole};
use sotto_mix_node::stage::{Cast, Crowd, NodeProcess, Stage};
use sotto_protocol::directory::{CoverClass, Params};
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Stopwatch;
use sotto_transport::node::program::{raise_file_limit, runtime};

/// What the mix's own command line is called by: this program is the entry as well.
const RUN: &str = "run";
const EPOCH_S: u32 = 7 * 24 * 3600;
/// A client's first gaps are looked at, of those that are expected one in so many: whoever took all gaps of a span would
/// take more short ones.
const GAPS_PART: u64 = 3;
/// What the difference of distributions exceeds in one of a hundred samples, times the root of their size (Kolmogorov
/// 1933).
const KS_ONE_PERCENT: f64 = 1.628;
/// The goal for the lateness of 99 of 100 frames.
const LATE_MS_MAX: f64 = 20.0;

#[derive(Parser)]
struct Args {
    /// Clients.
    #[arg(long, default_value_t = 10_000)]
    sessions: usize,
    /// How long all of them are kept, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The mean interval of a client's downlink, in milliseconds.
    #[arg(long, default_value_t = 2_000)]
    interval_ms: u32,
    /// Sessions that are opened at a time.
    #[arg(long, default_value_t = 16)]
    at_once: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    sessions: usize,
    /// From the first connection to the last session.
    opened_in_s: f64,
    /// The entry's resident memory before the first session.
    rss_kib_before: u64,
    /// The same with all sessions, at the end.
    rss_kib: u64,
    rss_kib_max: u64,
    bytes_per_session: u64,
    /// Processor time of the entry over the time in which all sessions were there, in processors.
    processors_busy: f64,
    frames_per_s: f64,
    frames_of_a_session: [u64; 3],
    /// How late frames were handed to links, as the entry tells, since its start.
    lateness: TimesReport,
    lateness_goal_ms_p99: f64,
    gaps: Gaps,
    connections_ended: u64,
    balanced: bool,
}

/// The gaps between the frames of each client.
#[derive(Serialize)]
struct Gaps {
    count: usize,
    mean_ms: f64,
    longest_ms: f64,
    /// Of so many exponential ones the longest is about that.
    longest_expected_ms: f64,
    /// The greatest difference from the exponential distribution.
    ks: f64,
    /// What chance alone exceeds in one of a hundred.
    ks_one_percent: f64,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(RUN) {
        return sotto_mix_node::shell::main();
    }
    let args = Args::parse();
    raise_file_limit();
    let report = runtime().unwrap().block_on(measure(&args));
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap());
    } else {
        report.print();
    }
    ExitCode::SUCCESS
}

async fn measure(args: &Args) -> Report {
    let interval_ms = args.interval_ms;
    let class = CoverClass {
        name: "standard".to_owned(),
        // A downlink has to be faster than what can be asked for by it.
        payload_interval_ms_mean: 4 * interval_ms,
        loop_interval_ms_mean: 4 * interval_ms,
        drop_interval_ms_mean: 4 * interval_ms,
        downlink_interval_ms_mean: interval_ms,
    };
    let params = Params { classes: vec![class], ..Params::default() };
    let cast = Cast { sources: 1, sinks: 2, epoch_s: EPOCH_S };
    let stage = Stage::set_for(MixRole::Entry, cast, params).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut config = stage.config(&dir.path().join("entry"));
    let limits = Limits::default();
    config.limits = Limits {
        sessions_max: limits.sessions_max.max(args.sessions),
        handshakes_per_s_max: 100_000,
        // All clients are on this host.
        loopback_exempt: true,
        ..limits
    };
    let (_, file) = config.set_up().unwrap();
    let program = std::env::current_exe().unwrap();
    let log = dir.path().join("log");
    let node = NodeProcess::start(&program, &file, &config.control_socket(), &log).unwrap();
    let address = match node.ready(cast.sinks).await {
        Ok(address) => address,
        Err(error) => panic!("{error}\n{}", std::fs::read_to_string(&log).unwrap()),
    };
    let entry = stage.hop().await.unwrap().node;
    let (rss_kib_before, _) = node.rss_kib().unwrap();
    eprintln!("opening {} sessions", args.sessions);
    let opening = Stopwatch::start();
    let crowd = Crowd::open(entry, &address, args.sessions, args.at_once).await.unwrap();
    let opened_in_s = opening.elapsed().as_secs_f64();
    node.wait_for("all sessions", |status| status.report.sessions.connected == args.sessions).await.unwrap();
    eprintln!("keeping them for {} s", args.seconds);
    let frames_before: Vec<u64> = crowd.frames();
    crowd.keep(true);
    let (watch, cpu_s_before) = (Stopwatch::start(), node.cpu_s().unwrap());
    tokio::time::sleep(Duration::from_secs(args.seconds)).await;
    let (span_s, cpu_s) = (watch.elapsed().as_secs_f64(), node.cpu_s().unwrap() - cpu_s_before);
    let (arrivals, frames) = (crowd.arrivals(), crowd.frames());
    let (rss_kib, rss_kib_max) = node.rss_kib().unwrap();
    let status = node.status().await.unwrap();
    let (connections_ended, end) = crowd.ended();
    if let Some(end) = end {
        eprintln!("{connections_ended} connections have ended, one of them so: {end}");
    }
    drop(crowd);
    node.stop().unwrap();
    let mut got: Vec<u64> =
        frames.iter().zip(&frames_before).map(|(frames, before)| frames - before).collect();
    got.sort_unstable();
    let all: u64 = got.iter().sum();
    Report {
        sessions: args.sessions,
        opened_in_s,
        rss_kib_before,
        rss_kib,
        rss_kib_max,
        bytes_per_session: (rss_kib - rss_kib_before) * 1024 / args.sessions as u64,
        processors_busy: cpu_s / span_s,
        frames_per_s: all as f64 / span_s,
        frames_of_a_session: [got[0], got[got.len() / 2], got[got.len() - 1]],
        lateness: status.report.pipeline.downlink,
        lateness_goal_ms_p99: LATE_MS_MAX,
        gaps: gaps(&arrivals, args.seconds, interval_ms),
        connections_ended,
        balanced: status.report.ledger.balanced(),
    }
}

fn gaps(arrivals: &[Vec<Timestamp>], seconds: u64, interval_ms: u32) -> Gaps {
    let of_each = usize::try_from(seconds * 1000 / u64::from(interval_ms) / GAPS_PART).unwrap().max(1);
    let mean_ms = f64::from(interval_ms);
    let of_one = |times: &Vec<Timestamp>| {
        let gaps = times.windows(2).take(of_each).map(|pair| pair[1].since(pair[0]).as_secs_f64() * 1000.0);
        gaps.collect::<Vec<f64>>()
    };
    let mut gaps: Vec<f64> = arrivals.iter().flat_map(of_one).collect();
    gaps.sort_by(f64::total_cmp);
    let count = gaps.len() as f64;
    let differences = gaps.iter().enumerate().map(|(place, gap)| {
        let expected = 1.0 - (-gap / mean_ms).exp();
        let (below, up_to) = (place as f64 / count, (place as f64 + 1.0) / count);
        (expected - below).abs().max((up_to - expected).abs())
    });
    Gaps {
        count: gaps.len(),
        mean_ms: gaps.iter().sum::<f64>() / count,
        longest_ms: gaps.last().copied().unwrap_or_default(),
        longest_expected_ms: mean_ms * count.ln(),
        ks: differences.fold(0.0, f64::max),
        ks_one_percent: KS_ONE_PERCENT / count.sqrt(),
    }
}

impl Report {
    fn print(&self) {
        let [least, median, most] = self.frames_of_a_session;
        let (late, gaps) = (&self.lateness, &self.gaps);
        println!("| {} sessions | |\n|---|---|", self.sessions);
        let row = |what: &str, value: String| println!("| {what} | {value} |");
        row("opened within", format!("{:.1} s", self.opened_in_s));
        row("resident memory before", format!("{} KiB", self.rss_kib_before));
        row(
            "resident memory with all sessions",
            format!("{} KiB, {} at most", self.rss_kib, self.rss_kib_max),
        );
        row("memory of a session", format!("{} bytes", self.bytes_per_session));
        row("processors busy", format!("{:.2}", self.processors_busy));
        row(
            "frames",
            format!(
                "{:.0} a second; {least}, {median}, {most} for a session (least, median, most)",
                self.frames_per_s
            ),
        );
        let verdict = if late.ms_p99 < self.lateness_goal_ms_p99 { "reached" } else { "missed" };
        row(
            "lateness of frames",
            format!(
                "p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms, of {}; goal p99 < {} ms: {verdict}",
                late.ms_p50, late.ms_p99, late.ms_max, late.count, self.lateness_goal_ms_p99
            ),
        );
        row(
            "gaps between frames",
            format!(
                "{}; mean {:.1} ms; longest {:.0} ms, about {:.0} expected; distance from the exponential distribution {:.5}, by chance up to {:.5} in 99 of 100",
                gaps.count,
                gaps.mean_ms,
                gaps.longest_ms,
                gaps.longest_expected_ms,
                gaps.ks,
                gaps.ks_one_percent
            ),
        );
        row("connections that ended", self.connections_ended.to_string());
        row("every packet accounted for", self.balanced.to_string());
    }
}
