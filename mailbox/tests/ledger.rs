//! Whatever arrives in whatever order: the books balance, and each command has at most one answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use proptest::prelude::*;
use sotto_mailbox::core::{Action, Batch, DirectId, Source};
use sotto_mailbox::store::{Store, StoreError};
use sotto_protocol::boxes::{BoxId, WriteCap};
use sotto_protocol::directory::Place;
use sotto_protocol::limits::PACKET_LEN;
use sotto_protocol::mailbox::{Command, TtlClass};
use sotto_protocol::sphinx::Packet;
use support::{World, memory};

#[derive(Clone, Debug)]
enum Step {
    Write { stream: usize },
    Rewrite { stream: usize },
    Read { stream: usize },
    ReadDecoy,
    Tombstone { stream: usize },
    Drop,
    Garbage(Vec<u8>),
    BadSurb,
    Replay,
    Tagged { at: usize },
    From(usize),
    TakeBatch,
    Finish,
    FinishFailing,
    FinishShort,
    Pass { seconds: u64 },
    Timeout,
    LinkDown,
    Direct { link: u64, surb: Place, kind: DirectKind },
    DirectReplay { link: u64 },
    DirectLinksLose { answers: u64 },
}

#[derive(Clone, Copy, Debug)]
enum DirectKind {
    Read,
    Drop,
    Garbage,
}

fn step() -> impl Strategy<Value = Step> {
    let stream = 0..6usize;
    prop_oneof![
        stream.clone().prop_map(|stream| Step::Write { stream }),
        stream.clone().prop_map(|stream| Step::Rewrite { stream }),
        stream.clone().prop_map(|stream| Step::Read { stream }),
        Just(Step::ReadDecoy),
        stream.prop_map(|stream| Step::Tombstone { stream }),
        Just(Step::Drop),
        prop::collection::vec(any::<u8>(), 0..2031).prop_map(Step::Garbage),
        Just(Step::BadSurb),
        Just(Step::Replay),
        (0..PACKET_LEN).prop_map(|at| Step::Tagged { at }),
        (0..8usize).prop_map(Step::From),
        Just(Step::TakeBatch),
        Just(Step::TakeBatch),
        Just(Step::Finish),
        Just(Step::Finish),
        Just(Step::FinishFailing),
        Just(Step::FinishShort),
        (0..9000u64).prop_map(|seconds| Step::Pass { seconds }),
        Just(Step::Timeout),
        Just(Step::LinkDown),
        direct(),
        direct(),
        (0..3u64).prop_map(|link| Step::DirectReplay { link }),
        (0..3u64).prop_map(|answers| Step::DirectLinksLose { answers }),
    ]
}

fn direct() -> impl Strategy<Value = Step> {
    let surb = prop_oneof![Just(Place::Mailbox), Just(Place::Mailbox), Just(Place::Mix { layer: 1 })];
    let kind = prop_oneof![Just(DirectKind::Read), Just(DirectKind::Drop), Just(DirectKind::Garbage)];
    (0..3u64, surb, kind).prop_map(|(link, surb, kind)| Step::Direct { link, surb, kind })
}

