//! Examines whether the profile's routes work, one thing after the other, and says in words what to do.
//!
//! An examination runs beside the engine, in the process that owns the profile: a Tor client has its state to
//! itself. It goes by the same ways, to the same servers and entries as the profile does, and opens nothing else. What
//! the findings mean is judged in `judge`, without a network; the terminal is the command line's.

mod judge;
mod scene;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Failure;
pub(super) use scene::Scene;

/// One finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at: `profile`, `tor`, `consensus`, `clock`, `entry`, `mailbox`.
    pub check: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// The stable name of the trouble.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What was found, and what to do.
    pub text: String,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
}

impl Check {
    /// All is well.
    #[must_use]
    pub fn well(check: &str, text: impl Into<String>) -> Self {
        Self { check: check.to_owned(), ok: true, label: None, text: text.into(), took_ms: None }
    }

    /// Something is wrong.
    #[must_use]
    pub fn trouble(check: &str, failure: &Failure) -> Self {
        let Failure { label, text } = failure.clone();
        Self { check: check.to_owned(), ok: false, label: Some(label), text, took_ms: None }
    }

    /// With the time that it took.
    #[must_use]
    pub const fn took(mut self, took_ms: u64) -> Self {
        self.took_ms = Some(took_ms);
        self
    }
}

/// An examination as far as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Examination {
    /// Its number, to ask for it again.
    pub run: u64,
    /// Whether nothing more will come.
    pub done: bool,
    /// The findings, in order.
    pub checks: Vec<Check>,
}

/// Examines the network of one profile. Clones are the same.
#[derive(Clone)]
pub struct Doctor {
    scene: Arc<Scene>,
    last: Arc<Mutex<Examination>>,
}

impl Doctor {
    pub(super) fn new(scene: Scene) -> Self {
        let none = Examination { done: true, ..Examination::default() };
        Self { scene: Arc::new(scene), last: Arc::new(Mutex::new(none)) }
    }

    /// Begins an examination, unless one is under way; or says how far the examination `run` is.
    ///
    /// # Errors
    /// `doctor-run-unknown` for one that was not begun, or was followed by another.
    pub(super) fn examine(&self, run: Option<u64>) -> Result<Value, Failure> {
        let mut last = self.lock();
        match run {
            Some(run) if run != last.run => {
                return Err(Failure::new(
                    "doctor-run-unknown",
                    format!("there is no examination {run}: begin one by leaving the number out"),
                ));
            }
            Some(_) => {}
            None if !last.done => {}
            None => {
                *last = Examination { run: last.run.wrapping_add(1), ..Examination::default() };
                let doctor = self.clone();
                tokio::spawn(async move {
                    let end = Ends(&doctor);
                    doctor.scene.examine(|check| doctor.lock().checks.push(check)).await;
                    drop(end);
                });
            }
        }
        let tor = self.scene.tor_status();
        let ok = last.done && last.checks.iter().all(|check| check.ok);
        Ok(json!({ "run": last.run, "done": last.done, "ok": ok, "checks": last.checks, "tor": tor }))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Examination> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks the examination as done when it is dropped, by a panic too: nobody waits for ever.
struct Ends<'a>(&'a Doctor);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.lock().done = true;
    }
}

impl fmt::Debug for Doctor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Doctor")
    }
}
