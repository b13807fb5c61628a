//! The scoreboard: asks adversaries questions whose answers it knows, and says what the answers are worth.
//!
//! The only code beside the instruments that sees a [`Recording`](crate::view::Recording)'s facts; an adversary gets a
//! [`View`](crate::view::View). Not here: intervals over replications, which results are put together from rows.

mod calibration;
mod interval;
mod score;

pub use score::{Score, Tally, worst};
