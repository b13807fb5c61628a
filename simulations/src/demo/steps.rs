//! The demonstration's steps, and how each ended.

use serde::{Deserialize, Serialize};

use super::narrator::Narrator;

/// One thing that the demonstration shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// An invitation is made.
    Invite,
    /// It is taken up, and both sides have each other's keys.
    Accept,
    /// A wrong safety number is refused.
    WrongNumber,
    /// Both compare the right one.
    Verify,
    /// Messages go both ways.
    Talk,
    /// A message is answered.
    Reply,
    /// Somebody reacts to it.
    React,
    /// A text is corrected.
    Edit,
    /// A message is delivered and read, and its sender is told.
    Receipts,
    /// A message disappears on both sides.
    Disappear,
    /// A file arrives although both programs are killed meanwhile.
    File,
    /// A program is killed in mid-send.
    Kill,
    /// A backup is made.
    Backup,
    /// The profile is lost.
    Lose,
    /// It is restored from the backup.
    Restore,
    /// Both are told, and nobody has to verify anew.
    Told,
    /// What was sent since the backup comes again.
    CatchUp,
    /// Messages go both ways again.
    GoOn,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 18] = [
        Self::Invite,
        Self::Accept,
        Self::WrongNumber,
        Self::Verify,
        Self::Talk,
        Self::Reply,
        Self::React,
        Self::Edit,
        Self::Receipts,
        Self::Disappear,
        Self::File,
        Self::Kill,
        Self::Backup,
        Self::Lose,
        Self::Restore,
        Self::Told,
        Self::CatchUp,
        Self::GoOn,
    ];
}

/// How a step ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StepReport {
    /// Which one.
    pub name: Step,
    /// Whether all was as it should be.
    pub passed: bool,
    /// What was found, in words.
    pub found: String,
}

/// The steps so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Steps(Vec<StepReport>);

impl Steps {
    /// Tells how a step ended, and keeps it.
    pub(super) fn record(&mut self, name: Step, passed: bool, found: String, narrator: Narrator) {
        if passed {
            narrator.done(&found);
        } else {
            narrator.trouble(&found);
        }
        self.0.push(StepReport { name, passed, found });
    }

    pub(super) fn into_reports(self) -> Vec<StepReport> {
        self.0
    }
}

/// Whether every step was taken, in order, and passed.
pub(super) fn all_passed(reports: &[StepReport]) -> bool {
    reports.iter().map(|report| report.name).eq(Step::ALL) && reports.iter().all(|report| report.passed)
}

/// So many of something, in words.
pub(super) fn count(number: usize, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports() -> Vec<StepReport> {
        Step::ALL.map(|name| StepReport { name, passed: true, found: String::new() }).to_vec()
    }

    #[test]
    fn a_step_that_failed_or_is_missing_is_no_success() {
        assert!(all_passed(&reports()));
        for place in 0..Step::ALL.len() {
            let mut failed = reports();
            failed[place].passed = false;
            assert!(!all_passed(&failed));
            let mut missing = reports();
            missing.remove(place);
            assert!(!all_passed(&missing));
        }
    }

    #[test]
    fn steps_are_numbered_in_the_order_in_which_they_are_taken() {
        assert!(Step::ALL.iter().enumerate().all(|(place, step)| *step as usize == place));
    }
}
