//! `sotto-sim bench`: how fast the engine and the tracer are on this machine.

use clap::Args;
use serde_json::json;
use sotto_traffic::bench::forwarding;
use sotto_traffic::tracer::bench::tracing;
use sotto_transport::clock::Stopwatch;

use super::{Ended, SimError, output};

/// Options of `bench`.
#[derive(Args, Debug)]
pub(super) struct BenchArgs {
    /// About how many events.
    #[arg(long, value_name = "N", default_value_t = 20_000_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000_000))]
    events: u64,
    /// About how many messages are traced.
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    messages: u64,
    /// How many of them are targets.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=4096))]
    targets: u32,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn bench(args: &BenchArgs) -> Result<Ended, SimError> {
    let watch = Stopwatch::start();
    let measured = forwarding(args.events, &|| watch.elapsed())
        .map_err(|error| SimError::Usage(format!("{} events: {error}", args.events)))?;
    let traced = tracing(args.messages, args.targets, &|| watch.elapsed())
        .map_err(|error| SimError::Usage(format!("{} messages: {error}", args.messages)))?;
    if args.json {
        output::print_json(&json!({ "forwarding": measured, "tracing": traced }))?;
    } else {
        output::print(&format!(
            "{} events in {:.2} s on one core: {:.0} a second; {} packets under way at most",
            measured.events, measured.seconds, measured.events_per_s, measured.in_flight_max
        ))?;
        output::print(&format!(
            "{} messages with {} targets traced in {:.2} s on one core: {:.0} a second, {:.2} bits",
            traced.messages, traced.targets, traced.seconds, traced.messages_per_s, traced.entropy_bits_mean
        ))?;
    }
    Ok(Ended::Well)
}
