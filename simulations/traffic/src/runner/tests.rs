//! Whatever interrupts a run and whoever shares in it, the rows are those of one that went through.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::experiment::{AttackPlan, ExperimentFailure};
use crate::random::{Purpose, Seed};
use crate::results::Measures;
use crate::scenario::Scenario;
use crate::tables;

/// Numbers that depend on the scenario and the seed and have all their bits.
#[derive(Default)]
struct Fake {
    runs: AtomicUsize,
    fails_at_layers: Option<u32>,
    /// Where runs wait for one another, so that so many are under way at once.
    meeting: Option<Barrier>,
}

impl Experiment for Fake {
    fn replicate(
        &self,
        scenario: &Scenario,
        _: &[AttackPlan],
        seed: Seed,
    ) -> Result<Measures, ExperimentFailure> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        if let Some(meeting) = &self.meeting {
            meeting.wait();
            return Err(ExperimentFailure(format!("{} layers", scenario.network.layers)));
        }
        if self.fails_at_layers == Some(scenario.network.layers) {
            return Err(ExperimentFailure("no such network".to_owned()));
        }
        let mut draws = seed.draws(Purpose::Delay, u64::from(scenario.network.layers));
        let mut measures = Measures::default();
        measures.set("latency_ms.mean", draws.exponential(scenario.duration_s));
        measures.set("tiny", draws.unit() * 1e-300);
        Ok(measures)
    }
}

fn plan(sets: &[&str]) -> Plan {
    let text = "name = 'layers'\nreplications = 5\n[sweep]\nkind = 'grid'\n[[sweep.axis]]\nkey = 'network.layers'\nvalues = [1, 2, 3, 4]";
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    Plan::parse(Path::new("plan.toml"), text, &sets).unwrap()
}

fn run_all(plan: &Plan, fake: &Fake, dir: &Path, threads: usize) -> Result<Ran, RunError> {
    run(plan, fake, dir, 0..plan.tasks(), threads, &mut |_| {})
}

fn csv(dir: &Path, others: &[PathBuf]) -> Vec<u8> {
    let mut table = Vec::new();
    tables::csv(&merge(dir, others).unwrap().1, &mut table).unwrap();
    table
}

#[test]
fn the_rows_do_not_depend_on_threads_and_are_what_the_experiment_said() {
    let (one, eight) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plan = plan(&[]);
    let mut seen = Vec::new();
    let ran =
        run(&plan, &Fake::default(), one.path(), 0..20, 1, &mut |progress| seen.push(progress)).unwrap();
    assert_eq!(ran, Ran { done: 20, known: 0 });
    assert_eq!(seen.first(), Some(&Progress::Started { tasks: 20, known: 0 }));
    let done: BTreeSet<u64> = seen
        .iter()
        .filter_map(|progress| match progress {
            Progress::Done { task } => Some(*task),
            Progress::Started { .. } => None,
        })
        .collect();
    assert_eq!((done.len(), seen.len()), (20, 21));
    run_all(&plan, &Fake::default(), eight.path(), 8).unwrap();
    assert_eq!(csv(one.path(), &[]), csv(eight.path(), &[]));
    // Through the files, to the last bit.
    let (manifest, results) = merge(one.path(), &[]).unwrap();
    assert_eq!(manifest.file, "plan.toml");
    for (stored, number) in results.rows.iter().zip(0..) {
        assert_eq!((stored.point, stored.replication), (number / 5, number % 5));
        let task = plan.task(u64::from(number % 5 * 4 + number / 5)).unwrap();
        assert_eq!(*stored, row(&plan, &Fake::default(), &task).unwrap());
    }
}

#[test]
fn what_is_there_is_not_run_again_and_what_is_damaged_is() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(&[]);
    run(&plan, &Fake::default(), dir.path(), 3..9, 2, &mut |_| {}).unwrap();
    let missing = merge(dir.path(), &[]).unwrap_err();
    assert_eq!(missing.label(), "run-incomplete");
    assert!(missing.to_string().contains("14 of 20 tasks are missing, the first is 0"), "{missing}");
    // As after a power cut in a file system that keeps no promises, and after a kill.
    let torn = dir.path().join("rows/0000/000000004.json");
    let whole = std::fs::read(&torn).unwrap();
    std::fs::write(&torn, &whole[..whole.len() / 2]).unwrap();
    std::fs::write(dir.path().join("rows/0000/.tmp-1-000000010.json"), b"{").unwrap();
    let fake = Fake::default();
    assert_eq!(run_all(&plan, &fake, dir.path(), 2).unwrap(), Ran { done: 15, known: 5 });
    assert_eq!(fake.runs.load(Ordering::Relaxed), 15);
    assert_eq!(std::fs::read(&torn).unwrap(), whole);
    assert_eq!(run_all(&plan, &fake, dir.path(), 2).unwrap(), Ran { done: 0, known: 20 });
    // A row of another version is not mistaken for one of this.
    let text = String::from_utf8(whole).unwrap();
    std::fs::write(&torn, text.replace(VERSION, "0.0.0-older")).unwrap();
    assert_eq!(merge(dir.path(), &[]).unwrap_err().label(), "run-row");
    assert_eq!(run_all(&plan, &fake, dir.path(), 2).unwrap(), Ran { done: 1, known: 19 });
}

