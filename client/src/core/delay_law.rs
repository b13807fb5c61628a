//! How long a chain of random waits takes: its distribution, as values at equal steps of time.
//!
//! Every wait here is exponential, because delays of mixes are, and gaps of Poisson processes. What is waited for is
//! not known here.

/// Steps of time. A mean then comes out to about a hundredth.
const STEPS: usize = 2048;
/// How many times the longest wait, and how many times the sum of all, the steps reach: beyond lies less than one case
/// in a million.
const LONGEST_TIMES: f64 = 14.0;
const SUM_TIMES: f64 = 2.0;

/// The distribution of one time span. All spans that are put together reach equally far.
#[derive(Clone, Debug)]
pub(crate) struct DelayLaw {
    step_s: f64,
    /// How likely it is that the span is over after so many steps.
    over: Vec<f64>,
}

impl DelayLaw {
    /// No time at all, with room for waits of these means, in seconds.
    pub(crate) fn at_once(means_s: impl IntoIterator<Item = f64>) -> Self {
        let (longest, sum) = means_s
            .into_iter()
            .fold((0.0, 0.0), |(longest, sum), mean| (f64::max(longest, mean), sum + mean));
        let reach_s = LONGEST_TIMES * longest + SUM_TIMES * sum;
        Self { step_s: reach_s / STEPS as f64, over: vec![1.0; STEPS] }
    }

    /// This span, and after it an exponential wait of this mean.
    ///
    /// `G' = (F - G) / mean`, solved exactly for an `F` that is straight between two steps.
    pub(crate) fn then(mut self, mean_s: f64) -> Self {
        if mean_s <= 0.0 || self.step_s <= 0.0 {
            return self;
        }
        let steps = self.step_s / mean_s;
        let forgotten = -(-steps).exp_m1();
        let slope = 1.0 - forgotten / steps;
        let (mut before, mut law) = (1.0, 0.0);
        for (at, over) in self.over.iter_mut().enumerate() {
            let here = *over;
            if at > 0 {
                law = law * (1.0 - forgotten) + before * forgotten + (here - before) * slope;
            }
            *over = law;
            before = here;
        }
        self
    }

    /// The same several times over.
    pub(crate) fn then_times(self, times: usize, mean_s: f64) -> Self {
        (0..times).fold(self, |law, _| law.then(mean_s))
    }

    /// Until both are over, this span and another that knows nothing of it.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.over.iter_mut().zip(&other.over).for_each(|(over, other)| *over *= other);
        self
    }

    /// One of these spans, each equally likely.
    pub(crate) fn any_of(laws: &[Self]) -> Option<Self> {
        let mut all = laws.first()?.clone();
        for law in laws.iter().skip(1) {
            all.over.iter_mut().zip(&law.over).for_each(|(over, other)| *over += other);
        }
        all.over.iter_mut().for_each(|over| *over /= laws.len() as f64);
        Some(all)
    }

    /// The mean, in seconds.
    pub(crate) fn mean_s(&self) -> f64 {
        let pairs = self.over.iter().zip(self.over.iter().skip(1));
        self.step_s * pairs.map(|(one, next)| 1.0 - (one + next) / 2.0).sum::<f64>()
    }

    /// The span that a share `q` of cases does not exceed, in seconds.
    pub(crate) fn quantile_s(&self, q: f64) -> f64 {
        self.step_s * self.over.iter().take_while(|over| **over < q).count() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Within one percent.
    #[track_caller]
    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 0.01 * expected, "{found}, not {expected}");
    }

    #[test]
    fn one_wait_is_exponential() {
        let law = DelayLaw::at_once([3.0]).then(3.0);
        near(law.mean_s(), 3.0);
        near(law.quantile_s(0.5), 3.0 * 2f64.ln());
        near(law.quantile_s(0.95), 3.0 * 20f64.ln());
    }

    #[test]
    fn means_add_up_whatever_their_order_and_size() {
        let means = [0.2, 5.0, 0.2, 1.25, 0.01];
        let law = |order: &[f64]| order.iter().fold(DelayLaw::at_once(means), |law, mean| law.then(*mean));
        let (one, other) = (law(&means), law(&[5.0, 0.01, 1.25, 0.2, 0.2]));
        near(one.mean_s(), means.iter().sum());
        near(other.quantile_s(0.95), one.quantile_s(0.95));
    }

    #[test]
    fn equal_waits_follow_the_law_of_erlang() {
        // P(sum of three > t) = e^-t (1 + t + t^2 / 2), which is 1/20 at 6.2958 (tables of the chi-square distribution: 12.592 / 2).
        let law = DelayLaw::at_once([1.0; 3]).then_times(3, 1.0);
        near(law.mean_s(), 3.0);
        near(law.quantile_s(0.95), 6.2958);
    }

    #[test]
    fn the_later_of_two_waits_takes_as_long_as_it_must() {
        // E max = a + b - 1 / (1/a + 1/b).
        let (a, b) = (2.0, 5.0);
        let start = DelayLaw::at_once([a, b]);
        let law = start.clone().then(a).and(&start.then(b));
        near(law.mean_s(), a + b - 1.0 / (1.0 / a + 1.0 / b));
    }

    #[test]
    fn a_choice_has_the_mean_of_its_means() {
        let start = DelayLaw::at_once([1.0, 4.0]);
        let laws = [start.clone().then(1.0), start.then(4.0)];
        let any = DelayLaw::any_of(&laws).unwrap();
        near(any.mean_s(), 2.5);
        // Half of the cases of each: 1 - (e^-t + e^(-t/4)) / 2 is 0.95 at t = 9.2103.
        near(any.quantile_s(0.95), 9.2103);
        assert!(DelayLaw::any_of(&[]).is_none());
    }

    #[test]
    fn no_wait_takes_no_time() {
        let law = DelayLaw::at_once([1.0]).then(0.0);
        assert_eq!((law.mean_s(), law.quantile_s(0.95)), (0.0, 0.0));
        assert_eq!(DelayLaw::at_once([]).then(1.0).mean_s(), 0.0);
    }
}
