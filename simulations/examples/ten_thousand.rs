//! Lets two people exchange ten thousand messages of all kinds through loss, reordering, duplication and crashes, and
//! compares every claimed state with what happened: `cargo run -p sotto-simulations --example ten_thousand`.
//! With two numbers it takes that seed and so many messages.
#![allow(clippy::print_stdout, reason = "an example prints what it has found")]

use std::process::ExitCode;

use sotto_simulations::talk::{Talk, TalkError, TalkPlan};
use sotto_transport::clock::Clock;

fn main() -> Result<ExitCode, TalkError> {
    let mut numbers = std::env::args().skip(1).filter_map(|number| number.parse::<u32>().ok());
    let seed = u64::from(numbers.next().unwrap_or(1));
    let messages = usize::try_from(numbers.next().unwrap_or(10_000)).unwrap_or(usize::MAX);
    let clock = Clock::system();
    let begin = clock.now();
    let report = Talk::begin(TalkPlan { seed, messages, is_troubled: true })?.hold()?;
    println!("seed {seed}: {report}");
    println!("in {:.0} s", clock.now().since(begin).as_secs_f64());
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
