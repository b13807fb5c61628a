//! A plan shared out by GNU parallel, Slurm's and HyperQueue's templates gives the rows of one process, byte for byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const SIM: &str = env!("CARGO_BIN_EXE_sotto-sim");

const PLAN: &str = "name = 'shared'\nreplications = 3\n[scenario]\nduration_s = 2\nwarmup_s = 1\n\
                    [[scenario.clients]]\ncount = 6\n[sweep]\nkind = 'grid'\n[[sweep.axis]]\n\
                    key = 'mixing.delay_ms_mean'\nvalues = [5, 50.5]\n";

fn contrib(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("contrib").join(name)
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The plan, and the tables of one process that ran all of it.
fn alone(dir: &Path) -> (PathBuf, Vec<Vec<u8>>) {
    // A name that a shell takes apart if it is let.
    let plan = dir.join("the plan's.toml");
    fs::write(&plan, PLAN).unwrap();
    let out = dir.join("alone");
    succeed(Command::new(SIM).arg("run").arg(&plan).arg("--out").arg(&out));
    (plan, tables(&out))
}

fn tables(dir: &Path) -> Vec<Vec<u8>> {
    ["results.csv", "results.parquet", "summary.json", "report.html"]
        .map(|name| fs::read(dir.join(name)).unwrap())
        .into()
}

#[test]
fn gnu_parallel_gives_what_one_process_gives() {
    let dir = tempfile::tempdir().unwrap();
    let (plan, expected) = alone(dir.path());
    let out = dir.path().join("shared out");
    succeed(Command::new(SIM).arg("plan").arg(&plan).arg("--out").arg(&out));
    let list = fs::read_to_string(out.join("tasks.txt")).unwrap();
    assert_eq!(list.lines().count(), 6);
    let mut parallel = Command::new("parallel");
    parallel.args(["--will-cite", "--jobs", "3", "--halt", "now,fail=1"]).env("HOME", dir.path());
    succeed(parallel.stdin(Stdio::from(fs::File::open(out.join("tasks.txt")).unwrap())));
    assert!(!out.join("results.csv").exists(), "tasks write rows alone");
    succeed(Command::new(SIM).arg("merge").arg(&out));
    assert_eq!(tables(&out), expected);
}

#[test]
fn an_array_of_slurm_covers_every_task_once_whatever_its_size() {
    let script = contrib("slurm/sweep.sbatch");
    succeed(Command::new("bash").arg("-n").arg(&script));
    let dir = tempfile::tempdir().unwrap();
    let (plan, expected) = alone(dir.path());
    // More elements than tasks, and numbers that do not begin with 0.
    for (elements, least) in [(4, 1), (7, 0)] {
        let out = dir.path().join(format!("array-{elements}"));
        for index in least..least + elements {
            let mut job = Command::new("bash");
            job.arg(&script).arg(&plan).arg(&out).env("SOTTO_SIM", SIM);
            job.env("SLURM_ARRAY_TASK_ID", index.to_string());
            job.env("SLURM_ARRAY_TASK_MIN", least.to_string());
            succeed(job.env("SLURM_ARRAY_TASK_COUNT", elements.to_string()));
        }
        let merged = succeed(Command::new(SIM).arg("merge").arg(&out).arg("--json"));
        assert!(String::from_utf8_lossy(&merged.stdout).contains("\"rows\":6"));
        assert_eq!(tables(&out), expected);
    }
}

/// HyperQueue is no package of Debian; a stand-in for `hq submit` runs the array as the real one does: the command behind
/// `--`, once for each number, with `HQ_TASK_ID` and the variables of `--env`.
#[test]
fn an_array_of_hyperqueue_covers_every_task_once() {
    let script = contrib("hyperqueue/sweep.sh");
    succeed(Command::new("bash").arg("-n").arg(&script));
    let dir = tempfile::tempdir().unwrap();
    let (plan, expected) = alone(dir.path());
    let hq = dir.path().join("hq");
    fs::write(
        &hq,
        "#!/usr/bin/env bash\nset -euo pipefail\n[ \"$1\" = submit ]\nshift\n\
         while [ \"$1\" != -- ]; do case $1 in\n\
         --array) range=$2; shift 2;;\n--env) export \"${2?}\"; shift 2;;\n--name|--cpus) shift 2;;\n--wait) shift;;\n\
         *) exit 64;;\nesac; done\nshift\n\
         for HQ_TASK_ID in $(seq \"${range%-*}\" \"${range#*-}\"); do export HQ_TASK_ID; \"$@\"; done\n",
    )
    .unwrap();
    succeed(Command::new("chmod").arg("+x").arg(&hq));
    let out = dir.path().join("array");
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
    let mut sweep = Command::new("bash");
    sweep.arg(&script).arg(&plan).arg(&out).env("PATH", path).env("SOTTO_SIM", SIM);
    succeed(sweep.env("SOTTO_SIM_TASKS_PER_JOB", "4"));
    assert_eq!(tables(&out), expected);
}
