//! The values of a Latin hypercube.

use toml::Value;

use super::axis::{Axis, RawAxis, Values};
use super::{SweepRefusal, refused};
use crate::random::{Purpose, Seed};

/// The values of one parameter in all samples: one in each of as many equal parts of its range, in random order.
/// Of a list, the parts are shared out over its elements.
pub(super) fn axis(
    raw: &RawAxis,
    base: &Value,
    samples: u32,
    seed: Seed,
    number: u64,
) -> Result<Axis, SweepRefusal> {
    let values = raw.values(base)?;
    if let Some(steps) = raw.steps() {
        return refused(
            steps.span().start,
            "a latin-hypercube has no `steps`; `samples` says how many there are",
        );
    }
    let mut draws = seed.draws(Purpose::Hypercube, number);
    let mut cells: Vec<u32> = (0..samples).collect();
    for last in (1..cells.len()).rev() {
        let other = draws.below(u32::try_from(last + 1).unwrap_or(u32::MAX)) as usize;
        cells.swap(last, other);
    }
    let drawn = cells
        .into_iter()
        .filter_map(|cell| {
            let share = (f64::from(cell) + draws.unit()) / f64::from(samples);
            match &values {
                Values::Range(range) => Some(range.at(share)),
                Values::List(list) => list.get(element(share, list.len())).cloned(),
            }
        })
        .collect();
    Ok(Axis::new(raw, drawn))
}

/// Which element of a list lies at this share of it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of 0 to 1 of a length that is far below 2^52"
)]
fn element(share: f64, length: usize) -> usize {
    ((share * length as f64) as usize).min(length.saturating_sub(1))
}
