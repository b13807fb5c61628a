//! How many packets a Poisson mix holds.
//!
//! A mix with exponential delays is a queue with a server for each packet (M/M/∞). Source: Kleinrock, "Queueing Systems I",
//! 1975, section 3.4; for mixes Danezis, "The Traffic Analysis of Continuous-Time Mixes", PET 2004, section 3.

use super::{OutsideFormula, ln_poisson, positive};

/// The mean number of packets held, which is also its variance: rate in packets per second times mean delay in seconds.
///
/// Holds for Poisson arrivals and independent delays after a few mean delays of warming up. The mean holds for any
/// arrivals (Little 1961), the variance does not.
///
/// # Errors
/// Rates and delays that are not above 0.
pub fn mean_packets(arrivals_per_s: f64, delay_s_mean: f64) -> Result<f64, OutsideFormula> {
    positive("the occupancy of a Poisson mix", "the arrivals per second", arrivals_per_s)?;
    positive("the occupancy of a Poisson mix", "the mean delay in seconds", delay_s_mean)?;
    Ok(arrivals_per_s * delay_s_mean)
}

/// The probability that `packets` are held where the mean is `mean`: Poisson.
///
/// # Errors
/// A mean that is not above 0.
pub fn probability(mean: f64, packets: u32) -> Result<f64, OutsideFormula> {
    positive("the occupancy of a Poisson mix", "the mean number of packets", mean)?;
    Ok(ln_poisson(mean, packets).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    #[test]
    fn a_queue_with_a_server_for_each_packet_holds_a_poisson_number() {
        // Each of n independent snapshots: those of 60 s of arrivals that are still there. Rate 3, mean delay 2.
        let mut draws = Seed::new(1).draws(Purpose::Delay, 0);
        let n = 20_000;
        let mut counts = [0.0; 3];
        for _ in 0..n {
            let (mut at, mut held) = (0.0, 0);
            loop {
                at += draws.exponential(1.0 / 3.0);
                if at > 60.0 {
                    break;
                }
                held += u32::from(at + draws.exponential(2.0) > 60.0);
            }
            for (slot, count) in counts.iter_mut().zip([4, 6, 9]) {
                *slot += f64::from(u8::from(held == count));
            }
        }
        let mean = mean_packets(3.0, 2.0).unwrap();
        for (count, packets) in counts.iter().zip([4, 6, 9]) {
            let expected = probability(mean, packets).unwrap();
            let tolerance = 4.0 * (expected * (1.0 - expected) / f64::from(n)).sqrt();
            assert!((count / f64::from(n) - expected).abs() < tolerance, "{packets}");
        }
    }

    #[test]
    fn rates_of_zero_are_refused() {
        assert!(
            mean_packets(0.0, 1.0).is_err()
                && mean_packets(1.0, -1.0).is_err()
                && probability(0.0, 1).is_err()
        );
    }
}
