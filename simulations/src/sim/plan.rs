//! `sotto-sim plan`: which points and tasks a plan has, and a list of commands that run them.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use sotto_traffic::plan::Plan;
use sotto_traffic::scenario::Scenario;

use super::{Ended, PlanFile, SimError, output};

/// Points that are shown; all are in the list of tasks.
const POINTS_SHOWN: u32 = 20;

/// Options of `plan`.
#[derive(Args, Debug)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    plan: PlanFile,
    /// Write tasks.txt here, a command for each task, and let the commands write their rows here.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Tasks of one command.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..), requires = "out")]
    tasks_per_line: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn plan(args: &PlanArgs) -> Result<Ended, SimError> {
    let plan = args.plan.load(&[])?;
    plan.check(0..plan.tasks())?;
    if let Some(dir) = &args.out {
        fs::create_dir_all(dir).map_err(SimError::files("create", dir))?;
        let program = std::env::current_exe().map_err(SimError::files("find", Path::new("this program")))?;
        let list = task_list(&program, &args.plan, &plan, dir, args.tasks_per_line);
        output::write_text(&dir.join("tasks.txt"), &list)?;
    }
    if args.json {
        output::print_json(&serde_json::json!({
            "name": plan.name(),
            "points": plan.sweep().points(),
            "replications": plan.replications(),
            "tasks": plan.tasks(),
            "hash": plan.hash()?,
        }))?;
        return Ok(Ended::Well);
    }
    for number in 0..plan.sweep().points().min(POINTS_SHOWN) {
        let values: Vec<String> = plan
            .sweep()
            .values(number)
            .iter()
            .map(|(axis, value)| format!("{} = {value}", axis.key()))
            .collect();
        let values = if values.is_empty() { String::new() } else { format!(": {}", values.join(", ")) };
        output::print(&format!("point {number}{values}"))?;
    }
    if plan.sweep().points() > POINTS_SHOWN {
        output::print(&format!("and {} more points", plan.sweep().points() - POINTS_SHOWN))?;
    }
    output::print(&format!(
        "{}, {} of each, {}",
        output::counted(plan.sweep().points().into(), "point"),
        output::counted(plan.replications().into(), "replication"),
        output::counted(plan.tasks(), "task")
    ))?;
    Ok(Ended::Well)
}

/// A command for each task, or for so many together; for GNU parallel, xargs or a shell.
fn task_list(program: &Path, file: &PlanFile, plan: &Plan, dir: &Path, tasks_per_line: u64) -> String {
    let mut command = vec![
        quoted(&program.to_string_lossy()),
        "run".to_owned(),
        quoted(&absolute(&file.file).to_string_lossy()),
        "--out".to_owned(),
        quoted(&absolute(dir).to_string_lossy()),
    ];
    for set in &file.sets {
        command.extend(["--set".to_owned(), quoted(set)]);
    }
    let command = command.join(" ");
    let mut list = String::new();
    let mut first = 0;
    while first < plan.tasks() {
        let last = first.saturating_add(tasks_per_line - 1).min(plan.tasks() - 1);
        // Each command is one of many at the same time, so it keeps to one thread.
        list.push_str(&format!("{command} --tasks {first}-{last} --threads 1\n"));
        first = last + 1;
    }
    list
}

/// The whole name: the commands may be run from anywhere.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// A word of a POSIX shell.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./=+,:@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What a plan has where it names nothing.
pub(super) fn defaults() -> Result<Ended, SimError> {
    #[derive(serde::Serialize)]
    struct Section {
        scenario: Scenario,
    }
    let text = toml::to_string(&Section { scenario: Scenario::default() })
        .map_err(|error| SimError::Usage(format!("cannot write TOML: {error}")))?;
    output::print(text.trim_end())?;
    Ok(Ended::Well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command_reach_it_as_they_are() {
        for word in ["plain", "two words", "it's", "$HOME `id` \"x\" \\", "", "a=[1, 2]"] {
            let shell = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", quoted(word))])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(shell.stdout).unwrap(), word);
        }
    }
}
