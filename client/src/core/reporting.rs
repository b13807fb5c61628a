//! When the other side is sent a report, and what is in it.
//!
//! Each contact has moments at which a report may be sealed, drawn by a generator that serves nothing else, so that they
//! say nothing of when a message came or was read: a report tells only what has happened since the moment before. Its
//! box takes slots that would have carried decoys. Nothing is sealed at a moment at which nothing is owed.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rand::{CryptoRng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_protocol::time::Timestamp;

use super::book::Person;
use super::engine::Engine;
use super::error::EngineError;
use super::fragment::KIND_REPORT;
use super::id::ContactId;
use super::letter::{Got, Report};
use super::limits::{MISSING_RANGES_MAX, REPORT_INTERVAL_SLOTS_MEAN};
use super::link::Link;
use super::parcel::Purpose;
use super::sealing::{self, can_seal};
use super::update::Update;
use crate::store::Store;

/// The moments of all contacts. `Debug` shows their number only.
pub(crate) struct ReportClock {
    rng: ChaCha20Rng,
    at: BTreeMap<ContactId, Timestamp>,
}

impl ReportClock {
    /// A clock with a generator of its own.
    pub(crate) fn new(rng: &mut impl CryptoRng) -> Self {
        let mut seed = [0u8; 32];
        rng.fill_bytes(&mut seed);
        Self { rng: ChaCha20Rng::from_seed(seed), at: BTreeMap::new() }
    }

    /// The next moment of anybody.
    pub(crate) fn next(&self) -> Timestamp {
        self.at.values().copied().min().unwrap_or(Timestamp::NEVER)
    }

    /// Whose moment has come; each gets another one.
    fn due(&mut self, now: Timestamp, mean: Duration) -> Vec<ContactId> {
        let due: Vec<ContactId> =
            self.at.iter().filter(|(_, at)| **at <= now).map(|(contact, _)| *contact).collect();
        for contact in &due {
            let at = now + self.draw(mean);
            self.at.insert(*contact, at);
        }
        due
    }

    /// Draws a first moment for who has none, and forgets those of others.
    fn keep(&mut self, now: Timestamp, contacts: &[ContactId], mean: Duration) {
        self.at.retain(|contact, _| contacts.contains(contact));
        for contact in contacts {
            if !self.at.contains_key(contact) {
                let at = now + self.draw(mean);
                self.at.insert(*contact, at);
            }
        }
    }

    /// The moment of this contact is at once: a new session has begun.
    pub(crate) fn hasten(&mut self, contact: ContactId, now: Timestamp) {
        self.at.insert(contact, now);
    }

    pub(crate) fn clear(&mut self) {
        self.at.clear();
    }

    /// An exponential time of this mean.
    fn draw(&mut self, mean: Duration) -> Duration {
        let uniform: f64 = self.rng.random();
        mean.mul_f64(-(1.0 - uniform).max(f64::MIN_POSITIVE).ln())
    }
}

impl fmt::Debug for ReportClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReportClock({} contacts)", self.at.len())
    }
}

impl<S: Store> Engine<S> {
    /// The mean time between two moments of one contact, once a consensus names the class.
    pub(super) fn report_interval(&self) -> Option<Duration> {
        let slot = Duration::from_millis(u64::from(self.class()?.payload_interval_ms_mean));
        Some(slot.saturating_mul(REPORT_INTERVAL_SLOTS_MEAN))
    }

    /// Draws moments for contacts that have none.
    pub(super) fn keep_report_clock(&mut self, now: Timestamp) {
        let Some(mean) = self.report_interval() else { return };
        let live = self.book.people.values().filter(|person| person.link.live().is_some());
        let contacts: Vec<ContactId> = live.map(|person| person.contact.id).collect();
        self.reports.keep(now, &contacts, mean);
    }

    /// Seals the reports whose moment has come and that somebody is owed.
    pub(super) fn report(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        let mean = self.report_interval().unwrap_or(super::limits::TEND_INTERVAL);
        for contact in self.reports.due(now, mean) {
            if let Err(error) = self.report_to(now, contact, rng) {
                self.count(error.label());
            }
        }
    }

