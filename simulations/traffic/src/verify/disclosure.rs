//! Rounds until disclosure: statistical disclosure, intersection, and the trilemma's line under what a network gives away.
//!
//! The forms speak of rounds, so the first two are held against rounds and not against a network: in continuous time there are
//! none.

use std::collections::HashMap;

use super::networks::covered;
use super::sampling::{add, below};
use super::{Check, CheckNotRun, Outcome, REPLICATIONS, Sense, replicate};
use crate::engine::record;
use crate::metrics::interval::mean_and_error;
use crate::observer::WireId;
use crate::party::Party;
use crate::random::{Draws, Purpose, Seed};
use crate::scenario::{Mixing, Scenario};
use crate::theory::disclosure::{Disclosure, rounds};
use crate::theory::latency::MixLatency;
use crate::theory::{intersection, trilemma};
use crate::time::SimTime;
use crate::tracer::{Direction, replay};
use crate::view::{Sight, View};

const DISCLOSED: Disclosure = Disclosure { recipients: 40, contacts: 5, batch: 10 };
const DEVIATIONS: f64 = 2.0;
/// Users whose disclosure is simulated in each replication.
const USERS: u32 = 150;
const OTHERS: u32 = 30;
const ONLINE: f64 = 0.6;
const INTERSECTIONS: u32 = 100;
const CLIENTS: u32 = 10;
const INTERVAL_MS: f64 = 20_000.0;

pub(super) fn checks() -> Vec<Check> {
    let check = Check {
        name: "statistical-disclosure",
        form: "rounds until contacts stand out by l deviations: (m l (sqrt(B) + sqrt(B + (m-1)/m^2)))^2, B = (b-1)(N-1)/N^2",
        source: "Danezis 2003, section 4",
        scenario: "rounds of 10 packets, one of them a user's with 5 contacts, 40 recipients; 150 users",
        allowance: "1 %, as rounds are whole",
        sense: Sense::Equal,
        run: |seed| {
            let expected = rounds(DISCLOSED, DEVIATIONS)?;
            let sample = replicate(seed, REPLICATIONS, |seed| Ok(rounds_needed(seed, expected)))?;
            Ok(Outcome { expected, sample, allowed: 0.01 * expected })
        },
    };
    [
        check,
        Check {
            name: "intersection",
            form: "rounds until n others were all offline once: the sum over r of 1 - (1 - p^r)^n",
            source: "Szpankowski, Rego 1990 (greatest of n geometric numbers)",
            scenario: "30 others, each online in a round with probability 0.6; 100 users",
            allowance: "nothing",
            run: |seed| {
                let expected = intersection::rounds_mean(OTHERS, ONLINE)?;
                let sample = replicate(seed, REPLICATIONS, |seed| Ok(Some(rounds_of_intersection(seed))))?;
                Ok(Outcome { expected, sample, allowed: 0.0 })
            },
            ..check
        },
        Check {
            name: "trilemma-silence",
            form: "a user is silent for l rounds with probability (1-p)^l: what is left of 1/2 - min(1/2, 1 - (1-p)^l)",
            source: "Das, Meiser, Mohammadi, Kate 2018, section IV",
            scenario: "10 clients with a packet in 20 s each, 6,000 s; all pairs of an exit and another client",
            allowance: "nothing",
            run: |seed| {
                let (latency_s, sends) = trilemma_rounds()?;
                let expected = trilemma::advantage_min(latency_s, sends)?;
                let sample = replicate(seed, REPLICATIONS, |seed| silent(seed, latency_s))?;
                Ok(Outcome { expected, sample: sample.iter().map(|share| share - 0.5).collect(), allowed: 0.0 })
            },
            ..check
        },
        Check {
            name: "trilemma",
            form: "the advantage in telling two senders apart is at least 1/2 - min(1/2, 1 - (1-p)^l)",
            source: "Das, Meiser, Mohammadi, Kate 2018, section IV",
            scenario: "10 clients with a packet in 20 s each, 2 hops of mean delay 1 s; l is the 99 % quantile of the latency",
            allowance: "0.01, for the packets beyond that quantile",
            sense: Sense::AtLeast,
            run: |seed| {
                let (latency_s, sends) = trilemma_rounds()?;
                let expected = trilemma::advantage_min(latency_s, sends)?;
                let sample = replicate(seed, REPLICATIONS, told_apart)?;
                Ok(Outcome { expected, sample, allowed: 0.01 })
            },
        },
    ]
    .to_vec()
}

/// From the mean counts of contacts and others and their spread after about as many rounds: how many it takes until they are
/// as many deviations apart on each side. Distance grows with rounds, deviations with their root.
fn rounds_needed(seed: Seed, simulated: f64) -> Option<f64> {
    let mut draws = seed.draws(Purpose::Addressee, 0);
    let (recipients, contacts) = (DISCLOSED.recipients as usize, DISCLOSED.contacts as usize);
    let simulated = simulated.round();
    let (mut of_contacts, mut of_others) = (Vec::new(), Vec::new());
    for _ in 0..USERS {
        let mut got = vec![0.0; recipients];
        let mut round = 0.0;
        while round < simulated {
            add(&mut got, below(&mut draws, contacts), 1.0);
            for _ in 1..DISCLOSED.batch {
                add(&mut got, below(&mut draws, recipients), 1.0);
            }
            round += 1.0;
        }
        let (friends, strangers) = got.split_at_checked(contacts)?;
        of_contacts.extend_from_slice(friends);
        of_others.extend_from_slice(strangers);
    }
    let (high, spread_high) = mean_and_deviation(&of_contacts)?;
    let (low, spread_low) = mean_and_deviation(&of_others)?;
    let apart = (high - low) / (spread_high + spread_low);
    Some(simulated * (DEVIATIONS / apart).powi(2))
}

