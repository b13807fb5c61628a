//! The plan for privacy regressions: it passes, and what makes adversaries learn more fails it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::process::{Command, Output};

const SIM: &str = env!("CARGO_BIN_EXE_sotto-sim");
const PLAN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plans/regression.toml");

fn regression(sets: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(SIM);
    command.arg("run").arg(PLAN).arg("--out").arg(dir.path());
    for set in sets {
        command.args(["--set", set]);
    }
    command.output().unwrap()
}

/// The run fails by these bounds, among others, and by nothing else than bounds.
fn fails_by(sets: &[&str], bounds: &[&str]) {
    // A real regression is seen with a fifth of the replications.
    let output = regression(&[sets, &["replications=4"]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{sets:?}: {said}");
    for bound in bounds {
        assert!(said.contains(&format!("failed: {bound}")), "{sets:?}: no `{bound}` in {said}");
    }
}

#[test]
fn the_defaults_pass() {
    let output = regression(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn mixes_that_do_not_delay_fail() {
    let attacks = ["exact-tracing", "end-timing", "sda-normalised", "least-squares", "intersection"];
    let bounds: Vec<String> = attacks.iter().map(|name| format!("attack.{name}.advantage > ")).collect();
    let mut bounds: Vec<&str> = bounds.iter().map(String::as_str).collect();
    bounds.push("entropy_bits.shannon < ");
    fails_by(&["mixing.delay_ms_mean=0"], &bounds);
}

#[test]
fn messages_without_cover_fail() {
    fails_by(
        &["clients.0.payload_interval_ms_mean=0"],
        &["attack.exact-tracing.advantage > ", "entropy_bits.shannon < "],
    );
}
