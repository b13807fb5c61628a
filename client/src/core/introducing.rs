//! What a user does about introductions: introduces two contacts to one another, agrees to meet somebody, or does not.
//!
//! Who introduces makes no keys for the two: the inviter's own engine makes the invitation, in the commit that keeps the
//! answer which it goes along with. What follows without the user is in [`super::introduced`].

use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sotto_protocol::time::Timestamp;

use super::book::Person;
use super::contact::check_person_name;
use super::engine::Engine;
use super::error::EngineError;
use super::id::ContactId;
use super::introduction::{Introduction, Made, Matter, Offered, Party, has_room};
use super::letter::{Content, Disappearing, Introduction as Suggestion, IntroductionAnswer, Part};
use super::limits::{INTRODUCTION_NOTE_LEN_MAX, INTRODUCTION_TTL, INVITE_TTL_MAX};
use super::message::Direction;
use super::sending::check_writable;
use super::update::Update;
use super::view::ContactState;
use crate::store::Store;

/// How two contacts are to be introduced. `Debug` shows no text.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct IntroduceOptions {
    /// What the second is told that the first is called; none for the name that the contact has here.
    pub as_first: Option<String>,
    /// What the first is told that the second is called, likewise.
    pub as_second: Option<String>,
    /// What both are told, at most [`INTRODUCTION_NOTE_LEN_MAX`] bytes; may be empty.
    pub note: String,
}

/// How far an introduction is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntroductionState {
    /// Made for us, and the user has not answered.
    Undecided,
    /// Made by us: not both have answered. Made for us: the user has agreed, and no link has come yet.
    Waiting,
    /// All have agreed, and the link is about to go on or to be taken up.
    Agreed,
}

/// One introduction that is under way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IntroductionView {
    /// By which it is accepted or rejected.
    pub introduction: ContactId,
    /// Whether we make it, or a contact makes it for us.
    pub direction: Direction,
    /// Of one that we make, the two contacts; else who makes it.
    pub contacts: Vec<String>,
    /// What the other person is said to be called; none of one that we make.
    pub name: Option<String>,
    /// What the contact wrote; empty of one that we make.
    pub note: String,
    /// How far it is.
    pub state: IntroductionState,
    /// Of what it waits for, in words.
    pub waits_for: String,
    /// When it was made or came, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// When it is over, in milliseconds since the Unix epoch.
    pub until_ms: u64,
}

impl<S: Store> Engine<S> {
    /// Asks two contacts whether they want to meet. The first is the one who makes the invitation. Nothing else comes of
    /// it before both have agreed.
    ///
    /// # Errors
    /// [`EngineError`]; then nobody is asked.
    pub fn introduce(
        &mut self,
        now: Timestamp,
        first: &str,
        second: &str,
        options: &IntroduceOptions,
        rng: &mut impl CryptoRng,
    ) -> Result<ContactId, EngineError> {
        self.advance_clock(now);
        if first == second {
            return Err(EngineError::IntroductionSelf);
        }
        let (len, len_max) = (options.note.len(), INTRODUCTION_NOTE_LEN_MAX);
        if len > len_max {
            return Err(EngineError::NoteTooLong { len, len_max });
        }
        let (inviter, joiner) = (self.introducible(now, first)?, self.introducible(now, second)?);
        self.check_room(2)?;
        let as_first = options.as_first.as_deref().unwrap_or(first);
        let as_second = options.as_second.as_deref().unwrap_or(second);
        check_person_name(as_first)?;
        check_person_name(as_second)?;
        let mut tag = [0; 16];
        rng.fill_bytes(&mut tag);
        let party = |person: &Person| Party { contact: person.contact.id, agrees: false };
        let matter = Matter::Made(Made { inviter: party(inviter), joiner: party(joiner), link: None });
        let (id, at_ms) = (ContactId::generate(rng), now.as_millis());
        let until_ms = (now + INTRODUCTION_TTL).as_millis();
        let letters = [(inviter, Part::Inviter, as_second), (joiner, Part::Joiner, as_first)];
        let mut updates = Vec::with_capacity(letters.len());
        for (person, part, name) in letters {
            let (name, note) = (name.to_owned(), options.note.clone());
            let content = Content::Introduction(Suggestion { tag, part, name, note });
            let mut update = Update::of(person.contact.id);
            let message = self.compose(now, person, content, person.ledger.defaults, &mut update, rng);
            updates.push(self.sealed(now, update, message, rng)?);
        }
        if let Some(update) = updates.first_mut() {
            update.introductions.insert(id, Some(Introduction { id, tag, at_ms, until_ms, matter }));
        }
        self.make_all(now, updates)?;
        self.tend_soon(now);
        Ok(id)
    }

