//! What was measured, for scripts and for people.

use std::fmt;

use serde::Serialize;

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    /// Processors that the system gives this process.
    pub processors: usize,
    /// The cryptography, on one thread.
    pub crypto: CryptoReport,
    /// The whole node.
    pub node: Option<NodeReport>,
    /// What was aimed at, and what was reached.
    pub goals: Vec<Goal>,
}

/// The cryptography of a hop, on one thread. Rates are medians of rounds, packets in a second of processor time.
#[derive(Clone, Debug, Serialize)]
pub struct CryptoReport {
    /// The crate `sphinx-packet` by itself.
    pub reference_per_s: f64,
    /// The X25519 in use.
    pub x25519: String,
    /// This program with it.
    pub ours_per_s: f64,
    /// The fastest X25519 of a library.
    pub library: String,
    /// This program with that.
    pub ours_library_per_s: f64,
    /// Two X25519 operations of the fastest library and one pass over the payload.
    pub bare_limit_per_s: f64,
    /// The same with the X25519 in use.
    pub bare_limit_own_per_s: f64,
    /// This program with each X25519 that works here.
    pub unwraps: Vec<UnwrapReport>,
}

/// One implementation of X25519.
#[derive(Clone, Debug, Serialize)]
pub struct UnwrapReport {
    /// Its name.
    pub x25519: String,
    /// Packets unwrapped in a second of processor time.
    pub packets_per_s: f64,
}

/// The whole node, with neighbours on the same machine, which take processor time as well.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReport {
    /// Threads that unwrap.
    pub workers: usize,
    /// Packets of this stretch that it dropped: for a neighbour that takes no more, since nothing slows it down otherwise.
    pub dropped: u64,
    /// Packets in a second that the node took in.
    pub in_per_s: f64,
    /// Packets in a second that came out of it.
    pub out_per_s: f64,
    /// Processors that the node kept busy meanwhile.
    pub processors_busy: f64,
    /// Packets out for each second of processor time that it used, from the first to the last, everything included:
    /// links, delays, commits.
    pub out_per_cpu_s: f64,
    /// At seven tenths of that.
    pub paced: PacedReport,
    /// With the replay tags of a full epoch of one hour at 5,000 packets/s, and of the one before.
    pub memory: MemoryReport,
}

/// The node at a rate that it can keep up with. Times are milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct PacedReport {
    /// Packets in a second.
    pub rate_per_s: f64,
    /// Processors that the node kept busy.
    pub processors_busy: f64,
    /// Packets that the node dropped.
    pub dropped: u64,
    /// From a neighbour's sending to another's reading, less the delay that the packet asked for: half of the packets
    /// took at most so long.
    pub excess_ms_p50: f64,
    /// All but one in a hundred.
    pub excess_ms_p99: f64,
    /// The same as the node sees it, from the end of the delay to the next link.
    pub node_excess_ms_p99: f64,
    /// Commits of replay tags.
    pub commit_ms_p50: f64,
    /// All but one in a hundred of them.
    pub commit_ms_p99: f64,
}

/// What the node takes up.
#[derive(Clone, Debug, Serialize)]
pub struct MemoryReport {
    /// Replay tags of the present epoch and of the one before, at the start.
    pub tags: u64,
    /// Seconds from the start of the process until it had its place, with these tags read.
    pub start_s: f64,
    /// Packets in a second meanwhile.
    pub rate_per_s: f64,
    /// Resident memory, in MiB.
    pub rss_mib: f64,
    /// The most at any time.
    pub rss_mib_max: f64,
    /// Files of tags, in MiB.
    pub disk_mib: f64,
}

/// Something aimed at.
#[derive(Clone, Debug, Serialize)]
pub struct Goal {
    /// What.
    pub name: &'static str,
    /// What was measured.
    pub measured: f64,
    /// Whether it is to be at least (or else at most) the limit.
    pub at_least: bool,
    /// The limit.
    pub limit: f64,
    /// Whether it was reached.
    pub reached: bool,
}

impl Goal {
    fn at_least(name: &'static str, measured: f64, limit: f64) -> Self {
        Self { name, measured, at_least: true, limit, reached: measured >= limit }
    }

