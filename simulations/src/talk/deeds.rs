//! What the two do, each as likely as it is worth: mostly they write.

use rand::RngExt;
use sotto_client::core::{Disappearing, EngineError, LetterName, MessageId, SendOptions};

use super::row::Row;
use super::script::Line;
use super::{Talk, TalkError, name};
use crate::vnet::VnetError;

/// What somebody can do, and how often among a hundred times.
const DEEDS: [(Deed, u32); 10] = [
    (Deed::Text, 42),
    (Deed::LongText, 5),
    (Deed::Reply, 14),
    (Deed::Reaction, 14),
    (Deed::Edit, 8),
    (Deed::Deletion, 4),
    (Deed::Limits, 1),
    (Deed::ReadOnce, 4),
    (Deed::VisibleFor, 4),
    (Deed::ExistsFor, 4),
];
/// Long texts have up to so many bytes: a few boxes; one in [`LONGEST_EVERY`] is as long as a text can be.
const LONG_LEN_MAX: usize = 6_000;
const LONGEST_EVERY: u32 = 40;

/// What somebody does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Deed {
    Text,
    LongText,
    Reply,
    Reaction,
    Edit,
    Deletion,
    Limits,
    ReadOnce,
    VisibleFor,
    ExistsFor,
}

impl Deed {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::LongText => "long text",
            Self::Reply => "reply",
            Self::Reaction => "reaction",
            Self::Edit => "edit",
            Self::Deletion => "deletion",
            Self::Limits => "limits",
            Self::ReadOnce => "read once",
            Self::VisibleFor => "visible for",
            Self::ExistsFor => "exists for",
        }
    }
}

/// What was done: the message, and what it says of the script.
struct Done {
    message: MessageId,
    letter: Option<LetterName>,
    /// The message that it is about.
    target: Option<LetterName>,
    view: Option<sotto_client::core::MessageView>,
}

impl Talk {
    /// A person does something; nothing, if there is nothing yet to do it to.
    pub(super) fn do_something(&mut self, index: usize) -> Result<(), TalkError> {
        let deed = self.draw_deed();
        let number = self.script.len();
        let target = self.draw_target(index, matches!(deed, Deed::Edit | Deed::Deletion));
        let target = match deed {
            Deed::Reply | Deed::Reaction | Deed::Edit | Deed::Deletion => match target {
                Some(target) => target,
                None => return Ok(()),
            },
            _ => 0,
        };
        let text = self.draw_text(deed, number);
        let emoji = self.rng.random_ratio(7, 8).then(|| format!("👍{number}"));
        let options = self.draw_options(deed, target);
        let limits = self.draw_limits();
        let partner = name(1 - index);
        let done = self.net.with_person(name(index), |engine, now, rng| {
            let about = engine.messages_after(partner, target.checked_sub(1))?.next();
            let about = about.filter(|view| view.seq == target);
            let about_letter = about.and_then(|view| engine.letter_of(&view.id));
            let message = match deed {
                Deed::Reaction => engine.react(now, partner, target, emoji.as_deref(), rng)?,
                Deed::Edit => engine.edit(now, partner, target, &text, rng)?,
                Deed::Deletion => engine.delete_for_both(now, partner, target, rng)?,
                Deed::Limits => engine.set_disappearing(now, partner, limits, rng)?,
                _ => engine.send(now, partner, &text, options, rng)?,
            };
            let (letter, view) = (engine.letter_of(&message), engine.message(&message));
            Ok::<Done, EngineError>(Done { message, letter, target: about_letter, view })
        })?;
        let done = match done {
            Ok(done) => done,
            // It has gone meanwhile.
            Err(EngineError::MessageUnknown(_) | EngineError::MessageNotOwn(_)) => return Ok(()),
            Err(error) => return Err(VnetError::from(error).into()),
        };
        self.net.follow(name(index), done.message)?;
        self.script.count();
        self.report.count_kind(deed.label());
        self.write_down(index, deed, &text, emoji.as_deref(), &done);
        Ok(())
    }

