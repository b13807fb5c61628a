//! What is measured: entropies, unlinkability, success, latencies, bandwidth, and intervals over replications.
//!
//! Not here: who concludes what (`adversary`, `scoreboard`) and what it must come to ([`crate::theory`]).

pub mod disclosure;
pub mod entropy;
pub mod interval;
pub mod log_histogram;
pub mod meter;
pub mod success;
pub mod traced;
pub mod unlinkability;

pub use entropy::Uncertainty;
pub use interval::Interval;
pub use log_histogram::LogHistogram;
pub use meter::Meter;
pub use traced::entropies;
