//! The cryptography of a conversation: how two people come to share keys, and how those keys are renewed.
//!
//! [`Offer`], [`Bundle`] and [`initiate`] are the handshake, after Signal's PQXDH (revision 3) with a secret
//! that both sides know beforehand. [`Session`] is the Double Ratchet (Perrin and Marlinspike, revision 1)
//! with ML-KEM-768 secrets mixed into its root chain. The formats, labels and limits are those of
//! `docs/spec/sessions.md`.
//!
//! Deliberately not here: clocks, generators and storage, which callers bring; boxes and streams, of which
//! only the seeds are made here; what the content of an envelope means; whether a person is who they say.

mod dh;
mod handshake;
mod identity;
mod kdf;
mod kem;
mod limits;
mod policy;
mod ratchet;
mod refusal;
pub mod safety;
mod secret;
mod stack;
mod wire;

#[cfg(test)]
mod tests;

pub use handshake::{Bundle, Initiated, Occasion, Offer, Responded, initiate};
pub use identity::{IdentityPublic, IdentitySecret};
pub use limits::{
    ANSWER_CONTENT_LEN_MAX, BUNDLE_LEN, CONTENT_LEN_MAX, ENVELOPE_LEN_MAX, ENVELOPE_OVERHEAD_LEN,
    SESSION_LEN_MAX, SKIPPED_AGE_MAX, SKIPPED_MAX, STACK_WIPED_DEEP_LEN, STACK_WIPED_LEN,
};
pub use policy::KemPolicy;
pub use ratchet::{Opened, Sealed, Session};
pub use refusal::{HandshakeRefusal, KemRefusal, PointRefusal, SessionRefusal};
pub use safety::SafetyNumber;
pub use secret::StreamSeed;
