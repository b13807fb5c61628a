//! An equivocating digest: a corrupt mailbox tells half of the clients nothing of new boxes, and sees whose reads come late.
//!
//! A box that is read only long after the digest that announced it was read by one of the half that was not told; a box read
//! at once by one of the others. Together with the times of writing that halves the candidates. What it costs the
//! adversary: a digest is signed, and everybody gets the same bytes, so two clients of different halves who compare theirs
//! hold two signatures that prove the lie ([`chance_of_detection`]). Not here: the times, which are those of any corrupt
//! mailbox.

use super::evidence::weights;
use super::lag::Lag;
use super::mailbox::Authors;
use crate::adversary::{Adversary, Answer, Interference, Kind, Question};
use crate::party::Party;
use crate::random::Draws;
use crate::scenario::Notice;
use crate::view::{Sight, View};

/// The chance that the time of reading shows the wrong half: a reader who was told is late, or asked by chance.
const MISLED: f64 = 0.1;

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct EquivocatingDigest;

impl Adversary for EquivocatingDigest {
    fn name(&self) -> &'static str {
        "equivocating-digest"
    }

    fn sight(&self) -> Sight {
        Sight::Edges
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Contact]
    }

    /// The mailbox that lies.
    fn corrupts(&self, view: &View<'_>, _budget: usize, _draws: &mut Draws) -> Option<Vec<Party>> {
        (view.layout.mailboxes() > 0).then(|| vec![view.layout.mailbox(0)])
    }

    fn interference(&self, watched: &View<'_>, _draws: &mut Draws) -> Option<Interference> {
        let layout = watched.layout;
        let clients =
            (0..layout.clients()).map(|number| layout.client(number)).filter(|client| is_victim(*client));
        (layout.mailboxes() > 0)
            .then(|| Interference::Equivocate { mailbox: layout.mailbox(0), clients: clients.collect() })
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _draws: &mut Draws) -> Vec<Answer> {
        let authors = Authors::of(view, questions);
        let late = late(view, &authors);
        super::answer_contacts(questions, |user, candidates| {
            // Above 0: boxes that the user more likely wrote than others were read late, by a victim.
            let row = authors.writers.row(user.index());
            let mean = row.iter().map(|entry| entry.1).sum::<f64>() / super::number(late.len().max(1));
            let sign = |is_late: bool| if is_late { 1.0 } else { -1.0 };
            let all: f64 = late.iter().map(|is_late| sign(*is_late)).sum();
            let mine: f64 = row
                .iter()
                .map(|(number, chance)| {
                    chance * late.get(*number as usize).map_or(0.0, |is_late| sign(*is_late))
                })
                .sum();
            let halves = mine - mean * all;
            let swing = halves * ((1.0 - MISLED) / MISLED).ln() / 2.0;
            let logarithms: Vec<f64> = authors
                .evidence_ln(user, candidates)
                .into_iter()
                .zip(candidates)
                .map(|(logarithm, candidate)| logarithm + if is_victim(*candidate) { swing } else { -swing })
                .collect();
            if late.is_empty() { vec![0.0; candidates.len()] } else { weights(&logarithms) }
        })
    }
}

/// Whether a client is of the half that is not told: by the parity of the ones in its number.
fn is_victim(client: Party) -> bool {
    client.0.count_ones() % 2 == 1
}

/// For each box, whether it was read later than by somebody who was told: more than an interval, three slots and a
/// packet's way after writing. Empty without digests: then nobody is told anything.
fn late(view: &View<'_>, authors: &Authors) -> Vec<bool> {
    let Notice::Digest { interval_s } = view.scenario.mailboxes.notice else { return Vec::new() };
    let slot_s =
        view.scenario.clients.iter().map(|class| class.payload_interval_ms_mean / 1e3).fold(0.0, f64::max);
    let allowed_s = interval_s + 3.0 * slot_s + 2.0 * Lag::to_destination(view).longest_s();
    authors
        .boxes
        .iter()
        .map(|life| life.read.is_some_and(|read| read.since(life.written).as_secs_f64() > allowed_s))
        .collect()
}

