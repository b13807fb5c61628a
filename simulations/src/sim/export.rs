//! `sotto-sim export`: what an adversary sees of one run, as tables for an attack of one's own.
//!
//! The truth is in files of its own, so that an attack can be given the directory without them.

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use sotto_traffic::engine::record;
use sotto_traffic::runner::RunError;
use sotto_traffic::tables::view as table;
use sotto_traffic::view::{Sight, View};

use super::{Ended, PlanFile, SimError, output};

/// Options of `export`.
#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    plan: PlanFile,
    /// Where the tables go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Which task of the plan.
    #[arg(long, value_name = "N", default_value_t = 0)]
    task: u64,
    /// Which links are watched.
    #[arg(long, value_enum, default_value_t = Watched::Global)]
    sight: Watched,
}

/// Which links are watched; those of corrupt nodes always are.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Watched {
    /// Every link.
    Global,
    /// The links of clients and mailboxes.
    Edges,
    /// The links of corrupt nodes alone.
    Corrupt,
}

impl From<Watched> for Sight {
    fn from(watched: Watched) -> Self {
        match watched {
            Watched::Global => Self::Global,
            Watched::Edges => Self::Edges,
            Watched::Corrupt => Self::Corrupt,
        }
    }
}

pub(super) fn export(args: &ExportArgs) -> Result<Ended, SimError> {
    let plan = args.plan.load(&[])?;
    let task = plan.task(args.task).ok_or_else(|| {
        SimError::Usage(format!(
            "there is no task {}; allowed: 0 to {}",
            args.task,
            plan.tasks().saturating_sub(1)
        ))
    })?;
    let point = plan.point(task.point)?;
    let run = record(&point.scenario, task.seed, None).map_err(|error| RunError::Experiment {
        point: task.point,
        replication: task.replication,
        why: error.to_string(),
    })?;
    let view =
        View::of(&run.recording, &run.layout, &point.scenario, args.sight.into(), &run.corrupt, run.window);
    let dir = &args.out;
    fs::create_dir_all(dir).map_err(SimError::files("create", dir))?;
    if fs::read_dir(dir).map_err(SimError::files("read", dir))?.next().is_some() {
        return Err(SimError::Usage(format!("{} is not empty; name a new directory", dir.display())));
    }
    output::write_file(&dir.join("wires.csv"), |file| table::wires(&view, file))?;
    output::write_file(&dir.join("presence.csv"), |file| table::presence(&view, file))?;
    output::write_file(&dir.join("boxes.csv"), |file| table::boxes(&view, file))?;
    output::write_file(&dir.join("forwarded.csv"), |file| table::forwarded(&view, file))?;
    let name = |party| run.layout.role(party).map(|role| role.to_string());
    let public = json!({
        "sight": Sight::from(args.sight),
        "window_ns": [run.window.0.as_nanos(), run.window.1.as_nanos()],
        "corrupt": run.corrupt.iter().filter_map(|party| name(*party)).collect::<Vec<_>>(),
        "clients": run.layout.clients(),
        "layers": run.layout.layers(),
        "mailboxes": run.layout.mailboxes(),
        "scenario": point.scenario,
        "config_hash": point.config_hash,
    });
    output::write_text(&dir.join("public.json"), &format!("{}\n", output::json(&public)?))?;
    output::write_file(&dir.join("truth.csv"), |file| table::truth(&run.recording, file))?;
    output::write_file(&dir.join("truth-messages.csv"), |file| {
        table::truth_messages(&run.recording, &run.layout, file)
    })?;
    output::print(&format!(
        "{} passages seen of {} are in {}",
        view.wires.len(),
        run.recording.wires.len(),
        dir.display()
    ))?;
    Ok(Ended::Well)
}
