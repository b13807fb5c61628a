//! The points of a plan: its scenario and attacks with the values of the sweep put in.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use toml::Value;

use super::refusal::{PlanFault, PlanRefusal, nearest, unknown_field, with_suggestion};
use super::source::Source;
use super::{cost, hash, key};
use crate::engine::{PrepareError, Simulation};
use crate::experiment::AttackPlan;
use crate::random::Seed;
use crate::results::Setting;
use crate::scenario::{Latency, Scenario, ScenarioRefusal, Writing};
use crate::sweep::{Axis, Sweep};

/// How much of a file is read at once.
const CHUNK_BYTES: usize = 1 << 16;

/// Where files are named.
const EDGE_LIST: &str = "scenario.behaviour.writing.file";
const MATRIX: &str = "scenario.latency.file";

/// What a sweep can change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Situation {
    pub(super) scenario: Scenario,
    #[serde(default)]
    pub(super) attack: Vec<AttackPlan>,
}

/// One point, ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Which, from 0.
    pub number: u32,
    /// What the sweep set, by the keys of the plan.
    pub settings: BTreeMap<String, Setting>,
    /// The scenario; names of files in it are complete.
    pub scenario: Scenario,
    /// The attacks.
    pub attacks: Vec<AttackPlan>,
    /// SHA-256 of scenario and attacks in canonical form, with the content of the files that they name.
    pub config_hash: String,
}

/// Makes points.
#[derive(Debug)]
pub(super) struct Points {
    source: Source,
    base: Value,
    sweep: Sweep,
    /// Hashes of the files met so far: an edge list is read once, not for each point.
    files: Mutex<BTreeMap<PathBuf, String>>,
}

impl Points {
    pub(super) const fn new(source: Source, base: Value, sweep: Sweep) -> Self {
        Self { source, base, sweep, files: Mutex::new(BTreeMap::new()) }
    }

    pub(super) const fn sweep(&self) -> &Sweep {
        &self.sweep
    }

    pub(super) const fn source(&self) -> &Source {
        &self.source
    }

    /// Attacks by name, in the plan without its sweep: which attack there is cannot be swept to any use, as each has its
    /// own columns.
    pub(super) fn check_attacks(&self, known: &[&str]) -> Result<(), PlanRefusal> {
        for (index, attack) in self.get(0)?.attacks.iter().enumerate() {
            if known.contains(&attack.name.as_str()) {
                continue;
            }
            let at = self.source.position(&["attack".to_owned(), index.to_string(), "name".to_owned()]);
            let near = nearest(&attack.name, known.iter().copied())
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            let what = format!("there is no attack `{}`; allowed: {}{near}", attack.name, known.join(", "));
            return Err(self.source.refusal(PlanFault::Value, at, what));
        }
        Ok(())
    }

    /// A point, checked.
    pub(super) fn get(&self, number: u32) -> Result<Point, PlanRefusal> {
        let values = self.sweep.values(number);
        let mut tree = self.base.clone();
        // Tags first: they begin their tables afresh.
        let (tags, others): (Vec<_>, Vec<_>) =
            values.iter().partition(|(axis, _)| axis.parts().last().is_some_and(|part| key::is_tag(part)));
        for (axis, value) in tags.into_iter().chain(others) {
            key::put(&mut tree, axis.parts(), (*value).clone()).map_err(|what| {
                self.source.refusal(PlanFault::Sweep, axis.at(), format!("`{}`: {what}", axis.key()))
            })?;
        }
        let Situation { mut scenario, attack } =
            tree.try_into().map_err(|error: toml::de::Error| self.misshapen(number, error.message()))?;
        scenario
            .validate()
            .and_then(|()| cost::check(&scenario))
            .map_err(|refusal| self.refused(number, &refusal))?;
        let config_hash = self.hash(number, &mut scenario, &attack)?;
        let settings =
            values.into_iter().map(|(axis, value)| (axis.key().to_owned(), setting(value))).collect();
        Ok(Point { number, settings, scenario, attacks: attack, config_hash })
    }

    /// What identifies the sweep, the scenario and the attacks together.
    pub(super) fn hash_of_all(&self, seed: Seed) -> Result<String, PlanRefusal> {
        let first = self.get(0)?;
        let axes: Vec<_> = self
            .sweep
            .axes()
            .iter()
            .map(|axis| (axis.key(), axis.values().iter().map(setting).collect::<Vec<_>>()))
            .collect();
        Ok(hash::of(&serde_json::json!({
            "seed": seed.as_u64(),
            "first": first.config_hash,
            "base": self.base,
            "points": self.sweep.points(),
            "axes": axes,
        })))
    }

    /// A point that is not even of the right shape: a key that there is not, a wrong type.
    fn misshapen(&self, number: u32, message: &str) -> PlanRefusal {
        let axes = self.sweep.axes();
        let named = unknown_field(message)
            .and_then(|name| axes.iter().find(|axis| axis.parts().iter().any(|part| part == name)));
        let at = named.or(axes.first()).map_or(0, Axis::at);
        self.source.refusal(
            PlanFault::Sweep,
            at,
            format!("{} ({})", with_suggestion(message), self.describe(number)),
        )
    }

