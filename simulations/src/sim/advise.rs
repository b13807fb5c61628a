//! `sotto-sim advise`: from what users put up with to the parameters of a network.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use sotto_protocol::directory::{CoverClass, LAYERS, Params};
use sotto_traffic::advise::{Advice, Candidate, Corrupt, Design, Wish, advise as search, figures};
use sotto_traffic::experiment::{AttackPlan, Experiment as _};
use sotto_traffic::random::Seed;
use sotto_traffic::results::Measures;
use sotto_traffic::scenario::{Corruption, Latency, Scenario, Writing};

use super::{Ended, SimError, model, output};

/// Delays are held up to so many times their mean: beyond are less than 1 in 10^21.
const DELAY_MAX_TIMES: u32 = 50;
/// The longest delay that parameters of a network can have, in milliseconds.
const DELAY_MS_MAX: u32 = 600_000;
/// The most clients of the simulation that checks a proposal: times do not depend on how many there are.
const CHECK_CLIENTS_MAX: u32 = 200;
/// How many times the latency limit the check is watched.
const CHECK_LATENCIES: f64 = 100.0;
/// Messages that are traced for the check.
const CHECK_TARGETS: u32 = 50;
/// Designs of the front that are printed; all are in the JSON object.
const FRONT_SHOWN: usize = 12;

