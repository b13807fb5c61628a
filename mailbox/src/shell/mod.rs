//! The tokio program around the core: sockets, files, the clock, the control socket, the command line.
//!
//! One task owns the core (`engine`); every link has a task of its own that hands packets to it; the
//! store works on the threads for blocking calls, one batch at a time. What becomes of a packet, and what
//! a command is answered, is never decided here.

mod cli;
mod config;
mod direct;
mod engine;
mod error;
mod links;
mod node;
mod status;
mod store_jobs;

pub use cli::main;
pub use config::{CONFIG_FILE, MailboxConfig};
pub use direct::{DIRECT_IN_FLIGHT_MAX, DIRECT_LINKS_MAX, DIRECT_SILENCE_MAX};
pub use error::ShellError;
pub use node::{RunningMailbox, start, start_with_onion_stand_in};
pub use status::{MailboxStatus, StoreStatus};
