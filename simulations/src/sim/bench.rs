//! `sotto-sim bench`: how fast the engine is on this machine.

use clap::Args;
use sotto_traffic::bench::forwarding;
use sotto_transport::clock::Stopwatch;

use super::{Ended, SimError, output};

/// Options of `bench`.
#[derive(Args, Debug)]
pub(super) struct BenchArgs {
    /// About how many events.
    #[arg(long, value_name = "N", default_value_t = 20_000_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000_000))]
    events: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn bench(args: &BenchArgs) -> Result<Ended, SimError> {
    let watch = Stopwatch::start();
    let measured = forwarding(args.events, &|| watch.elapsed())
        .map_err(|error| SimError::Usage(format!("{} events: {error}", args.events)))?;
    if args.json {
        output::print_json(&measured)?;
    } else {
        output::print(&format!(
            "{} events in {:.2} s on one core: {:.0} a second; {} packets under way at most",
            measured.events, measured.seconds, measured.events_per_s, measured.in_flight_max
        ))?;
    }
    Ok(Ended::Well)
}
