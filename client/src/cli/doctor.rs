//! `sotto doctor`: finds out what works and what does not, and says what to do.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::bar::TorBar;
use super::output::{Output, print};
use super::{Common, Ended, escape, stored};
use crate::shell::client::{Connection, Reach};
use crate::shell::config::Config;
use crate::shell::doctor::Check;
use crate::shell::servers::check_reachable;
use crate::shell::{Failure, settings};

/// How often to ask how far the examination is.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// Longer than any examination takes: every step of it is bounded.
const EXAMINATION_MAX: Duration = Duration::from_secs(20 * 60);

/// How far an examination is.
#[derive(Deserialize)]
struct Examination {
    run: u64,
    done: bool,
    checks: Vec<Check>,
    tor: Option<Tor>,
}

#[derive(Deserialize)]
struct Tor {
    percent: u8,
    summary: String,
}

pub(super) async fn run(common: &Common) -> Result<Ended, Failure> {
    let mut findings = Findings { output: common.output(), checks: Vec::new() };
    match look_at_profile(common) {
        Ok(text) => findings.note(Check::well("profile", text))?,
        Err(failure) => {
            findings.note(Check::trouble("profile", &failure))?;
            return findings.finish();
        }
    }
    let connection = match common.connect(Reach::Network).await {
        Ok(connection) => connection,
        Err(failure) => {
            findings.note(Check::trouble("vault", &failure))?;
            return findings.finish();
        }
    };
    if connection.is_alone() {
        common.output().note(stored::ALONE_NOTE);
    }
    let examined =
        tokio::time::timeout(EXAMINATION_MAX, examine(&connection, &mut findings)).await.unwrap_or_else(
            |_| Err(Failure::new("doctor-timeout", "the examination did not end: run `sotto doctor` again")),
        );
    connection.close().await;
    examined?;
    findings.finish()
}

/// The profile's plain files.
fn look_at_profile(common: &Common) -> Result<String, Failure> {
    let profile = common.profile()?;
    profile.require()?;
    let config = Config::read(&profile)?;
    let network = settings::read_network(&profile)?;
    let plan = config.plan();
    check_reachable(&plan, &network)?;
    Ok(format!("{:?} for the network {:?}, route {plan}", profile.name(), network.network))
}

async fn examine(connection: &Connection, findings: &mut Findings) -> Result<(), Failure> {
    let (mut run, mut noted) = (None, 0);
    let mut bar = TorBar::new(findings.output.is_json());
    loop {
        let state = connection.call("doctor", json!({ "run": run })).await?;
        let state: Examination = serde_json::from_value(state)
            .map_err(|error| Failure::new("internal", format!("the examination cannot be read: {error}")))?;
        run = Some(state.run);
        for check in state.checks.into_iter().skip(noted) {
            bar.hide();
            findings.note(check)?;
            noted = noted.saturating_add(1);
        }
        if state.done {
            return Ok(());
        }
        match state.tor {
            Some(tor) if noted == 0 => bar.show(tor.percent, &tor.summary),
            _ => bar.hide(),
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// What was found, printed line by line or as one value at the end.
struct Findings {
    output: Output,
    checks: Vec<Check>,
}

impl Findings {
    fn note(&mut self, check: Check) -> Result<(), Failure> {
        if !self.output.is_json() {
            print(&line(&check))?;
        }
        self.checks.push(check);
        Ok(())
    }

    fn finish(self) -> Result<Ended, Failure> {
        let ok = self.checks.iter().all(|check| check.ok);
        if self.output.is_json() {
            self.output.result(&json!({ "ok": ok, "checks": self.checks }), |_: &Value| String::new())?;
        } else if ok {
            print("All is well.")?;
        }
        Ok(if ok { Ended::Well } else { Ended::Trouble })
    }
}

/// One finding on a line.
fn line(check: &Check) -> String {
    let verdict = if check.ok { "ok" } else { "trouble" };
    let took = match check.took_ms {
        Some(took_ms) => format!(" ({}.{} s)", took_ms / 1000, took_ms / 100 % 10),
        None => String::new(),
    };
    let label = match &check.label {
        Some(label) => format!(" [{}]", escape::line(label)),
        None => String::new(),
    };
    format!(
        "{verdict:<8} {:<10} {}{took}{label}",
        escape::line(&check.check),
        escape::lines(&check.text, "    ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_that_a_terminal_can_show() {
        let well = Check::well("entry", "mix: entry 97891ebe answers").took(1234);
        assert_eq!(line(&well), "ok       entry      mix: entry 97891ebe answers (1.2 s)");
        let failure = Failure::new("tor-filtered", "some\u{1b}body interferes");
        let trouble = Check::trouble("tor", &failure);
        assert_eq!(line(&trouble), "trouble  tor        some<U+001B>body interferes [tor-filtered]");
    }
}
