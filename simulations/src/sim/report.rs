//! `sotto-sim report`: the rows of a directory as one HTML page, and its plots as files.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use sotto_traffic::report::{self, Provenance};
use sotto_traffic::results::Results;
use sotto_traffic::runner::{self, Manifest};

use super::plan::quoted;
use super::{Ended, SimError, output};

/// Options of `report`.
#[derive(Args, Debug)]
pub(super) struct ReportArgs {
    /// The directory that `run` has written to; the report is written there.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn report(args: &ReportArgs) -> Result<Ended, SimError> {
    let (manifest, results) = runner::merge(&args.dir, &[])?;
    write(&args.dir, &manifest, &results)?;
    output::print(&format!("the report is {}", args.dir.join("report.html").display()))?;
    Ok(Ended::Well)
}

/// Writes `report.html` and `plots/NAME.svg`.
pub(super) fn write(dir: &Path, manifest: &Manifest, results: &Results) -> Result<(), SimError> {
    let sets: String = manifest.sets.iter().map(|set| format!(" --set {}", quoted(set))).collect();
    let file = if manifest.file.is_empty() { "PLAN".to_owned() } else { quoted(&manifest.file) };
    let extra = Provenance {
        plan: manifest.plan.clone(),
        command: format!("sotto-sim run {file} --out DIR{sets}"),
        seed: Some(manifest.seed),
        limits: Vec::new(),
    };
    output::write_text(&dir.join("report.html"), &report::html(results, &extra))?;
    let plots = dir.join("plots");
    fs::create_dir_all(&plots).map_err(SimError::files("create", &plots))?;
    for plot in report::plots(results) {
        output::write_text(&plots.join(format!("{}.svg", plot.name)), &plot.on_white())?;
    }
    Ok(())
}
