//! Selective repeat or forward error correction: how many slots a part of a file costs, and whether the file is there.
//!
//! A file of 2 MB has 1,569 parts. The goal is the same for both: each of two mailboxes holds what a reader needs, so that either
//! can be lost. A write is lost with probability `p`, its acknowledgement too.
//!
//! Selective repeat writes each part to each mailbox until an acknowledgement comes. The code writes `n` pieces for each
//! 16 parts to each mailbox once, and waits for nothing: a block is there if any 16 of the `n` are. Its figures are exact; those
//! of selective repeat are the mean of 200 runs. Not modelled: time, and what a reader has to ask for.
#![allow(clippy::print_stdout, reason = "the figures are what this is for")]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

const PARTS: u32 = 1569;
const MAILBOXES: u32 = 2;
const BLOCK: u32 = 16;
const RUNS: u32 = 200;

/// Writes until every mailbox has acknowledged every part.
fn repeated(loss: f64, rng: &mut ChaCha20Rng) -> u32 {
    let mut writes = 0u32;
    for _ in 0..PARTS * MAILBOXES {
        loop {
            writes += 1;
            let (arrives, answered) = (rng.random::<f64>() >= loss, rng.random::<f64>() >= loss);
            if arrives && answered {
                break;
            }
        }
    }
    writes
}

/// The probability that at least 16 of `n` pieces arrive.
fn block_arrives(n: u32, loss: f64) -> f64 {
    let mut term = (1.0 - loss).powi(n as i32);
    let mut sum = term;
    for lost in 1..=n - BLOCK {
        term *= f64::from(n - lost + 1) / f64::from(lost) * loss / (1.0 - loss);
        sum += term;
    }
    sum
}

fn main() {
    let blocks = f64::from(PARTS.div_ceil(BLOCK) * MAILBOXES);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for loss in [0.01, 0.05, 0.10] {
        let writes: u32 = (0..RUNS).map(|_| repeated(loss, &mut rng)).sum();
        let cost = f64::from(writes) / f64::from(RUNS) / f64::from(PARTS);
        println!("loss {loss:.2}: repeat    {cost:.3} slots a part, the file is there with probability 1");
        for n in [17, 18, 20, 22, 24] {
            let cost = f64::from(n * MAILBOXES) / f64::from(BLOCK);
            let whole = block_arrives(n, loss).powf(blocks);
            println!(
                "loss {loss:.2}: {n} of 16 {cost:.3} slots a part, the file is there with probability {whole:.6}"
            );
        }
    }
}
