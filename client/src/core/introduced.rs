//! What becomes of an introduction without its user: letters that come, the link that goes on, the contact that is made.
//!
//! ```text
//! who introduces: introduction --> both;  yes with link <-- inviter;  yes <-- joiner;  link --> joiner
//! ```
//!
//! A letter changes the record in the commit that takes it, and nothing else; what follows is done in a commit of its own,
//! after it and again after a restart. What a contact says of an introduction that it has no part in, or has said before,
//! is refused by name.

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::book::Person;
use super::engine::Engine;
use super::error::EngineError;
use super::event::Event;
use super::harvest::Harvest;
use super::id::{ContactId, MessageId};
use super::introduction::{Introduction, Matter, Offered, Party, has_room, introduction_key};
use super::invite::Invite;
use super::letter::{
    Content, Introduction as Suggestion, IntroductionAnswer, IntroductionLink, IntroductionTag, Name,
};
use super::limits::INTRODUCTION_TTL;
use super::message::{Body, Message, Notice};
use super::sending::check_writable;
use super::update::Update;
use crate::store::{Change, Store};

/// When a letter came, was sent, and ends.
#[derive(Clone, Copy)]
pub(super) struct Came {
    pub(super) now: Timestamp,
    pub(super) sent_at_ms: u64,
    pub(super) until_ms: Option<u64>,
}

impl Harvest<'_> {
    /// The contact introduces somebody. Whether the letter is to be kept.
    pub(super) fn suggestion(
        &mut self,
        letter: Name,
        suggestion: &Suggestion,
        came: Came,
        rng: &mut impl CryptoRng,
    ) -> bool {
        let from = self.contact.id;
        let ttl_ms = u64::try_from(INTRODUCTION_TTL.as_millis()).unwrap_or(u64::MAX);
        let ends_ms = came.sent_at_ms.saturating_add(ttl_ms);
        let until_ms = came.until_ms.map_or(ends_ms, |until_ms| until_ms.min(ends_ms));
        if until_ms <= came.now.as_millis() {
            self.counted.push("introduction-over");
            return false;
        }
        if self.suggested(suggestion.tag).is_some() {
            self.doubts.push("introduction-repeat");
            return false;
        }
        if !has_room(self.introductions.iter(), from, false, came.now) {
            self.doubts.push("introductions-full");
            return false;
        }
        let matter = Matter::Offered(Offered {
            from,
            part: suggestion.part,
            name: suggestion.name.clone(),
            note: suggestion.note.clone(),
            letter,
            promised: None,
            link: None,
        });
        let (id, at_ms) = (ContactId::generate(rng), came.now.as_millis());
        self.introductions.put(Introduction { id, tag: suggestion.tag, at_ms, until_ms, matter });
        true
    }

    /// The contact says whether it wants to meet somebody whom we have introduced.
    pub(super) fn answer_to_introduction(
        &mut self,
        answer: &IntroductionAnswer,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) {
        let from = self.contact.id;
        let mut asked = self.introductions.iter().filter(|introduction| {
            introduction.tag == answer.tag && introduction.made().is_some() && introduction.concerns(from)
        });
        let Some(mut introduction) = asked.next().filter(|introduction| introduction.is_open(now)).cloned()
        else {
            return self.doubts.push("introduction-unknown");
        };
        drop(asked);
        let Matter::Made(made) = &mut introduction.matter else { return };
        let is_inviter = made.inviter.contact == from;
        let (party, other) = if is_inviter {
            (&mut made.inviter, made.joiner.contact)
        } else {
            (&mut made.joiner, made.inviter.contact)
        };
        if answer.agrees && party.agrees {
            return self.doubts.push("introduction-repeat");
        }
        let link = answer.link.as_deref().map(Invite::parse).transpose();
        let Ok(link) = link.map_err(drop).and_then(|link| {
            let is_due = answer.agrees && is_inviter;
            if link.is_some() == is_due { Ok(link) } else { Err(()) }
        }) else {
            return self.doubts.push("introduction-link");
        };
        party.agrees = answer.agrees;
        if let Some(link) = link {
            made.link = Some(link.link().to_string());
        }
        let notice = Notice::Answered { other: self.book.name(other), agrees: answer.agrees };
        let notice = self.fresh(Body::Notice(notice), now, rng);
        self.messages.push(notice);
        if answer.agrees {
            self.introductions.put(introduction);
        } else {
            self.introductions.remove(introduction.id);
        }
    }

    /// The contact passes a link on that we wait for.
    pub(super) fn link_of_introduction(&mut self, link: &IntroductionLink, now: Timestamp) {
        let Some(mut introduction) =
            self.suggested(link.tag).filter(|introduction| introduction.is_open(now)).cloned()
        else {
            return self.doubts.push("introduction-unknown");
        };
        let Matter::Offered(offered) = &mut introduction.matter else { return };
        if offered.promised.is_none() {
            return self.doubts.push("introduction-unasked");
        }
        if offered.link.is_some() {
            return self.doubts.push("introduction-repeat");
        }
        let Ok(invite) = Invite::parse(&link.link) else {
            return self.doubts.push("introduction-link");
        };
        offered.link = Some(invite.link().to_string());
        self.introductions.put(introduction);
    }

    /// The contact has deleted the letter of an introduction.
    pub(super) fn withdraw_introduction(&mut self, letter: Name) {
        let from = self.contact.id;
        let is_of = |offered: &Offered| offered.from == from && offered.letter == letter;
        let mut withdrawn =
            self.introductions.iter().filter(|introduction| introduction.offered().is_some_and(is_of));
        if let Some(id) = withdrawn.next().map(|introduction| introduction.id) {
            drop(withdrawn);
            self.introductions.remove(id);
        }
    }

    /// The introduction of this name that the contact has made for us.
    fn suggested(&self, tag: IntroductionTag) -> Option<&Introduction> {
        let from = self.contact.id;
        self.introductions.iter().find(|introduction| {
            introduction.tag == tag && introduction.offered().is_some_and(|offered| offered.from == from)
        })
    }
}

