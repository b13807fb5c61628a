//! Whole Sotto networks: real processes on loopback, and production cores in virtual time.
//!
//! - [`localnet`] starts, kills, restarts and stops the real programs on one machine.
//! - [`tornet`] does the same for a private Tor network, for routes over Tor.
//! - [`vnet`] runs the same state machines under a seeded clock and a network that loses and reorders.
//! - [`talk`] lets two people talk there for long, through whatever goes wrong, and compares what is claimed with what is.
//! - [`demo`] lets two people talk through a local network and checks the network's books.
//! - [`attack_cores`] tags and repeats packets between the cores there.
//! - [`fidelity`] compares the cores in virtual time with the traffic model.
//! - [`sim`] is the program that asks the traffic model of `sotto-traffic`.
//! - [`stats`] holds the statistical tests that the others and their tests use.
//!
//! What is deliberately not here: any change of behaviour for the sake of simulation. A node does not
//! know whether it runs in a process of its own or in virtual time.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod attack_cores;
pub mod demo;
pub mod fidelity;
pub mod localnet;
mod ports;
mod process;
pub mod sim;
pub mod stats;
pub mod talk;
pub mod tornet;
pub mod vnet;
mod wait;
