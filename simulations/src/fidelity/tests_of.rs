//! The tests by which two runs are told apart, and what they said.

use serde::Serialize;

use super::observed::{Batches, Observed};
use crate::stats::{chi_square_two_sample, ks_distance, ks_two_sample, normal_two_sided};

/// The chance of finding any difference where there is none, over all comparisons of a run.
pub const SIGNIFICANCE: f64 = 0.001;

/// One quantity, of both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What is compared.
    pub name: String,
    /// Kolmogorov and Smirnov's distance, chi-square, or the normal deviate of a rate.
    pub statistic: f64,
    /// How likely a difference as large is if there is none.
    pub p_value: f64,
    /// How much larger the mean (or rate) of the cores is, as a share of the model's.
    pub effect: f64,
    /// Values of the model.
    pub n_model: usize,
    /// Values of the cores.
    pub n_cores: usize,
    /// Whether both may be of one distribution, by [`SIGNIFICANCE`] shared among all comparisons (Bonferroni).
    pub holds: bool,
}

/// Compares every sample of two runs.
#[must_use]
pub fn compare_samples(model: &Observed, cores: &Observed) -> Vec<Comparison> {
    let mut all: Vec<Comparison> = [
        ("uplink gaps", &model.uplink_gap_ms, &cores.uplink_gap_ms),
        ("downlink gaps", &model.downlink_gap_ms, &cores.downlink_gap_ms),
        ("holding at a hop", &model.holding_ms, &cores.holding_ms),
        ("client to mailbox", &model.to_mailbox_ms, &cores.to_mailbox_ms),
        ("mailbox to client", &model.to_client_ms, &cores.to_client_ms),
        ("loop", &model.loop_ms, &cores.loop_ms),
        ("message", &model.message_ms, &cores.message_ms),
    ]
    .into_iter()
    .map(|(name, model, cores)| Comparison {
        name: name.to_owned(),
        statistic: ks_distance(model, cores),
        p_value: ks_two_sample(model, cores),
        effect: mean(cores) / mean(model) - 1.0,
        n_model: model.len(),
        n_cores: cores.len(),
        holds: !model.is_empty() && !cores.is_empty(),
    })
    .collect();

    let (statistic, p_value) = chi_square_two_sample(&model.occupancy, &cores.occupancy);
    let as_floats = |counts: &[u32]| counts.iter().map(|count| f64::from(*count)).collect::<Vec<f64>>();
    all.push(Comparison {
        name: "held by a mix".to_owned(),
        statistic,
        p_value,
        effect: mean(&as_floats(&cores.occupancy)) / mean(&as_floats(&model.occupancy)) - 1.0,
        n_model: model.occupancy.len(),
        n_cores: cores.occupancy.len(),
        // With fewer than two classes there is no statistic, and nothing was compared.
        holds: !statistic.is_nan(),
    });
    let links =
        model.on_links.keys().chain(cores.on_links.keys().filter(|link| !model.on_links.contains_key(*link)));
    for link in links {
        let of = |observed: &Observed| observed.on_links.get(link).cloned().unwrap_or_default();
        all.push(rates(format!("packets from {link}"), &of(model), &of(cores)));
    }
    all.push(rates("writes per message".to_owned(), &model.writes, &cores.writes));
    let each = SIGNIFICANCE / length(&all).max(1.0);
    for comparison in &mut all {
        comparison.holds &= comparison.p_value >= each;
    }
    all
}

/// Whether two ratios of counts differ: the residuals of the model's batches say how much chance does (Cochran, "Sampling
/// Techniques", 3rd edition, section 6.4). A question and its answer go over the same links, so counts are no Poisson variables.
fn rates(name: String, model: &Batches, cores: &Batches) -> Comparison {
    let sums = |batches: &Batches| {
        batches.iter().fold((0, 0.0), |(count, of), batch| (count + batch.0, of + batch.1))
    };
    let ((of_model, of_model_per), (of_cores, of_cores_per)) = (sums(model), sums(cores));
    let ratio = whole(of_model) / of_model_per;
    let squares: f64 = model.iter().map(|(count, per)| (whole(*count) - ratio * per).powi(2)).sum();
    let variance = squares / (length(model) - 1.0);
    let deviation = (variance * length(cores) * (1.0 + of_cores_per / of_model_per)).sqrt();
    let statistic = (whole(of_cores) - ratio * of_cores_per) / deviation;
    Comparison {
        name,
        statistic,
        p_value: normal_two_sided(statistic),
        effect: (whole(of_cores) / of_cores_per) / ratio - 1.0,
        n_model: usize::try_from(of_model).unwrap_or(usize::MAX),
        n_cores: usize::try_from(of_cores).unwrap_or(usize::MAX),
        // A deviate that is no number compares nothing.
        holds: of_model > 0 && of_cores > 0 && !statistic.is_nan(),
    }
}

fn length<T>(sample: &[T]) -> f64 {
    whole(u64::try_from(sample.len()).unwrap_or(u64::MAX))
}

fn mean(sample: &[f64]) -> f64 {
    sample.iter().sum::<f64>() / length(sample)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn whole(count: u64) -> f64 {
    count as f64
}
