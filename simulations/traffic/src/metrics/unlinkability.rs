//! Sender unlinkability as epsilon and delta: how much likelier one of two senders is than the other.
//!
//! Source: Piotrowska et al., "The Loopix Anonymity System", USENIX Security 2017, section 4.1.3: two challenge senders, one
//! exit, `epsilon = |ln(p0 / p1)|` of the weights that tracing gives them. delta is the share of trials in which epsilon is
//! exceeded, those included in which one of the two is excluded.
//!
//! This is a quantile over trials, not a differential-privacy guarantee: it says nothing about trials that chance did not bring.

use super::interval::{Interval, clopper_pearson};

/// The logarithms of the ratios of many trials.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ratios {
    /// |ln(p0/p1)|; infinite where one of the two is excluded.
    logs: Vec<f64>,
}

impl Ratios {
    /// Notes a trial. One in which neither sender has any weight says nothing and is left out; `false` then.
    pub fn note(&mut self, weight_0: f64, weight_1: f64) -> bool {
        let says = weight_0 >= 0.0 && weight_1 >= 0.0 && weight_0 + weight_1 > 0.0;
        if says {
            self.logs.push((weight_0 / weight_1).ln().abs());
        }
        says
    }

    /// How many trials were noted.
    #[must_use]
    pub fn trials(&self) -> usize {
        self.logs.len()
    }

    /// The smallest epsilon that at most a share `delta` of trials exceeds. Infinite if more than that exclude a sender;
    /// `None` without trials.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of the number of trials"
    )]
    pub fn epsilon(&self, delta: f64) -> Option<f64> {
        let mut logs = self.logs.clone();
        logs.sort_by(|a, b| b.total_cmp(a));
        let exceeding = (delta.clamp(0.0, 1.0) * logs.len() as f64 + 1e-9).floor() as usize;
        logs.get(exceeding).copied().or_else(|| (!logs.is_empty()).then_some(0.0))
    }

    /// The share of trials in which `epsilon` is exceeded, with its exact interval at this confidence. `None` without trials.
    #[must_use]
    pub fn delta(&self, epsilon: f64, confidence: f64) -> Option<Interval> {
        let exceeding = self.logs.iter().filter(|log| **log > epsilon).count();
        clopper_pearson(exceeding as u64, self.logs.len() as u64, confidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epsilon_is_exceeded_by_a_share_of_delta() {
        let mut ratios = Ratios::default();
        for i in 1..=98_u32 {
            assert!(ratios.note(f64::from(i).exp() * 1e-30, 1e-30));
        }
        assert!(ratios.note(0.0, 0.3) && ratios.note(0.3, 0.0));
        assert!(!ratios.note(0.0, 0.0));
        assert_eq!(ratios.trials(), 100);
        assert_eq!(ratios.epsilon(0.01), Some(f64::INFINITY));
        assert!((ratios.epsilon(0.02).unwrap() - 98.0).abs() < 1e-6);
        assert!((ratios.epsilon(0.5).unwrap() - 50.0).abs() < 1e-6);
        assert_eq!(ratios.epsilon(1.0), Some(0.0));
        let delta = ratios.delta(50.5, 0.95).unwrap();
        assert_eq!(delta.estimate, 0.5);
        assert!(delta.low < 0.41 && delta.low > 0.39 && delta.high > 0.59);
    }

    #[test]
    fn the_order_of_the_senders_does_not_matter() {
        let (mut one, mut other) = (Ratios::default(), Ratios::default());
        one.note(0.2, 0.1);
        other.note(0.1, 0.2);
        assert!((one.epsilon(0.0).unwrap() - 2_f64.ln()).abs() < 1e-12);
        assert!((one.epsilon(0.0).unwrap() - other.epsilon(0.0).unwrap()).abs() < 1e-12);
        assert_eq!(Ratios::default().epsilon(0.1), None);
    }
}
