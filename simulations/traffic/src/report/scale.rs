//! From values to places on an axis, and where its ticks are.

use super::number::tick;

/// Values that span more than this factor get a logarithmic axis.
const LOG_FROM_FACTOR: f64 = 100.0;
/// The fewest steps of a linear axis; there are less than three times as many.
const STEPS_MIN: f64 = 3.0;
/// The most ticks of a logarithmic axis, and the most words on an axis.
const TICKS_MAX: usize = 8;

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scale {
    /// From, to.
    Linear(f64, f64),
    /// From, to; both greater than zero.
    Log(f64, f64),
    /// Words at 0, 1, 2 and so on.
    Words(Vec<String>),
}

impl Scale {
    /// An axis that holds these values with some room. `None` if there is no finite one.
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        // Beyond this the span of an axis is no finite number any more.
        if low > high || low.abs().max(high.abs()) > f64::MAX / 16.0 {
            return None;
        }
        if low > 0.0 && high / low > LOG_FROM_FACTOR {
            return Some(Self::Log(low / 1.2, high * 1.2));
        }
        let mut span = high - low;
        if span <= high.abs() * 1e-9 {
            span = if high == 0.0 { 1.0 } else { high.abs() * 0.5 };
        }
        // Zero is shown where it is near, so that lengths can be compared.
        let near_zero = |end: f64| end.abs() < 1.5 * span;
        let from = if low >= 0.0 && near_zero(low) { 0.0 } else { low - 0.06 * span };
        let to = if high <= 0.0 && near_zero(high) { 0.0 } else { high + 0.08 * span };
        Some(Self::Linear(from, to))
    }

    /// Where a value is, from 0 to 1; what is outside is at the end.
    pub(super) fn place(&self, value: f64) -> f64 {
        let part = match self {
            Self::Linear(low, high) => (value - low) / (high - low),
            Self::Log(low, high) => (value.max(*low) / low).ln() / (high / low).ln(),
            Self::Words(words) => {
                let count = u32::try_from(words.len()).map_or(1.0, f64::from).max(1.0);
                (value + 0.5) / count
            }
        };
        if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Values and what is written at them.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        match self {
            Self::Linear(low, high) => linear_ticks(*low, *high),
            Self::Log(low, high) => log_ticks(*low, *high),
            Self::Words(words) => {
                let every = words.len().div_ceil(TICKS_MAX).max(1);
                (0_u32..).map(f64::from).zip(words.iter().cloned()).step_by(every).collect()
            }
        }
    }
}

fn linear_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let rough = (high - low) / STEPS_MIN;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = [5.0, 2.0, 1.0]
        .into_iter()
        .map(|digit| digit * magnitude)
        .find(|step| *step <= rough * 1.001)
        .unwrap_or(rough);
    let first = (low / step - 1e-9).ceil() * step;
    (0_u32..12)
        .map(|number| first + f64::from(number) * step)
        .take_while(|value| *value <= high + step * 1e-9)
        .map(|value| (value, tick(value, step)))
        .collect()
}

fn log_ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let decade = |exponent: f64| 10_f64.powf(exponent);
    let first = (low.log10() - 1e-9).ceil();
    let decades: Vec<f64> = (0_u32..700)
        .map(|number| decade(first + f64::from(number)))
        .take_while(|value| *value <= high * (1.0 + 1e-9))
        .collect();
    let every = decades.len().div_ceil(TICKS_MAX).max(1);
    decades.into_iter().step_by(every).map(|value| (value, tick(value, value))).collect()
}
