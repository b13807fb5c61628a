//! A scenario in the virtual network, noted in the form of the model.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use sotto_client::core::Event;
use sotto_protocol::directory::Place;
use sotto_protocol::time::Timestamp;
use sotto_traffic::observer::{Fact, PacketKind, WireId};
use sotto_traffic::party::{Layout, Party};
use sotto_traffic::random::{Purpose, Seed};
use sotto_traffic::scenario::{Scenario, Writing};
use sotto_traffic::time::SimTime;
use sotto_traffic::view::{MessageTruth, Recording, Wire};

use super::error::FidelityError;
use super::observed::Observed;
use super::plan::vnet_plan;
use crate::vnet::{Cargo, Endpoint, Passage, VirtualNetwork};

/// How long an invitation holds.
const INVITE: Duration = Duration::from_secs(24 * 3600);
/// How long two people have to become contacts.
const ACQUAINTED: Duration = Duration::from_secs(900);

/// Runs a scenario by the production cores and takes the samples.
///
/// # Errors
/// [`FidelityError`].
pub fn run(scenario: &Scenario, seed: Seed) -> Result<Observed, FidelityError> {
    let Recorded { recording, before_s } = record(scenario, seed)?;
    Ok(Observed { before_s, ..Observed::of(&recording, &scenario.layout(), scenario) })
}

/// What the production cores did in a scenario.
#[derive(Debug)]
pub struct Recorded {
    /// In the form of the model.
    pub recording: Recording,
    /// How long before time 0 clients were there, in seconds.
    pub before_s: f64,
}

/// Runs a scenario by the production cores and notes what the model would note.
///
/// Time 0 is when all clients know one another. Wires sent before the end of warming up are noted, too.
///
/// # Errors
/// [`FidelityError`].
pub fn record(scenario: &Scenario, seed: Seed) -> Result<Recorded, FidelityError> {
    let mut net = VirtualNetwork::found(vnet_plan(scenario, seed)?)?;
    net.pause_trace();
    let count = scenario.client_count();
    let first = net.now();
    let names: Vec<String> = (0..count).map(|number| format!("client-{number}")).collect();
    for name in &names {
        net.add_person(name)?;
    }
    for pair in names.chunks_exact(2) {
        if let [first, second] = pair {
            acquaint(&mut net, first, second)?;
        }
    }
    let begin = net.now();
    let before_s = begin.since(first).as_secs_f64();
    net.tap();
    let messages = converse(&mut net, scenario, seed, &names)?;
    Ok(Recorded { recording: note(&net, &scenario.layout(), begin, messages), before_s })
}

/// Makes two people contacts of one another.
fn acquaint(net: &mut VirtualNetwork, first: &str, second: &str) -> Result<(), FidelityError> {
    let invite =
        net.with_person(first, |engine, now, rng| engine.create_invite(now, second, INVITE, rng))??;
    let link = invite.link();
    net.with_person(second, |engine, now, rng| engine.accept_invite(now, &link, first, rng))??;
    let knows = |net: &VirtualNetwork, name: &str| {
        net.events(name).is_ok_and(|events| {
            events.iter().any(|(_, event)| matches!(event, Event::ContactEstablished { .. }))
        })
    };
    if net.run_until(ACQUAINTED, |net| knows(net, first) && knows(net, second)) {
        Ok(())
    } else {
        Err(FidelityError::NotAcquainted(first.to_owned(), second.to_owned(), ACQUAINTED.as_secs()))
    }
}

/// Lets everybody write as the scenario has it; pairs write to one another.
fn converse(
    net: &mut VirtualNetwork,
    scenario: &Scenario,
    seed: Seed,
    names: &[String],
) -> Result<Vec<MessageTruth>, FidelityError> {
    let begin = net.now();
    let end_s = scenario.warmup_s + scenario.duration_s;
    let mut writings = writings(scenario, seed, end_s)?;
    writings.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut messages = Vec::new();
    for (number, (at_s, user)) in writings.into_iter().enumerate() {
        let at = begin + Duration::from_secs_f64(at_s);
        net.run_for(at.since(net.now()));
        let partner = user ^ 1;
        let (Some(from), Some(to)) = (names.get(user as usize), names.get(partner as usize)) else {
            continue;
        };
        net.send_text(from, to, &number.to_string())?;
        messages.push(MessageTruth {
            sender: Party(user),
            recipient: Party(partner),
            written: since(begin, net.now()),
            released: SimTime::NEVER,
            stored: SimTime::NEVER,
            received: SimTime::NEVER,
        });
    }
    net.run_for((begin + Duration::from_secs_f64(end_s)).since(net.now()));
    for name in names {
        for (at, event) in net.events(name)? {
            if let Event::MessageReceived { message, .. } = event
                && let Ok(number) = message.text.parse::<usize>()
                && let Some(truth) = messages.get_mut(number)
            {
                truth.received = since(begin, *at);
            }
        }
    }
    Ok(messages)
}

