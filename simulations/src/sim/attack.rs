//! `sotto-sim attack`: one attack on the scenario of a plan, at all its points; or on packets between production cores.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use sotto_traffic::random::Seed;
use sotto_traffic::runner;
use sotto_traffic::summary::Summary;

use super::output::Bar;
use super::{Ended, PlanFile, SimError, model, output};
use crate::attack_cores::{CoreAttack, replay, tagging};

/// Attacks on the bytes of packets, which the model does not have.
const ON_CORES: [&str; 2] = ["tagging", "replay"];

/// Options of `attack`.
#[derive(Args, Debug)]
pub(super) struct AttackArgs {
    /// The attack's name.
    #[arg(value_name = "NAME")]
    name: String,
    /// The plan, in TOML; `tagging` and `replay` take none.
    #[arg(value_name = "PLAN")]
    plan: Option<PathBuf>,
    /// Set a value of the plan, as if it stood there: mixing.delay_ms_mean=100, clients.0.count=50, seed=7.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// The seed of `tagging` and `replay`, which run on the production cores and take no plan.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Packets, users or pairs that it is asked about in each run.
    #[arg(long, value_name = "N", default_value_t = 100)]
    targets: u32,
    /// Candidates of each question; 0: all there are.
    #[arg(long, value_name = "N", default_value_t = 50)]
    candidates: u32,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn attack(args: &AttackArgs) -> Result<Ended, SimError> {
    let known = model::attacks();
    if ON_CORES.contains(&args.name.as_str()) {
        return match &args.plan {
            None if args.sets.is_empty() => on_cores(args),
            _ => Err(SimError::Usage(format!(
                "`{}` runs on the production cores and takes neither a plan nor --set: sotto-sim attack {0} [--seed N]",
                args.name
            ))),
        };
    }
    if !known.contains(&args.name.as_str()) {
        let text = format!(
            "there is no attack `{}`; allowed: {}",
            args.name,
            [known.as_slice(), &ON_CORES].concat().join(", ")
        );
        return Err(SimError::Usage(text));
    }
    let AttackArgs { name, targets, candidates, .. } = args;
    let Some(file) = args.plan.clone() else {
        return Err(SimError::Usage(format!(
            "the attack `{name}` needs a plan: sotto-sim attack {name} PLAN"
        )));
    };
    let plan = PlanFile { file, sets: args.sets.clone() };
    let attack = format!("attack=[{{ name = \"{name}\", targets = {targets}, candidates = {candidates} }}]");
    // The plan's bounds are of the plan's attacks, and nothing is judged here.
    let plan = plan.load(&[attack, "fail_if=[]".to_owned()])?;
    let dir = tempfile::tempdir().map_err(SimError::files("create", &std::env::temp_dir()))?;
    let bar = Bar::new(args.json);
    runner::run(&plan, &model::experiment(), dir.path(), 0..plan.tasks(), 0, &mut |progress| {
        bar.follow(progress);
    })?;
    bar.finish();
    let summary = Summary::of(&runner::merge(dir.path(), &[])?.1);
    if args.json {
        output::print_json(&summary)?;
        return Ok(Ended::Well);
    }
    let own = format!("attack.{name}.");
    for point in &summary.points {
        let values: Vec<String> = plan
            .sweep()
            .values(point.point)
            .iter()
            .map(|(axis, value)| format!("{} = {value}", axis.key()))
            .collect();
        output::print(&format!("point {} {}", point.point, values.join(", ")))?;
        for (measure, statistic) in point.measures.iter().filter(|(measure, _)| measure.starts_with(&own)) {
            let range = statistic.interval.map_or_else(String::new, |interval| {
                format!(" ({:.4} to {:.4})", interval.low, interval.high)
            });
            output::print(&format!("  {measure} {:.4}{range}", statistic.mean))?;
        }
    }
    Ok(Ended::Well)
}

/// Tagging or replay, between production cores in virtual time. It fails if an attack that must fail succeeds.
fn on_cores(args: &AttackArgs) -> Result<Ended, SimError> {
    let seed = Seed::new(args.seed);
    let found = if args.name == "tagging" { tagging(seed)? } else { replay(seed)? };
    let survived = found.iter().any(|attack| attack.survived > 0);
    if args.json {
        output::print_json(&json!({ "seed": args.seed, "attacks": found }))?;
    } else {
        for attack in &found {
            let CoreAttack { name, trials, hits, baseline, survived, dropped, .. } = attack;
            let outcomes: Vec<String> =
                dropped.iter().map(|(label, count)| format!("{count} {label}")).collect();
            output::print(&format!(
                "{name}: right about {hits} of {trials} (guessing: a share of {baseline:.3}), {survived} got through; dropped: {}",
                outcomes.join(", ")
            ))?;
        }
    }
    if survived {
        output::complain("a changed packet was used, or a repeated one passed on: that must not be");
    }
    Ok(if survived { Ended::Failed } else { Ended::Well })
}
