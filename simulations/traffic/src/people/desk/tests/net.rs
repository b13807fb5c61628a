//! A small network for the tests of the desk, and who uses it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::*;
use crate::scenario::{Behaviour, ClientClass, Contacts, Mailboxes, Writing};

pub(super) const SECOND: SimTime = SimTime::from_nanos(1_000_000_000);

fn secs(seconds: f64) -> SimTime {
    SimTime::from_secs_f64(seconds)
}

/// What is under way on the network of the tests: to a mailbox, or back to a client.
#[derive(Clone, Copy)]
enum Passage {
    Command { client: u32, mailbox: Party, load: Load },
    Answer { client: u32, answer: Answer },
}

/// A network whose every way takes a second, and whose clients have a slot each second.
pub(super) struct Net {
    pub(super) desk: Desk,
    pub(super) clients: u32,
    pub(super) now: SimTime,
    /// Digests come so often; never, if zero.
    interval: SimTime,
    under_way: BTreeMap<(SimTime, u64), Passage>,
    pub(super) sent: Vec<(SimTime, u32, Load)>,
    pub(super) events: Vec<BoxEvent>,
    pub(super) stored: Vec<(u32, Party)>,
    pub(super) received: BTreeMap<u32, SimTime>,
    pub(super) offline: BTreeSet<u32>,
    /// The passages by their numbers that are blocked.
    pub(super) blocked: BTreeSet<u64>,
    passages: u64,
}

pub(super) fn scenario(clients: u32, contacts: Contacts, mailboxes: Mailboxes) -> Scenario {
    Scenario {
        clients: vec![ClientClass { count: clients, ..ClientClass::default() }],
        behaviour: Behaviour { contacts, writing: Writing::default(), receipts: false },
        mailboxes,
        ..Scenario::default()
    }
}

pub(super) fn desk(scenario: &Scenario) -> Desk {
    let seed = Seed::new(6);
    let addressees = Addressees::new(scenario, seed).unwrap();
    Desk::new(scenario, &scenario.layout(), seed, &addressees)
}

impl Net {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let interval = match scenario.mailboxes.notice {
            Notice::Polling => SimTime::ZERO,
            Notice::Digest { interval_s } => secs(interval_s),
        };
        Self {
            desk: desk(scenario),
            clients: scenario.client_count(),
            now: SimTime::ZERO,
            interval,
            under_way: BTreeMap::new(),
            sent: Vec::new(),
            events: Vec::new(),
            stored: Vec::new(),
            received: BTreeMap::new(),
            offline: BTreeSet::new(),
            blocked: BTreeSet::new(),
            passages: 0,
        }
    }

    fn pass(&mut self, passage: Passage) {
        let number = self.passages;
        self.passages += 1;
        if !self.blocked.contains(&number) {
            self.under_way.insert((self.now + SECOND, number), passage);
        }
    }

    pub(super) fn send(&mut self, client: u32, load: Load) {
        self.sent.push((self.now, client, load));
        let mailbox = load.target().unwrap();
        self.pass(Passage::Command { client, mailbox, load });
    }

    pub(super) fn set_online(&mut self, client: u32, online: bool) {
        self.desk.presence(self.now, client, online);
        if online {
            self.offline.remove(&client)
        } else {
            self.offline.insert(client)
        };
    }

    /// A second: what arrives, a digest, and a slot of everybody.
    pub(super) fn step(&mut self) {
        self.arrivals();
        for client in (0..self.clients).filter(|client| !self.offline.contains(client)).collect::<Vec<u32>>()
        {
            let load = self.desk.slot(self.now, client);
            self.send(client, load);
        }
    }

    pub(super) fn arrivals(&mut self) {
        self.now += SECOND;
        while let Some(entry) = self.under_way.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let number = entry.key().1;
            match entry.remove() {
                Passage::Command { client, mailbox, load } => {
                    let served = self.desk.command(self.now, mailbox, &load, WireId(number)).unwrap();
                    self.events.push(served.event);
                    if let Some((message, MessageEvent::Stored { mailbox })) = served.message {
                        self.stored.push((message, mailbox));
                    }
                    self.pass(Passage::Answer { client, answer: served.answer });
                }
                Passage::Answer { client, answer } if !self.offline.contains(&client) => {
                    if let Some((message, event)) = self.desk.answered(self.now, client, &answer) {
                        assert_eq!(event, MessageEvent::Received);
                        assert_eq!(self.received.insert(message, self.now), None, "twice");
                    }
                }
                Passage::Answer { .. } => {}
            }
        }
        if self.interval > SimTime::ZERO && self.now.as_nanos().is_multiple_of(self.interval.as_nanos()) {
            self.desk.digest(self.now);
        }
    }

    pub(super) fn run(&mut self, seconds: u32) {
        (0..seconds).for_each(|_| self.step());
    }

    pub(super) fn found(&self) -> usize {
        self.events.iter().filter(|event| !event.is_write && event.found).count()
    }

    pub(super) fn releases(&self, message: u32) -> usize {
        let first = |load: &Load| matches!(load, Load::Write { message: Some(m), is_first: true, .. } if *m == message);
        self.sent.iter().filter(|(_, _, load)| first(load)).count()
    }
}
