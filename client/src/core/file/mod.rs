//! Files: offered by a letter, sent as parts once they are wanted, checked, and kept until the message goes.
//!
//! ```text
//! sender                                     receiver
//! letter file --------------------------->   shown; wanted at once if it is short, else when the user says so
//!                     <------------------    letter answer: wanted, with the parts that are missing
//! parts, a few boxes ahead of the slots ->   each kept as it comes
//!                     <------------------    letter answer: received, once the hash is right
//! ```
//!
//! Nothing here knows a path, and no name that a peer gives is used for more than to be shown. Saving a file is the
//! business of who asks for its bytes. Parts are repeated until they are stored like every box; what is lost with a
//! session is asked for again.
//!
//! | concern | modules |
//! |---|---|
//! | layouts and records | `part`, `ranges`, `transfer` |
//! | what the sender keeps and seals | `filling`, `pipeline` |
//! | what comes in | `coming`, `checking` |
//! | what users decide and see | `deciding`, `view` |

mod checking;
mod coming;
mod deciding;
mod desk;
mod filling;
mod part;
mod pipeline;
mod ranges;
mod transfer;
mod view;

pub(super) use coming::Coming;
pub(super) use desk::{FileDesk, Orphans, forget_files};
pub(super) use part::Part;
pub use transfer::FILE_BLOCK_LEN;
pub(super) use transfer::Transfer;
pub use view::{FileState, FileView};

#[cfg(test)]
pub(super) use part::PART_LEN;
