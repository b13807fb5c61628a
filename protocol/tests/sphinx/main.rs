//! The Sphinx wrapper from outside: what passes, and a refusal by name for each guard.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod craft;
mod delays;
mod fast;
mod forward;
mod guards;
mod header_fields;
mod key_ring;
mod low_order;
mod mutations;
mod reply;
mod support;
mod vector_file;
mod vectors;
