//! What surrounds the engine on a real machine: the profile's files, the passphrase, the network, the daemon.
//!
//! One process at a time holds a profile's lock, and with it the vault, the network and the cover traffic.
//! [`service`] is what can be asked of that process; it answers alike whether the question comes over the
//! daemon's socket or from a command that runs alone. No protocol decision is made here, and nothing is
//! printed: words for people are chosen in [`crate::cli`].

pub mod auto_lock;
mod backing_up;
mod circuits;
pub mod client;
pub mod config;
pub mod daemon;
mod directory;
pub mod doctor;
pub mod factors;
mod failure;
#[cfg(feature = "fido2")]
mod fido2;
pub mod home;
mod key_file;
mod lock;
pub mod locking;
pub mod net;
mod network;
mod profile;
pub mod secret;
pub mod servers;
pub mod service;
mod session;
pub mod settings;
pub mod token;
mod traffic;
mod trouble;
pub mod ways;
mod wipe;

pub use failure::Failure;
pub use lock::{LockError, ProfileLock};
pub use profile::{Profile, ProfileError};
pub use wipe::wipe;
