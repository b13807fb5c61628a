//! What becomes of a letter that has come: kept as a message, or done to the message that it refers to.
//!
//! A letter can change messages of its own sender only. What it refers to is found by name among the letters of the side
//! that it says; what is not there is refused by name, and changes nothing. A letter is counted as having come either
//! way.

use std::time::Duration;

use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::book::Person;
use super::harvest::Harvest;
use super::id::MessageId;
use super::introduced::Came;
use super::ledger::Arrival;
use super::letter::{Author, Content, ContentRefusal, Disappearing, Letter, Name, Report};
use super::limits::{CLOCK_AHEAD_MAX, CLOCK_BEHIND_MAX};
use super::message::{Body, Direction, Message, Notice};
use rand::CryptoRng;

impl Harvest<'_> {
    /// Takes a letter.
    pub(super) fn letter(&mut self, bytes: &Zeroizing<Vec<u8>>, now: Timestamp, rng: &mut impl CryptoRng) {
        let letter = match Letter::parse(bytes) {
            Ok(letter) => letter,
            Err(refusal) => {
                self.doubts.push(refusal.label());
                return self.unknown(super::fragment::KIND_LETTER, bytes, now, rng);
            }
        };
        if self.ledger.note(letter.name) == Arrival::Repeat {
            return self.counted.push("letter-repeat");
        }
        let sent_at_ms = self.believed(letter.sent_at_ms, now);
        let until_ms = letter.disappearing.exists_until_ms(sent_at_ms);
        if until_ms.is_some_and(|until_ms| until_ms <= now.as_millis()) {
            return self.counted.push("letter-over");
        }
        let body = match Content::parse(letter.kind, letter.body) {
            Ok(content) => match self.done(letter.name, content, Came { now, sent_at_ms, until_ms }, rng) {
                Some(body) => body,
                None => return,
            },
            Err(refusal) => {
                if refusal != ContentRefusal::Kind {
                    self.doubts.push(refusal.label());
                }
                Body::Unknown { kind: u16::from(letter.kind), bytes: letter.body.to_vec() }
            }
        };
        let mut message = self.fresh(body, now, rng);
        message.name = Some(letter.name);
        message.disappearing = letter.disappearing;
        message.until_ms = until_ms;
        message.refers_to = self.referred(&message.body);
        self.offered(&message);
        self.messages.push(message);
    }

    /// Keeps something of a kind that is no letter. Its limits cannot be known: it has those of the conversation.
    pub(super) fn unknown(
        &mut self,
        kind: u8,
        bytes: &Zeroizing<Vec<u8>>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) {
        let body = Body::Unknown { kind: 256 + u16::from(kind), bytes: bytes.to_vec() };
        let mut message = self.fresh(body, now, rng);
        message.disappearing = self.ledger.defaults;
        message.until_ms = message.disappearing.exists_until_ms(now.as_millis());
        self.messages.push(message);
    }

    /// Takes a report: what it says of the other side's letters is done here, what of ours when all is kept.
    pub(super) fn report(&mut self, bytes: &[u8], now: Timestamp, rng: &mut impl CryptoRng) {
        let mut report = match Report::parse(bytes) {
            Ok(report) => report,
            Err(refusal) => return self.doubts.push(refusal.label()),
        };
        self.ledger.awaits_until_ms = 0;
        for sent in &report.sent {
            self.ledger.note_sent(sent);
        }
        let gone = report.gone.iter().map(|(series, range)| self.ledger.note_gone(*series, *range));
        let lost = gone.fold(0u64, u64::saturating_add);
        if lost > 0 {
            let notice = self.fresh(Body::Notice(Notice::Lost(lost)), now, rng);
            self.messages.push(notice);
        }
        self.got.append(&mut report.got);
        self.is_reported = true;
    }

    pub(super) fn fresh(&mut self, body: Body, now: Timestamp, rng: &mut impl CryptoRng) -> Message {
        let seq = self.next_seq;
        self.next_seq = self.next_seq.saturating_add(1);
        self.ledger.last_seq = seq;
        Message::local(MessageId::generate(rng), self.contact.id, seq, now.as_millis(), body)
    }

    /// The time at which the sender says it was sent, or now if that cannot be.
    fn believed(&mut self, sent_at_ms: u64, now: Timestamp) -> u64 {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let now_ms = now.as_millis();
        let earliest_ms = now_ms.saturating_sub(millis(CLOCK_BEHIND_MAX));
        let latest_ms = now_ms.saturating_add(millis(CLOCK_AHEAD_MAX));
        if (earliest_ms..=latest_ms).contains(&sent_at_ms) {
            return sent_at_ms;
        }
        self.doubts.push("letter-clock");
        now_ms
    }

    /// Does what a letter asks for. What is left is to be kept as a message.
    fn done(&mut self, name: Name, content: Content, came: Came, rng: &mut impl CryptoRng) -> Option<Body> {
        match &content {
            Content::Text(_) | Content::File { .. } => {}
            Content::FileAnswer { of, verb } => {
                self.answered(name, of, verb);
                return None;
            }
            Content::Reply { to, .. } => {
                if self.seq_of(direction(to.author), to.name).is_none() {
                    self.doubts.push("reply-unknown");
                }
            }
            Content::Defaults { version, disappearing } => self.agree(*version, *disappearing),
            Content::Reaction { to, emoji } => {
                match self.target(direction(to.author), to.name) {
                    Some(target) => target.reactions.theirs.clone_from(emoji),
                    None => self.doubts.push("reaction-unknown"),
                }
                return None;
            }
            Content::Edit { of, text } => {
                let is_ours = self.is_ours(*of);
                match self.target(Direction::In, *of).map(|target| target.edit(text)) {
                    Some(true) => {}
                    Some(false) => self.doubts.push("edit-no-text"),
                    None if is_ours => self.doubts.push("edit-not-author"),
                    None => self.doubts.push("edit-unknown"),
                }
                return None;
            }
            // One that deletes itself was deleted before it was sent.
            Content::Deletion { of } if *of == name => return Some(Body::Deleted),
            Content::Deletion { of } => {
                let is_ours = self.is_ours(*of);
                self.withdraw_introduction(*of);
                match self.target(Direction::In, *of) {
                    Some(target) => target.delete(),
                    None if is_ours => self.doubts.push("deletion-not-author"),
                    None => self.doubts.push("deletion-unknown"),
                }
                return None;
            }
            Content::Introduction(suggestion) => {
                if !self.suggestion(name, suggestion, came, rng) {
                    return None;
                }
            }
            Content::IntroductionAnswer(answer) => {
                self.answer_to_introduction(answer, came.now, rng);
                return None;
            }
            Content::IntroductionLink(link) => {
                self.link_of_introduction(link, came.now);
                return None;
            }
        }
        Some(Body::Letter(content))
    }

    /// Both sides may decide at once: the higher version holds, and of equal ones the one whose limits are greater, so that both
    /// end with the same.
    fn agree(&mut self, version: u32, disappearing: Disappearing) {
        let (ours, theirs) = ((self.ledger.defaults_version, self.ledger.defaults), (version, disappearing));
        if theirs > ours {
            (self.ledger.defaults_version, self.ledger.defaults) = theirs;
        }
    }

    fn is_ours(&self, name: Name) -> bool {
        self.person.letter(Direction::Out, name).is_some()
    }

    fn referred(&self, body: &Body) -> Option<u64> {
        let Body::Letter(Content::Reply { to, .. }) = body else { return None };
        self.seq_of(direction(to.author), to.name)
    }

    fn seq_of(&self, direction: Direction, name: Name) -> Option<u64> {
        let came = self.messages.iter().find(|message| is(message, direction, name));
        came.or_else(|| self.person.letter(direction, name)).map(|message| message.seq)
    }

    /// The message of this name, to be changed.
    fn target(&mut self, direction: Direction, name: Name) -> Option<&mut Message> {
        if let Some(at) = self.messages.iter().position(|message| is(message, direction, name)) {
            return self.messages.get_mut(at);
        }
        let message: &Message = Person::letter(self.person, direction, name)?;
        let target = self.changed.entry(message.id).or_insert_with(|| message.clone());
        (target.is_shown() && target.body != Body::Deleted).then_some(target)
    }
}

fn is(message: &Message, direction: Direction, name: Name) -> bool {
    message.direction == direction && message.name == Some(name)
}

/// On whose side a letter is that the other side refers to.
const fn direction(author: Author) -> Direction {
    match author {
        Author::Sender => Direction::In,
        Author::Receiver => Direction::Out,
    }
}
