//! A network of a few lines, against which tests of adversaries are made: exponential delays, links of one latency, clients
//! that send at exponential gaps. It shares no code with the engine.

use crate::observer::{Fact, PacketKind, WireId};
use crate::party::{Layout, Party};
use crate::random::{Purpose, Seed};
use crate::scenario::{ClientClass, Delivery, Latency, Mixing, Network, Scenario};
use crate::time::SimTime;
use crate::view::{MessageTruth, Presence, Recording, Wire};

/// What is simulated. With mailboxes, messages end there; without, at their recipients.
#[derive(Clone, Debug)]
pub(crate) struct Toy {
    pub(crate) clients: u32,
    pub(crate) widths: Vec<u32>,
    pub(crate) mailboxes: u32,
    pub(crate) delay_ms: f64,
    pub(crate) latency_ms: f64,
    pub(crate) gap_ms: f64,
    pub(crate) duration_s: f64,
    /// Each client sends through the same first mix.
    pub(crate) sticky: bool,
    /// Of all packets, the share that is cover for a random client.
    pub(crate) cover: f64,
    pub(crate) seed: u64,
}

impl Default for Toy {
    fn default() -> Self {
        Self {
            clients: 20,
            widths: vec![2, 2, 2],
            mailboxes: 0,
            delay_ms: 100.0,
            latency_ms: 10.0,
            gap_ms: 500.0,
            duration_s: 30.0,
            sticky: false,
            cover: 0.0,
            seed: 1,
        }
    }
}

/// What came of it.
pub(crate) struct Played {
    pub(crate) layout: Layout,
    pub(crate) scenario: Scenario,
    pub(crate) recording: Recording,
}

impl Toy {
    fn scenario(&self) -> Scenario {
        let mut scenario = Scenario {
            network: Network {
                entries: 0,
                layers: u32::try_from(self.widths.len()).unwrap(),
                mixes_per_layer: self.widths[0],
                delivery: if self.mailboxes > 0 { Delivery::Mailbox } else { Delivery::Direct },
                mix_loop_interval_ms_mean: 0.0,
                link_dummy_interval_ms_mean: 0.0,
                ..Network::default()
            },
            mixing: Mixing::Poisson { delay_ms_mean: self.delay_ms },
            latency: Latency::Fixed { ms: self.latency_ms },
            clients: vec![ClientClass {
                count: self.clients,
                downlink_interval_ms_mean: 0.0,
                ..ClientClass::default()
            }],
            duration_s: self.duration_s + 60.0,
            warmup_s: 0.0,
            ..Scenario::default()
        };
        scenario.mailboxes.count = self.mailboxes;
        scenario
    }

    /// Clients 2i and 2i+1 write to one another.
    pub(crate) fn play(&self) -> Played {
        let layout = Layout::new(self.clients, self.widths.clone(), self.mailboxes);
        let latency = SimTime::from_millis_f64(self.latency_ms);
        let mut recording = Recording::default();
        // (sent, packet, hop, arrived, from, to), and the fact.
        let mut wires = Vec::new();
        let mut packet = 0_u64;
        for client in 0..self.clients {
            let mut draws = Seed::new(self.seed).draws(Purpose::Route, u64::from(client));
            let mut now = 0.0;
            loop {
                now += draws.exponential(self.gap_ms / 1e3);
                if now > self.duration_s {
                    break;
                }
                let is_cover = draws.unit() < self.cover;
                let recipient = if is_cover { draws.below(self.clients) } else { client ^ 1 };
                let mut at = SimTime::from_secs_f64(now);
                let released = at;
                let mut from = Party(client);
                for (hop, (layer, width)) in (0..).zip(self.widths.iter().enumerate()) {
                    let index = if self.sticky && hop == 0 { client % width } else { draws.below(*width) };
                    let to = layout.mix(u32::try_from(layer).unwrap(), index);
                    wires.push((at, packet, hop, at + latency, from, to, is_cover));
                    at = at + latency + SimTime::from_secs_f64(draws.exponential(self.delay_ms / 1e3));
                    from = to;
                }
                let to = match self.mailboxes {
                    0 => Party(recipient),
                    count => layout.mailbox(draws.below(count)),
                };
                let hop = u32::try_from(self.widths.len()).unwrap();
                wires.push((at, packet, hop, at + latency, from, to, is_cover));
                if !is_cover {
                    recording.messages.push(MessageTruth {
                        sender: Party(client),
                        recipient: Party(recipient),
                        written: released,
                        released,
                        stored: at + latency,
                        received: at + latency,
                    });
                }
                packet += 1;
            }
            recording.presence.push(Presence {
                client: Party(client),
                from: SimTime::ZERO,
                until: SimTime::NEVER,
            });
        }
        wires.sort_unstable_by_key(|wire| (wire.0, wire.1, wire.2));
        let mut before = std::collections::HashMap::new();
        for (number, (sent, packet, hop, arrived, from, to, is_cover)) in (0..).zip(wires) {
            let id = WireId(number);
            recording.wires.push(Wire { id, sent, arrived, from, to });
            let kind = if is_cover { PacketKind::Drop } else { PacketKind::Message };
            recording.facts.push(Fact { packet, kind, message: None });
            if hop > 0 {
                recording.forwarded.push((from, before[&packet], id));
            }
            before.insert(packet, id);
        }
        Played { layout, scenario: self.scenario(), recording }
    }
}
