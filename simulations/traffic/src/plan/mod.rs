//! Plans: a question to the simulator, as a file in TOML.
//!
//! A plan has a scenario, attacks, a sweep and a number of replications; that makes points, and a task for each point and
//! replication. Mistakes are refused with their line. Not here: running tasks ([`crate::runner`]), and what their results
//! say.

mod bound;
mod cost;
mod crossing;
mod hash;
pub(crate) mod key;
mod point;
mod refusal;
mod source;

use std::ops::Range;
use std::path::Path;

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use serde::Deserialize;
use toml::Spanned;

pub use bound::{Bound, Relation};
pub use cost::Cost;
pub use crossing::{Crossing, UnknownMeasure, crossings};
pub use point::Point;
use point::{Points, Situation};
pub(crate) use refusal::nearest;
pub use refusal::{Place, PlanFault, PlanRefusal};
use source::Source;

use crate::experiment::AttackPlan;
use crate::random::Seed;
use crate::scenario::Scenario;
use crate::sweep::{RawSweep, Sweep};

/// The most replications of a point.
const REPLICATIONS_MAX: u32 = 100_000;
/// The most tasks of a plan.
const TASKS_MAX: u64 = 10_000_000;
/// The longest name of a plan, in characters.
const NAME_CHARS_MAX: usize = 100;

/// A plan's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Spanned<String>,
    #[serde(default)]
    question: String,
    #[serde(default = "first_seed")]
    seed: u64,
    #[serde(default = "one_replication")]
    replications: Spanned<i64>,
    #[serde(default)]
    scenario: Scenario,
    sweep: Option<RawSweep>,
    #[serde(default)]
    attack: Vec<Spanned<AttackPlan>>,
    #[serde(default)]
    fail_if: Vec<Spanned<String>>,
}

const fn first_seed() -> u64 {
    1
}

fn one_replication() -> Spanned<i64> {
    Spanned::new(0..0, 1)
}

/// One run: a replication at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its number. All points of the first replication come first: more replications leave the numbers as they are.
    pub number: u64,
    /// The point.
    pub point: u32,
    /// The replication.
    pub replication: u32,
    /// The seed, the same at all points: variants share their luck.
    pub seed: Seed,
}

/// A plan that has been read.
#[derive(Debug)]
pub struct Plan {
    name: String,
    question: String,
    seed: Seed,
    replications: u32,
    bounds: Vec<Bound>,
    /// The names of the attacks.
    attacks: Vec<String>,
    points: Points,
}

impl Plan {
    /// Reads a plan, puts in what is set on the command line (`a.b=x`), and checks it and its first point.
    ///
    /// # Errors
    /// The first mistake, with its line and what is allowed.
    pub fn load(file: &Path, sets: &[String]) -> Result<Self, PlanRefusal> {
        Self::from_source(Source::read(file, sets, &defaults())?)
    }

