//! The tests by which two runs are told apart, and what they said.

use serde::Serialize;

use super::observed::Observed;
use crate::stats::{chi_square_two_sample, ks_distance, ks_two_sample, poisson_rates_differ};

/// The chance of finding any difference where there is none, over all comparisons of a run.
pub const SIGNIFICANCE: f64 = 0.001;

/// Packets are the same in number whatever they carry, so this changes no time and no link.
const RECEIPTS: &str = "clients write receipts and reports, which the model does not have";

/// Where it comes from that answers and loops take one mean delay longer in the model.
const LAST_ENTRY: &str =
    "the model also mixes what comes back at the entry, where the cores let it wait for the downlink alone";

/// One quantity, of both.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What is compared.
    pub name: String,
    /// Kolmogorov and Smirnov's distance, chi-square, or the normal deviate of two rates.
    pub statistic: f64,
    /// How likely a difference as large is if there is none.
    pub p_value: f64,
    /// How much larger the mean (or rate) of the cores is, as a share of the model's.
    pub effect: f64,
    /// Values of the model.
    pub n_model: usize,
    /// Values of the cores.
    pub n_cores: usize,
    /// Why they differ, if the model leaves out something that the cores do; then no difference counts as a failure.
    pub known: Option<&'static str>,
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
        known: matches!(name, "mailbox to client" | "loop" | "message").then_some(LAST_ENTRY),
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
        known: None,
        holds: !model.occupancy.is_empty() && !cores.occupancy.is_empty(),
    });
    let links =
        model.on_links.keys().chain(cores.on_links.keys().filter(|link| !model.on_links.contains_key(*link)));
    for link in links {
        let count = |observed: &Observed| observed.on_links.get(link).copied().unwrap_or(0);
        all.push(rates(
            format!("packets from {link}"),
            (count(model), model.span_s),
            (count(cores), cores.span_s),
        ));
    }
    all.push(Comparison {
        known: Some(RECEIPTS),
        ..rates(
            "writes per message".to_owned(),
            (model.writes, whole(model.written)),
            (cores.writes, whole(cores.written)),
        )
    });
    let each = SIGNIFICANCE / whole(u64::try_from(all.len().max(1)).unwrap_or(u64::MAX));
    for comparison in &mut all {
        let differs = comparison.p_value < each && comparison.known.is_none();
        comparison.holds &= !differs;
    }
    all
}

fn rates(name: String, model: (u64, f64), cores: (u64, f64)) -> Comparison {
    let (statistic, p_value) = poisson_rates_differ(model, cores);
    Comparison {
        name,
        statistic,
        p_value,
        effect: (whole(cores.0) / cores.1) / (whole(model.0) / model.1) - 1.0,
        n_model: usize::try_from(model.0).unwrap_or(usize::MAX),
        n_cores: usize::try_from(cores.0).unwrap_or(usize::MAX),
        known: None,
        holds: model.0 > 0 && cores.0 > 0,
    }
}

fn mean(sample: &[f64]) -> f64 {
    sample.iter().sum::<f64>() / whole(u64::try_from(sample.len()).unwrap_or(u64::MAX))
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn whole(count: u64) -> f64 {
    count as f64
}