    /// The introductions that are under way, the earliest first.
    #[must_use]
    pub fn introductions(&self) -> Vec<IntroductionView> {
        let open = self.book.introductions.values().filter(|introduction| introduction.is_open(self.now));
        let mut views: Vec<IntroductionView> =
            open.map(|introduction| self.introduction_view(introduction)).collect();
        views.sort_by_key(|view| (view.at_ms, view.introduction));
        views
    }

    /// Agrees to meet the person, who is to be called `name` here. As inviter the contact is made, pending, and its
    /// invitation goes along with the answer; as joiner it is made when the other person's invitation comes. Whether
    /// there is a contact of this name already.
    ///
    /// # Errors
    /// [`EngineError`]; then nothing was answered.
    pub fn accept_introduction(
        &mut self,
        now: Timestamp,
        introduction: &ContactId,
        name: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<bool, EngineError> {
        self.advance_clock(now);
        let (known, offered) = self.offered(now, introduction)?;
        if offered.promised.is_some() {
            return Err(EngineError::IntroductionAnswered(introduction.to_string()));
        }
        self.check_new_name(now, name)?;
        self.check_room(2)?;
        let from = offered.from;
        let person = self.book.people.get(&from);
        let person = person.ok_or_else(|| EngineError::IntroductionUnknown(introduction.to_string()))?;
        check_writable(person, now)?;
        let (tag, mut update) = (known.tag, Update::of(from));
        if offered.part == Part::Joiner {
            let mut known = known.clone();
            if let Matter::Offered(offered) = &mut known.matter {
                offered.promised = Some(name.to_owned());
            }
            update.introductions.insert(known.id, Some(known));
            let answer = IntroductionAnswer { tag, agrees: true, link: None };
            self.post_quietly(now, from, Content::IntroductionAnswer(answer), update, rng)?;
            return Ok(false);
        }
        let (invite, met, mut begins) = self.invited(now, name, INVITE_TTL_MAX, rng)?;
        self.note_introducer(now, &met, from, &mut begins, rng);
        begins.introductions.insert(known.id, None);
        let link = Some(invite.link().to_string());
        let content = Content::IntroductionAnswer(IntroductionAnswer { tag, agrees: true, link });
        let message = self.compose(now, person, content, quiet(), &mut update, rng);
        let answers = self.sealed(now, update, message, rng)?;
        self.meet_and(now, met, begins, Some(answers))?;
        Ok(true)
    }

    /// Ends an introduction. If a contact has made it, the contact is told that the user does not want to meet the other
    /// person; if we have, nobody is told, and answers that come afterwards change nothing.
    ///
    /// # Errors
    /// [`EngineError::IntroductionUnknown`], [`EngineError::OutboxFull`] or [`EngineError::Store`].
    pub fn reject_introduction(
        &mut self,
        now: Timestamp,
        introduction: &ContactId,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        let unknown = || EngineError::IntroductionUnknown(introduction.to_string());
        let known = self.book.introductions.get(introduction).ok_or_else(unknown)?;
        let about = known
            .offered()
            .map_or_else(|| known.made().map(|made| made.inviter.contact), |offered| Some(offered.from));
        let person = about.and_then(|about| self.book.people.get(&about)).ok_or_else(unknown)?;
        let mut update = Update::of(person.contact.id);
        update.introductions.insert(known.id, None);
        // Who cannot be written to finds out as if there had been no answer.
        if known.offered().is_none() || check_writable(person, now).is_err() {
            return self.make(now, update);
        }
        self.check_room(1)?;
        let to = person.contact.id;
        let answer = IntroductionAnswer { tag: known.tag, agrees: false, link: None };
        self.post_quietly(now, to, Content::IntroductionAnswer(answer), update, rng)
    }

    /// Posts a letter that is not shown, with whatever else the update changes.
    pub(super) fn post_quietly(
        &mut self,
        now: Timestamp,
        to: ContactId,
        content: Content,
        mut update: Update,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let Some(person) = self.book.people.get(&to) else { return Ok(()) };
        let message = self.compose(now, person, content, quiet(), &mut update, rng);
        self.post(now, update, message, rng).map(drop)
    }

    /// Somebody whom we can introduce.
    fn introducible(&self, now: Timestamp, name: &str) -> Result<&Person, EngineError> {
        let person = self.book.somebody(name)?;
        check_writable(person, now)?;
        if person.contact.state(now) != ContactState::Established {
            return Err(EngineError::NotMet(name.to_owned()));
        }
        if !has_room(self.book.introductions.values(), person.contact.id, true, now) {
            return Err(EngineError::IntroductionsFull);
        }
        Ok(person)
    }

    /// An introduction that a contact has made for us.
    fn offered(&self, now: Timestamp, id: &ContactId) -> Result<(&Introduction, &Offered), EngineError> {
        let known = self.book.introductions.get(id).filter(|introduction| introduction.is_open(now));
        known
            .and_then(|known| Some((known, known.offered()?)))
            .ok_or_else(|| EngineError::IntroductionUnknown(id.to_string()))
    }

    fn introduction_view(&self, introduction: &Introduction) -> IntroductionView {
        let name = |contact: ContactId| self.book.name(contact);
        let (direction, contacts, suggested, note) = match &introduction.matter {
            Matter::Made(made) => {
                let contacts = vec![name(made.inviter.contact), name(made.joiner.contact)];
                (Direction::Out, contacts, None, String::new())
            }
            Matter::Offered(offered) => {
                let suggested = Some(offered.name.clone());
                (Direction::In, vec![name(offered.from)], suggested, offered.note.clone())
            }
        };
        let (state, waits_for) = self.introduction_state(introduction);
        let (at_ms, until_ms) = (introduction.at_ms, introduction.until_ms);
        IntroductionView {
            introduction: introduction.id,
            direction,
            contacts,
            name: suggested,
            note,
            state,
            waits_for,
            at_ms,
            until_ms,
        }
    }

    fn introduction_state(&self, introduction: &Introduction) -> (IntroductionState, String) {
        match &introduction.matter {
            Matter::Made(made) => {
                let silent = [&made.inviter, &made.joiner].into_iter().filter(|party| !party.agrees);
                let silent: Vec<String> =
                    silent.map(|party| format!("{:?}", self.book.name(party.contact))).collect();
                if silent.is_empty() {
                    let joiner = self.book.name(made.joiner.contact);
                    return (
                        IntroductionState::Agreed,
                        format!("the moment at which {joiner:?} can be written to"),
                    );
                }
                (IntroductionState::Waiting, format!("an answer of {}", silent.join(" and ")))
            }
            Matter::Offered(offered) => match (&offered.promised, &offered.link) {
                (None, _) => (IntroductionState::Undecided, "your decision".to_owned()),
                (Some(name), None) => (
                    IntroductionState::Waiting,
                    format!("the other person to agree; then it is your contact {name:?}"),
                ),
                (Some(name), Some(_)) => (
                    IntroductionState::Agreed,
                    format!("room in the outbox; then it is your contact {name:?}"),
                ),
            },
        }
    }
}

/// Letters that are not shown have no limits at the other side, which keeps nothing of them. Here they hold a link, and
/// go when it has run out even if the other side never tells that they came.
fn quiet() -> Disappearing {
    let visible_for_s = u32::try_from(INTRODUCTION_TTL.as_secs()).unwrap_or(u32::MAX);
    Disappearing { visible_for_s, ..Disappearing::OFF }
}

impl std::fmt::Debug for IntroduceOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IntroduceOptions([scrubbed])")
    }
}