    fn at_most(name: &'static str, measured: f64, limit: f64) -> Self {
        Self { name, measured, at_least: false, limit, reached: measured <= limit }
    }
}

impl BenchReport {
    pub(super) fn new(crypto: CryptoReport, node: Option<NodeReport>) -> Self {
        let mut goals = vec![
            Goal::at_least("ours / reference", crypto.ours_per_s / crypto.reference_per_s, 1.9),
            Goal::at_least("ours / bare limit", crypto.ours_per_s / crypto.bare_limit_per_s, 0.85),
            Goal::at_least(
                "ours with the library / bare limit",
                crypto.ours_library_per_s / crypto.bare_limit_per_s,
                0.85,
            ),
        ];
        if let Some(node) = &node {
            goals.extend([
                Goal::at_least("node per processor / ours", node.out_per_cpu_s / crypto.ours_per_s, 0.75),
                Goal::at_most("excess delay p99 at 70 % load, ms", node.paced.excess_ms_p99, 5.0),
                Goal::at_most("memory with full tags, MiB", node.memory.rss_mib_max, 250.0),
            ]);
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self { processors, crypto, node, goals }
    }
}

impl fmt::Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let crypto = &self.crypto;
        writeln!(f, "one thread, packets per second of processor time")?;
        writeln!(f, "  sphinx-packet             {:>9.0}", crypto.reference_per_s)?;
        for unwrap in &crypto.unwraps {
            writeln!(f, "  sotto with {:<14} {:>9.0}", unwrap.x25519, unwrap.packets_per_s)?;
        }
        writeln!(f, "  bare limit of {:<11} {:>9.0}", crypto.library, crypto.bare_limit_per_s)?;
        writeln!(f, "  bare limit of {:<11} {:>9.0}", crypto.x25519, crypto.bare_limit_own_per_s)?;
        if let Some(node) = &self.node {
            writeln!(f, "whole node, {} workers on {} processors", node.workers, self.processors)?;
            writeln!(f, "  packets/s in              {:>9.0}", node.in_per_s)?;
            writeln!(f, "  packets/s out             {:>9.0}", node.out_per_s)?;
            writeln!(f, "  dropped of all            {:>9}", node.dropped)?;
            writeln!(f, "  processors busy           {:>9.2}", node.processors_busy)?;
            writeln!(f, "  packets per processor-s   {:>9.0}", node.out_per_cpu_s)?;
            let paced = &node.paced;
            writeln!(
                f,
                "at {:.0} packets/s, {:.2} processors busy",
                paced.rate_per_s, paced.processors_busy
            )?;
            writeln!(f, "  dropped                   {:>9}", paced.dropped)?;
            writeln!(f, "  excess delay p50, ms      {:>9.2}", paced.excess_ms_p50)?;
            writeln!(f, "  excess delay p99, ms      {:>9.2}", paced.excess_ms_p99)?;
            writeln!(f, "  of it in the node p99, ms {:>9.2}", paced.node_excess_ms_p99)?;
            writeln!(f, "  commit of tags p50, ms    {:>9.2}", paced.commit_ms_p50)?;
            writeln!(f, "  commit of tags p99, ms    {:>9.2}", paced.commit_ms_p99)?;
            let memory = &node.memory;
            writeln!(f, "with {} replay tags, at {:.0} packets/s", memory.tags, memory.rate_per_s)?;
            writeln!(f, "  start, s                  {:>9.2}", memory.start_s)?;
            writeln!(f, "  resident, MiB             {:>9.1}", memory.rss_mib)?;
            writeln!(f, "  resident at most, MiB     {:>9.1}", memory.rss_mib_max)?;
            writeln!(f, "  on disk, MiB              {:>9.1}", memory.disk_mib)?;
        }
        writeln!(f, "goals")?;
        for goal in &self.goals {
            let (sign, verdict) = (
                if goal.at_least { "at least" } else { "at most" },
                if goal.reached { "reached" } else { "MISSED" },
            );
            writeln!(f, "  {:<36} {:>9.3}  {sign} {}: {verdict}", goal.name, goal.measured, goal.limit)?;
        }
        Ok(())
    }
}
