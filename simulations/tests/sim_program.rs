//! The program `sotto-sim`: what it says about mistakes, how it ends, and that it can be killed at any time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sotto_directory::shell::DirectoryConfig;

const SIM: &str = env!("CARGO_BIN_EXE_sotto-sim");

const PLAN: &str = "name = 'small'\nquestion = 'How does the delay change latency?'\nreplications = 4\n\
                    [scenario]\nduration_s = 2\nwarmup_s = 1\n[[scenario.clients]]\ncount = 6\n\
                    downlink_interval_ms_mean = 0\n\
                    [sweep]\nkind = 'grid'\n[[sweep.axis]]\nkey = 'mixing.delay_ms_mean'\nvalues = [5, 50]\n";

fn plan_in(dir: &Path, text: &str) -> PathBuf {
    let plan = dir.join("plan.toml");
    fs::write(&plan, text).unwrap();
    plan
}

fn sim(args: &[&str]) -> Output {
    Command::new(SIM).args(args).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn rows_in(dir: &Path) -> usize {
    let Ok(rows) = fs::read_dir(dir.join("rows/0000")) else { return 0 };
    // What a killed process had begun to write has a name that begins with a dot.
    rows.filter(|row| !row.as_ref().unwrap().file_name().to_string_lossy().starts_with('.')).count()
}

#[test]
fn one_command_goes_from_the_plan_to_the_report() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan_in(dir.path(), PLAN);
    let out = dir.path().join("out");
    let output = sim(&["run", plan.to_str().unwrap(), "--out", out.to_str().unwrap(), "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["rows"], &said["points"]), (&Value::from(8), &Value::from(2)));
    for name in ["results.csv", "results.parquet", "summary.json", "report.html"] {
        assert!(out.join(name).metadata().unwrap().len() > 0, "{name}");
    }
    let summary: Value = serde_json::from_slice(&fs::read(out.join("summary.json")).unwrap()).unwrap();
    let held =
        |point: usize| summary["points"][point]["measures"]["mixes.held_mean"]["mean"].as_f64().unwrap();
    assert!(held(1) > 3.0 * held(0), "ten times the delay holds more: {} and {}", held(0), held(1));
}

#[test]
fn a_killed_run_goes_on_where_it_was_and_comes_to_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan_in(dir.path(), PLAN);
    let plan = plan.to_str().unwrap();
    let (whole, killed) = (dir.path().join("whole"), dir.path().join("killed"));
    let more = ["--set", "replications=60"];
    let output = sim(&["run", plan, more[0], more[1], "--out", whole.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for least in [20, 50] {
        let mut child = Command::new(SIM)
            .args(["run", plan, more[0], more[1], "--threads", "2", "--out", killed.to_str().unwrap()])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while rows_in(&killed) < least && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let before = rows_in(&killed);
    assert!((50..120).contains(&before), "{before} of 120 rows were there when it was killed");
    assert_eq!(code(&sim(&["merge", killed.to_str().unwrap()])), 2, "a part is no result");
    let output = sim(&["run", plan, more[0], more[1], "--threads", "1", "--out", killed.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(&format!("{} tasks done", 120 - before)), "{before}: {said}");
    for name in ["results.csv", "results.parquet", "summary.json", "report.html"] {
        assert_eq!(fs::read(whole.join(name)).unwrap(), fs::read(killed.join(name)).unwrap(), "{name}");
    }
}

#[test]
fn a_bound_decides_the_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan_in(dir.path(), PLAN);
    let out = dir.path().join("out");
    let (plan, out) = (plan.to_str().unwrap(), out.to_str().unwrap());
    assert_eq!(code(&sim(&["run", plan, "--out", out, "--fail-if", "mixes.held_mean > 1e6"])), 0);
    let report = fs::read_to_string(dir.path().join("out/report.html")).unwrap();
    assert!(report.contains("sotto-sim run plan.toml --out DIR"));
    let failed =
        sim(&["merge", out, "--fail-if", "mixes.held_mean > 1e6", "--fail-if", "mixes.held_mean > 0"]);
    assert_eq!(code(&failed), 1);
    let said = stderr(&failed);
    assert!(
        said.contains("failed: mixes.held_mean > 0.0 at point 1, mixing.delay_ms_mean = 50.0: mean "),
        "{said}"
    );
    assert!(!said.contains("1000000"), "{said}");
    // What nobody will measure is refused before the work.
    let never = dir.path().join("never");
    let asked = sim(&["run", plan, "--out", never.to_str().unwrap(), "--fail-if", "attack.none.success > 0"]);
    assert_eq!(code(&asked), 2);
    assert!(stderr(&asked).contains("[plan-bound]") && !never.exists(), "{}", stderr(&asked));
    // The plan's own bounds, and those that nobody can judge.
    let strict = ["--set", "fail_if=[\"mixes.held_mean > 0\"]"];
    assert_eq!(code(&sim(&["run", plan, strict[0], strict[1], "--out", out])), 1);
    for (bound, part) in [
        ("mixes.held_means > 1", "did you mean `mixes.held_mean`?"),
        ("mixes.held_mean ~ 1", "compares nothing"),
    ] {
        let output = sim(&["merge", out, "--fail-if", bound]);
        assert_eq!(code(&output), 2, "{bound}");
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
}

#[test]
fn mistakes_are_named_with_their_line_and_end_with_2() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan_in(dir.path(), &PLAN.replace("values = [5, 50]", "values = [5, -50]"));
    let (plan, out) = (plan.to_str().unwrap(), dir.path().join("out"));
    let run = |more: &[&str]| sim(&[&["run", plan, "--out", out.to_str().unwrap()], more].concat());
    for (more, parts) in [
        (vec![], vec!["plan.toml:13:7: ", "mixing.delay_ms_mean is -50; allowed: 0 to", "[plan-sweep]"]),
        (vec!["--set", "network.layer=1"], vec!["--set network.layer=1: ", "did you mean `layers`?"]),
        (vec!["--tasks", "5-2"], vec!["A-B"]),
        (vec!["--task", "8"], vec!["there is no task 8; allowed: 0 to 7", "[sim-usage]"]),
        (vec!["--threads", "many"], vec!["allowed: 0 to 1024"]),
        (
            vec!["--set", "attack=[{ name = \"mind-reading\" }]"],
            vec!["there is no attack `mind-reading`; allowed: "],
        ),
    ] {
        let output = run(&more);
        assert_eq!(code(&output), 2, "{more:?}");
        for part in parts {
            assert!(stderr(&output).contains(part), "{more:?}: {}", stderr(&output));
        }
        assert!(!out.join("rows").exists(), "{more:?} began to run");
    }
}

#[test]
fn a_dry_run_says_what_it_would_take_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan_in(dir.path(), PLAN);
    let out = dir.path().join("out");
    let output = sim(&["run", plan.to_str().unwrap(), "--out", out.to_str().unwrap(), "--dry-run", "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["tasks"], 8);
    assert!(said["events"].as_f64().unwrap() > said["packets"].as_f64().unwrap());
    assert!(said["seconds"].as_f64().unwrap() > 0.0);
    assert!(!out.exists());
}

#[test]
fn a_view_is_exported_apart_from_the_truth() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan_in(dir.path(), PLAN);
    let lines = |sight: &str| {
        let out = dir.path().join(sight);
        let output =
            sim(&["export", plan.to_str().unwrap(), "--out", out.to_str().unwrap(), "--sight", sight]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let count = |name: &str| fs::read_to_string(out.join(name)).unwrap().lines().count();
        let public: Value = serde_json::from_slice(&fs::read(out.join("public.json")).unwrap()).unwrap();
        assert_eq!((&public["sight"], &public["clients"]), (&Value::from(sight), &Value::from(6)));
        (count("wires.csv"), count("truth.csv"))
    };
    let ((global, all), (edges, all_of_edges), (corrupt, _)) =
        (lines("global"), lines("edges"), lines("corrupt"));
    assert_eq!(global, all);
    assert_eq!(all, all_of_edges);
    assert!(corrupt == 1 && 1 < edges && edges < global, "{corrupt} {edges} {global}");
}

#[test]
fn the_authority_takes_what_advise_writes() {
    let dir = tempfile::tempdir().unwrap();
    let (params, config) = (dir.path().join("params.toml"), dir.path().join("directory.toml"));
    let wish = "advise --users 2000 --latency-max 30 --bandwidth-max 20 --corrupt 0.2 --json --write";
    let args: Vec<&str> = wish.split(' ').chain([params.to_str().unwrap()]).collect();
    let output = sim(&args);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    // As the administrator puts it in the place of the section that `init` has written.
    let made = dir.path().join("authority");
    let head = format!("dir = {made:?}\nlisten = \"127.0.0.1:9001\"\nnetwork = \"test\"\nadmit = \"all\"\n");
    fs::write(&config, head + &fs::read_to_string(&params).unwrap()).unwrap();
    let config = DirectoryConfig::read(&config).unwrap();
    config.check().unwrap();
    let (_, written) = config.set_up().unwrap();
    let params = DirectoryConfig::read(&written).unwrap().params;
    let design = &said["proposal"]["design"];
    assert_eq!(Value::from(params.delay_ms_mean), design["delay_ms_mean"]);
    let class = &params.classes[0];
    assert_eq!(Value::from(class.payload_interval_ms_mean), design["payload_interval_ms_mean"]);
    assert_eq!(Value::from(class.downlink_interval_ms_mean), design["downlink_interval_ms_mean"]);
}
