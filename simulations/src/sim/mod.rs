//! `sotto-sim`: questions to the traffic model, from a plan to its report.
//!
//! Each command is a file of its own. Exit codes: 0, it is well; 1, a bound or a check failed; 2, it could not be done, as
//! standard error says. Not here: the model, plans and tables, which are in `sotto-traffic`.

mod advise;
mod attack;
mod bench;
mod error;
mod estimate;
mod export;
mod manual;
mod merge;
mod model;
mod output;
mod plan;
mod report;
mod run;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use sotto_traffic::plan::Plan;

pub use error::SimError;

/// Asks the traffic model how well an adversary does, with these users, delays, cover and corrupt nodes.
#[derive(Parser, Debug)]
#[command(name = "sotto-sim", version, max_term_width = 100, after_help = EXAMPLE)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLE: &str = "Example:
  sotto-sim run delay.toml --out /tmp/delay

On many machines with a common file system, here with GNU parallel:
  sotto-sim plan delay.toml --out /shared/delay
  parallel --sshloginfile machines < /shared/delay/tasks.txt
  sotto-sim merge /shared/delay

Exit codes: 0 well, 1 a bound or a check failed, 2 it could not be done.";

#[derive(Subcommand, Debug)]
enum Command {
    /// Show the points of a plan and write the list of its tasks.
    Plan(plan::PlanArgs),
    /// Run a plan: all of it up to the report, or some of its tasks.
    Run(run::RunArgs),
    /// Put the rows of a directory together and write tables and report.
    Merge(merge::MergeArgs),
    /// Write the report of a directory whose tables are there: one HTML page, and its plots as SVG.
    Report(report::ReportArgs),
    /// Run one attack on the scenario of a plan, and nothing else.
    Attack(attack::AttackArgs),
    /// Propose delays, layers and cover for these users within these limits.
    Advise(advise::AdviseArgs),
    /// Write what an adversary sees of one run, and the truth apart from it.
    Export(export::ExportArgs),
    /// Hold the model against its closed forms and, with --fidelity, against the production cores.
    Verify(verify::VerifyArgs),
    /// Measure how fast packets are forwarded and traced on one core of this machine.
    Bench(bench::BenchArgs),
    /// Print the scenario that a plan has if it names nothing, in TOML.
    Defaults,
    /// Write the manual pages into a directory.
    Man {
        /// The directory.
        directory: PathBuf,
    },
    /// Print the completion script of a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// A plan and what is changed in it.
#[derive(Args, Clone, Debug)]
struct PlanFile {
    /// The plan, in TOML.
    #[arg(value_name = "PLAN")]
    file: PathBuf,
    /// Set a value of the plan, as if it stood there: mixing.delay_ms_mean=100, clients.0.count=50, seed=7.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

impl PlanFile {
    /// Reads it, with further values set behind those of the command line.
    fn load(&self, more: &[String]) -> Result<Plan, SimError> {
        let sets: Vec<String> = self.sets.iter().chain(more).cloned().collect();
        let plan = Plan::load(&self.file, &sets)?;
        let known = model::attacks();
        plan.check_attacks(&known)?;
        Ok(plan)
    }
}

/// How a command ended that could be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All is well.
    Well,
    /// A bound or a check failed.
    Failed,
}

/// Runs the command line's command.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match &cli.command {
        Command::Plan(args) => plan::plan(args),
        Command::Run(args) => run::run(args),
        Command::Merge(args) => merge::merge(args),
        Command::Report(args) => report::report(args),
        Command::Bench(args) => bench::bench(args),
        Command::Verify(args) => verify::verify(args),
        Command::Advise(args) => advise::advise(args),
        Command::Attack(args) => attack::attack(args),
        Command::Export(args) => export::export(args),
        Command::Defaults => plan::defaults(),
        Command::Man { directory } => manual::man(directory),
        Command::Completions { shell } => manual::completions(*shell),
    };
    match ended {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::Failed) => ExitCode::FAILURE,
        Err(error) => {
            output::complain(&format!("{error} [{}]", error.label()));
            ExitCode::from(2)
        }
    }
}
