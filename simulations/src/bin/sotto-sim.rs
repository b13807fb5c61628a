//! `sotto-sim`: asks the traffic model.

use std::process::ExitCode;

fn main() -> ExitCode {
    sotto_simulations::sim::main()
}
