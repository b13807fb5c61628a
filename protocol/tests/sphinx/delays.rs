use std::time::Duration;

use sotto_protocol::sphinx::{draw_delay, draw_exponential};

use crate::support::rng;

const DRAWS: u32 = 100_000;
const MEAN: Duration = Duration::from_millis(200);
const MAX: Duration = Duration::from_secs(10);

fn mean_of(draws: &[Duration]) -> f64 {
    draws.iter().map(Duration::as_secs_f64).sum::<f64>() / f64::from(DRAWS)
}

/// Distance between the draws' distribution and `cdf` (Kolmogorov-Smirnov). Beyond 1.95 / sqrt(n) it is
/// one in a thousand that the draws follow `cdf`.
fn assert_distributed(mut draws: Vec<Duration>, cdf: impl Fn(f64) -> f64) {
    draws.sort_unstable();
    let count = f64::from(DRAWS);
    let distance = draws
        .iter()
        .zip(1u32..)
        .map(|(draw, rank)| (cdf(draw.as_secs_f64()) - f64::from(rank) / count).abs())
        .fold(0.0, f64::max);
    assert!(distance < 1.95 / count.sqrt(), "Kolmogorov-Smirnov distance {distance}");
}

#[test]
fn delays_are_exponential_with_the_mean_asked_for() {
    let mut rng = rng(1);
    let draws: Vec<_> = (0..DRAWS).map(|_| draw_delay(MEAN, MAX, &mut rng)).collect();
    // The mean of 100,000 draws deviates by 0.32 per cent.
    assert!((mean_of(&draws) / 0.2 - 1.0).abs() < 0.01, "mean {}", mean_of(&draws));
    assert_distributed(draws, |delay| 1.0 - (-delay / 0.2).exp());
}

#[test]
fn gaps_of_a_poisson_process_are_exponential_with_the_mean_asked_for() {
    let mut rng = rng(2);
    let draws: Vec<_> = (0..DRAWS).map(|_| draw_exponential(MEAN, &mut rng)).collect();
    assert!((mean_of(&draws) / 0.2 - 1.0).abs() < 0.01, "mean {}", mean_of(&draws));
    assert_distributed(draws, |gap| 1.0 - (-gap / 0.2).exp());
}

#[test]
fn no_delay_is_beyond_the_maximum_nor_heaped_up_at_it() {
    let mut rng = rng(3);
    let draws: Vec<_> = (0..DRAWS).map(|_| draw_delay(MEAN, MEAN, &mut rng)).collect();
    assert!(draws.iter().all(|delay| *delay <= MEAN));
    assert!(draws.iter().filter(|delay| **delay == MEAN).count() <= 1);
    let below_max = 1.0 - (-1.0f64).exp();
    assert_distributed(draws, |delay| (1.0 - (-delay / 0.2).exp()) / below_max);
}

#[test]
fn a_mean_or_maximum_of_zero_gives_no_delay() {
    let mut rng = rng(4);
    assert_eq!(draw_delay(Duration::ZERO, MAX, &mut rng), Duration::ZERO);
    assert_eq!(draw_delay(MEAN, Duration::ZERO, &mut rng), Duration::ZERO);
    assert_eq!(draw_exponential(Duration::ZERO, &mut rng), Duration::ZERO);
}

#[test]
fn extreme_means_and_maxima_neither_panic_nor_exceed_the_maximum() {
    let mut rng = rng(5);
    let extremes = [Duration::from_nanos(1), MEAN, Duration::from_secs(u64::MAX), Duration::MAX];
    for mean in extremes {
        for max in extremes {
            for _ in 0..100 {
                assert!(draw_delay(mean, max, &mut rng) <= max);
                assert!(draw_exponential(mean, &mut rng) >= Duration::ZERO);
            }
        }
    }
}

#[test]
fn one_seed_gives_one_sequence() {
    let draw = || {
        let mut rng = rng(6);
        (0..10).map(|_| draw_delay(MEAN, MAX, &mut rng)).collect::<Vec<_>>()
    };
    assert_eq!(draw(), draw());
}
