//! The traffic model of Sotto: discrete events without cryptography, and the adversaries that watch them.
//!
//! - [`scenario`] says what is simulated; an [`observer`] is told what happens.
//! - The [`engine`] runs it, [`mixing`] is what a mix lets go.
//! - [`people`] are what users, outboxes and mailboxes do, [`latencies`] the times on links.
//! - [`experiment`] is one run with everything measured, [`results`] are the rows that come of many.
//! - [`tracer`] follows probability mass through the mixes.
//! - [`view`] is what an adversary gets of it, [`adversary`] what it concludes, [`scoreboard`] what that is worth.
//! - [`advise`] goes the other way: from what users put up with to parameters.
//! - [`metrics`] are entropies, rates and their confidence intervals; [`theory`] the closed forms beside them.
//!
//! What is deliberately not here: packets' bytes, keys, sockets, clocks. The production cores are held beside this model
//! by `sotto-simulations`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]
#![cfg_attr(test, allow(clippy::cast_possible_truncation))]

pub mod adversary;
pub mod advise;
pub mod bench;
pub mod engine;
pub mod experiment;
pub mod latencies;
pub mod metrics;
pub mod mixing;
pub mod observer;
pub mod party;
pub mod people;
pub mod plan;
pub mod random;
pub mod report;
pub mod results;
pub mod runner;
pub mod scenario;
pub mod scoreboard;
pub mod summary;
pub mod sweep;
pub mod tables;
pub mod theory;
pub mod time;
#[cfg(test)]
mod toy;
pub mod tracer;
pub mod verify;
pub mod view;
