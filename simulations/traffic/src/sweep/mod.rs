//! Sweeps: which parameters take which values, and so which points there are.
//!
//! Not here: what a point is once its values are in the scenario, which [`crate::plan`] knows.

mod axis;
mod hypercube;

use serde::Deserialize;
use toml::{Spanned, Value};

use crate::random::Seed;
pub use axis::Axis;
use axis::RawAxis;

/// The most points of a sweep.
pub const POINTS_MAX: u32 = 1_000_000;

/// How the values of several parameters are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SweepKind {
    /// Each value of each with each of the others. The last parameter changes first.
    Grid,
    /// The first of each, the second of each, and so on.
    Zip,
    /// So many samples; each parameter's range is cut into as many parts, and each part has one sample (McKay, Beckman,
    /// Conover 1979).
    LatinHypercube,
}

/// A sweep, as a plan has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSweep {
    kind: Spanned<SweepKind>,
    samples: Option<Spanned<i64>>,
    #[serde(default)]
    axis: Vec<RawAxis>,
}

/// Why a sweep cannot be made, and at which byte of the plan.
#[derive(Debug, PartialEq)]
pub(crate) struct SweepRefusal {
    /// The byte.
    pub(crate) at: usize,
    /// What is wrong and what is allowed.
    pub(crate) what: String,
}

fn refused<T>(at: usize, what: impl Into<String>) -> Result<T, SweepRefusal> {
    Err(SweepRefusal { at, what: what.into() })
}

/// All points, by number.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    kind: SweepKind,
    axes: Vec<Axis>,
    points: u32,
}

impl Sweep {
    /// The single point of a plan without a sweep.
    #[must_use]
    pub const fn single() -> Self {
        Self { kind: SweepKind::Grid, axes: Vec::new(), points: 1 }
    }

    /// Makes the points. `base` is the plan's scenario and attacks with all their defaults: a parameter that is a whole
    /// number there takes whole numbers.
    pub(crate) fn new(raw: RawSweep, base: &Value, seed: Seed) -> Result<Self, SweepRefusal> {
        let at = raw.kind.span().start;
        let kind = *raw.kind.get_ref();
        if raw.axis.is_empty() {
            return refused(at, "a sweep without an axis; expected at least one [[sweep.axis]]");
        }
        let samples = samples(kind, raw.samples.as_ref(), at)?;
        let mut axes: Vec<Axis> = Vec::with_capacity(raw.axis.len());
        for (number, raw) in (0..).zip(raw.axis) {
            let axis = match samples {
                Some(samples) => hypercube::axis(&raw, base, samples, seed, number)?,
                None => raw.stepped(base)?,
            };
            if let Some(other) = axes.iter().find(|other| axis.overlaps(other)) {
                return refused(
                    axis.at(),
                    format!("`{}` is set by the axis `{}` already", axis.key(), other.key()),
                );
            }
            axes.push(axis);
        }
        let points = match (kind, samples) {
            (_, Some(samples)) => u64::from(samples),
            (SweepKind::Zip, None) => zipped(&axes)?,
            (_, None) => axes.iter().map(|axis| axis.values().len() as u64).fold(1, u64::saturating_mul),
        };
        match u32::try_from(points) {
            Ok(points) if points <= POINTS_MAX => Ok(Self { kind, axes, points }),
            _ => refused(at, format!("the sweep has {points} points; allowed: up to {POINTS_MAX}")),
        }
    }

    /// How many points.
    #[must_use]
    pub const fn points(&self) -> u32 {
        self.points
    }

    /// The parameters.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// What each parameter is at a point, in the order of the axes.
    #[must_use]
    pub fn values(&self, point: u32) -> Vec<(&Axis, &Value)> {
        let mut rest = point as usize;
        let mut found = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            let index = if self.kind == SweepKind::Grid {
                let length = axis.values().len().max(1);
                let index = rest % length;
                rest /= length;
                index
            } else {
                rest
            };
            found.extend(axis.values().get(index).map(|value| (axis, value)));
        }
        found.reverse();
        found
    }
}

/// How many samples, of a hypercube alone.
fn samples(kind: SweepKind, samples: Option<&Spanned<i64>>, at: usize) -> Result<Option<u32>, SweepRefusal> {
    match (kind, samples) {
        (SweepKind::LatinHypercube, None) => {
            refused(at, "a latin-hypercube needs `samples`, the number of its points")
        }
        (SweepKind::LatinHypercube, Some(samples)) => match u32::try_from(*samples.get_ref()) {
            Ok(number) if (1..=POINTS_MAX).contains(&number) => Ok(Some(number)),
            _ => refused(
                samples.span().start,
                format!("samples is {}; allowed: 1 to {POINTS_MAX}", samples.get_ref()),
            ),
        },
        (_, Some(samples)) => {
            refused(samples.span().start, "`samples` is of a sweep of kind \"latin-hypercube\" alone")
        }
        (_, None) => Ok(None),
    }
}

/// The length of all axes.
fn zipped(axes: &[Axis]) -> Result<u64, SweepRefusal> {
    let Some((first, others)) = axes.split_first() else { return Ok(1) };
    let length = first.values().len();
    match others.iter().find(|axis| axis.values().len() != length) {
        None => Ok(length as u64),
        Some(axis) => refused(
            axis.at(),
            format!(
                "the axes of a zip need equally many values: `{}` has {length}, `{}` has {}",
                first.key(),
                axis.key(),
                axis.values().len()
            ),
        ),
    }
}

#[cfg(test)]
mod tests;
