//! What no protocol can do: the anonymity trilemma, as a line of reference.
//!
//! Source: Das, Meiser, Mohammadi and Kate, "Anonymity Trilemma: Strong Anonymity, Low Bandwidth Overhead, Low Latency — Choose
//! Two", IEEE S&P 2018. Time is in rounds: the time in which a packet makes a hop.

use super::{OutsideFormula, require, share};

const NAME: &str = "the anonymity trilemma";

/// The least advantage (delta, 0 to 1) in telling two senders apart that a global passive adversary has, whatever the protocol,
/// where users send of their own accord: 1 - (1/2 + f), f = min(1/2, 1 - (1-p)^l).
///
/// `latency_rounds` (l) is how long a packet may be under way, `sends_per_round` (p) the probability that a user sends anything in
/// a round: messages plus cover (p' + beta). Section IV, unsynchronised users. It is a lower bound on the advantage in the game
/// of two challenge senders; a measured advantage below it means that something was measured wrongly, above it means
/// nothing.
///
/// # Errors
/// A probability that is not 0 to 1, or no round of latency.
pub fn advantage_min(latency_rounds: f64, sends_per_round: f64) -> Result<f64, OutsideFormula> {
    share(NAME, "the probability to send in a round", sends_per_round)?;
    require(latency_rounds >= 1.0, NAME, "the latency in rounds", latency_rounds, "1 or more")?;
    let hidden = 1.0 - (1.0 - sends_per_round).powf(latency_rounds);
    Ok(0.5 - hidden.min(0.5))
}

/// Whether strong anonymity (an advantage that vanishes) is not excluded: 2 l p >= 1, with l less the `corrupt_hops` that an
/// adversary may own on the way (section VI: 2 (l - c) p >= 1 for l > c).
///
/// # Errors
/// As of [`advantage_min`].
pub fn strong_anonymity_possible(
    latency_rounds: f64,
    sends_per_round: f64,
    corrupt_hops: u32,
) -> Result<bool, OutsideFormula> {
    advantage_min(latency_rounds, sends_per_round)?;
    Ok(2.0 * (latency_rounds - f64::from(corrupt_hops)) * sends_per_round >= 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    /// The best protocol under the bound's own adversary: it names the sender whenever only one of the two challenge users
    /// sent anything within the latency before the exit.
    #[test]
    fn the_bound_is_what_silence_gives_away() {
        let (latency, p, n) = (5, 0.05, 200_000_u32);
        let mut draws = Seed::new(11).draws(Purpose::Adversary, 0);
        let alone = (0..n).filter(|_| (0..latency).all(|_| draws.unit() > p)).count() as f64 / f64::from(n);
        // Alone, the sender is certain; otherwise the adversary guesses: an advantage of the share alone.
        let least = advantage_min(f64::from(latency), p).unwrap();
        assert!(alone > least, "{alone} {least}");
        assert!((least - (alone - 0.5)).abs() < 0.01);
    }

    #[test]
    fn the_line_between_possible_and_not() {
        assert!(!strong_anonymity_possible(4.0, 0.12, 0).unwrap());
        assert!(strong_anonymity_possible(4.0, 0.125, 0).unwrap());
        assert!(!strong_anonymity_possible(4.0, 0.125, 1).unwrap());
        assert_eq!(advantage_min(50.0, 0.5).unwrap(), 0.0);
        assert_eq!(advantage_min(1.0, 0.0).unwrap(), 0.5);
        assert!(advantage_min(0.0, 0.5).is_err() && advantage_min(1.0, 1.5).is_err());
    }
}
