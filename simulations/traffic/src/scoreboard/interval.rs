//! The exact interval of a rate of hits that ties share.

use crate::metrics::interval;

/// The interval of Clopper and Pearson (1934) for a rate of `hits` in `trials`. Shares of hits, which come of ties, are
/// rounded away from the rate, so that the interval is never too narrow. (0, 1) without trials.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "hits are from 0 to trials")]
pub(super) fn clopper_pearson(hits: f64, trials: u32, confidence: f64) -> (f64, f64) {
    let of =
        |hits: f64| interval::clopper_pearson((hits as u64).min(trials.into()), trials.into(), confidence);
    (of(hits.floor()).map_or(0.0, |few| few.low), of(hits.ceil()).map_or(1.0, |many| many.high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_leave_the_tails_that_they_promise() {
        // P(X >= hits) at the lower end and P(X <= hits) at the upper are 2.5 % each.
        let (hits, trials) = (7_u32, 40_u32);
        let (low, high) = clopper_pearson(f64::from(hits), trials, 0.95);
        let term = |p: f64, k: u32| {
            let choose = (0..k).fold(1.0, |c, i| c * f64::from(trials - i) / f64::from(i + 1));
            choose * p.powf(f64::from(k)) * (1.0 - p).powf(f64::from(trials - k))
        };
        let at_least: f64 = (hits..=trials).map(|k| term(low, k)).sum();
        let at_most: f64 = (0..=hits).map(|k| term(high, k)).sum();
        assert!((at_least - 0.025).abs() < 1e-6, "{at_least}");
        assert!((at_most - 0.025).abs() < 1e-6, "{at_most}");
    }

    #[test]
    fn nothing_and_everything_have_one_end() {
        // The rule of three, exactly: 1 - 0.025^(1/n).
        let (low, high) = clopper_pearson(0.0, 30, 0.95);
        assert!(low.abs() < 1e-12 && (high - (1.0 - 0.025_f64.powf(1.0 / 30.0))).abs() < 1e-6);
        let (low, high) = clopper_pearson(30.0, 30, 0.95);
        assert!((low - 0.025_f64.powf(1.0 / 30.0)).abs() < 1e-6 && (high - 1.0).abs() < 1e-12);
        assert_eq!(clopper_pearson(0.0, 0, 0.95), (0.0, 1.0));
    }
}
