//! A corrupt mailbox: it knows when each box is written and read, and asks whose packets come before.
//!
//! It links the writing of a box with its reading by the name, which is the same for both and for nothing else: there is
//! nothing that says which boxes belong to one conversation. Whose command it was follows from the times of packets from
//! clients, by the density of the delay between. Pairs whose times agree box after box talk with one another.
//!
//! A box costs the passages from clients in the time that a packet may take. Not here: what the mailbox does to digests.

use std::collections::{BTreeMap, BTreeSet};

use super::dense::Sparse;
use super::evidence::{Estimate, factors_ln, weights};
use super::lag::Lag;
use super::rounds::is_send;
use super::statistical::joint;
use crate::adversary::{Adversary, Answer, Kind, Question};
use crate::observer::WireId;
use crate::party::Party;
use crate::random::Draws;
use crate::time::SimTime;
use crate::view::{Sight, View};

/// The most boxes that are looked at, the earliest first.
const BOXES_MAX: usize = 5000;
/// The most passages before a command, those nearest to the likeliest time.
const PASSAGES_MAX: usize = 2000;

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct CorruptMailbox;

impl Adversary for CorruptMailbox {
    fn name(&self) -> &'static str {
        "corrupt-mailbox"
    }

    fn sight(&self) -> Sight {
        Sight::Edges
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Contact, Kind::Sender]
    }

    /// A mailbox, unless the scenario names one.
    fn corrupts(&self, view: &View<'_>, _budget: usize, _draws: &mut Draws) -> Option<Vec<Party>> {
        let names = &view.scenario.corruption.nodes;
        let is_named = names
            .iter()
            .filter_map(|name| view.layout.by_name(name))
            .any(|node| view.layout.is_mailbox(node));
        (!is_named && view.layout.mailboxes() > 0).then(|| vec![view.layout.mailbox(0)])
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _draws: &mut Draws) -> Vec<Answer> {
        let authors = Authors::of(view, questions);
        let uplinks = Uplinks::of(view);
        questions
            .iter()
            .map(|question| match question {
                Question::Contact { user, candidates } => {
                    Answer::from_weights(weights(&authors.evidence_ln(*user, candidates)))
                }
                Question::Sender { wire, candidates } => {
                    Answer::from_weights(uplinks.senders(view, *wire, candidates))
                }
                other => Answer::from_weights(vec![0.0; other.candidates()]),
            })
            .collect()
    }
}

/// A box, as its mailbox saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoxLife {
    /// Its name.
    pub name: u64,
    /// When it was first written.
    pub written: SimTime,
    /// When it was first found by a reader.
    pub read: Option<SimTime>,
    /// How often it was asked for in vain.
    pub misses: u32,
}

/// The boxes that were written to the adversary's mailboxes, in the order of writing.
#[must_use]
pub fn boxes(view: &View<'_>) -> Vec<BoxLife> {
    let mut lives: BTreeMap<u64, (Option<SimTime>, Option<SimTime>, u32)> = BTreeMap::new();
    for event in &view.boxes {
        let (written, read, misses) = lives.entry(event.name).or_default();
        let earlier = |known: Option<SimTime>| Some(known.map_or(event.at, |known| known.min(event.at)));
        match (event.is_write, event.found) {
            (true, _) => *written = earlier(*written),
            (false, true) => *read = earlier(*read),
            (false, false) => *misses += 1,
        }
    }
    let mut boxes: Vec<BoxLife> = lives
        .into_iter()
        .filter_map(|(name, (written, read, misses))| Some(BoxLife { name, written: written?, read, misses }))
        .collect();
    boxes.sort_by_key(|life| life.written);
    boxes
}

/// Passages from clients, in the order of sending.
struct Uplinks {
    sent: Vec<(SimTime, u32)>,
    /// How many each client has. All clients are taken to give as many commands: who sends more has more cover.
    counts: Vec<f64>,
    lag: Lag,
}

impl Uplinks {
    fn of(view: &View<'_>) -> Self {
        let mut sent: Vec<(SimTime, u32)> = view
            .wires
            .iter()
            .filter(|wire| is_send(view, wire))
            .map(|wire| (wire.sent, wire.from.0))
            .collect();
        sent.sort_unstable();
        let mut counts = vec![0.0; view.layout.clients() as usize];
        for (_, client) in &sent {
            if let Some(count) = counts.get_mut(*client as usize) {
                *count += 1.0;
            }
        }
        Self { sent, counts, lag: Lag::to_destination(view) }
    }

    /// Whose packet arrived at a destination at a time: the chance of each client that can be it.
    fn authors(&self, at: SimTime) -> BTreeMap<u32, f64> {
        let before = |seconds: f64| at.since(SimTime::from_secs_f64(seconds));
        let place = |time: SimTime| self.sent.partition_point(|passage| passage.0 < time);
        let likeliest = place(before(self.lag.mean_s()));
        let first = place(before(self.lag.longest_s())).max(likeliest.saturating_sub(PASSAGES_MAX / 2));
        let last = place(at).min(likeliest.saturating_add(PASSAGES_MAX / 2));
        let mut chances = BTreeMap::new();
        let mut sum = 0.0;
        for (sent, client) in self.sent.get(first..last).unwrap_or_default() {
            let count = self.counts.get(*client as usize).copied().unwrap_or(1.0);
            let density = self.lag.density(at.since(*sent).as_secs_f64()) / count;
            sum += density;
            *chances.entry(*client).or_insert(0.0) += density;
        }
        if sum > 0.0 {
            chances.values_mut().for_each(|chance| *chance /= sum);
        }
        chances
    }

