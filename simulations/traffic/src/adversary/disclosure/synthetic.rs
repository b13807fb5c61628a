//! Runs with a known truth, for tests: one threshold mix, and one Poisson mix, straight to recipients.

use crate::adversary::{Adversary, Question};
use crate::observer::WireId;
use crate::party::{Layout, Party};
use crate::random::{Draws, Purpose, Seed};
use crate::scenario::{Delivery, Mixing, Network, Scenario};
use crate::time::SimTime;
use crate::view::{Recording, Sight, View, Wire};

pub(super) use super::synthetic_boxes::Boxes;

/// Candidates of a question.
pub(super) const CANDIDATES: u32 = 20;

/// The target is client 0; its contacts are 1, 2, ...; it sends one packet in each round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batches {
    pub(super) clients: u32,
    pub(super) batch: u32,
    /// 0: it writes to anybody.
    pub(super) contacts: u32,
    pub(super) rounds: u32,
    /// The share of others' packets that go to the last client.
    pub(super) popular: f64,
    /// The chance that a contact answers in the next round.
    pub(super) replies: f64,
    /// The others have this many contacts of their own; 0: they write to anybody.
    pub(super) others_contacts: u32,
    /// The chance that the last client but one, when the target sends, sends too. It sends to the last alone.
    pub(super) companion: f64,
    /// The target is silent in this share of rounds.
    pub(super) silent: f64,
}

impl Default for Batches {
    fn default() -> Self {
        Self {
            clients: 50,
            batch: 10,
            contacts: 3,
            rounds: 100,
            popular: 0.0,
            replies: 0.0,
            others_contacts: 0,
            companion: 0.0,
            silent: 0.3,
        }
    }
}

impl Batches {
    /// Sender and recipient of each packet, round by round.
    pub(super) fn truth(&self, draws: &mut Draws) -> Vec<Vec<(u32, u32)>> {
        let anybody = |draws: &mut Draws| 1 + draws.below(self.clients - 1);
        let mut owed = None;
        (0..self.rounds)
            .map(|_| {
                let mut packets = Vec::new();
                if let Some(contact) = std::mem::take(&mut owed) {
                    packets.push((contact, 0));
                }
                if draws.unit() >= self.silent {
                    let recipient =
                        if self.contacts == 0 { anybody(draws) } else { 1 + draws.below(self.contacts) };
                    packets.push((0, recipient));
                    if draws.unit() < self.replies {
                        owed = Some(recipient);
                    }
                    if draws.unit() < self.companion {
                        packets.push((self.clients - 2, self.clients - 1));
                    }
                }
                while packets.len() < self.batch as usize {
                    let sender = anybody(draws);
                    let is_companion = self.companion > 0.0 && sender == self.clients - 2;
                    let recipient = if is_companion || draws.unit() < self.popular {
                        self.clients - 1
                    } else if self.others_contacts > 0 {
                        1 + (sender * 7 + draws.below(self.others_contacts) * 3) % (self.clients - 1)
                    } else {
                        anybody(draws)
                    };
                    packets.push((sender, recipient));
                }
                packets
            })
            .collect()
    }

    /// What passes, and which network it is.
    pub(super) fn run(&self, seed: u64) -> Run {
        let mut draws = Seed::new(seed).draws(Purpose::Writing, 0);
        let mix = Party(self.clients);
        let ms = |second: usize, ms: f64| {
            SimTime::from_secs_f64(crate::adversary::disclosure::number(second) + ms / 1e3)
        };
        let mut wires = Vec::new();
        for (round, packets) in self.truth(&mut draws).iter().enumerate() {
            for (sender, _) in packets {
                wires.push((ms(round, 100.0), ms(round, 500.0), Party(*sender), mix));
            }
            let mut recipients: Vec<u32> = packets.iter().map(|(_, recipient)| *recipient).collect();
            recipients.sort_unstable();
            for recipient in recipients {
                wires.push((ms(round, 500.0), ms(round, 600.0), mix, Party(recipient)));
            }
        }
        Run::new(self.clients, Mixing::Threshold { packets: self.batch }, wires, f64::from(self.rounds) + 1.0)
    }

    /// A question for one of the target's contacts among others.
    pub(super) fn question(&self, draws: &mut Draws) -> (Question, usize) {
        let contact = 1 + draws.below(self.contacts.max(1));
        let (mut question, right) = question(contact, self.contacts.max(1) + 1..self.clients - 1, draws);
        if let Question::Contact { candidates, .. } = &mut question
            && self.popular > 0.0
        {
            candidates[(right + 1) % CANDIDATES as usize] = Party(self.clients - 1);
        }
        (question, right)
    }
}

/// The target writes to client 1 through a Poisson mix; it and the others send at a constant rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Continuous {
    pub(super) clients: u32,
    pub(super) duration_s: f64,
    /// The target sends at times of a Poisson process with this mean interval.
    pub(super) interval_s: f64,
    /// The share of its packets that are for its contact; the others are for anybody.
    pub(super) real_share: f64,
    pub(super) others_interval_s: f64,
    pub(super) delay_s: f64,
}

