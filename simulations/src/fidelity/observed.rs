//! The samples that are compared, taken in one way from a run of the model and from one of the cores.

use std::collections::{BTreeMap, HashMap};

use sotto_traffic::observer::PacketKind;
use sotto_traffic::party::{Layout, Party, Role};
use sotto_traffic::scenario::{Mixing, Scenario};
use sotto_traffic::time::SimTime;
use sotto_traffic::view::{Recording, Wire};

/// Mean delays between two looks at what a mix holds. Within one look mixes hold different packets; between two, a command
/// and its answer have passed, so that no packet is counted at both by way of the other.
const LOOK_DELAYS: f64 = 32.0;
/// Between two packets to one client of which the time is taken lie so many relaxation times of the queue at its entry:
/// those that wait in one queue wait equally long.
const RELAXATIONS: f64 = 2.0;
/// Packets are counted in stretches of so many seconds. A question and its answer lie in one as a rule, so that counts of
/// different stretches are as good as independent.
const BATCH_S: f64 = 20.0;
/// The same for writes: a message and its receipt lie further apart.
const WRITES_BATCH_S: f64 = 60.0;

/// Counts in stretches of time, each with what it is a count per: seconds, or messages.
pub(super) type Batches = Vec<(u64, f64)>;

/// Samples of one run, from the end of warming up on.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Gaps between packets that one client sends, in milliseconds.
    pub uplink_gap_ms: Vec<f64>,
    /// Gaps between frames that one client gets, in milliseconds.
    pub downlink_gap_ms: Vec<f64>,
    /// How long a mix or entry holds a packet on its way, in milliseconds.
    pub holding_ms: Vec<f64>,
    /// From a client to a mailbox, in milliseconds.
    pub to_mailbox_ms: Vec<f64>,
    /// From a mailbox to a client, in milliseconds; few of each client, that do not depend on one another.
    pub to_client_ms: Vec<f64>,
    /// From a client's sending of a loop to its return, in milliseconds; the same.
    pub loop_ms: Vec<f64>,
    /// What a mix holds at one look; entries apart.
    pub occupancy: Vec<u32>,
    /// Packets by the kinds of the two ends of their link, per second; dummies apart.
    pub on_links: BTreeMap<String, Batches>,
    /// From written to received, in milliseconds.
    pub message_ms: Vec<f64>,
    /// Packets that took messages and receipts to mailboxes, per message written.
    pub writes: Batches,
    /// How long before time 0 clients were there, in seconds.
    pub before_s: f64,
}

impl Observed {
    /// Takes the samples of a run.
    #[must_use]
    pub fn of(recording: &Recording, layout: &Layout, scenario: &Scenario) -> Self {
        let begin = SimTime::from_secs_f64(scenario.warmup_s);
        let end = begin + SimTime::from_secs_f64(scenario.duration_s);
        let window = |wire: &&Wire| wire.sent >= begin && wire.sent < end;
        let mut observed = Self::default();
        observed.gaps(recording, layout, window);
        observed.holding(recording, layout, scenario, (begin, end));
        observed.journeys(recording, layout, (begin, end), between_journeys(scenario));
        observed.counts(recording, layout, (begin, end));
        for message in &recording.messages {
            if message.written >= begin && message.written < end && message.received != SimTime::NEVER {
                observed.message_ms.push((message.received - message.written).as_millis_f64());
            }
        }
        observed
    }

    /// Adds the samples of another run.
    pub fn add(&mut self, other: Self) {
        self.uplink_gap_ms.extend(other.uplink_gap_ms);
        self.downlink_gap_ms.extend(other.downlink_gap_ms);
        self.holding_ms.extend(other.holding_ms);
        self.to_mailbox_ms.extend(other.to_mailbox_ms);
        self.to_client_ms.extend(other.to_client_ms);
        self.loop_ms.extend(other.loop_ms);
        self.occupancy.extend(other.occupancy);
        self.message_ms.extend(other.message_ms);
        self.writes.extend(other.writes);
        for (link, batches) in other.on_links {
            self.on_links.entry(link).or_default().extend(batches);
        }
    }

    fn counts(&mut self, recording: &Recording, layout: &Layout, (begin, end): (SimTime, SimTime)) {
        let batch = |at: SimTime, batch_s: f64| {
            let nanos = at.as_nanos().checked_sub(begin.as_nanos())?;
            usize::try_from(nanos / SimTime::from_secs_f64(batch_s).as_nanos()).ok()
        };
        let batches = |batch_s| batch(end, batch_s).unwrap_or(0);
        self.writes = vec![(0, 0.0); batches(WRITES_BATCH_S)];
        for message in &recording.messages {
            let batch = batch(message.written, WRITES_BATCH_S);
            if let Some((_, written)) = batch.and_then(|batch| self.writes.get_mut(batch)) {
                *written += 1.0;
            }
        }
        for (wire, fact) in recording.wires.iter().zip(&recording.facts) {
            let is_write = matches!(fact.kind, PacketKind::Message | PacketKind::Receipt);
            if is_write
                && layout.is_client(wire.from)
                && let Some(batch) = batch(wire.sent, WRITES_BATCH_S)
                && let Some((writes, _)) = self.writes.get_mut(batch)
            {
                *writes += 1;
            }
            let Some(batch) = batch(wire.sent, BATCH_S) else { continue };
            let is_dummy = matches!(fact.kind, PacketKind::LinkDummy | PacketKind::DownlinkDummy);
            if let (Some(from), Some(to)) = (layout.role(wire.from), layout.role(wire.to))
                && !is_dummy
            {
                let link = self.on_links.entry(format!("{} to {}", kind(from), kind(to)));
                let link = link.or_insert_with(|| vec![(0, BATCH_S); batches(BATCH_S)]);
                if let Some((packets, _)) = link.get_mut(batch) {
                    *packets += 1;
                }
            }
        }
    }

