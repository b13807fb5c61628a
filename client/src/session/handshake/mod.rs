//! How two people come to share a session: one makes an offer, the other answers it, and nothing else is
//! needed.
//!
//! After Signal's PQXDH (revision 3), with two differences: keys are used for one contact only, so that
//! nothing is signed, and a secret that both know beforehand goes in. How bundle and answer travel, and that
//! an offer is answered once, is the business of the callers.

mod answer;
mod bundle;
mod initiate;
mod offer;
mod secrets;

pub use bundle::Bundle;
pub use initiate::{Initiated, initiate};
pub use offer::{Offer, Responded};

/// The version of bundles and answers.
const VERSION: u8 = 1;
/// The kind of a bundle: this plus its occasion's number.
const KIND_BUNDLE: u8 = 0x10;
/// The kind of an answer: this plus its occasion's number.
const KIND_ANSWER: u8 = 0x20;

/// What a handshake is made for. Bundles and answers of one occasion are refused on another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Occasion {
    /// An invitation to become a contact.
    Invitation,
    /// A lasting address that several people can write to.
    Address,
    /// New keys for contacts that have some, after one side went back to an older state.
    Rekey,
}

impl Occasion {
    const fn number(self) -> u8 {
        match self {
            Self::Invitation => 1,
            Self::Address => 2,
            Self::Rekey => 3,
        }
    }

    const fn bundle_kind(self) -> u8 {
        KIND_BUNDLE | self.number()
    }

    const fn answer_kind(self) -> u8 {
        KIND_ANSWER | self.number()
    }
}