#[test]
fn more_replications_go_on_in_the_same_directory_and_another_plan_does_not() {
    let dir = tempfile::tempdir().unwrap();
    run_all(&plan(&["replications=2"]), &Fake::default(), dir.path(), 1).unwrap();
    assert_eq!(run_all(&plan(&[]), &Fake::default(), dir.path(), 1).unwrap(), Ran { done: 12, known: 8 });
    for other in ["seed=2", "duration_s=5", "sweep.axis.0.values=[1, 2]"] {
        let error = run_all(&plan(&[other]), &Fake::default(), dir.path(), 1).unwrap_err();
        assert_eq!(error.label(), "run-directory", "{other}");
        assert!(error.to_string().contains("choose another directory"), "{error}");
    }
    assert_eq!(merge(dir.path(), &[]).unwrap().1.rows.len(), 20);
    let foreign = tempfile::tempdir().unwrap();
    std::fs::write(foreign.path().join("thesis.tex"), b"").unwrap();
    let error = run_all(&plan(&[]), &Fake::default(), foreign.path(), 1).unwrap_err();
    assert!(error.label() == "run-directory" && error.to_string().contains("thesis.tex"), "{error}");
}

#[test]
fn parts_from_several_directories_make_one_and_must_agree() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [whole, left, right] = &dirs;
    let plan = plan(&[]);
    run_all(&plan, &Fake::default(), whole.path(), 2).unwrap();
    run(&plan, &Fake::default(), left.path(), 0..12, 1, &mut |_| {}).unwrap();
    run(&plan, &Fake::default(), right.path(), 10..20, 1, &mut |_| {}).unwrap();
    assert_eq!(csv(left.path(), &[right.path().to_path_buf()]), csv(whole.path(), &[]));
    let file = right.path().join("rows/0000/000000011.json");
    let mut row: Row = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    row.measures.set("latency_ms.mean", 1.0);
    std::fs::write(&file, serde_json::to_vec(&row).unwrap()).unwrap();
    let error = merge(left.path(), &[right.path().to_path_buf()]).unwrap_err();
    assert!(error.to_string().contains("task 11 differs"), "{error}");
}

#[test]
fn a_run_that_fails_says_where_and_keeps_what_was_done() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(&[]);
    let fails = Fake { fails_at_layers: Some(3), ..Fake::default() };
    let error = run_all(&plan, &fails, dir.path(), 1).unwrap_err();
    assert_eq!(error.to_string(), "point 2, replication 0: no such network");
    assert_eq!(run_all(&plan, &Fake::default(), dir.path(), 1).unwrap(), Ran { done: 18, known: 2 });
}

#[test]
fn of_several_failures_the_first_task_is_named() {
    // Each time both threads fail, in an order of their own.
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let fails = Fake { meeting: Some(Barrier::new(2)), ..Fake::default() };
        let error = run(&plan(&[]), &fails, dir.path(), 0..2, 2, &mut |_| {}).unwrap_err();
        assert_eq!(error.to_string(), "point 0, replication 0: 1 layers");
    }
}

#[test]
fn versions_are_told_apart_and_not_mixed() {
    let (package, fingerprint) = VERSION.split_once('+').unwrap();
    assert_eq!(package, env!("CARGO_PKG_VERSION"));
    assert!(fingerprint.len() == 8 && u32::from_str_radix(fingerprint, 16).is_ok(), "{VERSION}");
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [left, right] = &dirs;
    let plan = plan(&[]);
    run(&plan, &Fake::default(), left.path(), 0..12, 1, &mut |_| {}).unwrap();
    run(&plan, &Fake::default(), right.path(), 12..20, 1, &mut |_| {}).unwrap();
    // The same part, by a program of another version.
    let files = (12..20).map(|task| right.path().join(format!("rows/0000/{task:09}.json")));
    for file in files.chain([right.path().join("plan.json")]) {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(VERSION));
        std::fs::write(&file, text.replace(VERSION, "9.9.9+00000000")).unwrap();
    }
    let error = merge(left.path(), &[right.path().to_path_buf()]).unwrap_err();
    assert_eq!(error.label(), "run-directory");
    assert!(error.to_string().contains("9.9.9+00000000") && error.to_string().contains(VERSION), "{error}");
}

#[test]
fn a_row_of_another_configuration_is_named_by_its_task() {
    let dir = tempfile::tempdir().unwrap();
    run_all(&plan(&[]), &Fake::default(), dir.path(), 2).unwrap();
    let file = dir.path().join("rows/0000/000000014.json");
    let mut row: Row = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    row.config_hash = "0".to_owned();
    std::fs::write(&file, serde_json::to_vec(&row).unwrap()).unwrap();
    let error = merge(dir.path(), &[]).unwrap_err().to_string();
    assert!(
        error.contains("task 14 is of another configuration") && error.contains("000000014.json"),
        "{error}"
    );
}
