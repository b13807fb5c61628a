//! The scoreboard against adversaries that know, guess and cheat.

use super::*;
use crate::observer::WireId;
use crate::random::Draws;
use crate::toy::{Played, Toy};

/// Answers as its closure says.
struct Puppet<F>(&'static [Kind], F);

impl<F: Fn(&View<'_>, &Question) -> Answer + Sync> Adversary for Puppet<F> {
    fn name(&self) -> &'static str {
        "puppet"
    }

    fn sight(&self) -> Sight {
        Sight::Global
    }

    fn asks(&self) -> &'static [Kind] {
        self.0
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _: &mut Draws) -> Vec<Answer> {
        questions.iter().map(|question| (self.1)(view, question)).collect()
    }
}

fn puppet<F: Fn(&View<'_>, &Question) -> Answer + Sync>(kinds: &'static [Kind], say: F) -> Puppet<F> {
    Puppet(kinds, say)
}

const ALL: &[Kind] = &[Kind::Sender, Kind::Exit, Kind::Contact, Kind::Order];

fn asked(played: &Played, adversary: &dyn Adversary) -> Score {
    let plan = AttackPlan { name: "puppet".into(), targets: 300, candidates: 10 };
    ask(&played.recording, &played.layout, &played.scenario, &[], adversary, &plan, Seed::new(5))
}

#[test]
fn who_knows_has_the_whole_advantage_and_none_over_decoys() {
    let played = Toy { clients: 40, ..Toy::default() }.play();
    let packet = |wire: WireId| played.recording.facts[usize::try_from(wire.0).unwrap()].packet;
    let last =
        |wire: WireId| played.recording.wires.iter().rfind(|other| packet(other.id) == packet(wire)).unwrap();
    let score = asked(
        &played,
        &puppet(ALL, |_, question| match question {
            Question::Exit { wire, candidates } => Answer::from_weights(
                candidates.iter().map(|exit| f64::from(u8::from(packet(*exit) == packet(*wire)))).collect(),
            ),
            Question::Sender { wire, candidates } => {
                let first =
                    played.recording.wires.iter().find(|other| packet(other.id) == packet(*wire)).unwrap();
                Answer::from_weights(
                    candidates.iter().map(|client| f64::from(u8::from(*client == first.from))).collect(),
                )
            }
            Question::Contact { user, candidates } => Answer::from_weights(
                candidates.iter().map(|client| f64::from(u8::from(client.0 == user.0 ^ 1))).collect(),
            ),
            Question::Order { first, second } => {
                let kept = last(*first).arrived < last(*second).arrived;
                Answer::from_weights(vec![f64::from(u8::from(kept)), f64::from(u8::from(!kept))])
            }
        }),
    );
    for kind in ALL {
        let tally = &score.kinds[kind];
        assert!(tally.trials >= 40, "{kind:?}: {} trials", tally.trials);
        assert!((tally.success() - 1.0).abs() < 1e-12, "{kind:?}");
        let deviation = (tally.baseline() * (1.0 - tally.baseline()) / f64::from(tally.decoy_trials)).sqrt();
        assert!((tally.decoy_success() - tally.baseline()).abs() < 6.0 * deviation, "{kind:?}");
        assert!(tally.brier() < 1e-12 && tally.calibration() < 1e-12);
    }
}

#[test]
fn who_guesses_by_position_or_says_nothing_has_no_advantage() {
    let played = Toy::default().play();
    for say in [
        (|n| Answer::nothing(n)) as fn(usize) -> Answer,
        |n| Answer::from_weights((0..n).map(|i| f64::from(u8::from(i == 0))).collect()),
        |n| Answer::from_weights((0..n).map(|i| f64::from(u8::from(i + 1 == n))).collect()),
        // Answers that fit no question count as guesses.
        |_| Answer::from_weights(vec![1.0]),
    ] {
        let score =
            asked(&played, &puppet(&[Kind::Sender, Kind::Exit, Kind::Contact], |_, q| say(q.candidates())));
        let total = score.total();
        let deviation = (total.baseline() * (1.0 - total.baseline()) / f64::from(total.trials)).sqrt();
        assert!((total.success() - total.baseline()).abs() < 6.0 * deviation);
        assert!(total.advantage() < 6.0 * deviation);
    }
}

#[test]
fn who_knows_how_questions_are_made_gains_nothing_over_decoys() {
    // Everybody but one pair writes to client 0: to name it is right nearly always, and says nothing about anybody.
    let mut played = Toy { clients: 60, ..Toy::default() }.play();
    for message in &mut played.recording.messages {
        if message.sender.0 > 1 && message.sender.0 < 40 {
            message.recipient = Party(0);
        }
    }
    let popular = puppet(&[Kind::Contact], |_, question| match question {
        Question::Contact { candidates, .. } => {
            Answer::from_weights(candidates.iter().map(|client| f64::from(u8::from(client.0 == 0))).collect())
        }
        _ => Answer::nothing(question.candidates()),
    });
    let total = asked(&played, &popular).total();
    assert!(total.success() > 0.5, "{}", total.success());
    assert!(total.decoy_trials > 10);
    assert!(total.advantage() < 0.5 * (total.success() - total.baseline()), "{}", total.advantage());
}

