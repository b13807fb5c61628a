//! The tokio program around the core: sockets, files, the clock, the control socket, the command line.
//!
//! One task owns the core (`engine`); every link has a task of its own that hands documents to it. What is
//! accepted, and what is signed, is never decided here; that it is on disk before anybody hears of it, is.

mod cli;
mod config;
mod engine;
mod error;
mod links;
mod node;
mod refusals;
mod state;
mod status;

pub use cli::main;
pub use config::{CONFIG_FILE, DirectoryConfig};
pub use error::ShellError;
pub use node::{RunningDirectory, start, start_with_onion_stand_in};
pub use status::DirectoryStatus;
