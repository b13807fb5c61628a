//! The error of the least-squares estimate of who writes to whom.

use super::{OutsideFormula, positive, require, share};

const NAME: &str = "the error of least-squares disclosure";

/// The mean squared error of the least-squares estimate of one user's profile, summed over all recipients.
///
/// `(1/rho) (1/f - 1 + 1/t) V`: after `rounds` (rho) of threshold mixes with `batch` (t) packets each, for a user who sends the share
/// `user_share` (f) of all packets; `background` (V) is the mean over packets of 1 - sum of p², p being the profile of its sender
/// (see [`spread`]).
///
/// Source: Pérez-González and Troncoso, "Understanding Statistical Disclosure: A Least Squares approach", PETS 2012, section 4:
/// (U'U)^-1 U' S U (U'U)^-1 with U'U near its mean, which is `rho t (diag(f) + (t-1) f f')` and inverts by Sherman and Morrison,
/// and S near t V. Holds for many more rounds than users, users who each send a small share, and unconstrained least
/// squares; with non-negativity the error is smaller.
///
/// # Errors
/// No rounds or packets; shares that are not in 0 to 1, or a user who sends nothing.
pub fn mean_squared_error(
    rounds: u32,
    batch: u32,
    user_share: f64,
    background: f64,
) -> Result<f64, OutsideFormula> {
    require(rounds > 0, NAME, "the rounds", f64::from(rounds), "1 or more")?;
    require(batch > 0, NAME, "the packets of a round", f64::from(batch), "1 or more")?;
    positive(NAME, "the user's share of packets", user_share)?;
    share(NAME, "the user's share of packets", user_share)?;
    share(NAME, "the background's spread", background)?;
    Ok((1.0 / user_share - 1.0 + 1.0 / f64::from(batch)) * background / f64::from(rounds))
}

/// 1 - sum of p² over a profile: the spread of one packet's recipient.
#[must_use]
pub fn spread(profile: &[f64]) -> f64 {
    1.0 - profile.iter().map(|p| p * p).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    /// Solves a system of normal equations by elimination; `matrix` is positive definite.
    fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        let n = matrix.len();
        for pivot in 0..n {
            let (row, values) = (matrix[pivot].clone(), right[pivot].clone());
            for other in (0..n).filter(|other| *other != pivot) {
                let factor = matrix[other][pivot] / row[pivot];
                matrix[other].iter_mut().zip(&row).for_each(|(a, b)| *a -= factor * b);
                right[other].iter_mut().zip(&values).for_each(|(a, b)| *a -= factor * b);
            }
        }
        (0..n).map(|i| right[i].iter().map(|x| x / matrix[i][i]).collect()).collect()
    }

    #[test]
    fn least_squares_over_simulated_rounds() {
        const USERS: usize = 12;
        let mut draws = Seed::new(9).draws(Purpose::Addressee, 0);
        let (batch, rounds, runs) = (8_u32, 2_000_u32, 150);
        // User i writes to i+1, i+2, i+3, each as often; all send as much.
        let mut error = 0.0;
        for _ in 0..runs {
            let mut matrix = vec![vec![0.0; USERS]; USERS];
            let mut right = vec![vec![0.0; USERS]; USERS];
            for _ in 0..rounds {
                let (mut sent, mut got) = ([0.0; USERS], [0.0; USERS]);
                for _ in 0..batch {
                    let user = draws.below(USERS as u32) as usize;
                    sent[user] += 1.0;
                    got[(user + 1 + draws.below(3) as usize) % USERS] += 1.0;
                }
                for i in (0..USERS).filter(|i| sent[*i] > 0.0) {
                    for j in 0..USERS {
                        matrix[i][j] += sent[i] * sent[j];
                        right[i][j] += sent[i] * got[j];
                    }
                }
            }
            for (user, estimate) in solve(matrix, right).iter().enumerate() {
                for (recipient, p) in estimate.iter().enumerate() {
                    let friend = (1..=3).any(|k| (user + k) % USERS == recipient);
                    error += (p - if friend { 1.0 / 3.0 } else { 0.0 }).powi(2);
                }
            }
        }
        let measured = error / f64::from(runs) / USERS as f64;
        let expected =
            mean_squared_error(rounds, batch, 1.0 / USERS as f64, spread(&[1.0 / 3.0; 3])).unwrap();
        // U'U varies around its mean, which makes the error larger by about users/rounds; the rest is chance.
        assert!((measured / expected - 1.0).abs() < 0.04, "{measured} {expected}");
    }

    #[test]
    fn who_sends_nothing_has_no_profile() {
        assert!(mean_squared_error(10, 5, 0.0, 0.5).is_err() && mean_squared_error(0, 5, 0.1, 0.5).is_err());
        assert_eq!(spread(&[1.0]), 0.0);
    }
}
