//! The error of least squares over rounds, solved here without constraints, as the form supposes.

use super::sampling::{add, below};
use super::{Check, Outcome, Sense, replicate};
use crate::random::{Purpose, Seed};
use crate::theory::least_squares::{mean_squared_error, spread};

const USERS: usize = 12;
/// User i writes to the next ones, each as often.
const CONTACTS: usize = 3;
const BATCH: u32 = 8;
const ROUNDS: u32 = 4_000;
/// Runs: squared errors vary more than what other checks measure.
const ERROR_REPLICATIONS: u32 = 120;

pub(super) fn checks() -> Vec<Check> {
    vec![Check {
        name: "least-squares-error",
        form: "the mean squared error of a profile: (1/rho) (1/f - 1 + 1/t) V",
        source: "Perez-Gonzalez, Troncoso 2012, section 4",
        scenario: "12 users with 3 contacts each, 4,000 rounds of 8 packets",
        allowance: "1.5 %: the inverse of a random matrix is larger than that of its mean, by about users/rounds and more",
        sense: Sense::Equal,
        run: |seed| {
            let background = spread(&[1.0 / CONTACTS as f64; CONTACTS]);
            let expected = mean_squared_error(ROUNDS, BATCH, 1.0 / USERS as f64, background)?;
            let sample = replicate(seed, ERROR_REPLICATIONS, |seed| Ok(Some(error(seed))))?;
            Ok(Outcome { expected, sample, allowed: 0.015 * expected })
        },
    }]
}

/// The squared error of the profiles, summed over recipients, averaged over users.
fn error(seed: Seed) -> f64 {
    let mut draws = seed.draws(Purpose::Addressee, 0);
    // Row i: the products of user i's packets with those of all users, then with what all users got.
    let mut rows = vec![vec![0.0; 2 * USERS]; USERS];
    for _ in 0..ROUNDS {
        let (mut sent, mut got) = ([0.0; USERS], [0.0; USERS]);
        for _ in 0..BATCH {
            let user = below(&mut draws, USERS);
            add(&mut sent, user, 1.0);
            add(&mut got, (user + 1 + below(&mut draws, CONTACTS)) % USERS, 1.0);
        }
        for (row, own) in rows.iter_mut().zip(&sent).filter(|(_, own)| **own > 0.0) {
            for (sum, other) in row.iter_mut().zip(sent.iter().chain(&got)) {
                *sum += own * other;
            }
        }
    }
    let profiles = solve(rows);
    let squares: f64 = profiles
        .iter()
        .enumerate()
        .map(|(user, profile)| {
            let off = |(recipient, share): (usize, &f64)| {
                let is_contact = (1..=CONTACTS).any(|next| (user + next) % USERS == recipient);
                (share - if is_contact { 1.0 / CONTACTS as f64 } else { 0.0 }).powi(2)
            };
            profile.iter().enumerate().map(off).sum::<f64>()
        })
        .sum();
    squares / USERS as f64
}

/// Solves the normal equations by elimination: rows are the matrix and behind it the right sides. The matrix of products is
/// positive definite, so no row has to be exchanged.
fn solve(mut rows: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    for pivot in 0..rows.len() {
        let Some(mut row) = rows.get(pivot).cloned() else { break };
        let head = row.get(pivot).copied().unwrap_or(1.0);
        row.iter_mut().for_each(|value| *value /= head);
        for (_, other) in rows.iter_mut().enumerate().filter(|(number, _)| *number != pivot) {
            let factor = other.get(pivot).copied().unwrap_or(0.0);
            for (value, minus) in other.iter_mut().zip(&row) {
                *value -= factor * minus;
            }
        }
        if let Some(slot) = rows.get_mut(pivot) {
            *slot = row;
        }
    }
    rows.into_iter().map(|row| row.into_iter().skip(USERS).collect()).collect()
}
