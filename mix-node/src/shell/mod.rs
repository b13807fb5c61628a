//! The tokio program around the core: sockets, files, the clock, the control socket, the command line.
//!
//! One task owns the core (`engine`); every link has a task of its own that turns frames into events
//! for it. What becomes of a packet is never decided here.

mod cli;
mod config;
mod engine;
mod links;
mod node;
mod outlets;
mod session_link;
mod status;
mod uplink_pace;

pub use cli::main;
pub use config::{CONFIG_FILE, MixRole, NodeConfig};
pub use node::{RunningMix, start, start_with_onion_stand_in};
pub use status::MixStatus;
