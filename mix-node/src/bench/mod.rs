//! `sotto-mix bench`: what this machine's mix node can do, each figure beside the one it is to be compared with.
//!
//! First the cryptography on one thread: the packet format's own crate, this program, and the bare primitives that
//! nothing can do without. Then a whole node, as a process of its own on a [`stage`](crate::stage): as fast as it
//! goes, at a part of that, and with the replay tags of a full epoch. Everything is measured in one run, as other
//! work on the machine changes every figure alike.

mod crypto;
mod error;
mod measured;
mod node;
mod replay;
mod report;

use std::path::PathBuf;

use crate::shell::config::WORKERS_MAX;
pub use error::BenchError;

pub use report::{BenchReport, CryptoReport, Goal, MemoryReport, NodeReport, PacedReport, UnwrapReport};

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct BenchArgs {
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Measure the cryptography alone.
    #[arg(long)]
    pub crypto_only: bool,
    /// Packets that go through the node as fast as it takes them.
    #[arg(long, default_value_t = 240_000, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    pub packets: u64,
    /// Seconds at each lower rate.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// The mean delay of the packets, in milliseconds.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub delay_ms_mean: u32,
    /// Threads that unwrap packets in the node; 0 for one on each processor.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=WORKERS_MAX))]
    pub workers: u64,
    /// The X25519 to use: ifma, graviola, dalek or auto. The fastest that works here, if left out.
    #[arg(long, value_name = "NAME")]
    pub x25519: Option<String>,
    /// Where the node's files go while it is measured; the system's temporary directory, if left out. What a disk
    /// takes to make tags durable is part of what is measured.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Measures.
///
/// # Errors
/// [`BenchError`] if something cannot be measured at all; a goal that is missed is no error.
pub fn run(args: &BenchArgs, progress: &mut dyn FnMut(&str)) -> Result<BenchReport, BenchError> {
    // Some time before it is needed: the cryptography alone takes half a minute.
    if !args.crypto_only {
        node::directory(args)?;
    }
    let crypto = crypto::measure(args.x25519.as_deref(), progress)?;
    let node = if args.crypto_only { None } else { Some(node::measure(args, progress)?) };
    Ok(BenchReport::new(crypto, node))
}
