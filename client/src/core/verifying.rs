//! Safety numbers, and what a user has made of them.
//!
//! How a number is derived is in [`crate::session`]. A contact whose key has changed is written to again once the new
//! key is verified: what was waiting is sealed then.

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::engine::Engine;
use super::error::EngineError;
use super::event::Event;
use super::link::Link;
use super::renewal::Renewal;
use super::sealing;
use super::trust::Trust;
use super::update::Update;
use crate::session::SafetyNumber;
use crate::store::Store;

/// The digits of a safety number.
const DIGITS: usize = 60;

impl<S: Store> Engine<S> {
    /// The number that both people see if nobody stands between them.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`], [`EngineError::NotMet`] as long as the other side's key is not known, or
    /// [`EngineError::IdentityChanging`] while a new key of ours is on its way.
    pub fn safety_number(&self, contact: &str) -> Result<SafetyNumber, EngineError> {
        let person = self.book.somebody(contact)?;
        let bond = person.bond.as_ref().ok_or_else(|| EngineError::NotMet(contact.to_owned()))?;
        let is_changing = |own: &Renewal| own.offer.identity().public() != bond.own.public();
        if person.renewal.as_ref().is_some_and(is_changing) {
            return Err(EngineError::IdentityChanging(contact.to_owned()));
        }
        Ok(bond.safety_number())
    }

    /// Whether `given`, digits or the text of a QR code, is the safety number of this contact. If it is, the contact
    /// is verified from here on; if it is not, it is verified no longer.
    ///
    /// # Errors
    /// As [`Engine::safety_number`]; [`EngineError::SafetyNumber`] if `given` is neither; [`EngineError::Store`].
    pub fn compare(
        &mut self,
        now: Timestamp,
        contact: &str,
        given: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<bool, EngineError> {
        let number = self.safety_number(contact)?;
        let given = given.trim();
        let fits = if given.chars().all(|character| character.is_ascii_digit() || character.is_whitespace()) {
            let digits = given.chars().filter(char::is_ascii_digit).count();
            if digits != DIGITS {
                let text = format!("{digits} digits were given, not {DIGITS}");
                return Err(EngineError::SafetyNumber(text));
            }
            number.matches(given)
        } else {
            number.compare_qr(given).map_err(|error| EngineError::SafetyNumber(error.to_string()))?
        };
        let trust = match (fits, self.book.named(contact)?.contact.trust) {
            (true, _) => Trust::Verified,
            (false, Trust::Changed) => Trust::Changed,
            (false, _) => Trust::Unverified,
        };
        self.set_trust(now, contact, trust, rng)?;
        Ok(fits)
    }

    /// The user has compared the number and found it the same, or takes that back.
    ///
    /// # Errors
    /// As [`Engine::safety_number`], or [`EngineError::Store`].
    pub fn set_verified(
        &mut self,
        now: Timestamp,
        contact: &str,
        is_verified: bool,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        self.safety_number(contact)?;
        let trust = match (is_verified, self.book.named(contact)?.contact.trust) {
            (true, _) => Trust::Verified,
            (false, Trust::Changed) => Trust::Changed,
            (false, _) => Trust::Unverified,
        };
        self.set_trust(now, contact, trust, rng)
    }

    fn set_trust(
        &mut self,
        now: Timestamp,
        name: &str,
        trust: Trust,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        let person = self.book.named(name)?;
        let before = person.contact.trust;
        if before == trust {
            return Ok(());
        }
        let mut update = Update::of(person.contact.id);
        let awaits = person.ledger.awaits_until_ms > now.as_millis();
        if let (Trust::Changed, Some(live), None, false) =
            (before, person.link.live(), &person.renewal, awaits)
        {
            let mut live = live.draft()?;
            let waiting = sealing::waiting(&self.book, person);
            update.boxes = sealing::seal_waiting(&mut live, now, waiting, rng)?;
            update.link = Some(Link::Live(Box::new(live)));
        }
        let mut contact = person.contact.clone();
        contact.trust = trust;
        update.contact = Some(contact);
        update.events.push(Event::TrustChanged { contact: name.to_owned(), trust });
        self.make(now, update)
    }
}
