//! `sotto-sim merge`: the tables and the report of a directory of rows, and whether they cross a bound.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use sotto_traffic::plan::{Bound, Crossing, crossings};
use sotto_traffic::runner;
use sotto_traffic::summary::Summary;
use sotto_traffic::tables;

use super::{Ended, SimError, output, report};

/// Options of `merge`.
#[derive(Args, Debug)]
pub(super) struct MergeArgs {
    /// The directory that `run` has written to; the tables are written there.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Other directories with tasks of the same plan, from machines without a common file system.
    #[arg(value_name = "MORE")]
    others: Vec<PathBuf>,
    #[command(flatten)]
    bounds: Bounds,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Bounds of the command line.
#[derive(Args, Clone, Debug)]
pub(super) struct Bounds {
    /// End with exit code 1 if a measure is beyond a number at any point: 'attack.sda.advantage > 0.1'. It counts only if
    /// the whole 95 % interval of the mean lies beyond. The plan's own bounds hold as well.
    #[arg(long = "fail-if", value_name = "BOUND")]
    fail_if: Vec<String>,
}

impl Bounds {
    /// The bounds, understood.
    pub(super) fn read(&self) -> Result<Vec<Bound>, SimError> {
        self.fail_if
            .iter()
            .map(|text| Bound::parse(text).map_err(|what| SimError::Usage(format!("--fail-if: {what}"))))
            .collect()
    }
}

pub(super) fn merge(args: &MergeArgs) -> Result<Ended, SimError> {
    finish(&args.dir, &args.others, &args.bounds.read()?, args.json)
}

/// Writes tables and report and judges the bounds, those of the plan included.
pub(super) fn finish(
    dir: &Path,
    others: &[PathBuf],
    more: &[Bound],
    as_json: bool,
) -> Result<Ended, SimError> {
    let (manifest, results) = runner::merge(dir, others)?;
    let summary = Summary::of(&results);
    output::write_file(&dir.join("results.csv"), |file| tables::csv(&results, file))?;
    output::write_file(&dir.join("results.parquet"), |file| tables::parquet(&results, file))?;
    let path = dir.join("summary.json");
    let mut text = serde_json::to_string_pretty(&summary)
        .map_err(|error| SimError::Usage(format!("cannot write JSON: {error}")))?;
    text.push('\n');
    output::write_file(&path, |file| {
        file.write_all(text.as_bytes()).map_err(SimError::files("write", &path))
    })?;
    report::write(dir, &manifest, &results)?;
    let own = manifest
        .fail_if
        .iter()
        .map(|text| Bound::parse(text).map_err(|what| SimError::Usage(format!("fail_if: {what}"))))
        .collect::<Result<Vec<_>, _>>()?;
    let bounds: Vec<Bound> = own.iter().chain(more).cloned().collect();
    let crossed = crossings(&summary, &bounds)?;
    for crossing in &crossed {
        output::complain(&format!("failed: {crossing}"));
    }
    if as_json {
        let failed: Vec<String> = crossed.iter().map(ToString::to_string).collect();
        output::print_json(&json!({
            "dir": dir, "rows": results.rows.len(), "points": summary.points.len(), "bounds": bounds.len(),
            "failed": failed,
        }))?;
    } else {
        output::print(&format!(
            "{} of {} are in {}/results.csv, results.parquet, summary.json and report.html; {} of {} bounds failed",
            output::counted(results.rows.len() as u64, "row"),
            output::counted(summary.points.len() as u64, "point"),
            dir.display(),
            failed(&bounds, &crossed),
            bounds.len()
        ))?;
    }
    Ok(if crossed.is_empty() { Ended::Well } else { Ended::Failed })
}

/// How many bounds are crossed anywhere.
fn failed(bounds: &[Bound], crossings: &[Crossing]) -> usize {
    bounds.iter().filter(|bound| crossings.iter().any(|crossing| crossing.bound == **bound)).count()
}
