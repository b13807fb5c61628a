//! What clients say to mailboxes and what mailboxes answer, and which mailboxes hold a box.
//!
//! A command is the text of the packet that ends at a mailbox; a reply is the text that travels back along
//! the command's SURB. Every command and every reply fills its packet, so that neither its kind nor its
//! outcome shows in a length. What a mailbox does with a command is not here: this is the language only.

mod command;
mod placement;
mod refusal;
mod reply;
mod ttl;

pub use command::{COMMAND_VERSION, Command};
pub use placement::placement;
pub use refusal::{CommandRefusal, ReplyRefusal};
pub use reply::{RefusalCode, Reply};
pub use ttl::TtlClass;
