//! Circuits alone: uses, lives, ends, and pauses.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;

const START: Timestamp = Timestamp::from_millis(1_000_000);
const SECOND: Duration = Duration::from_secs(1);

fn mailbox(number: u8) -> NodeId {
    NodeId::from_bytes([number; 32])
}

fn contact(number: u8) -> ContactId {
    ContactId::from_bytes([number; 16])
}

fn reads(number: u8) -> Usage {
    Usage { purpose: Purpose::Read(contact(number)), mailbox: mailbox(0) }
}

/// Twenty uses: three contacts, both directions, and four decoys, at two mailboxes.
fn usage(number: u8) -> Usage {
    let purpose = match number / 2 {
        with @ 0..3 => Purpose::Write(contact(with)),
        with @ 3..6 => Purpose::Read(contact(with - 3)),
        decoy => Purpose::Decoy(BoxId::from_bytes([decoy; 32])),
    };
    Usage { purpose, mailbox: mailbox(number % 2) }
}

#[derive(Clone, Debug)]
enum Op {
    Pass(u64),
    Send(u8),
    Answer(usize),
    TimeOut(usize),
    Fail(usize),
    MoveOn(u8),
    Leave(u8),
    Tidy,
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0u64..200).prop_map(Op::Pass),
        12 => (0u8..20).prop_map(Op::Send),
        4 => any::<usize>().prop_map(Op::Answer),
        2 => any::<usize>().prop_map(Op::TimeOut),
        2 => any::<usize>().prop_map(Op::Fail),
        1 => (0u8..3).prop_map(Op::MoveOn),
        1 => (0u8..3).prop_map(Op::Leave),
        4 => Just(Op::Tidy),
        1 => Just(Op::Clear),
    ]
}

/// What an observer of all calls knows.
#[derive(Default)]
struct Model {
    /// Every circuit, its use and its first packet.
    seen: BTreeMap<CircuitId, (Usage, Timestamp)>,
    /// Packets on it that wait for their answer.
    awaited: BTreeMap<CircuitId, u32>,
    /// Must not be taken any more.
    over: BTreeSet<CircuitId>,
    /// Closed, failed or evicted.
    gone: BTreeSet<CircuitId>,
}

impl Model {
    fn nth(&self, n: usize) -> Option<CircuitId> {
        let open: Vec<CircuitId> =
            self.seen.keys().filter(|seen| !self.gone.contains(seen)).copied().collect();
        open.get(n.checked_rem(open.len())?).copied()
    }

    fn end(&mut self, circuit: CircuitId) {
        assert!(self.gone.insert(circuit), "a circuit ends once");
        self.over.insert(circuit);
        self.awaited.remove(&circuit);
    }

    fn took(&mut self, now: Timestamp, usage: Usage, taken: Taken) {
        if let Some(evicted) = taken.evicted {
            self.end(evicted);
        }
        let (first_use, since) = *self.seen.entry(taken.circuit).or_insert((usage, now));
        assert_eq!(first_use, usage, "a circuit has one use");
        assert!(now.since(since) < CIRCUIT_LIFE_MAX, "a circuit has a limited life");
        assert!(!self.over.contains(&taken.circuit), "what has ended takes no packet");
        *self.awaited.entry(taken.circuit).or_default() += 1;
    }
}