    /// A point with a value out of range: the fault of an axis, if one of them has set it.
    fn refused(&self, number: u32, refusal: &ScenarioRefusal) -> PlanRefusal {
        let parts = field_parts(&refusal.field);
        match self.axis_of(&parts) {
            Some(axis) => self.source.refusal(
                PlanFault::Sweep,
                axis.at(),
                format!("{refusal} ({})", self.describe(number)),
            ),
            None => self.source.refusal(PlanFault::Value, self.source.position(&parts), refusal.to_string()),
        }
    }

    fn axis_of(&self, parts: &[String]) -> Option<&Axis> {
        self.sweep.axes().iter().find(|axis| key::overlap(axis.parts(), parts))
    }

    fn describe(&self, number: u32) -> String {
        let values = self.sweep.values(number);
        let values: Vec<String> =
            values.iter().map(|(axis, value)| format!("{} = {value}", axis.key())).collect();
        format!("at point {number}: {}", values.join(", "))
    }

    /// Completes the names of files and hashes everything.
    fn hash(
        &self,
        number: u32,
        scenario: &mut Scenario,
        attacks: &[AttackPlan],
    ) -> Result<String, PlanRefusal> {
        let mut hashed = scenario.clone();
        let mut met = Vec::new();
        if let Writing::EdgeList { file } = &mut scenario.behaviour.writing {
            let content = self.file(number, file, EDGE_LIST, &mut met)?;
            hashed.behaviour.writing = Writing::EdgeList { file: content };
        }
        if let Latency::Matrix { file } = &mut scenario.latency {
            let content = self.file(number, file, MATRIX, &mut met)?;
            hashed.latency = Latency::Matrix { file: content };
        }
        if !met.is_empty() {
            self.try_files(number, scenario)?;
            self.files.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(met);
        }
        Ok(hash::of(&serde_json::json!({ "scenario": hashed, "attacks": attacks })))
    }

    /// Completes the name of a file, which is relative to the plan's, and returns the hash of its content in its place. A
    /// file that has not been met before is added to those that have to be tried.
    fn file(
        &self,
        number: u32,
        file: &mut PathBuf,
        key: &str,
        met: &mut Vec<(PathBuf, String)>,
    ) -> Result<PathBuf, PlanRefusal> {
        *file = self.source.directory().join(&*file);
        let known = self.files.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(hash) = known.get(file) {
            return Ok(hash.into());
        }
        drop(known);
        let hash = hash_of_file(file).map_err(|error| {
            let what = format!(
                "cannot read {}: {error}; expected a file, its name relative to the directory of the plan",
                file.display()
            );
            self.file_refusal(number, key, &what)
        })?;
        met.push((file.clone(), hash.clone()));
        Ok(hash.into())
    }

    /// Lets the model read the files: a mistake in them is found before anything runs.
    fn try_files(&self, number: u32, scenario: &Scenario) -> Result<(), PlanRefusal> {
        let Err(error) = Simulation::new(scenario, Seed::new(0)) else { return Ok(()) };
        let is_of = |file: &Path| match &error {
            PrepareError::Unreadable { file: found, .. } | PrepareError::Line { file: found, .. } => {
                found == file
            }
            PrepareError::Scenario(_) => false,
        };
        let key = match &scenario.latency {
            Latency::Matrix { file } if is_of(file) => MATRIX,
            _ => EDGE_LIST,
        };
        Err(self.file_refusal(number, key, &error.to_string()))
    }

    fn file_refusal(&self, number: u32, key: &str, what: &str) -> PlanRefusal {
        let parts = key::parts(key);
        match self.axis_of(&parts) {
            Some(axis) => {
                let what = format!("{what} ({})", self.describe(number));
                self.source.refusal(PlanFault::File, axis.at(), what)
            }
            None => self.source.refusal(PlanFault::File, self.source.position(&parts), what),
        }
    }
}

fn hash_of_file(file: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(file)?;
    let mut hasher = hash::Hasher::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let filled = file.read(&mut chunk)?;
        match chunk.get(..filled) {
            Some([]) | None => return Ok(format!("sha256:{}", hasher.finish())),
            Some(bytes) => hasher.update(bytes),
        }
    }
}

/// The parts of a field as a scenario names it: `clients[0].count`, `the sum of clients[].count`.
fn field_parts(field: &str) -> Vec<String> {
    let name = field.rsplit(' ').next().unwrap_or(field);
    let name = name.split("[]").next().unwrap_or(name);
    key::parts(&name.replace('[', ".").replace(']', ""))
}

/// A value as a column of a table: numbers are numbers, all else is words.
#[expect(clippy::cast_precision_loss, reason = "no parameter is beyond 2^53")]
fn setting(value: &Value) -> Setting {
    match value {
        Value::Integer(number) => Setting::Number(*number as f64),
        Value::Float(number) => Setting::Number(*number),
        Value::String(text) => Setting::Text(text.clone()),
        other => Setting::Text(other.to_string()),
    }
}
