//! `sotto-sim verify`: the model held against closed forms, and against the production cores.
//!
//! Without a seed each call has another: what holds by luck of one seed does not hold for long.

use clap::Args;
use rand::Rng as _;
use serde::Serialize;
use sotto_traffic::random::Seed;
use sotto_traffic::verify::{Check, CheckResult, checks};
use sotto_transport::rng::OsRng;

use super::output::Bar;
use super::{Ended, SimError, output};
use crate::fidelity::{self, Comparison};

/// Options of `verify`.
#[derive(Args, Debug)]
pub(super) struct VerifyArgs {
    /// The seed; without it one that the system draws. It is printed.
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// Compare the model with the production cores in virtual time, too: the same network, two-sample tests.
    #[arg(long)]
    fidelity: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// A check with what came of it.
#[derive(Serialize)]
struct Checked {
    form: &'static str,
    source: &'static str,
    scenario: &'static str,
    allowance: &'static str,
    #[serde(flatten)]
    result: CheckResult,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Printed<'a> {
    seed: u64,
    holds: bool,
    checks: &'a [Checked],
    #[serde(skip_serializing_if = "Option::is_none")]
    fidelity: Option<&'a [Comparison]>,
}

pub(super) fn verify(args: &VerifyArgs) -> Result<Ended, SimError> {
    let seed = args.seed.unwrap_or_else(|| OsRng.next_u64());
    let all = checks();
    let bar = Bar::of(all.len() as u64, args.json);
    let mut checked = Vec::with_capacity(all.len());
    for (number, check) in (0..).zip(all) {
        let result = check.run(Seed::new(seed).replication(number))?;
        checked.push(Checked::of(&check, result));
        bar.step();
    }
    bar.finish();
    let fidelity = args.fidelity.then(|| fidelity::compare(Seed::new(seed))).transpose()?;
    let holds = checked.iter().all(|checked| checked.result.holds)
        && fidelity.iter().flatten().all(|comparison| comparison.holds);
    if args.json {
        output::print_json(&Printed { seed, holds, checks: &checked, fidelity: fidelity.as_deref() })?;
    } else {
        output::print(&in_words(seed, &checked, fidelity.as_deref()))?;
    }
    Ok(if holds { Ended::Well } else { Ended::Failed })
}

impl Checked {
    const fn of(check: &Check, result: CheckResult) -> Self {
        let Check { form, source, scenario, allowance, .. } = *check;
        Self { form, source, scenario, allowance, result }
    }
}

const fn word(holds: bool) -> &'static str {
    if holds { "holds" } else { "FAILS" }
}

fn in_words(seed: u64, checked: &[Checked], fidelity: Option<&[Comparison]>) -> String {
    let mut lines = vec![
        format!("seed {seed}"),
        format!("{:<24} {:>12} {:>12} {:>10}", "closed form", "expected", "measured", "tolerance"),
    ];
    for Checked { result, .. } in checked {
        let CheckResult { name, expected, measured, tolerance, holds, .. } = result;
        lines.push(format!(
            "{name:<24} {expected:>12.5} {measured:>12.5} {tolerance:>10.5}  {}",
            word(*holds)
        ));
    }
    if let Some(comparisons) = fidelity {
        lines.push(format!(
            "{:<32} {:>12} {:>12} {:>10}",
            "model beside cores", "p-value", "difference", "values"
        ));
        for Comparison { name, p_value, effect, n_cores, holds, .. } in comparisons {
            lines.push(format!(
                "{name:<32} {p_value:>12.4} {:>11.2}% {n_cores:>10}  {}",
                effect * 100.0,
                word(*holds)
            ));
        }
    }
    lines.join("\n")
}