    /// Writes into the script what was done.
    fn write_down(&mut self, index: usize, deed: Deed, text: &str, emoji: Option<&str>, done: &Done) {
        match (deed, done.target) {
            (Deed::Reaction, Some(target)) => {
                let is_author = self.script.is_by(index, target);
                self.script.react(target, is_author, emoji);
            }
            (Deed::Edit, Some(target)) => self.script.edit(target, text),
            (Deed::Deletion, Some(target)) => self.script.delete(target),
            (Deed::Reaction | Deed::Edit | Deed::Deletion, None) => {}
            (_, target) => {
                let (Some(letter), Some(view)) = (done.letter, &done.view) else { return };
                let row = Row {
                    letter,
                    kind: view.kind,
                    text: if deed == Deed::Limits { view.text.clone() } else { text.to_owned() },
                    edited: false,
                    is_reply: deed == Deed::Reply,
                    refers_to: target.filter(|_| deed == Deed::Reply),
                    by_author: None,
                    by_other: None,
                };
                let stays = view.disappearing.is_none();
                self.script.say(index, letter, Line { author: index, row, stays });
                let Some(side) = self.sides.get_mut(index) else { return };
                side.last_seq = side.last_seq.max(view.seq);
                if stays && deed != Deed::Limits {
                    side.recent.push((view.seq, true));
                }
            }
        }
    }

    fn draw_deed(&mut self) -> Deed {
        let all: u32 = DEEDS.iter().map(|(_, share)| share).sum();
        let mut drawn = self.rng.random_range(0..all);
        for (deed, share) in DEEDS {
            if drawn < share {
                return deed;
            }
            drawn -= share;
        }
        Deed::Text
    }

    /// The place of a message to answer or to change.
    fn draw_target(&mut self, index: usize, is_own: bool) -> Option<u64> {
        let side = self.sides.get(index)?;
        let wanted: Vec<u64> =
            side.recent.iter().filter(|(_, own)| *own || !is_own).map(|(seq, _)| *seq).collect();
        let drawn = self.rng.random_range(0..wanted.len().max(1));
        wanted.get(drawn).copied()
    }

    /// A text that nobody has said yet.
    fn draw_text(&mut self, deed: Deed, number: usize) -> String {
        let len = match deed {
            Deed::LongText if self.rng.random_ratio(1, LONGEST_EVERY) => {
                sotto_client::core::limits::TEXT_LEN_MAX
            }
            Deed::LongText => self.rng.random_range(1_500..LONG_LEN_MAX),
            _ => self.rng.random_range(20..200),
        };
        let mut text = format!("{number}: ");
        text.extend(('a'..='z').cycle().take(len.saturating_sub(text.len())));
        text
    }

    fn draw_options(&mut self, deed: Deed, target: u64) -> SendOptions {
        let reply_to = (deed == Deed::Reply).then_some(target);
        let disappearing = match deed {
            Deed::ReadOnce => Some(Disappearing { read_once: true, ..Disappearing::OFF }),
            Deed::VisibleFor => {
                Some(Disappearing { visible_for_s: self.rng.random_range(10..90), ..Disappearing::OFF })
            }
            Deed::ExistsFor => {
                Some(Disappearing { exists_for_s: self.rng.random_range(600..660), ..Disappearing::OFF })
            }
            // Some have the limits of the conversation.
            _ => self.rng.random_ratio(2, 3).then_some(Disappearing::OFF),
        };
        SendOptions { reply_to, disappearing }
    }

    fn draw_limits(&mut self) -> Disappearing {
        let limits = Disappearing { visible_for_s: self.rng.random_range(10..90), ..Disappearing::OFF };
        if self.rng.random_ratio(1, 2) { Disappearing::OFF } else { limits }
    }
}
