//! The Double Ratchet (Perrin and Marlinspike, revision 1) with ML-KEM-768 secrets in its root chain.
//!
//! A *chain* is the envelopes that one side seals under one ratchet key. Chains alternate: a side begins a
//! new one with the first envelope that it seals after it has opened one of the other side's latest chain. A
//! new key pair is made only then (deferred generation, section 6.5), so between opening and sealing a side
//! holds no ratchet secret at all.
//!
//! ```text
//!             seals: new pair, root step, new stream
//!   our turn ----------------------------------------> their turn    (seals more: same chain)
//!            <----------------------------------------
//!             opens a new ratchet key: root step, new stream         (opens more: same chain)
//! ```
//!
//! Not here: where envelopes go, and when a caller asks for the KEM message that is due.

mod chain;
mod exchange;
mod header;
mod message;
mod open;
mod saved;
mod seal;
mod session;
mod skipped;

pub use session::{Opened, Sealed, Session};
pub(super) use session::{Parties, Role};