    fn gaps(&mut self, recording: &Recording, layout: &Layout, window: impl Fn(&&Wire) -> bool) {
        let mut last: HashMap<(Party, bool), SimTime> = HashMap::new();
        for wire in recording.wires.iter().filter(window) {
            let (client, is_up) =
                if layout.is_client(wire.from) { (wire.from, true) } else { (wire.to, false) };
            if !layout.is_client(client) {
                continue;
            }
            if let Some(before) = last.insert((client, is_up), wire.sent) {
                let gaps = if is_up { &mut self.uplink_gap_ms } else { &mut self.downlink_gap_ms };
                gaps.push((wire.sent - before).as_millis_f64());
            }
        }
    }

    fn holding(
        &mut self,
        recording: &Recording,
        layout: &Layout,
        scenario: &Scenario,
        (begin, end): (SimTime, SimTime),
    ) {
        let wire = |id: &sotto_traffic::observer::WireId| {
            recording.wires.get(usize::try_from(id.0).unwrap_or(usize::MAX))
        };
        // What mixes hold for their delays: not what entries keep for the downlink.
        let stays: Vec<(Party, SimTime, SimTime)> = recording
            .forwarded
            .iter()
            .filter_map(|(node, incoming, outgoing)| {
                let (incoming, outgoing) = (wire(incoming)?, wire(outgoing)?);
                let is_mixed = layout.is_mix(*node) && !layout.is_client(outgoing.to);
                is_mixed.then_some((*node, incoming.arrived, outgoing.sent))
            })
            .collect();
        for (_, arrived, sent) in &stays {
            if *arrived >= begin && *arrived < end {
                self.holding_ms.push((*sent - *arrived).as_millis_f64());
            }
        }
        let Mixing::Poisson { delay_ms_mean } = scenario.mixing else { return };
        let step = SimTime::from_millis_f64(delay_ms_mean * LOOK_DELAYS);
        // What arrived near the end may not have been seen leaving.
        let last = end - step;
        if step == SimTime::ZERO {
            return;
        }
        let mut held: HashMap<(Party, u64), u32> = HashMap::new();
        for (node, arrived, sent) in stays {
            let first_look = (arrived - begin).as_nanos().div_ceil(step.as_nanos());
            let looks = (sent - begin).as_nanos().div_ceil(step.as_nanos());
            for look in first_look..looks {
                *held.entry((node, look)).or_default() += 1;
            }
        }
        let looks = (last - begin).as_nanos() / step.as_nanos();
        // What an entry holds depends on how many clients chose it, which is not the same in any two runs.
        let entries = scenario.network.entries;
        for number in entries..layout.mixes() {
            let node = layout.nth_mix(number);
            // The first look is at the very beginning, when what came before is not all known.
            self.occupancy.extend((1..looks).map(|look| held.get(&(node, look)).copied().unwrap_or(0)));
        }
    }

    fn journeys(
        &mut self,
        recording: &Recording,
        layout: &Layout,
        (begin, end): (SimTime, SimTime),
        between: SimTime,
    ) {
        // Until when no other packet of this kind to this client counts.
        let mut until: HashMap<(Party, bool), SimTime> = HashMap::new();
        let mut counts = |wire: &Wire, is_loop: bool| {
            let until = until.entry((wire.to, is_loop)).or_default();
            let counts = wire.sent >= *until;
            if counts {
                *until = wire.sent + between;
            }
            counts
        };
        let mut began: HashMap<u64, (Party, SimTime)> = HashMap::new();
        for (wire, fact) in recording.wires.iter().zip(&recording.facts) {
            let (maker, sent) = *began.entry(fact.packet).or_insert((wire.from, wire.sent));
            if sent < begin || wire.sent >= end || wire.arrived == SimTime::NEVER {
                continue;
            }
            let took_ms = (wire.arrived - sent).as_millis_f64();
            let is_up = layout.is_client(maker);
            match fact.kind {
                PacketKind::LinkDummy | PacketKind::DownlinkDummy => {}
                _ if is_up && layout.is_mailbox(wire.to) => self.to_mailbox_ms.push(took_ms),
                _ if layout.is_mailbox(maker) && layout.is_client(wire.to) => {
                    self.to_client_ms.extend(counts(wire, false).then_some(took_ms));
                }
                _ if is_up && layout.is_client(wire.to) => {
                    self.loop_ms.extend(counts(wire, true).then_some(took_ms));
                }
                _ => {}
            }
        }
    }
}

/// How far apart packets to one client are of which the time is taken: by the relaxation time of the queue M/M/1 that the
/// downlink is, 1/(sqrt(frames per second) - sqrt(packets per second))² (Cohen, "The Single Server Queue", 1982, II.2.1).
fn between_journeys(scenario: &Scenario) -> SimTime {
    let Some(class) = scenario.clients.first() else { return SimTime::ZERO };
    let per_s = |interval_ms: f64| if interval_ms > 0.0 { 1000.0 / interval_ms } else { 0.0 };
    let come = per_s(class.payload_interval_ms_mean) + per_s(class.loop_interval_ms_mean);
    let go = per_s(class.downlink_interval_ms_mean);
    if go <= come {
        return SimTime::ZERO;
    }
    SimTime::from_secs_f64(RELAXATIONS / (go.sqrt() - come.sqrt()).powi(2))
}

fn kind(role: Role) -> String {
    match role {
        Role::Client(_) => "client".to_owned(),
        Role::Mix { layer, .. } => format!("layer {layer}"),
        Role::Mailbox(_) => "mailbox".to_owned(),
        Role::Tor => "tor".to_owned(),
    }
}
