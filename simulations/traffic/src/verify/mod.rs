//! Closed forms held against simulation: each check simulates a small network in which its form applies.
//!
//! Checks are independent and seeded by the caller; on fresh seeds a true form fails about once in some ten thousand runs. Tolerances
//! are stated in advance: [`ERRORS_MAX`] standard errors over replications, and what is known of finite windows and thin
//! traffic. Not here: any form ([`crate::theory`]), and time (callers measure it).

mod disclosure;
mod entropy;
mod latency;
mod networks;
mod occupancy;
mod order;
mod profiles;
mod sampling;
mod ways;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::engine::PrepareError;
use crate::metrics::interval::mean_and_error;
use crate::random::Seed;
use crate::theory::OutsideFormula;

/// Standard errors over replications that a true form may be off. With [`REPLICATIONS`] of them Student's t is beyond once in
/// 20,000 times.
pub const ERRORS_MAX: f64 = 5.0;
/// Independent runs of most checks.
pub const REPLICATIONS: u32 = 24;

/// Why a check gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CheckNotRun {
    /// Its scenario cannot be run.
    #[error("the scenario of the check cannot be run: {0}")]
    Scenario(#[from] PrepareError),
    /// Its form does not hold for its scenario.
    #[error(transparent)]
    Form(#[from] OutsideFormula),
    /// Nothing was measured.
    #[error(
        "{found} replications measured something; at least 2 are needed: run the check with another seed"
    )]
    Unmeasured {
        /// How many did.
        found: usize,
    },
}

impl CheckNotRun {
    /// The label in reports and documentation: `check-scenario`, `outside-formula` or `check-unmeasured`.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Scenario(_) => "check-scenario",
            Self::Form(form) => form.label(),
            Self::Unmeasured { .. } => "check-unmeasured",
        }
    }
}

/// How a measure is held against its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sense {
    /// They are the same within the tolerance.
    Equal,
    /// The form is a lower bound: the measure is not below it by more than the tolerance.
    AtLeast,
}

/// What a check's simulation gave.
struct Outcome {
    expected: f64,
    /// One measure of each replication.
    sample: Vec<f64>,
    /// What the tolerance has besides standard errors.
    allowed: f64,
}

/// One closed form to be held against simulation.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name in reports.
    pub name: &'static str,
    /// The form, in words.
    pub form: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// What is simulated.
    pub scenario: &'static str,
    /// What the tolerance has besides [`ERRORS_MAX`] standard errors, and why.
    pub allowance: &'static str,
    /// How they are compared.
    pub sense: Sense,
    run: fn(Seed) -> Result<Outcome, CheckNotRun>,
}

/// A form beside what was simulated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Which check.
    pub name: String,
    /// How they are compared.
    pub sense: Sense,
    /// What the form says.
    pub expected: f64,
    /// The mean over replications.
    pub measured: f64,
    /// Its standard error.
    pub error: f64,
    /// By how much they may differ.
    pub tolerance: f64,
    /// Whether they differ by no more.
    pub holds: bool,
    /// Independent runs.
    pub replications: usize,
}

impl CheckResult {
    /// Whether this measure would hold against another value of the form.
    #[must_use]
    pub fn holds_against(&self, expected: f64) -> bool {
        match self.sense {
            Sense::Equal => (self.measured - expected).abs() <= self.tolerance,
            Sense::AtLeast => self.measured >= expected - self.tolerance,
        }
    }
}

impl Check {
    /// Simulates and compares. The same seed gives the same result, on any number of threads.
    ///
    /// # Errors
    /// A scenario that is refused, a form outside its range, or nothing measured: mistakes in the check.
    pub fn run(&self, seed: Seed) -> Result<CheckResult, CheckNotRun> {
        let outcome = (self.run)(seed)?;
        let found = outcome.sample.len();
        let (measured, error) = mean_and_error(&outcome.sample).ok_or(CheckNotRun::Unmeasured { found })?;
        let mut result = CheckResult {
            name: self.name.to_owned(),
            sense: self.sense,
            expected: outcome.expected,
            measured,
            error,
            tolerance: ERRORS_MAX * error + outcome.allowed,
            holds: false,
            replications: found,
        };
        result.holds = result.holds_against(result.expected);
        Ok(result)
    }
}

/// All checks, in the order of reports.
#[must_use]
pub fn checks() -> Vec<Check> {
    [
        occupancy::checks(),
        latency::checks(),
        entropy::checks(),
        ways::checks(),
        order::checks(),
        disclosure::checks(),
        profiles::checks(),
    ]
    .concat()
}

/// Runs all checks, each with a seed of its own, on the threads of rayon.
///
/// # Errors
/// The first check that could not be run.
pub fn run_all(seed: Seed) -> Result<Vec<CheckResult>, CheckNotRun> {
    let numbered: Vec<(u64, Check)> = (0..).zip(checks()).collect();
    numbered.par_iter().map(|(number, check)| check.run(seed.replication(*number))).collect()
}

/// Measures each of so many replications, in parallel; those that measure nothing are left out.
fn replicate(
    seed: Seed,
    count: u32,
    measure: impl Fn(Seed) -> Result<Option<f64>, CheckNotRun> + Sync,
) -> Result<Vec<f64>, CheckNotRun> {
    let measured: Result<Vec<Option<f64>>, CheckNotRun> =
        (0..count).into_par_iter().map(|number| measure(seed.replication(u64::from(number)))).collect();
    Ok(measured?.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests;
