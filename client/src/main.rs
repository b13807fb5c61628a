//! `sotto`, the command line of Sotto's client.

use std::process::ExitCode;

fn main() -> ExitCode {
    sotto_client::cli::main()
}
