//! The node as a process of its own, between neighbours: what only a process can show.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod disk;
mod drain;
mod kill;
mod neighbour;
mod next_hops;
mod restart;
mod rotation;
mod sessions;
mod sleep;
mod support;