/// The chance that an equivocation is proved by so many comparisons, each between two clients at random: one of them was
/// told and the other was not.
#[must_use]
pub fn chance_of_detection(victims: u32, clients: u32, comparisons: u32) -> f64 {
    if clients < 2 {
        return 0.0;
    }
    let (victims, clients) = (f64::from(victims.min(clients)), f64::from(clients));
    let caught = 2.0 * victims * (clients - victims) / (clients * (clients - 1.0));
    1.0 - (1.0 - caught).powf(f64::from(comparisons))
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::Boxes;
    use super::super::{CorruptMailbox, rounds};
    use super::*;
    use crate::engine::record;
    use crate::party::Layout;
    use crate::random::{Purpose, Seed};
    use crate::scenario::Scenario;
    use crate::scoreboard::interference;
    use crate::time::SimTime;
    use crate::view::Recording;

    #[test]
    fn half_of_the_clients_are_victims() {
        let (scenario, nothing) = (Scenario::default(), Recording::default());
        let mut draws = Seed::new(1).draws(Purpose::Adversary, 0);
        let mut of = |layout: &Layout| {
            let window = (SimTime::ZERO, SimTime::NEVER);
            let view = View::of(&nothing, layout, &scenario, Sight::Global, &[], window);
            EquivocatingDigest.interference(&view, &mut draws)
        };
        let layout = Layout::new(1000, vec![1], 2);
        let Some(Interference::Equivocate { mailbox, clients }) = of(&layout) else {
            panic!("it equivocates")
        };
        assert_eq!((mailbox, clients.len()), (layout.mailbox(0), 500));
        assert_eq!(of(&Layout::new(10, vec![1], 0)), None);
    }

    #[test]
    fn the_half_is_learnt_where_the_writer_is_known() {
        // The recipients are covered, the writers are not: times alone do not name a reader.
        let base = Boxes { covers_target: false, cover_interval_s: 0.5, messages: 60, ..Boxes::default() };
        let lying = Boxes { victim: Some(is_victim), ..base };
        let (told, lied) = (base.success(&CorruptMailbox, 100), lying.success(&EquivocatingDigest, 100));
        println!("honest {told:.3}, equivocating {lied:.3}");
        assert!(lied > told + 0.02, "{lied} {told}");
        let covered = Boxes { covers_target: true, ..lying }.success(&EquivocatingDigest, 60);
        println!("covered writer {covered:.3}");
        assert!(covered < 0.05 + 4.0 * (0.05 * 0.95 / 60.0_f64).sqrt(), "{covered}");
    }

    #[test]
    fn the_models_victims_read_late_and_the_others_do_not() {
        let scenario = super::super::against_engine::one_mailbox();
        let seed = Seed::new(6);
        let layout = scenario.layout();
        let lie = interference(&EquivocatingDigest, &Recording::default(), &layout, &scenario, seed);
        let run = record(&scenario, seed, lie.as_ref()).unwrap();
        let mailbox = [layout.mailbox(0)];
        let view = View::of(&run.recording, &run.layout, &scenario, Sight::Edges, &mailbox, run.window);
        let authors = Authors::of(&view, &[]);
        let (mut wrong, mut known) = (0.0, 0.0);
        for (life, is_late) in authors.boxes.iter().zip(late(&view, &authors)) {
            let message = run.recording.messages.iter().find(|message| message.stored == life.written);
            let Some(message) = message else { continue };
            known += 1.0;
            wrong += f64::from(u8::from(is_victim(message.recipient) != is_late));
        }
        println!("{wrong} of {known} boxes show the wrong half");
        assert!(known > 500.0 && wrong / known < 2.0 * MISLED, "{wrong} of {known}");
    }

    #[test]
    fn comparisons_find_it_as_often_as_counted() {
        // All pairs of 7 clients of whom 3 are victims: 12 of 21 differ.
        let pairs = (0..7).flat_map(|one| (0..one).map(move |other| (one < 3) != (other < 3)));
        let differ = pairs.filter(|differ| *differ).count();
        assert_eq!(differ, 12);
        assert!((chance_of_detection(3, 7, 1) - 12.0 / 21.0).abs() < 1e-12);
        assert!((chance_of_detection(3, 7, 2) - (1.0 - (9.0 / 21.0_f64).powi(2))).abs() < 1e-12);
        assert_eq!(rounds::floor(chance_of_detection(0, 7, 50)), 0);
        assert_eq!(rounds::floor(chance_of_detection(1, 1, 50)), 0);
    }
}