    fn senders(&self, view: &View<'_>, wire: WireId, candidates: &[Party]) -> Vec<f64> {
        let found = view.wires.binary_search_by_key(&wire, |passage| passage.id).ok();
        let Some(passage) = found.and_then(|place| view.wires.get(place)) else {
            return vec![0.0; candidates.len()];
        };
        let chances = self.authors(passage.arrived);
        candidates.iter().map(|candidate| chances.get(&candidate.0).copied().unwrap_or(0.0)).collect()
    }
}

/// Who may have written and read the boxes that were read.
pub(super) struct Authors {
    pub(super) boxes: Vec<BoxLife>,
    /// By client: box and the chance that the client wrote it.
    pub(super) writers: Sparse,
    /// By client: box and the chance that the client read it.
    readers: Sparse,
}

impl Authors {
    pub(super) fn of(view: &View<'_>, questions: &[Question]) -> Self {
        let mut asked = BTreeSet::new();
        for question in questions {
            if let Question::Contact { user, candidates } = question {
                asked.extend(candidates.iter().chain(std::iter::once(user)).map(|party| party.0));
            }
        }
        let mut boxes = boxes(view);
        boxes.retain(|life| life.read.is_some_and(|read| read >= life.written));
        boxes.truncate(BOXES_MAX);
        let uplinks = Uplinks::of(view);
        let table = |time: &dyn Fn(&BoxLife) -> Option<SimTime>| {
            let cells = (0_u32..).zip(&boxes).flat_map(|(number, life)| {
                let chances = time(life).map(|at| uplinks.authors(at)).unwrap_or_default();
                chances.into_iter().map(move |(client, chance)| (client, number, chance))
            });
            Sparse::new(
                view.layout.clients() as usize,
                cells.filter(|cell| asked.contains(&cell.0)).collect(),
            )
        };
        let (writers, readers) = (table(&|life| Some(life.written)), table(&|life| life.read));
        Self { boxes, writers, readers }
    }

    /// For each candidate, how much better the chances are explained if it reads what the user writes: by the covariance of
    /// the two over boxes, which is 0 but for chance if they have nothing to do with one another.
    pub(super) fn evidence_ln(&self, user: Party, candidates: &[Party]) -> Vec<f64> {
        let count = super::number(self.boxes.len());
        let written = Moments::of(self.writers.row(user.index()), count);
        let estimates: Vec<Estimate> = candidates
            .iter()
            .map(|candidate| {
                let row = self.readers.row(candidate.index());
                let read = Moments::of(row, count);
                let both: f64 =
                    joint(self.writers.row(user.index()), row).map(|(_, written, read)| written * read).sum();
                Estimate {
                    value: both - count * written.mean * read.mean,
                    deviation: (written.squares * read.squares / (count - 1.0).max(1.0)).sqrt(),
                }
            })
            .collect();
        factors_ln(&estimates)
    }
}

/// The mean, and the sum of squared differences from it, of a row with zeros.
struct Moments {
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(row: &[(u32, f64)], count: f64) -> Self {
        let mean = row.iter().map(|entry| entry.1).sum::<f64>() / count.max(1.0);
        let squares = row.iter().map(|entry| entry.1 * entry.1).sum::<f64>() - count * mean * mean;
        Self { mean, squares: squares.max(0.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::Boxes;
    use super::*;

    #[test]
    fn writing_and_reading_of_a_box_are_linked() {
        let run = Boxes::default().run(1);
        let boxes = boxes(&run.view());
        assert_eq!(boxes.len(), run.recording.messages.len());
        for (life, message) in boxes.iter().zip(&run.recording.messages) {
            assert_eq!((life.written, life.read), (message.stored, Some(message.received)));
            assert_eq!(life.misses, 1);
        }
    }

    #[test]
    fn pairs_are_named_without_cover_and_not_with_it() {
        let open = Boxes::default();
        let (named, hidden) = (
            open.success(&CorruptMailbox, 20),
            Boxes { cover_interval_s: 0.5, ..open }.success(&CorruptMailbox, 60),
        );
        let decoy = Boxes { is_decoy: true, ..open }.success(&CorruptMailbox, 60);
        println!("open {named:.3}, covered {hidden:.3}, decoy {decoy:.3}");
        let guessing = 0.05 + 4.0 * (0.05 * 0.95 / 60.0_f64).sqrt();
        assert!(named > 0.9, "{named}");
        assert!(hidden < guessing, "{hidden}");
        assert!(decoy < guessing, "{decoy}");
    }

    #[test]
    fn who_sent_a_command_is_named_by_the_time_where_nobody_else_sends() {
        for (cover_interval_s, range) in [(0.0, 0.8..1.01), (0.5, 0.0..0.2)] {
            let boxes = Boxes { messages: 60, gap_s: 20.0, cover_interval_s, ..Boxes::default() };
            let run = boxes.run(4);
            let view = run.view();
            let candidates: Vec<Party> = (0..boxes.clients).map(Party).collect();
            let (mut hits, mut asked) = (0.0, 0.0);
            for event in view.boxes.iter().filter(|event| event.is_write) {
                let question = Question::Sender { wire: event.wire, candidates: candidates.clone() };
                let writer = run.recording.messages[usize::try_from(event.name).unwrap()].sender;
                let mut draws = crate::random::Seed::new(1).draws(crate::random::Purpose::Adversary, 0);
                let answers = CorruptMailbox.answer(&view, &[question], &mut draws);
                let weights = answers[0].weights();
                let best = weights.iter().copied().fold(0.0, f64::max);
                hits += f64::from(u8::from(weights[writer.index()] >= best));
                asked += 1.0;
            }
            println!("cover every {cover_interval_s} s: {:.3} of {asked}", hits / asked);
            assert!(range.contains(&(hits / asked)), "{}", hits / asked);
        }
    }
}
