//! Prints new test vectors for boxes or for mailbox commands:
//! `cargo run -p sotto-protocol --example vectors_boxes boxes > docs/vectors/boxes.json` and
//! `cargo run -p sotto-protocol --example vectors_boxes commands > docs/vectors/commands.json`.
//!
//! Every run prints the same bytes. Boxes are made by the derivation that the conformance test has written
//! out from the specification, not by the library.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod boxes;
mod commands;
#[path = "../../tests/vectors_boxes/derivation.rs"]
mod derivation;
#[path = "../../tests/vectors_boxes/vector_file.rs"]
mod vector_file;

use std::io::Write;

use data_encoding::HEXLOWER;
use derivation::Derived;

const SEED: [u8; 32] = [0x51; 32];
const NONCE: [u8; 24] = [0x24; 24];

fn main() -> std::io::Result<()> {
    let text = match std::env::args().nth(1).as_deref() {
        Some("boxes") => serde_json::to_string_pretty(&boxes::file())?,
        Some("commands") => serde_json::to_string_pretty(&commands::file())?,
        _ => {
            return Err(std::io::Error::other("say which vectors to print: boxes or commands"));
        }
    };
    writeln!(std::io::stdout(), "{text}")
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn about<const N: usize>(lines: [&str; N]) -> Vec<String> {
    lines.map(str::to_owned).into()
}

fn first_box() -> (Derived, Vec<u8>) {
    let derived = Derived::new(&SEED, 0);
    let sealed = derived.seal(NONCE, b"first");
    (derived, sealed)
}
