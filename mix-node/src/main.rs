//! The program `sotto-mix`; everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    sotto_mix_node::shell::main()
}