fn mean_and_deviation(sample: &[f64]) -> Option<(f64, f64)> {
    let (mean, error) = mean_and_error(sample)?;
    Some((mean, error * (sample.len() as f64).sqrt()))
}

fn rounds_of_intersection(seed: Seed) -> f64 {
    let mut draws = seed.draws(Purpose::Online, 0);
    let mut rounds = 0_u32;
    for _ in 0..INTERSECTIONS {
        let mut left = OTHERS;
        while left > 0 {
            let mut online = 0;
            for _ in 0..left {
                online += u32::from(draws.unit() < ONLINE);
            }
            left = online;
            rounds += 1;
        }
    }
    f64::from(rounds) / f64::from(INTERSECTIONS)
}

/// The longest latency and the probability to send, in rounds of a second.
fn trilemma_rounds() -> Result<(f64, f64), CheckNotRun> {
    let latency_s = MixLatency::new(2, 1000.0, 30.0)?.quantile_ms(0.99)? / 1e3;
    Ok((latency_s, 1.0 - (-1000.0 / INTERVAL_MS).exp()))
}

fn few_clients(duration_s: f64) -> Scenario {
    let mut scenario: Scenario = covered(2, 1, Mixing::Poisson { delay_ms_mean: 1000.0 }, CLIENTS);
    scenario.duration_s = duration_s;
    for class in &mut scenario.clients {
        class.payload_interval_ms_mean = INTERVAL_MS;
    }
    scenario
}

/// Of all pairs of a packet that comes out and a client that is not its sender: the share in which the client sent nothing in so
/// long before. It cannot be the sender.
fn silent(seed: Seed, latency_s: f64) -> Result<Option<f64>, CheckNotRun> {
    let recorded = record(&few_clients(6000.0), seed, None)?;
    let latency = SimTime::from_secs_f64(latency_s);
    let first = recorded.window.0 + latency;
    let mut senders: HashMap<u64, Party> = HashMap::new();
    let mut last_sent: HashMap<Party, SimTime> = HashMap::new();
    let (mut pairs, mut silent) = (0.0, 0.0);
    // In the order of sending; a client's last passage and the last of a packet are both sendings.
    for (wire, fact) in recorded.recording.wires.iter().zip(&recorded.recording.facts) {
        if recorded.layout.is_client(wire.from) {
            senders.insert(fact.packet, wire.from);
            last_sent.insert(wire.from, wire.sent);
        } else if recorded.layout.is_client(wire.to)
            && wire.sent >= first
            && let Some(sender) = senders.get(&fact.packet)
        {
            for other in (0..CLIENTS).map(Party).filter(|other| other != sender) {
                let sent = last_sent.get(&other).copied().unwrap_or(SimTime::ZERO);
                pairs += 1.0;
                silent += f64::from(u8::from(wire.sent.since(sent) > latency));
            }
        }
    }
    Ok((pairs > 0.0).then(|| silent / pairs))
}

/// The advantage over guessing of who names the likelier of the true sender and another client, by exact tracing.
fn told_apart(seed: Seed) -> Result<Option<f64>, CheckNotRun> {
    let scenario = few_clients(600.0);
    let recorded = record(&scenario, seed, None)?;
    let wires = || recorded.recording.wires.iter().zip(&recorded.recording.facts);
    let senders: HashMap<u64, Party> = wires()
        .filter(|(wire, _)| recorded.layout.is_client(wire.from))
        .map(|(wire, fact)| (fact.packet, wire.from))
        .collect();
    let targets: Vec<(WireId, Party)> = wires()
        .filter(|(wire, _)| recorded.layout.is_client(wire.to))
        .filter_map(|(wire, fact)| Some((wire.id, *senders.get(&fact.packet)?)))
        .collect();
    let ids: Vec<WireId> = targets.iter().map(|(wire, _)| *wire).collect();
    let view =
        View::of(&recorded.recording, &recorded.layout, &scenario, Sight::Global, &[], recorded.window);
    let tracer = replay(&view, Direction::Backward, &ids);
    let mut draws: Draws = seed.draws(Purpose::Targets, 0);
    let right: f64 = targets
        .iter()
        .enumerate()
        .map(|(target, (_, sender))| {
            let other = Party((sender.0 + 1 + draws.below(CLIENTS - 1)) % CLIENTS);
            let parties = tracer.parties(target);
            let weight = |party: Party| {
                parties.iter().filter(|(of, _)| *of == party).map(|(_, mass)| mass).sum::<f64>()
            };
            match weight(*sender).total_cmp(&weight(other)) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            }
        })
        .sum();
    Ok((!targets.is_empty()).then(|| 2.0 * right / targets.len() as f64 - 1.0))
}
