//! A whole network in virtual time: production cores, a seeded clock, and faults on demand.
//!
//! The authority, mixes, mailboxes and clients here are the state machines that the programs run; only
//! sockets, disks and the clock are replaced. One seed gives one run: [`Trace`] is equal to the byte.
//!
//! Deliberately different from real links: the virtual network can lose and reorder single frames,
//! which TCP would repair. So it is harsher than a real one while both ends live.

mod direct;
mod faults;
mod host;
mod network;
mod person;
mod plan;
mod schedule;
mod sessions;
mod tap;
mod trace;
mod truth;
mod watch;
mod watching;
mod wire;

pub use faults::Faults;
pub use network::{VirtualNetwork, VnetError};
pub use plan::VnetPlan;

pub use tap::{Cargo, Endpoint, Meddler, Meddling, Passage};
pub use trace::Trace;
pub use truth::{Claim, Falsehood, Truth};
