//! One parameter of a sweep and the values that it takes.

use serde::Deserialize;
use toml::{Spanned, Value};

use super::{POINTS_MAX, SweepRefusal, refused};
use crate::plan::key;

/// How steps lie between the ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Scale {
    /// Equally far from one another.
    #[default]
    Linear,
    /// In equal proportions.
    Log,
}

/// An axis, as a plan has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAxis {
    key: Spanned<String>,
    values: Option<Spanned<Vec<Value>>>,
    from: Option<f64>,
    to: Option<f64>,
    steps: Option<Spanned<i64>>,
    #[serde(default)]
    scale: Scale,
}

/// What an axis goes through.
pub(super) enum Values {
    /// These.
    List(Vec<Value>),
    /// All between two ends.
    Range(Range),
}

/// Two ends and what is between them.
pub(super) struct Range {
    from: f64,
    to: f64,
    scale: Scale,
    /// Whether the parameter takes whole numbers.
    whole: bool,
}

impl Range {
    /// What lies at this share of the way, 0 to 1.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is beyond is far beyond any range that is allowed"
    )]
    pub(super) fn at(&self, share: f64) -> Value {
        let value = match self.scale {
            // The ends are what was written, to the last bit.
            _ if share >= 1.0 => self.to,
            _ if share <= 0.0 => self.from,
            Scale::Linear => self.from + (self.to - self.from) * share,
            Scale::Log => self.from * (self.to / self.from).powf(share),
        };
        let whole = value.fract() == 0.0 && value.abs() < 9e15;
        if self.whole || whole { Value::Integer(value.round() as i64) } else { Value::Float(value) }
    }
}

/// A parameter and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    key: String,
    parts: Vec<String>,
    at: usize,
    values: Vec<Value>,
}

impl Axis {
    pub(super) fn new(raw: &RawAxis, values: Vec<Value>) -> Self {
        let key = raw.key.get_ref().clone();
        Self { parts: key::parts(&key), at: raw.at(), key, values }
    }

    /// The key, as the plan has it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key's parts, from the root of the plan.
    pub(crate) fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Where in the plan it stands.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// The values.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Whether both set one thing, or one sets what the other is part of.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        key::overlap(&self.parts, &other.parts)
    }
}

impl RawAxis {
    pub(super) fn at(&self) -> usize {
        self.key.span().start
    }

    /// The number of steps, if it is given.
    pub(super) const fn steps(&self) -> Option<&Spanned<i64>> {
        self.steps.as_ref()
    }

    /// The list or the range, checked.
    pub(super) fn values(&self, base: &Value) -> Result<Values, SweepRefusal> {
        let key = self.key.get_ref();
        let parts = key::parts(key);
        let sweepable = parts.len() > 1 && parts.iter().all(|part| !part.is_empty());
        if !sweepable || !matches!(parts.first().map(String::as_str), Some("scenario" | "attack")) {
            return refused(
                self.at(),
                format!(
                    "`{key}` cannot be swept; allowed: keys of the scenario (mixing.delay_ms_mean) and attack.N.KEY"
                ),
            );
        }
        match (&self.values, self.from, self.to) {
            (Some(values), None, None) => {
                if values.get_ref().is_empty() {
                    return refused(
                        values.span().start,
                        format!("the axis `{key}` is empty; expected at least one value"),
                    );
                }
                if let Some(steps) = &self.steps {
                    return refused(
                        steps.span().start,
                        "`steps` goes with `from` and `to`, not with `values`",
                    );
                }
                Ok(Values::List(values.get_ref().clone()))
            }
            (None, Some(from), Some(to)) => {
                if !from.is_finite() || !to.is_finite() {
                    return refused(
                        self.at(),
                        format!("the ends of `{key}` are {from} and {to}; expected numbers"),
                    );
                }
                if self.scale == Scale::Log && (from <= 0.0 || to <= 0.0) {
                    return refused(
                        self.at(),
                        format!("the ends of `{key}` are {from} and {to}; on a log scale both are above 0"),
                    );
                }
                let whole = matches!(key::get(base, &parts), Some(Value::Integer(_)));
                Ok(Values::Range(Range { from, to, scale: self.scale, whole }))
            }
            _ => refused(self.at(), format!("the axis `{key}` needs either `values`, or `from` and `to`")),
        }
    }

    /// The values of a grid's or a zip's axis.
    pub(super) fn stepped(&self, base: &Value) -> Result<Axis, SweepRefusal> {
        let key = self.key.get_ref();
        let range = match self.values(base)? {
            Values::List(values) => return Ok(Axis::new(self, values)),
            Values::Range(range) => range,
        };
        let Some(steps) = &self.steps else {
            return refused(
                self.at(),
                format!("the axis `{key}` needs `steps`, the number of values from `from` to `to`"),
            );
        };
        let count = match u32::try_from(*steps.get_ref()) {
            Ok(count) if (2..=POINTS_MAX).contains(&count) => count,
            _ => {
                return refused(
                    steps.span().start,
                    format!("steps is {}; allowed: 2 to {POINTS_MAX}", steps.get_ref()),
                );
            }
        };
        let values: Vec<Value> =
            (0..count).map(|step| range.at(f64::from(step) / f64::from(count - 1))).collect();
        match values.windows(2).find(|pair| pair.first() == pair.last()) {
            None => Ok(Axis::new(self, values)),
            Some(pair) => refused(
                steps.span().start,
                format!(
                    "{count} steps of `{key}` meet {} more than once; fewer steps are enough",
                    pair.first().map(ToString::to_string).unwrap_or_default()
                ),
            ),
        }
    }
}