/// When who writes, in seconds.
fn writings(scenario: &Scenario, seed: Seed, end_s: f64) -> Result<Vec<(f64, u32)>, FidelityError> {
    let Writing::Poisson { per_day_mean } = scenario.behaviour.writing else {
        return Err(FidelityError::Scenario(sotto_traffic::scenario::ScenarioRefusal {
            field: "behaviour.writing.kind".to_owned(),
            found: "another".to_owned(),
            allowed: "poisson".to_owned(),
        }));
    };
    let mut all = Vec::new();
    for user in 0..scenario.client_count() {
        let mut draws = seed.draws(Purpose::Writing, u64::from(user));
        let mut at_s = 0.0;
        loop {
            at_s += draws.exponential(86_400.0 / per_day_mean);
            if at_s.is_nan() || at_s > end_s {
                break;
            }
            all.push((at_s, user));
        }
    }
    Ok(all)
}

/// Puts what the tap noted into the form of the model.
fn note(net: &VirtualNetwork, layout: &Layout, begin: Timestamp, messages: Vec<MessageTruth>) -> Recording {
    let parties = parties(net, layout);
    let party = |endpoint: Endpoint| match endpoint {
        Endpoint::Person(number) => u32::try_from(number).ok().map(Party),
        Endpoint::Node(number) => parties.get(&number).copied(),
    };
    let passages = net.passages();
    let kinds = kinds(passages);
    let mut recording = Recording { messages, ..Recording::default() };
    // Which wire a passage became: those of nodes that are nowhere have none.
    let mut wires: HashMap<usize, WireId> = HashMap::new();
    for (number, (passage, (packet, kind))) in passages.iter().zip(kinds).enumerate() {
        let (Some(from), Some(to)) = (party(passage.from), party(passage.to)) else { continue };
        let id = WireId(u64::try_from(recording.wires.len()).unwrap_or(u64::MAX));
        if let Some(incoming) = passage.before.and_then(|before| wires.get(&before)) {
            recording.forwarded.push((from, *incoming, id));
        }
        wires.insert(number, id);
        let (sent, arrived) = (since(begin, passage.sent), since(begin, passage.arrives));
        recording.wires.push(Wire { id, sent, arrived, from, to });
        recording.facts.push(Fact { packet, kind, message: None });
    }
    recording
}

/// Which node is which party: within a layer as the nodes are numbered.
fn parties(net: &VirtualNetwork, layout: &Layout) -> HashMap<usize, Party> {
    let mut counts: BTreeMap<(u8, u8), u32> = BTreeMap::new();
    let mut parties = HashMap::new();
    for number in 0.. {
        if net.node_name(number).is_none() {
            break;
        }
        let Some(place) = net.place(number) else { continue };
        let key = match place {
            Place::Entry => (0, 0),
            Place::Mix { layer } => (0, layer),
            Place::Mailbox => (1, 0),
        };
        let index = counts.entry(key).or_default();
        let party = match place {
            Place::Mailbox => layout.mailbox(*index),
            Place::Entry | Place::Mix { .. } => layout.mix(u32::from(key.1), *index),
        };
        parties.insert(number, party);
        *index += 1;
    }
    parties
}

/// For each passage the packet, by the number of its first passage, and what kind it turned out to be.
fn kinds(passages: &[Passage]) -> Vec<(u64, PacketKind)> {
    let mut first: Vec<usize> = Vec::with_capacity(passages.len());
    for (number, passage) in passages.iter().enumerate() {
        let root = passage.before.and_then(|before| first.get(before).copied()).unwrap_or(number);
        first.push(root);
    }
    let mut kinds: HashMap<usize, PacketKind> = HashMap::new();
    for (passage, root) in passages.iter().zip(&first) {
        let is_of_person = passages.get(*root).is_some_and(|first| matches!(first.from, Endpoint::Person(_)));
        let kind = match passage.cargo {
            Cargo::Onward => continue,
            Cargo::Command("write") => PacketKind::Message,
            Cargo::Command("drop") => PacketKind::Drop,
            Cargo::Command(_) => PacketKind::Poll,
            Cargo::ForClient if is_of_person => PacketKind::Loop,
            Cargo::ForClient => PacketKind::Reply,
            Cargo::OwnLoop => PacketKind::MixLoop,
            Cargo::Dummy if matches!(passage.to, Endpoint::Person(_)) => PacketKind::DownlinkDummy,
            Cargo::Dummy => PacketKind::LinkDummy,
            Cargo::Unreadable => PacketKind::Injected,
        };
        kinds.insert(*root, kind);
    }
    // Packets that are still under way at the end are taken for what their maker makes most of.
    first
        .into_iter()
        .map(|root| {
            let packet = u64::try_from(root).unwrap_or(u64::MAX);
            (packet, kinds.get(&root).copied().unwrap_or(PacketKind::Poll))
        })
        .collect()
}

fn since(begin: Timestamp, at: Timestamp) -> SimTime {
    if at == Timestamp::NEVER {
        return SimTime::NEVER;
    }
    SimTime::from_nanos(u64::try_from(at.since(begin).as_nanos()).unwrap_or(u64::MAX))
}