/// What is to be done about an introduction.
enum Due {
    Nothing,
    /// It is over.
    End,
    /// The link goes to the joiner.
    PassOn {
        joiner: ContactId,
        link: String,
    },
    /// Somebody becomes a contact by the link.
    Meet {
        from: ContactId,
        name: String,
        link: String,
    },
}

fn due(introduction: &Introduction, now: Timestamp) -> Due {
    match &introduction.matter {
        _ if !introduction.is_open(now) => Due::End,
        Matter::Made(made) => match (&made.inviter, &made.joiner, &made.link) {
            (Party { agrees: true, .. }, Party { agrees: true, contact }, Some(link)) => {
                Due::PassOn { joiner: *contact, link: link.clone() }
            }
            _ => Due::Nothing,
        },
        Matter::Offered(offered) => match (&offered.promised, &offered.link) {
            (Some(name), Some(link)) => {
                Due::Meet { from: offered.from, name: name.clone(), link: link.clone() }
            }
            _ => Due::Nothing,
        },
    }
}

impl<S: Store> Engine<S> {
    /// Does what is due about introductions.
    pub(super) fn tend_introductions(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        let ids: Vec<ContactId> = self.book.introductions.keys().copied().collect();
        for id in ids {
            if let Err(error) = self.tend_introduction(now, id, rng) {
                self.count(error.label());
            }
        }
    }

    fn tend_introduction(
        &mut self,
        now: Timestamp,
        id: ContactId,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let Some(introduction) = self.book.introductions.get(&id) else { return Ok(()) };
        let tag = introduction.tag;
        match due(introduction, now) {
            Due::Nothing => Ok(()),
            Due::End => {
                self.commit(now, vec![Change::Delete { key: introduction_key(id) }])?;
                self.book.introductions.remove(&id);
                Ok(())
            }
            Due::PassOn { joiner, link } => {
                let Some(person) = self.book.people.get(&joiner) else { return Ok(()) };
                // While nothing can be written there, it waits.
                if check_writable(person, now).is_err() || self.check_room(1).is_err() {
                    return Ok(());
                }
                let mut update = Update::of(joiner);
                update.introductions.insert(id, None);
                let content = Content::IntroductionLink(IntroductionLink { tag, link });
                self.post_quietly(now, joiner, content, update, rng)
            }
            Due::Meet { from, name, link } => match self.joined(now, &link, &name, Some(id), rng) {
                Ok((person, mut update)) => {
                    update.introductions.insert(id, None);
                    self.note_introducer(now, &person, from, &mut update, rng);
                    self.meet(now, person, update)
                }
                Err(EngineError::Store(error)) => Err(error.into()),
                Err(EngineError::OutboxFull) => Ok(()),
                Err(refusal) => self.met_in_vain(now, id, from, name, &refusal, rng),
            },
        }
    }

    /// Says in the conversation with somebody new who introduced us.
    pub(super) fn note_introducer(
        &self,
        now: Timestamp,
        person: &Person,
        by: ContactId,
        update: &mut Update,
        rng: &mut impl CryptoRng,
    ) {
        let body = Body::Notice(Notice::Introduced { by: self.book.name(by) });
        let notice = Message::local(MessageId::generate(rng), person.contact.id, 1, now.as_millis(), body);
        let (contact, message) = (person.contact.name.clone(), notice.view(&person.contact));
        update.events.push(Event::MessageReceived { contact, message });
        update.messages.push(notice);
    }

    /// The link is of no use: that is said in the conversation with who introduced us.
    fn met_in_vain(
        &mut self,
        now: Timestamp,
        id: ContactId,
        from: ContactId,
        name: String,
        refusal: &EngineError,
        rng: &mut impl CryptoRng,
    ) -> Result<(), EngineError> {
        let Some(person) = self.book.people.get(&from) else { return Ok(()) };
        let body = Body::Notice(Notice::MetInVain { name, why: refusal.to_string() });
        let (seq, at_ms) = (person.next_seq(), now.as_millis());
        let notice = Message::local(MessageId::generate(rng), from, seq, at_ms, body);
        let mut ledger = person.ledger.clone();
        ledger.last_seq = seq;
        let (contact, message) = (person.contact.name.clone(), notice.view(&person.contact));
        let mut update = Update::of(from);
        update.introductions.insert(id, None);
        update.ledger = Some(ledger);
        update.messages.push(notice);
        update.events.push(Event::MessageReceived { contact, message });
        self.make(now, update)?;
        self.count(refusal.label());
        Ok(())
    }
}