    /// The same from a text; `file` is what mistakes name and what names of files are relative to.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(file: &Path, text: &str, sets: &[String]) -> Result<Self, PlanRefusal> {
        Self::from_source(Source::new(file, text.to_owned(), sets, &defaults())?)
    }

    fn from_source(source: Source) -> Result<Self, PlanRefusal> {
        let written: Written = source.parse()?;
        let value_fault = |at: usize, what: String| source.refusal(PlanFault::Value, at, what);
        let name = written.name.get_ref();
        if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
            let what = format!("name is {name:?}; allowed: 1 to {NAME_CHARS_MAX} characters in one line");
            return Err(value_fault(written.name.span().start, what));
        }
        let replications = u32::try_from(*written.replications.get_ref())
            .ok()
            .filter(|number| (1..=REPLICATIONS_MAX).contains(number))
            .ok_or_else(|| {
                let found = written.replications.get_ref();
                let what = format!("replications is {found}; allowed: 1 to {REPLICATIONS_MAX}");
                value_fault(written.replications.span().start, what)
            })?;
        for (index, attack) in written.attack.iter().enumerate() {
            let name = &attack.get_ref().name;
            if written.attack.iter().take(index).any(|earlier| earlier.get_ref().name == *name) {
                let what = format!("the attack `{name}` is there twice; each has one row of results");
                return Err(value_fault(attack.span().start, what));
            }
        }
        let attacks: Vec<String> =
            written.attack.iter().map(|attack| attack.get_ref().name.clone()).collect();
        let bounds = written
            .fail_if
            .iter()
            .map(|text| {
                Bound::parse(text.get_ref())
                    .and_then(|bound| bound.check(&attacks).map(|()| bound))
                    .map_err(|what| source.refusal(PlanFault::Bound, text.span().start, what))
            })
            .collect::<Result<_, _>>()?;
        let seed = Seed::new(written.seed);
        let attack = written.attack.into_iter().map(Spanned::into_inner).collect();
        let base = toml::Value::try_from(Situation { scenario: written.scenario, attack })
            .map_err(|error| value_fault(0, error.to_string()))?;
        let sweep = match written.sweep {
            None => Sweep::single(),
            Some(raw) => Sweep::new(raw, &base, seed)
                .map_err(|refusal| source.refusal(PlanFault::Sweep, refusal.at, refusal.what))?,
        };
        let tasks = u64::from(sweep.points()) * u64::from(replications);
        if tasks > TASKS_MAX {
            let what = format!(
                "{} points with {replications} replications are {tasks} tasks; allowed: up to {TASKS_MAX}",
                sweep.points()
            );
            return Err(source.refusal(PlanFault::Sweep, written.replications.span().start, what));
        }
        let points = Points::new(source, base, sweep);
        let plan = Self {
            name: written.name.into_inner(),
            question: written.question,
            seed,
            replications,
            bounds,
            attacks,
            points,
        };
        plan.point(0)?;
        Ok(plan)
    }

    /// What the plan is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it asks, in words.
    #[must_use]
    pub fn question(&self) -> &str {
        &self.question
    }

    /// The seed from which those of the replications come.
    #[must_use]
    pub const fn seed(&self) -> Seed {
        self.seed
    }

    /// How often each point is run.
    #[must_use]
    pub const fn replications(&self) -> u32 {
        self.replications
    }

    /// What its results must not be.
    #[must_use]
    pub fn bounds(&self) -> &[Bound] {
        &self.bounds
    }

    /// Checks a bound that is not in the plan's file: before the work that it is to judge.
    ///
    /// # Errors
    /// A measure of an attack that the plan does not have.
    pub fn check_bound(&self, bound: &Bound) -> Result<(), PlanRefusal> {
        bound.check(&self.attacks).map_err(|what| PlanRefusal {
            fault: PlanFault::Bound,
            place: Place::FailIf(bound.to_string()),
            what,
        })
    }

    /// The text, as it was read.
    #[must_use]
    pub fn text(&self) -> &str {
        self.points.source().text()
    }

    /// The name of the file that it was read from, without its directories.
    #[must_use]
    pub fn file_name(&self) -> String {
        self.points.source().file_name()
    }

    /// What was set from outside, as it was given.
    pub fn sets(&self) -> impl Iterator<Item = &str> {
        self.points.source().sets()
    }

    /// Checks that there are attacks of these names.
    ///
    /// # Errors
    /// The first attack that is not among `known`, with its line and the names that there are.
    pub fn check_attacks(&self, known: &[&str]) -> Result<(), PlanRefusal> {
        self.points.check_attacks(known)
    }

    /// The sweep.
    #[must_use]
    pub const fn sweep(&self) -> &Sweep {
        self.points.sweep()
    }

    /// How many tasks there are.
    #[must_use]
    pub fn tasks(&self) -> u64 {
        u64::from(self.sweep().points()) * u64::from(self.replications)
    }

    /// A task.
    #[must_use]
    pub fn task(&self, number: u64) -> Option<Task> {
        if number >= self.tasks() {
            return None;
        }
        let points = u64::from(self.sweep().points()).max(1);
        let replication = number / points;
        Some(Task {
            number,
            point: u32::try_from(number % points).ok()?,
            replication: u32::try_from(replication).ok()?,
            seed: self.seed.replication(replication),
        })
    }

    /// A point, checked.
    ///
    /// # Errors
    /// What is wrong with it, with the line of the axis that made it so.
    pub fn point(&self, number: u32) -> Result<Point, PlanRefusal> {
        self.points.get(number)
    }

    /// Checks every point that these tasks belong to.
    ///
    /// # Errors
    /// The first mistake, by the number of the point.
    pub fn check(&self, tasks: Range<u64>) -> Result<(), PlanRefusal> {
        let points = u64::from(self.sweep().points());
        let all = tasks.end.saturating_sub(tasks.start) >= points;
        let tasks = if all { 0..points } else { tasks };
        let refusal = tasks
            .into_par_iter()
            .filter_map(|number| self.task(number))
            .find_map_first(|task| self.point(task.point).err());
        refusal.map_or(Ok(()), Err)
    }

    /// What identifies scenario, attacks, sweep and seed together, in hexadecimal. Name, question, bounds and the number of
    /// replications are not in it: they change no row.
    ///
    /// # Errors
    /// As [`Self::point`].
    pub fn hash(&self) -> Result<String, PlanRefusal> {
        self.points.hash_of_all(self.seed)
    }
}

/// The scenario that a plan changes, as it would stand in one.
fn defaults() -> String {
    let scenario = toml::Table::from_iter([(
        "scenario".to_owned(),
        toml::Value::try_from(Scenario::default()).unwrap_or_else(|_| toml::Value::Table(toml::Table::new())),
    )]);
    toml::to_string(&scenario).unwrap_or_default()
}

#[cfg(test)]
mod tests;