proptest! {
    #[test]
    fn a_circuit_has_one_use_a_limited_life_and_one_end(seed: u64, ops in prop::collection::vec(op(), 1..200)) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (mut circuits, mut model, mut now) = (Circuits::default(), Model::default(), START);
        for op in ops {
            match op {
                Op::Pass(seconds) => now = now + SECOND * u32::try_from(seconds).unwrap(),
                Op::Send(number) => {
                    let usage = usage(number);
                    if circuits.may_send(now, &usage) {
                        let taken = circuits.take(now, usage, &mut rng);
                        prop_assert!(model.seen.contains_key(&taken.circuit) || !taken.proven);
                        model.took(now, usage, taken);
                    } else {
                        prop_assert!(circuits.trouble_with(&usage.mailbox).is_some());
                    }
                }
                Op::Answer(n) => if let Some(circuit) = model.nth(n) {
                    model.awaited.remove(&circuit);
                    circuits.answered(circuit);
                    prop_assert!(circuits.trouble_with(&model.seen[&circuit].0.mailbox).is_none());
                },
                Op::TimeOut(n) => if let Some(circuit) = model.nth(n) {
                    circuits.timed_out(now, circuit);
                    model.over.insert(circuit);
                },
                Op::Fail(n) => if let Some(circuit) = model.nth(n) {
                    circuits.failed(now, circuit, "it broke");
                    model.end(circuit);
                },
                Op::MoveOn(number) => {
                    circuits.moved_on(now, contact(number));
                    let reads = Purpose::Read(contact(number));
                    for (circuit, (usage, since)) in &model.seen {
                        if usage.purpose == reads && now.since(*since) >= CIRCUIT_SHARED_MAX {
                            model.over.insert(*circuit);
                        }
                    }
                }
                Op::Leave(number) => {
                    circuits.leave(contact(number));
                    let both = [Purpose::Read(contact(number)), Purpose::Write(contact(number))];
                    let left = model.seen.iter().filter(|(_, (usage, _))| both.contains(&usage.purpose));
                    model.over.extend(left.map(|(circuit, _)| *circuit));
                }
                Op::Tidy => {
                    let awaited = model.awaited.clone();
                    for circuit in circuits.tidy(now, |circuit| awaited.contains_key(&circuit)) {
                        prop_assert!(!awaited.contains_key(&circuit), "closed before its answer came");
                        model.end(circuit);
                    }
                    let idle = model.over.iter().find(|over| !model.gone.contains(over) && !awaited.contains_key(over));
                    prop_assert_eq!(idle, None, "what is over and awaits nothing is closed");
                }
                Op::Clear => {
                    for circuit in circuits.clear() {
                        model.end(circuit);
                    }
                    prop_assert_eq!(model.gone.len(), model.seen.len());
                }
            }
            prop_assert_eq!(circuits.len(), model.seen.len() - model.gone.len());
            prop_assert!(circuits.len() <= CIRCUITS_MAX);
        }
    }
}

#[test]
fn the_one_used_longest_ago_makes_room_and_one_that_only_awaits_answers_goes_first() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut circuits = Circuits::default();
    let many = u8::try_from(CIRCUITS_MAX).unwrap();
    let taken: Vec<Taken> = (0..many).map(|number| circuits.take(START, reads(number), &mut rng)).collect();
    assert!(taken.iter().all(|taken| taken.evicted.is_none()));
    assert_eq!(circuits.take(START, reads(0), &mut rng).circuit, taken[0].circuit);
    assert_eq!(circuits.take(START, reads(many), &mut rng).evicted, Some(taken[1].circuit));
    circuits.leave(contact(77));
    assert_eq!(circuits.take(START, reads(many + 1), &mut rng).evicted, Some(taken[77].circuit));
    assert_eq!(circuits.len(), CIRCUITS_MAX);
}

#[test]
fn lives_are_spread_over_their_range() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut lives: Vec<u64> = Vec::new();
    for _ in 0..200 {
        let mut circuits = Circuits::default();
        let circuit = circuits.take(START, reads(1), &mut rng).circuit;
        let same = |seconds: &u64| {
            let (mut copy, now) = (Circuits::default(), START + Duration::from_secs(*seconds));
            std::mem::swap(&mut copy, &mut circuits);
            let current = copy.current(now, &reads(1));
            std::mem::swap(&mut copy, &mut circuits);
            current == Some(circuit)
        };
        lives.push((0..1000).take_while(same).count() as u64);
    }
    lives.sort_unstable();
    let (first, median, last) = (lives[0], lives[100], lives[199]);
    assert!((300..330).contains(&first) && (870..=901).contains(&last), "{first} to {last} s");
    assert!((540..660).contains(&median), "{median} s");
}

#[test]
fn a_reader_that_moves_on_leaves_its_circuits_after_a_minute_and_a_writer_stays() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let mut circuits = Circuits::default();
    let writes = Usage { purpose: Purpose::Write(contact(1)), mailbox: mailbox(0) };
    let (read, written) =
        (circuits.take(START, reads(1), &mut rng).circuit, circuits.take(START, writes, &mut rng).circuit);
    circuits.moved_on(START + SECOND * 59, contact(1));
    assert_eq!(circuits.current(START + SECOND * 59, &reads(1)), Some(read));
    circuits.moved_on(START + SECOND * 60, contact(2));
    assert_eq!(circuits.current(START + SECOND * 60, &reads(1)), Some(read));
    circuits.moved_on(START + SECOND * 60, contact(1));
    assert_eq!(circuits.current(START + SECOND * 60, &reads(1)), None);
    assert_eq!(circuits.current(START + SECOND * 60, &writes), Some(written));
    assert!(circuits.tidy(START + SECOND * 61, |circuit| circuit == read).is_empty());
    assert_eq!(circuits.tidy(START + SECOND * 61, |_| false), [read]);
}

