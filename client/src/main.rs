//! `sotto`, the command line of Sotto's client. What it does is in the library.

use std::process::ExitCode;

/// Wipes what is freed: copies of texts and names that pass through JSON, buffers and collections have no owner that
/// would do it.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    sotto_client::cli::main()
}
