//! What the shells of all nodes share: keys on disk, configuration, command line, logs, the control socket, sockets,
//! the part in the network, an orderly end.

pub mod config;
mod config_text;
pub mod control;
pub mod epoch_keys;
mod error;
pub mod identity_file;
pub(crate) mod key_file;
pub mod layout;
mod listening;
pub mod log;
mod manual;
mod member;
pub mod membership;
pub mod memory;
mod onion;
pub mod program;
pub mod reload;
pub mod shutdown;
pub mod tag_log;

pub use config_text::ConfigText;
pub use error::NodeError;
pub use key_file::KeyFileError;
pub use listening::{Listening, NodePlan, Running};
pub use member::{Member, MemberStatus};
pub use onion::{Arrival, OnionMemberStatus, OnionPlan, OnionWatch};
