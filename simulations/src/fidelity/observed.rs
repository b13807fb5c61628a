//! The samples that are compared, taken in one way from a run of the model and from one of the cores.

use std::collections::{BTreeMap, HashMap};

use sotto_traffic::observer::PacketKind;
use sotto_traffic::party::{Layout, Party, Role};
use sotto_traffic::scenario::{Mixing, Scenario};
use sotto_traffic::time::SimTime;
use sotto_traffic::view::{Recording, Wire};

/// Mean delays between two looks at what a mix holds: looks are then as good as independent.
const LOOK_DELAYS: f64 = 8.0;

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
    /// From a mailbox to a client, in milliseconds.
    pub to_client_ms: Vec<f64>,
    /// From a client's sending of a loop to its return, in milliseconds.
    pub loop_ms: Vec<f64>,
    /// What a mix holds at one look; entries apart.
    pub occupancy: Vec<u32>,
    /// Packets by the kinds of the two ends of their link; dummies apart.
    pub on_links: BTreeMap<String, u64>,
    /// From written to received, in milliseconds.
    pub message_ms: Vec<f64>,
    /// Messages written.
    pub written: u64,
    /// Packets that took messages to mailboxes.
    pub writes: u64,
    /// The time that all this took, in seconds.
    pub span_s: f64,
}

impl Observed {
    /// Takes the samples of a run.
    #[must_use]
    pub fn of(recording: &Recording, layout: &Layout, scenario: &Scenario) -> Self {
        let begin = SimTime::from_secs_f64(scenario.warmup_s);
        let end = begin + SimTime::from_secs_f64(scenario.duration_s);
        let window = |wire: &&Wire| wire.sent >= begin && wire.sent < end;
        let mut observed = Self { span_s: scenario.duration_s, ..Self::default() };
        observed.gaps(recording, layout, window);
        observed.holding(recording, layout, scenario, (begin, end));
        observed.journeys(recording, layout, (begin, end));
        for (wire, fact) in recording.wires.iter().zip(&recording.facts) {
            if !window(&wire) {
                continue;
            }
            let is_dummy = matches!(fact.kind, PacketKind::LinkDummy | PacketKind::DownlinkDummy);
            if let (Some(from), Some(to)) = (layout.role(wire.from), layout.role(wire.to))
                && !is_dummy
            {
                *observed.on_links.entry(format!("{} to {}", kind(from), kind(to))).or_default() += 1;
            }
            observed.writes += u64::from(fact.kind == PacketKind::Message && layout.is_client(wire.from));
        }
        for message in &recording.messages {
            if message.written >= begin && message.written < end {
                observed.written += 1;
                if message.received != SimTime::NEVER {
                    observed.message_ms.push((message.received - message.written).as_millis_f64());
                }
            }
        }
        observed
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

    fn journeys(&mut self, recording: &Recording, layout: &Layout, (begin, end): (SimTime, SimTime)) {
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
                _ if layout.is_mailbox(maker) && layout.is_client(wire.to) => self.to_client_ms.push(took_ms),
                _ if is_up && layout.is_client(wire.to) => self.loop_ms.push(took_ms),
                _ => {}
            }
        }
    }
}

fn kind(role: Role) -> String {
    match role {
        Role::Client(_) => "client".to_owned(),
        Role::Mix { layer, .. } => format!("layer {layer}"),
        Role::Mailbox(_) => "mailbox".to_owned(),
        Role::Tor => "tor".to_owned(),
    }
}