/// Options of `advise`.
#[derive(Args, Debug)]
pub(super) struct AdviseArgs {
    /// Users who are online at the same time.
    #[arg(long, value_name = "N")]
    users: u32,
    /// How long 95 % of messages may take at most from written to received, in seconds.
    #[arg(long, value_name = "S")]
    latency_max: f64,
    /// What a user may send and receive together, in kB (1,000 bytes) a second.
    #[arg(long, value_name = "KB_S")]
    bandwidth_max: f64,
    /// The adversary's mixes: a whole number of them, or a share with a point, as 0.2. It watches all links in any case.
    #[arg(long, value_name = "B", default_value = "0", value_parser = corrupt)]
    corrupt: Corrupt,
    /// The least anonymity, in bits.
    #[arg(long, value_name = "BITS", default_value_t = 0.0)]
    anonymity_min: f64,
    /// Mixes that operators can run, entries included.
    #[arg(long, value_name = "N", default_value_t = 8)]
    mixes_max: u32,
    /// The share of the limits of latency and bandwidth that is left free.
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    margin: f64,
    /// Contacts of a user, who are asked about in turn.
    #[arg(long, value_name = "N", default_value_t = 5)]
    contacts: u32,
    /// Mean time on a link, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 20.0)]
    link_ms: f64,
    /// Simulate the proposal with this seed, and print what comes of it beside the closed forms.
    #[arg(long, value_name = "SEED")]
    check: Option<u64>,
    /// Write the proposal as the section `[params]` of the configuration of sotto-directory.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// A share has a point, a count has none.
fn corrupt(text: &str) -> Result<Corrupt, String> {
    if let Ok(count) = text.parse() {
        return Ok(Corrupt::Count(count));
    }
    text.parse()
        .map(Corrupt::Fraction)
        .map_err(|_| "expected a number of mixes, such as 2, or a share of them, such as 0.2".to_owned())
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Printed<'a> {
    #[serde(flatten)]
    advice: &'a Advice,
    #[serde(skip_serializing_if = "Option::is_none")]
    simulated: Option<Measures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traced: Option<Traced>,
}

/// Anonymity by tracing, beside the closed form for as many clients.
#[derive(Serialize)]
struct Traced {
    clients: u32,
    /// The entropy of packets by the closed form; none if traffic of so few clients is too thin for it.
    form_bits: Option<f64>,
    /// The same by exact tracing of messages to mailboxes.
    traced_bits: Option<f64>,
}

pub(super) fn advise(args: &AdviseArgs) -> Result<Ended, SimError> {
    let wish = Wish {
        users: args.users,
        latency_max_s: args.latency_max,
        bandwidth_max_kb_s: args.bandwidth_max,
        corrupt: args.corrupt,
        anonymity_min_bits: args.anonymity_min,
        margin: args.margin,
        mixes_max: args.mixes_max,
        layers: LAYERS.into(),
        contacts: args.contacts,
        link_ms_mean: args.link_ms,
        ..Wish::default()
    };
    let advice = search(&wish)?;
    let simulated = args.check.map(|seed| simulate(&wish, &advice.proposal.design, seed)).transpose()?;
    let traced = args.check.map(|seed| trace(&wish, &advice.proposal.design, seed)).transpose()?;
    if let Some(file) = &args.write {
        output::write_text(file, &params_toml(&advice.proposal.design)?)?;
    }
    if args.json {
        output::print_json(&Printed { advice: &advice, simulated, traced })?;
    } else {
        output::print(&in_words(&advice, simulated.as_ref(), traced.as_ref()))?;
    }
    Ok(Ended::Well)
}

/// Runs the traffic model at a design.
fn simulate(wish: &Wish, design: &Design, seed: u64) -> Result<Measures, SimError> {
    let scenario = design.scenario(wish.users.clamp(2, CHECK_CLIENTS_MAX));
    let mut behaviour = scenario.behaviour.clone();
    let contacts = wish.contacts.min(scenario.client_count() - 1);
    behaviour.contacts = sotto_traffic::scenario::Contacts::Uniform { count: contacts };
    let scenario = Scenario {
        latency: Latency::Fixed { ms: wish.link_ms_mean },
        warmup_s: wish.latency_max_s,
        duration_s: wish.latency_max_s * CHECK_LATENCIES,
        behaviour,
        ..scenario
    };
    model::experiment()
        .replicate(&scenario, &[], Seed::new(seed))
        .map_err(|error| SimError::Usage(format!("the proposal cannot be simulated: {error}")))
}

/// Traces messages of a design as an adversary does that sees all links and runs the corrupt mixes.
fn trace(wish: &Wish, design: &Design, seed: u64) -> Result<Traced, SimError> {
    let clients = wish.users.clamp(2, CHECK_CLIENTS_MAX);
    let mixes_fraction = match wish.corrupt {
        Corrupt::Fraction(fraction) => fraction,
        Corrupt::Count(count) => f64::from(count) / f64::from(design.mixes()),
    };
    let scenario = design.scenario(clients);
    let mut behaviour = scenario.behaviour.clone();
    // About one message of each client.
    behaviour.writing = Writing::Poisson { per_day_mean: 86_400.0 / wish.latency_max_s };
    let scenario = Scenario {
        latency: Latency::Fixed { ms: wish.link_ms_mean },
        warmup_s: wish.latency_max_s,
        duration_s: wish.latency_max_s,
        corruption: Corruption { mixes_fraction, ..Corruption::default() },
        behaviour,
        ..scenario
    };
    let attack = AttackPlan { name: "exact-tracing".to_owned(), targets: CHECK_TARGETS, candidates: 20 };
    let measures = model::experiment()
        .replicate(&scenario, &[attack], Seed::new(seed))
        .map_err(|error| SimError::Usage(format!("the proposal cannot be simulated: {error}")))?;
    Ok(Traced {
        clients,
        form_bits: figures(design, &Wish { users: clients, ..wish.clone() })
            .map(|figures| figures.packet_entropy_bits),
        traced_bits: measures.get("entropy_bits.packet"),
    })
}

/// The section `[params]` of an authority's configuration.
fn params_toml(design: &Design) -> Result<String, SimError> {
    #[derive(Serialize)]
    struct Section {
        params: Params,
    }
    let params = params(design);
    params
        .validate()
        .map_err(|error| SimError::Usage(format!("the proposal is none for a network: {error}")))?;
    let text = toml::to_string(&Section { params })
        .map_err(|error| SimError::Usage(format!("cannot write TOML: {error}")))?;
    Ok(format!(
        "# Proposed by sotto-sim advise. In the configuration of sotto-directory this replaces the section [params];\n\
         # epoch_s has to stay what it is there, once the network has begun.\n{text}"
    ))
}

/// A design as parameters of a network, with what it leaves open as by default. Of several classes an observer could
/// tell the users apart, so there is one.
fn params(design: &Design) -> Params {
    Params {
        delay_ms_mean: design.delay_ms_mean,
        delay_ms_max: design.delay_ms_mean.saturating_mul(DELAY_MAX_TIMES).clamp(1, DELAY_MS_MAX),
        classes: vec![CoverClass {
            name: "standard".to_owned(),
            payload_interval_ms_mean: design.payload_interval_ms_mean,
            loop_interval_ms_mean: design.loop_interval_ms_mean,
            drop_interval_ms_mean: design.drop_interval_ms_mean,
            downlink_interval_ms_mean: design.downlink_interval_ms_mean,
        }],
        ..Params::default()
    }
}

fn in_words(advice: &Advice, simulated: Option<&Measures>, traced: Option<&Traced>) -> String {
    let Candidate { design, figures } = &advice.proposal;
    let mut lines = vec![
        format!("proposal, of {} designs:", advice.tried),
        format!("  delay_ms_mean             {}", design.delay_ms_mean),
        format!("  layers                    {} and the entries", design.layers),
        format!("  mixes per layer           {}", design.mixes_per_layer),
        format!("  payload_interval_ms_mean  {}", design.payload_interval_ms_mean),
        format!("  loop_interval_ms_mean     {}", design.loop_interval_ms_mean),
        format!("  drop_interval_ms_mean     {}", design.drop_interval_ms_mean),
        format!("  downlink_interval_ms_mean {}", design.downlink_interval_ms_mean),
        "by the closed forms:".to_owned(),
        format!("  anonymity                 {:.2} bits", figures.anonymity_bits),
        format!(
            "  latency                   {:.2} s (95 %), {:.2} s (mean)",
            figures.latency_s, figures.latency_mean_s
        ),
        format!("  bandwidth                 {:.2} kB/s", figures.bandwidth_kb_s),
        format!("  paths compromised         {:.4}", figures.path_compromised),
    ];
    if let Some(measures) = simulated {
        let s = |name| {
            measures
                .get(name)
                .map_or_else(|| "none received".to_owned(), |ms| format!("{:.2} s", ms / 1000.0))
        };
        let bytes: Option<f64> = ["traffic.up_bytes_per_user_day", "traffic.down_bytes_per_user_day"]
            .into_iter()
            .map(|name| measures.get(name))
            .sum();
        lines.push("by simulation:".to_owned());
        lines.push(format!(
            "  latency                   {} (95 %), {} (mean)",
            s("latency_ms.q95"),
            s("latency_ms.mean")
        ));
        if let Some(bytes) = bytes {
            lines.push(format!("  bandwidth                 {:.2} kB/s", bytes / 86_400_000.0));
        }
    }
    if let Some(Traced { clients, form_bits, traced_bits }) = traced {
        let bits = |bits: &Option<f64>, none: &str| {
            bits.map_or_else(|| none.to_owned(), |bits| format!("{bits:.2} bits"))
        };
        lines.push(format!(
            "  packets of {clients} clients    {} traced, {} by the closed form",
            bits(traced_bits, "nothing"),
            bits(form_bits, "too few for any")
        ));
    }
    lines.push(if advice.binding.is_empty() {
        "no limit binds: every user is hidden among all".to_owned()
    } else {
        let limits: Vec<String> = advice
            .binding
            .iter()
            .map(|one| format!("{} ({:.2} bits more)", one.limit, one.gain_bits))
            .collect();
        format!("what binds, and what half as much again of it would give: {}", limits.join(", "))
    });
    lines.push(format!("Pareto front, {} designs:", advice.front.len()));
    lines.push("  bits   latency s  kB/s    delay ms  layers  mixes  payload ms  loop ms".to_owned());
    let step = advice.front.len().div_ceil(FRONT_SHOWN).max(1);
    for Candidate { design, figures } in advice.front.iter().step_by(step) {
        lines.push(format!(
            "  {:<6.2} {:<10.2} {:<7.2} {:<9} {:<7} {:<6} {:<11} {}",
            figures.anonymity_bits,
            figures.latency_s,
            figures.bandwidth_kb_s,
            design.delay_ms_mean,
            design.layers,
            design.mixes_per_layer,
            design.payload_interval_ms_mean,
            design.loop_interval_ms_mean
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use sotto_directory::shell::DirectoryConfig;

    use super::*;

    #[test]
    fn what_is_written_is_what_the_directory_reads() {
        let wish = Wish { users: 2000, ..Wish::default() };
        let advice = search(&wish).unwrap();
        for candidate in advice.front.iter().chain([&advice.proposal]) {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("directory.toml");
            let head = format!(
                "dir = {:?}\nlisten = \"127.0.0.1:9001\"\nnetwork = \"test\"\nadmit = \"all\"\n",
                dir.path()
            );
            std::fs::write(&file, head + &params_toml(&candidate.design).unwrap()).unwrap();
            let read = DirectoryConfig::read(&file).unwrap();
            assert_eq!(read.params, params(&candidate.design));
            assert_eq!(read.params.delay_ms_mean, candidate.design.delay_ms_mean);
        }
    }

    #[test]
    fn a_proposal_keeps_its_promise_of_latency_and_bandwidth_in_the_model() {
        let wish = Wish {
            users: 400,
            latency_max_s: 20.0,
            bandwidth_max_kb_s: 20.0,
            contacts: 2,
            ..Wish::default()
        };
        let Candidate { design, figures } = search(&wish).unwrap().proposal;
        let measures = simulate(&wish, &design, 3).unwrap();
        let bytes: f64 = ["up", "down"]
            .map(|way| measures.get(&format!("traffic.{way}_bytes_per_user_day")).unwrap())
            .iter()
            .sum();
        let kb_s = bytes / 86_400_000.0;
        assert!((kb_s / figures.bandwidth_kb_s - 1.0).abs() < 0.02, "{kb_s} {figures:?}");
        let latency_s = measures.get("latency_ms.q95").unwrap() / 1000.0;
        // In the model a user also asks about those who have them among their contacts, and about both replicas in turn.
        assert!((0.7..1.6).contains(&(latency_s / figures.latency_s)), "{latency_s} {figures:?}");
    }

    #[test]
    fn a_count_of_mixes_and_a_share_are_told_apart() {
        assert_eq!(corrupt("2"), Ok(Corrupt::Count(2)));
        assert_eq!(corrupt("0.2"), Ok(Corrupt::Fraction(0.2)));
        assert!(corrupt("some").is_err());
    }
}