/// How many circuits fifty contacts open within an hour to a mailbox that answers nobody, a tick a second.
fn opened(fails_after: Option<u64>) -> usize {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let mut circuits = Circuits::default();
    let (mut seen, mut ends) = (BTreeSet::new(), BTreeMap::new());
    for second in 0..3600u64 {
        let now = START + Duration::from_secs(second);
        for circuit in ends.remove(&second).unwrap_or_default() {
            match fails_after {
                Some(_) => circuits.failed(now, circuit, "refused"),
                None => circuits.timed_out(now, circuit),
            }
        }
        circuits.tidy(now, |_| false);
        let first = u8::try_from(second % 50).unwrap();
        let mut turns = (first..50).chain(0..first).map(reads);
        if let Some(usage) = turns.find(|usage| circuits.may_send(now, usage)) {
            let circuit = circuits.take(now, usage, &mut rng).circuit;
            seen.insert(circuit);
            ends.entry(second + fails_after.unwrap_or(10)).or_insert_with(Vec::new).push(circuit);
        }
    }
    seen.len()
}

#[test]
fn a_dead_mailbox_meets_few_attempts_however_many_contacts_wait() {
    // Until the first failure each may try. Then come pauses of 2, 4, 8, 16, 32 and 64 s, then of 120 s: 36 in an
    // hour, and fewer if an attempt takes long.
    for (fails_after, first, then) in [(Some(1), 1, 36), (Some(60), 50, 36), (None, 10, 36)] {
        let opened = opened(fails_after);
        assert!((first + 10..=first + then).contains(&opened), "{fails_after:?}: {opened} circuits");
    }
}

#[test]
fn while_attempts_fail_another_circuit_that_works_goes_on_being_used() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let mut circuits = Circuits::default();
    let good = circuits.take(START, reads(1), &mut rng).circuit;
    circuits.answered(good);
    let bad = circuits.take(START, reads(2), &mut rng).circuit;
    circuits.failed(START, bad, "refused");
    assert!(circuits.may_send(START, &reads(1)) && !circuits.may_send(START, &reads(2)));
    assert_eq!(circuits.trouble_with(&mailbox(0)), Some(("refused", START + CIRCUIT_PAUSE_MIN)));
    let later = START + CIRCUIT_PAUSE_MIN;
    circuits.take(later, reads(2), &mut rng);
    assert!(!circuits.may_send(later, &reads(3)), "one attempt at a time");
    circuits.answered(good);
    assert!(circuits.may_send(later, &reads(3)), "an answer by any circuit ends the trouble");
}

#[test]
fn a_stray_question_is_no_attempt_to_reach_a_mailbox_that_failed() {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let mut circuits = Circuits::default();
    let strays = Usage { purpose: Purpose::Stray, mailbox: mailbox(0) };
    circuits.take(START, strays, &mut rng);
    let bad = circuits.take(START, reads(1), &mut rng).circuit;
    circuits.failed(START, bad, "refused");
    let later = START + CIRCUIT_PAUSE_MIN;
    assert!(circuits.may_send(later, &reads(2)), "the stray one, which nobody awaits, is not the attempt");
    let old = later + CIRCUIT_LIFE_MAX;
    assert!(circuits.may_send(old, &reads(2)) && !circuits.may_send(old, &strays));
}

#[test]
fn mailboxes_that_leave_the_network_take_their_troubles_along() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let mut circuits = Circuits::default();
    let circuit = circuits.take(START, reads(1), &mut rng).circuit;
    circuits.timed_out(START, circuit);
    circuits.keep_mailboxes(|_| false);
    assert_eq!(circuits.trouble_with(&mailbox(0)), None);
    assert_eq!(circuits.tidy(START, |_| false), [circuit]);
    assert_eq!(format!("{circuits:?}"), "Circuits(0)");
}