#[test]
fn candidates_are_plausible_and_differ() {
    // So many packets that there are candidates enough within the time that packets take.
    let played = Toy { clients: 60, gap_ms: 200.0, ..Toy::default() }.play();
    let longest =
        played.recording.messages.iter().map(|message| message.received.since(message.released)).max();
    let seen = std::sync::Mutex::new(0);
    let listener = puppet(&[Kind::Exit, Kind::Sender], |view, question| {
        if let Question::Exit { wire, candidates } = question {
            let from = view.wire(*wire).unwrap();
            let mut ids = candidates.clone();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), candidates.len());
            for exit in candidates {
                let exit = view.wire(*exit).unwrap();
                assert!(view.layout.is_client(exit.to));
                assert!(exit.sent > from.sent && exit.sent.since(from.sent) <= longest.unwrap());
            }
            *seen.lock().unwrap() += 1;
        }
        Answer::nothing(question.candidates())
    });
    let score = asked(&played, &listener);
    assert!(*seen.lock().unwrap() > 300);
    assert!((score.kinds[&Kind::Exit].baseline() - 0.1).abs() < 0.01);
}

#[test]
fn where_nothing_takes_long_neighbours_are_candidates() {
    let played = Toy { delay_ms: 0.0, ..Toy::default() }.play();
    let score = asked(&played, &puppet(&[Kind::Exit, Kind::Sender], |_, q| Answer::nothing(q.candidates())));
    for tally in score.kinds.values() {
        assert!(tally.trials >= 290, "{}", tally.trials);
        assert!(tally.baseline() < 0.12, "{}", tally.baseline());
    }
}

#[test]
fn the_same_seed_asks_the_same_and_another_something_else() {
    let played = Toy::default().play();
    let questions = |seed| {
        let heard = std::sync::Mutex::new(Vec::new());
        let listener = puppet(ALL, |_, question| {
            heard.lock().unwrap().push(question.clone());
            Answer::nothing(question.candidates())
        });
        let plan = AttackPlan { name: "puppet".into(), targets: 20, candidates: 5 };
        let _ =
            ask(&played.recording, &played.layout, &played.scenario, &[], &listener, &plan, Seed::new(seed));
        heard.into_inner().unwrap()
    };
    assert_eq!(questions(1), questions(1));
    assert_ne!(questions(1), questions(2));
}

#[test]
fn a_run_in_which_nothing_happened_has_no_trials() {
    let mut played = Toy::default().play();
    played.recording = Recording::default();
    let score = asked(&played, &puppet(ALL, |_, question| Answer::nothing(question.candidates())));
    assert_eq!(score.total().trials, 0);
    assert_eq!(score.worst_advantage(), None);
}

#[test]
fn the_order_is_asked_of_two_payload_packets_of_one_client_in_a_row() {
    let mut scenario = Scenario { duration_s: 60.0, warmup_s: 10.0, ..Scenario::default() };
    scenario.clients[0].count = 12;
    scenario.network.entries = 2;
    let run = crate::engine::record(&scenario, Seed::new(1), None).unwrap();
    let fact = |wire: WireId| run.recording.facts[usize::try_from(wire.0).unwrap()];
    let gaps = std::sync::Mutex::new(Vec::new());
    let listener = puppet(&[Kind::Order], |view, question| {
        if let Question::Order { first, second } = question {
            let (one, two) = (view.wire(*first).unwrap(), view.wire(*second).unwrap());
            assert_eq!(one.from, two.from);
            let is_payload = |kind| {
                matches!(
                    kind,
                    crate::observer::PacketKind::Message
                        | crate::observer::PacketKind::Poll
                        | crate::observer::PacketKind::Receipt
                )
            };
            assert!(is_payload(fact(*first).kind) && is_payload(fact(*second).kind));
            gaps.lock().unwrap().push(two.sent.since(one.sent).as_secs_f64());
        }
        Answer::nothing(question.candidates())
    });
    let plan = AttackPlan { name: "puppet".into(), targets: 300, candidates: 10 };
    let score = ask(&run.recording, &run.layout, &scenario, &[], &listener, &plan, Seed::new(5));
    assert_eq!(score.kinds[&Kind::Order].trials, 300);
    let gaps = gaps.into_inner().unwrap();
    let mean = gaps.iter().sum::<f64>() / f64::from(u32::try_from(gaps.len()).unwrap());
    // A slot each second.
    assert!((mean - 1.0).abs() < 0.25, "{mean}");
}
