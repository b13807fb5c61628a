//! How many rounds statistical disclosure takes.

use super::{OutsideFormula, positive, require};

const NAME: &str = "the rounds of statistical disclosure";

/// What is disclosed: a user among others, whose packets leave in batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disclosure {
    /// Recipients (N), to whom all others send evenly.
    pub recipients: u32,
    /// Contacts of the user (m), each as likely.
    pub contacts: u32,
    /// Packets of a round (b), one of them the user's.
    pub batch: u32,
}

/// The rounds until each contact of a user stands out of the background by `deviations` (l) standard deviations on each side:
/// `(m l (sqrt((b-1) (N-1)/N²) + sqrt((b-1) (N-1)/N² + (m-1)/m²)))²`.
///
/// Source: Danezis, "Statistical Disclosure Attacks: Traffic Confirmation in Open Environments", SEC 2003, section 4. With l = 2
/// about 97.7 % of contacts are above the threshold and as many of the others below (l sigma of a normal distribution on one
/// side; the paper says 95 % for both). Holds for one packet of the user in each round and even background traffic.
///
/// # Errors
/// Fewer than two recipients, more contacts than recipients or none, a round without others, deviations not above 0.
pub fn rounds(of: Disclosure, deviations: f64) -> Result<f64, OutsideFormula> {
    let (n, m, b) = (f64::from(of.recipients), f64::from(of.contacts), f64::from(of.batch));
    require(of.recipients >= 2, NAME, "the recipients", n, "2 or more")?;
    require(of.contacts >= 1 && m <= n, NAME, "the contacts", m, "1 to the number of recipients")?;
    require(of.batch >= 2, NAME, "the packets of a round", b, "2 or more")?;
    positive(NAME, "the deviations", deviations)?;
    let others = (b - 1.0) * (n - 1.0) / (n * n);
    let own = (m - 1.0) / (m * m);
    Ok((m * deviations * (others.sqrt() + (others + own).sqrt())).powi(2))
}

/// The threshold on the share of rounds in which a recipient got packets beyond the background, `deviations` above it
/// after this many rounds: what a contact exceeds and another does not.
#[must_use]
pub fn threshold(of: Disclosure, deviations: f64, rounds: f64) -> f64 {
    let (n, b) = (f64::from(of.recipients), f64::from(of.batch));
    deviations * ((b - 1.0) * (n - 1.0) / (n * n) / rounds).sqrt()
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ContinuousCDF, Normal};

    use super::*;
    use crate::random::{Purpose, Seed};

    #[test]
    fn after_these_rounds_contacts_are_above_and_others_below() {
        let of = Disclosure { recipients: 40, contacts: 5, batch: 10 };
        let deviations = 2.0;
        let needed = rounds(of, deviations).unwrap();
        let mut draws = Seed::new(8).draws(Purpose::Addressee, 0);
        let (runs, mut above, mut below) = (400, 0.0, 0.0);
        for _ in 0..runs {
            let mut got = [0.0; 40];
            for _ in 0..needed.round() as u32 {
                got[draws.below(5) as usize] += 1.0;
                for _ in 0..9 {
                    got[draws.below(40) as usize] += 1.0;
                }
            }
            let over = |count: f64| count / needed - 9.0 / 40.0;
            let line = threshold(of, deviations, needed);
            above += got[..5].iter().filter(|count| over(**count) > line).count() as f64 / 5.0;
            below += got[5..].iter().filter(|count| over(**count) < line).count() as f64 / 35.0;
        }
        let expected = Normal::standard().cdf(deviations);
        for share in [above / f64::from(runs), below / f64::from(runs)] {
            // 2,000 contacts: a standard error of 0.0033; counts are whole, which shifts both sides by as much.
            assert!((share - expected).abs() < 0.02, "{share} {expected}");
        }
    }

    #[test]
    fn it_grows_with_what_hides() {
        let at = |contacts, batch| rounds(Disclosure { recipients: 1000, contacts, batch }, 2.0).unwrap();
        assert!(at(10, 50) > at(5, 50) && at(10, 100) > at(10, 50));
        assert!(rounds(Disclosure { recipients: 10, contacts: 11, batch: 5 }, 2.0).is_err());
        assert!(rounds(Disclosure { recipients: 10, contacts: 1, batch: 1 }, 2.0).is_err());
    }
}