impl Default for Continuous {
    fn default() -> Self {
        Self {
            clients: 40,
            duration_s: 3000.0,
            interval_s: 10.0,
            real_share: 1.0,
            others_interval_s: 20.0,
            delay_s: 1.0,
        }
    }
}

impl Continuous {
    /// What passes, and which network it is.
    pub(super) fn run(&self, seed: u64) -> Run {
        let mut draws = Seed::new(seed).draws(Purpose::Writing, 1);
        let mix = Party(self.clients);
        let mut wires = Vec::new();
        for sender in 0..self.clients {
            let mut at = 0.0;
            loop {
                at += draws.exponential(if sender == 0 { self.interval_s } else { self.others_interval_s });
                if at > self.duration_s {
                    break;
                }
                let is_real = sender == 0 && draws.unit() < self.real_share;
                let recipient = if is_real { 1 } else { 1 + draws.below(self.clients - 1) };
                let out = at + 0.01 + draws.exponential(self.delay_s);
                let secs = SimTime::from_secs_f64;
                wires.push((secs(at), secs(at + 0.01), Party(sender), mix));
                wires.push((secs(out), secs(out + 0.01), mix, Party(recipient)));
            }
        }
        let mixing = Mixing::Poisson { delay_ms_mean: self.delay_s * 1e3 };
        Run::new(self.clients, mixing, wires, self.duration_s)
    }

    /// How often the contact is named.
    pub(super) fn success(&self, adversary: &dyn Adversary, trials: u32) -> f64 {
        share(trials, |seed, draws| (self.run(seed), question(1, 2..self.clients, draws)), adversary)
    }
}

/// A recording with its network.
pub(super) struct Run {
    pub(super) recording: Recording,
    pub(super) layout: Layout,
    pub(super) scenario: Scenario,
    pub(super) window: (SimTime, SimTime),
    pub(super) corrupt: Vec<Party>,
}

impl Run {
    fn new(
        clients: u32,
        mixing: Mixing,
        mut passages: Vec<(SimTime, SimTime, Party, Party)>,
        duration_s: f64,
    ) -> Self {
        passages.sort_by_key(|passage| passage.0);
        let wires = (0..)
            .zip(passages)
            .map(|(id, (sent, arrived, from, to))| Wire { id: WireId(id), sent, arrived, from, to })
            .collect();
        let network = Network {
            delivery: Delivery::Direct,
            entries: 0,
            layers: 1,
            mixes_per_layer: 1,
            ..Network::default()
        };
        Self {
            recording: Recording { wires, ..Recording::default() },
            layout: Layout::new(clients, vec![1], 0),
            scenario: Scenario { network, mixing, ..Scenario::default() },
            window: (SimTime::ZERO, SimTime::from_secs_f64(duration_s)),
            corrupt: Vec::new(),
        }
    }

    /// What somebody sees who watches the edges.
    pub(super) fn view(&self) -> View<'_> {
        View::of(&self.recording, &self.layout, &self.scenario, Sight::Edges, &self.corrupt, self.window)
    }
}

/// A question about client 0, and where the right answer is.
pub(super) fn question(contact: u32, others: std::ops::Range<u32>, draws: &mut Draws) -> (Question, usize) {
    let mut pool: Vec<u32> = others.collect();
    let right = draws.below(CANDIDATES) as usize;
    let candidates = (0..CANDIDATES as usize)
        .map(|place| {
            if place == right {
                return Party(contact);
            }
            let chosen = draws.below(u32::try_from(pool.len()).unwrap()) as usize;
            Party(pool.swap_remove(chosen))
        })
        .collect();
    (Question::Contact { user: Party(0), candidates }, right)
}

/// How often an adversary names the contact; ties are shared.
pub(super) fn success(adversary: &dyn Adversary, batches: &Batches, trials: u32) -> f64 {
    share(trials, |seed, draws| (batches.run(seed), batches.question(draws)), adversary)
}

pub(super) fn share(
    trials: u32,
    make: impl Fn(u64, &mut Draws) -> (Run, (Question, usize)),
    adversary: &dyn Adversary,
) -> f64 {
    let hits: f64 = (0..trials)
        .map(|trial| {
            let mut draws = Seed::new(u64::from(trial)).draws(Purpose::Targets, 0);
            let (run, (question, right)) = make(u64::from(trial), &mut draws);
            let answers = adversary.answer(&run.view(), &[question], &mut draws);
            let weights = answers[0].weights();
            let best = weights.iter().copied().fold(0.0, f64::max);
            let ties = weights.iter().filter(|weight| **weight >= best).count();
            if weights[right] >= best { 1.0 / crate::adversary::disclosure::number(ties) } else { 0.0 }
        })
        .sum();
    hits / f64::from(trials)
}
