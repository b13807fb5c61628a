//! What the shells of all nodes share: keys on disk, configuration, logs, the control socket, an orderly end.

pub mod config;
pub mod control;
pub mod epoch_keys;
pub mod identity_file;
mod key_file;
pub mod log;
pub mod membership;
pub mod memory;
pub mod shutdown;

pub use key_file::KeyFileError;