    fn report_to(
        &mut self,
        now: Timestamp,
        contact: ContactId,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let Some(person) = self.book.people.get(&contact) else { return Ok(()) };
        if !person.ledger.owes || !can_seal(person) || !person.contact.is_live(now) {
            return Ok(());
        }
        // One after the other: what an earlier one says is not true any more when it arrives.
        let is_on_its_way =
            self.book.outbox.owned(contact).any(|(_, outgoing)| outgoing.purpose == Purpose::Report);
        let Some(live) = person.link.live().filter(|_| !is_on_its_way) else { return Ok(()) };
        let mut live = live.draft()?;
        let mut update = Update::of(contact);
        let mut ledger = person.ledger.clone();
        let gone = ledger.take_gone();
        let report = Report { sent: ledger.sent(), got: got(person), gone };
        ledger.owes = false;
        let content = report.to_bytes();
        update.boxes = sealing::seal(&mut live, now, contact, Purpose::Report, (KIND_REPORT, &content), rng)?;
        update.link = Some(Link::Live(Box::new(live)));
        update.ledger = Some(ledger);
        self.make(now, update)
    }
}

/// What is told of the other side's letters.
fn got(person: &Person) -> Vec<Got> {
    let receipts = person.ledger.receipts;
    let told = |arrivals: &super::ledger::Arrivals| {
        let mut missing = arrivals.missing();
        // Nothing is said to have come from where on a report has no room for what has not.
        let end = missing.get(MISSING_RANGES_MAX).map_or(u64::MAX, |(first, _)| first.saturating_sub(1));
        missing.truncate(MISSING_RANGES_MAX);
        Got {
            series: arrivals.series,
            delivered_to: if receipts.delivered { arrivals.highest().min(end) } else { 0 },
            read_to: if receipts.read { person.read_to(arrivals).min(end) } else { 0 },
            missing,
        }
    };
    person.ledger.theirs().iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::super::contact::{Contact, Side};
    use super::super::letter::{Name, Series};
    use super::*;

    #[test]
    fn nothing_is_said_to_have_come_beyond_the_gaps_that_a_report_has_room_for() {
        let id = ContactId::from_bytes([1; 16]);
        let contact = Contact::new(id, "Bob", Side::Inviter, [0; 16], Timestamp::NEVER);
        let mut person = Person::new(contact, Link::Closed);
        let series = Series::from_bytes([7; 8]);
        for number in (1..=41).step_by(2) {
            person.ledger.note(Name { series, number });
        }
        let told = got(&person);
        let read = Report::parse(&Report { got: told.clone(), ..Report::default() }.to_bytes()).unwrap();
        assert_eq!(read.got, told);
        let [Got { delivered_to, read_to, missing, .. }] = told.as_slice() else { panic!("one series") };
        assert_eq!(missing.len(), MISSING_RANGES_MAX);
        // 18 has not come either, and nothing says so.
        assert_eq!((*delivered_to, *read_to), (17, 17));
    }

    #[test]
    fn moments_have_the_mean_that_is_asked_for_and_debug_shows_no_contact() {
        let mut clock = ReportClock::new(&mut ChaCha20Rng::seed_from_u64(1));
        let contact = ContactId::from_bytes([1; 16]);
        let (start, mean) = (Timestamp::from_millis(0), Duration::from_secs(10));
        clock.keep(start, &[contact], mean);
        let mut now = clock.next();
        for _ in 0..10_000 {
            assert_eq!(clock.due(now, mean), [contact]);
            now = clock.next();
        }
        let measured = now.since(start).as_secs_f64() / 10_001.0;
        assert!((9.5..10.5).contains(&measured), "{measured}");
        clock.keep(now, &[], mean);
        assert_eq!(clock.next(), Timestamp::NEVER);
        insta::assert_snapshot!(format!("{clock:?}"), @"ReportClock(0 contacts)");
    }
}