struct Run {
    world: World,
    store: sotto_mailbox::store::MemoryStore,
    caps: Vec<WriteCap>,
    last: Option<Packet>,
    in_flight: Option<Batch>,
    answered: u64,
    /// Packets that came over direct links, and how many of them have ended.
    direct: u64,
    direct_ended: u64,
    delivered: u64,
    lost: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let caps = (0..6).map(|_| WriteCap::generate(&mut world.rng)).collect();
        Self {
            world,
            store: memory(),
            caps,
            last: None,
            in_flight: None,
            answered: 0,
            direct: 0,
            direct_ended: 0,
            delivered: 0,
            lost: 0,
        }
    }

    fn send(&mut self, text: &[u8]) {
        let packet = self.world.packet(text);
        self.last = Some(packet.clone());
        let _outcome = self.world.deliver_packet(Place::Mix { layer: 3 }, packet);
    }

    fn send_direct(&mut self, link: u64, packet: Packet) {
        self.last = Some(packet.clone());
        self.direct += 1;
        let from = Source::Direct(DirectId::new(link));
        let _outcome = self.world.mailbox.handle_packet(self.world.now, from, packet);
    }

    /// Does what the mailbox asks for; with `is_up` its links take everything, otherwise nothing.
    fn act(&mut self, is_up: bool) {
        while let Some(action) = self.world.mailbox.poll_action() {
            match action {
                Action::Send { .. } if is_up => {
                    self.world.mailbox.handle_sent();
                    self.answered += 1;
                }
                Action::Deliver { .. } if is_up => {
                    self.world.mailbox.handle_delivered();
                    self.answered += 1;
                    self.delivered += 1;
                    self.direct_ended += 1;
                }
                Action::Send { .. } => self.world.mailbox.handle_unsent("peer-down"),
                Action::Deliver { .. } => {
                    self.world.mailbox.handle_unsent("direct-link-gone");
                    self.direct_ended += 1;
                }
                Action::Unanswered { .. } => self.direct_ended += 1,
                Action::Dummy { .. } | Action::CollectGarbage { .. } => {}
            }
        }
    }

    fn write(&mut self, stream: usize, advance: bool) {
        let mut cap = WriteCap::from_bytes(self.caps[stream].to_bytes().as_slice()).unwrap();
        let sealed = cap.seal_next(b"text", &mut self.world.rng).unwrap();
        if advance {
            self.caps[stream] = cap;
        }
        let (surb, _) = self.world.surb();
        self.send(&Command::Write { surb, ttl: TtlClass::Day, sealed }.to_text());
    }

    fn read(&mut self, id: BoxId) {
        let (surb, _) = self.world.surb();
        self.send(&Command::Read { surb, id }.to_text());
    }

    fn finish(&mut self, change: impl FnOnce(&mut Vec<sotto_mailbox::store::StoreResult>)) {
        if let Some(batch) = self.in_flight.take() {
            let mut results = self.store.apply(self.world.now, &batch.ops).unwrap();
            change(&mut results);
            self.world.mailbox.handle_results(batch.id, Ok(results));
        }
    }

    fn perform(&mut self, step: Step) {
        match step {
            Step::Write { stream } => self.write(stream, true),
            Step::Rewrite { stream } => self.write(stream, false),
            Step::Read { stream } => self.read(self.caps[stream].next_id()),
            Step::ReadDecoy => {
                let id = BoxId::decoy(&mut self.world.rng);
                self.read(id);
            }
            Step::Tombstone { stream } => {
                let tombstone = self.caps[stream].next_tombstone_key().tombstone();
                let (surb, _) = self.world.surb();
                self.send(&Command::Tombstone { surb, tombstone }.to_text());
            }
            Step::Drop => self.send(&Command::Drop.to_text()),
            Step::Garbage(bytes) => self.send(&bytes),
            Step::BadSurb => {
                let (surb, _) = self.world.surb_from(Place::Mix { layer: 2 });
                let id = BoxId::decoy(&mut self.world.rng);
                self.send(&Command::Read { surb, id }.to_text());
            }
            Step::Replay => {
                if let Some(packet) = self.last.clone() {
                    let _outcome = self.world.deliver_packet(Place::Mix { layer: 3 }, packet);
                }
            }
            Step::Tagged { at } => {
                let mut bytes = *self.world.packet(&Command::Drop.to_text()).as_bytes();
                bytes[at] ^= 0x40;
                let packet = Packet::from_slice(&bytes).unwrap();
                let _outcome = self.world.deliver_packet(Place::Mix { layer: 3 }, packet);
            }
            Step::From(index) => {
                let packet = self.world.packet(&Command::Drop.to_text());
                let from = self.world.members[index].id;
                let _outcome = self.world.mailbox.handle_packet(self.world.now, Source::Node(from), packet);
            }
            Step::TakeBatch => {
                if let Some(batch) = self.world.mailbox.take_batch() {
                    assert!(self.in_flight.replace(batch).is_none(), "two batches at once");
                }
            }
            Step::Finish => self.finish(|_| {}),
            Step::FinishShort => self.finish(|results| drop(results.pop())),
            Step::FinishFailing => {
                if let Some(batch) = self.in_flight.take() {
                    let error = StoreError::Io { why: "no space".to_owned() };
                    self.world.mailbox.handle_results(batch.id, Err(error));
                }
            }
            Step::Pass { seconds } => {
                self.world.now = self.world.now + Duration::from_secs(seconds);
                let consensus = self.world.consensus(self.world.now);
                self.world.mailbox.handle_consensus(self.world.now, consensus, &mut self.world.rng);
            }
            Step::Timeout => {
                self.world.mailbox.handle_timeout(self.world.now, &mut self.world.rng);
                self.world.mailbox.handle_garbage(self.world.now, 0);
            }
            Step::LinkDown => {
                self.finish(|_| {});
                self.act(false);
            }
            Step::Direct { link, surb, kind } => {
                let (surb, _) = self.world.surb_from(surb);
                let text = match kind {
                    DirectKind::Read => {
                        Command::Read { surb, id: BoxId::decoy(&mut self.world.rng) }.to_text().to_vec()
                    }
                    DirectKind::Drop => Command::Drop.to_text().to_vec(),
                    DirectKind::Garbage => b"garbage".to_vec(),
                };
                let packet = self.world.packet(&text);
                self.send_direct(link, packet);
            }
            Step::DirectReplay { link } => {
                if let Some(packet) = self.last.clone() {
                    self.send_direct(link, packet);
                }
            }
            Step::DirectLinksLose { answers } => {
                let answers = answers.min(self.delivered - self.lost);
                self.lost += answers;
                self.world.mailbox.handle_lost_on_direct_link(answers);
            }
        }
        self.act(true);
        let report = self.world.mailbox.report(self.world.now);
        let ledger = &report.ledger;
        assert!(ledger.balanced(), "{ledger:?}");
        assert_eq!(ledger.forwarded, 0);
        let handled = ledger.delivered_total() - ledger.delivered.get("drop").copied().unwrap_or(0)
            + ledger.dropped.get("store-failed").copied().unwrap_or(0);
        assert_eq!(
            report.answers.values().sum::<u64>(),
            handled,
            "one answer to each command that was handled"
        );
        assert_eq!(ledger.originated_total() + ledger.unsent.values().sum::<u64>(), handled);
        assert_eq!(ledger.originated_total(), self.answered);
        assert_eq!(ledger.links.received_from_clients, self.direct);
        assert_eq!(ledger.links.sent_to_clients, self.delivered);
        assert_eq!(ledger.links.lost_to_clients, self.lost);
        assert!(self.direct_ended <= self.direct && self.direct - self.direct_ended <= ledger.held);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_books_balance_after_every_step(seed in any::<u64>(), steps in prop::collection::vec(step(), 1..80)) {
        let mut run = Run::new(seed);
        for step in steps {
            run.perform(step);
        }
        // At rest nothing is held.
        run.finish(|_| {});
        if let Some(batch) = run.world.mailbox.take_batch() {
            let results = run.store.apply(run.world.now, &batch.ops);
            run.world.mailbox.handle_results(batch.id, results);
        }
        run.act(true);
        prop_assert_eq!(run.direct_ended, run.direct, "each packet of a direct link came to one end");
        let world = &run.world;
        let report = world.mailbox.report(world.now);
        prop_assert_eq!(report.ledger.held, 0);
        prop_assert!(report.ledger.balanced());
    }
}
