//! How many rounds an intersection attack takes.

use super::{OutsideFormula, require};

const NAME: &str = "the rounds of an intersection attack";
/// Sums end where a term is smaller.
const NEGLIGIBLE: f64 = 1e-12;

/// The mean number of rounds until all of `others` (n) candidates were offline at least once, each online in a round with
/// probability `online` (p): the mean of the greatest of n geometric numbers, the sum over r >= 0 of 1 - (1 - p^r)^n.
///
/// Source: Berthold, Pfitzmann and Standtke, "The disadvantages of free MIX routes and how to overcome them", 2000, section 4
/// for the attack; Szpankowski and Rego, "Yet another application of a binomial recurrence: order statistics", Computing 43,
/// 1990 for the maximum. Holds where the user acts in every round and candidates are online independently of
/// each other and from round to round; who stays online for long is excluded later.
///
/// # Errors
/// A probability that is not 0 to 0.9999.
pub fn rounds_mean(others: u32, online: f64) -> Result<f64, OutsideFormula> {
    require((0.0..=0.9999).contains(&online), NAME, "the probability to be online", online, "0 to 0.9999")?;
    if others == 0 {
        return Ok(0.0);
    }
    let n = f64::from(others);
    let (mut sum, mut still) = (0.0, 1.0);
    loop {
        // 1 - (1 - p^r)^n, without losing its digits when p^r is small.
        let term = -(n * f64::ln_1p(-still)).exp_m1();
        if term < NEGLIGIBLE {
            return Ok(sum);
        }
        sum += term;
        still *= online;
    }
}

/// The probability that all others are excluded within `rounds`: (1 - p^r)^n.
///
/// # Errors
/// As of [`rounds_mean`].
pub fn excluded_within(others: u32, online: f64, rounds: u32) -> Result<f64, OutsideFormula> {
    require((0.0..=0.9999).contains(&online), NAME, "the probability to be online", online, "0 to 0.9999")?;
    Ok((f64::from(others) * f64::ln_1p(-online.powf(f64::from(rounds)))).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    #[test]
    fn rounds_counted() {
        let mut draws = Seed::new(10).draws(Purpose::Online, 0);
        for (others, online) in [(1, 0.5), (50, 0.3), (20, 0.9)] {
            let (runs, mut sum, mut squares) = (4_000_u32, 0.0, 0.0);
            for _ in 0..runs {
                let (mut left, mut rounds) = (others, 0.0);
                while left > 0 {
                    left = (0..left).filter(|_| draws.unit() < online).count() as u32;
                    rounds += 1.0;
                }
                sum += rounds;
                squares += rounds * rounds;
            }
            let mean = sum / f64::from(runs);
            let error = ((squares / f64::from(runs) - mean * mean) / f64::from(runs)).sqrt();
            let expected = rounds_mean(others, online).unwrap();
            assert!((mean - expected).abs() < 4.0 * error, "{others} {online}: {mean} {expected}");
        }
    }

    #[test]
    fn small_cases_are_known() {
        assert_eq!(rounds_mean(0, 0.5).unwrap(), 0.0);
        assert!((rounds_mean(1, 0.75).unwrap() - 4.0).abs() < 1e-9);
        assert!((rounds_mean(2, 0.5).unwrap() - 8.0 / 3.0).abs() < 1e-9);
        assert!((excluded_within(2, 0.5, 1).unwrap() - 0.25).abs() < 1e-12);
        assert_eq!(rounds_mean(7, 0.0).unwrap(), 1.0);
        assert!(rounds_mean(1, 1.0).is_err());
    }
}
