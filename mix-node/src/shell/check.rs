//! One thing that was looked at, and how it stands: what `check-config` and `doctor` are made of.

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// The node works; something is missing, weak or could not be found out.
    Warn,
    /// The node does not work, or not safely.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// Its stable name.
    pub(crate) name: &'static str,
    /// How it stands.
    pub(crate) verdict: Verdict,
    /// What was measured or found.
    pub(crate) value: String,
    /// What that means.
    pub(crate) explanation: String,
    /// What to do; nothing where nothing is to be done.
    pub(crate) remedy: Option<String>,
}

impl Check {
    /// Something that is as it should be.
    pub(crate) fn ok(name: &'static str, value: impl Into<String>, explanation: impl Into<String>) -> Self {
        let (value, explanation) = (value.into(), explanation.into());
        Self { name, verdict: Verdict::Ok, value, explanation, remedy: None }
    }

    /// Something that is not, and what to do about it.
    pub(crate) fn wrong(
        name: &'static str,
        verdict: Verdict,
        value: impl Into<String>,
        explanation: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (value, explanation) = (value.into(), explanation.into());
        Self { name, verdict, value, explanation, remedy: Some(remedy.into()) }
    }
}

/// All that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Checks(pub(crate) Vec<Check>);

impl Checks {
    /// The worst verdict.
    pub(crate) fn verdict(&self) -> Verdict {
        self.0.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Ok)
    }

    /// 0 if the node works, with warnings or without; 1 if not.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.verdict() == Verdict::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.0 {
            let verdict = match check.verdict {
                Verdict::Ok => "ok  ",
                Verdict::Warn => "warn",
                Verdict::Fail => "FAIL",
            };
            writeln!(f, "{verdict} {:<10} {}", check.name, check.value)?;
            writeln!(f, "                {}", check.explanation)?;
            if let Some(remedy) = &check.remedy {
                writeln!(f, "                do: {remedy}")?;
            }
        }
        let count = |verdict| self.0.iter().filter(|check| check.verdict == verdict).count();
        let (warnings, failures) = (count(Verdict::Warn), count(Verdict::Fail));
        let checks = self.0.len();
        let counted = |count: usize, what| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let (checks, warnings) = (counted(checks, "check"), counted(warnings, "warning"));
        writeln!(f, "{checks}, {warnings}, {}", counted(failures, "failure"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_verdict_counts_and_a_warning_is_no_failure() {
        let mut checks = Checks(vec![Check::ok("clock", "right", "good")]);
        assert_eq!((checks.verdict(), checks.exit_code()), (Verdict::Ok, ExitCode::SUCCESS));
        checks.0.push(Check::wrong("disk", Verdict::Warn, "slow", "it is slow", "another disk"));
        assert_eq!((checks.verdict(), checks.exit_code()), (Verdict::Warn, ExitCode::SUCCESS));
        checks.0.push(Check::wrong("port", Verdict::Fail, "taken", "nobody reaches the node", "end it"));
        assert_eq!((checks.verdict(), checks.exit_code()), (Verdict::Fail, ExitCode::FAILURE));
        insta::assert_snapshot!(checks.to_string(), @"
        ok   clock      right
                        good
        warn disk       slow
                        it is slow
                        do: another disk
        FAIL port       taken
                        nobody reaches the node
                        do: end it
        3 checks, 1 warning, 1 failure
        ");
    }
}
