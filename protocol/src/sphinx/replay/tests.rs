use std::collections::HashSet;

use rand::RngExt;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::run::{ENTRY_BITS, Run};
use super::shard::RECENT_MAX;
use super::*;
use crate::sphinx::HopSecret;

const ROOM: usize = 1 << 26;

fn key() -> TagHashKey {
    TagHashKey::from_bytes([7; 16])
}

fn set() -> ReplaySet {
    ReplaySet::new(key(), ROOM)
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn tag(number: u64) -> ReplayTag {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    ReplayTag::from_bytes(bytes)
}

fn fingerprint(bits: u64) -> Fingerprint {
    let [_, bytes @ ..] = bits.to_be_bytes();
    Fingerprint::from_bytes(bytes)
}

fn restored(bits: impl IntoIterator<Item = u64>) -> ReplaySet {
    let mut set = set();
    bits.into_iter().for_each(|bits| set.restore(fingerprint(bits)));
    set
}

/// Whether the set has it, without adding it.
fn has(set: &mut ReplaySet, fingerprint: Fingerprint) -> bool {
    match set.judge(0, fingerprint) {
        ReplayVerdict::Replayed => true,
        ReplayVerdict::Full => false,
        ReplayVerdict::Fresh => panic!("there was no room"),
    }
}

/// A million random tags, every other one offered a second time at a random moment, judged by a `HashSet` as well.
#[test]
fn a_million_tags_are_judged_as_by_an_exact_set() {
    let (mut set, mut exact, mut rng) = (set(), HashSet::new(), rng(1));
    let mut seen = Vec::new();
    for _ in 0..1_500_000 {
        let tag = if seen.is_empty() || rng.random_ratio(2, 3) {
            ReplayTag::from_bytes(rng.random())
        } else {
            seen[rng.random_range(0..seen.len())]
        };
        let expected = if exact.insert(tag) { ReplayVerdict::Fresh } else { ReplayVerdict::Replayed };
        assert_eq!(set.insert(&tag).0, expected);
        if expected == ReplayVerdict::Fresh {
            seen.push(tag);
        }
    }
    assert!(seen.len() > 900_000);
    assert_eq!(set.len(), exact.len());
    for tag in &seen {
        assert_eq!(set.insert(tag).0, ReplayVerdict::Replayed);
    }
}

/// Freezing in the middle, again and again, changes no verdict and makes the set no larger.
#[test]
fn freezing_forgets_nothing_and_later_tags_are_remembered() {
    let mut set = set();
    for round in 0..6u64 {
        for number in 0..150_000 {
            assert_eq!(set.insert(&tag(round * 150_000 + number)).0, ReplayVerdict::Fresh);
        }
        let before = set.memory_bytes();
        set.freeze();
        assert!(set.memory_bytes() < before, "round {round}");
        for number in 0..=round * 150_000 + 149_999 {
            assert_eq!(set.insert(&tag(number)).0, ReplayVerdict::Replayed);
        }
    }
    assert_eq!(set.len(), 900_000);
}

/// Tags come between the steps, before and behind the shard that is frozen.
#[test]
fn freezing_step_by_step_forgets_nothing() {
    let mut set = set();
    (0..700_000).for_each(|number| assert_eq!(set.insert(&tag(number)).0, ReplayVerdict::Fresh));
    let before = set.memory_bytes();
    let (mut steps, mut held) = (0, 700_000);
    while set.freeze_step() {
        steps += 1;
        assert_eq!(set.insert(&tag(held)).0, ReplayVerdict::Fresh);
        held += 1;
    }
    assert_eq!(steps, 1023);
    assert!(set.memory_bytes() < before);
    assert!((0..held).all(|number| set.insert(&tag(number)).0 == ReplayVerdict::Replayed));
}

#[test]
fn restored_fingerprints_stand_for_their_tags() {
    let mut first = set();
    let mut fingerprints: Vec<Fingerprint> =
        (0..700_000).map(|number| first.insert(&tag(number)).1).collect();
    let mut second = ReplaySet::new(key(), 10);
    for fingerprint in &fingerprints {
        second.restore(Fingerprint::from_bytes(fingerprint.to_bytes()));
    }
    assert_eq!(second.len(), 700_000, "more than there is room for: their packets have left");
    assert!((0..700_000).all(|number| second.insert(&tag(number)).0 == ReplayVerdict::Replayed));
    let mut third = set();
    fingerprints.chunks_mut(300_000).for_each(|batch| third.restore_batch(batch));
    assert_eq!(third.len(), 700_000);
    assert!((0..700_000).all(|number| third.insert(&tag(number)).0 == ReplayVerdict::Replayed));
    assert_eq!(second.insert(&tag(700_000)).0, ReplayVerdict::Full);
}

#[test]
fn under_another_key_nothing_is_known() {
    let mut set = ReplaySet::new(TagHashKey::from_bytes([8; 16]), ROOM);
    (0..1000).for_each(|number| set.restore(key().fingerprint(&tag(number))));
    assert!((0..1000).all(|number| set.insert(&tag(number)).0 == ReplayVerdict::Fresh));
}

#[test]
fn a_full_set_still_knows_what_it_has_and_takes_nothing_else() {
    let mut set = ReplaySet::new(key(), 1000);
    assert!(set.is_empty());
    assert!((0..1000).all(|number| set.insert(&tag(number)).0 == ReplayVerdict::Fresh));
    assert!((0..1000).all(|number| set.insert(&tag(number)).0 == ReplayVerdict::Replayed));
    assert!((1000..2000).all(|number| set.insert(&tag(number)).0 == ReplayVerdict::Full));
    assert_eq!((set.len(), set.tags_max()), (1000, 1000));
}

#[test]
fn who_is_held_to_half_of_the_room_leaves_the_other_half() {
    let mut set = ReplaySet::new(key(), 1001);
    assert!((0..500).all(|number| set.insert_in_half(&tag(number)).0 == ReplayVerdict::Fresh));
    assert_eq!(set.insert_in_half(&tag(500)).0, ReplayVerdict::Full);
    assert_eq!(set.insert_in_half(&tag(499)).0, ReplayVerdict::Replayed);
    assert!((500..1001).all(|number| set.insert(&tag(number)).0 == ReplayVerdict::Fresh));
    assert_eq!(set.insert_in_half(&tag(1000)).0, ReplayVerdict::Replayed);
}

/// Orders and values that random tags do not have: whoever had the key could choose them, and the set would be slow
/// and large, but not wrong.
#[test]
fn fingerprints_in_any_order_and_as_crowded_as_can_be_are_kept_exactly() {
    let last = (1 << Fingerprint::BITS) - 1;
    let ascending: Vec<u64> = (0..4000).collect();
    let sequences: [Vec<u64>; 6] = [
        ascending.clone(),
        ascending.iter().rev().copied().collect(),
        // One entry in each group of one shard, and the edges of all fields.
        (0..4000).map(|n| n << 32).collect(),
        (0..4000).map(|n| last - (n << 20)).collect(),
        (0..4000).map(|n| n << ENTRY_BITS & last).collect(),
        (0..4000).map(|n| if n % 2 == 0 { n } else { last - n }).collect(),
    ];
    for (number, sequence) in sequences.iter().enumerate() {
        let (mut set, mut exact) = (set(), HashSet::new());
        for bits in sequence {
            let expected = if exact.insert(*bits) { ReplayVerdict::Fresh } else { ReplayVerdict::Replayed };
            assert_eq!(set.judge(ROOM, fingerprint(*bits)), expected, "sequence {number}");
        }
        for neighbour in sequence.iter().flat_map(|bits| [bits.wrapping_sub(1), *bits, bits + 1]) {
            let neighbour = neighbour & last;
            assert_eq!(
                has(&mut set, fingerprint(neighbour)),
                exact.contains(&neighbour),
                "sequence {number}"
            );
        }
        set.freeze();
        assert!(sequence.iter().all(|bits| has(&mut set, fingerprint(*bits))), "sequence {number}");
        assert_eq!(set.len(), exact.len());
    }
}

/// A set of fingerprints of `bits` bits takes a tag that was not seen for a replay with probability
/// `1 - (1 - 2^-bits)^n`. The bounds are five standard deviations on both sides.
#[test]
fn new_tags_are_taken_for_replays_as_often_as_calculated() {
    const SEEN: u64 = 200_000;
    const TRIED: u64 = 1_000_000;
    for bits in [24, 28] {
        let mut set = restored([]);
        (0..SEEN).for_each(|number| set.restore(key().fingerprint(&tag(number)).shortened(bits)));
        let alike = (SEEN..SEEN + TRIED)
            .filter(|number| has(&mut set, key().fingerprint(&tag(*number)).shortened(bits)))
            .count() as f64;
        let each = 1.0 - (1.0 - 0.5f64.powi(bits.cast_signed())).powf(SEEN as f64);
        let expected = TRIED as f64 * each;
        let deviation = (expected * (1.0 - each)).sqrt();
        assert!((alike - expected).abs() < 5.0 * deviation, "{bits} bits: {alike}, expected {expected}");
    }
}

#[test]
fn the_rate_of_false_replays_at_the_limit_is_below_one_in_a_thousand_million() {
    let tags_max = crate::limits::REPLAY_TAGS_MAX as f64;
    assert!(tags_max / 2f64.powi(Fingerprint::BITS.cast_signed()) < 1e-9);
}

/// What grows with the tags and what does not, as the module says.
#[test]
fn memory_stays_within_what_is_stated() {
    let mut set = set();
    let mut held = 0;
    let fixed = 9 << 20;
    for tags in [0, 10_000, 300_000, 1_000_000, 2_000_000] {
        for number in held..tags {
            set.insert(&tag(number));
        }
        held = tags;
        let grown = usize::try_from(4 * tags + tags / 8).unwrap();
        let mut small = set.memory_bytes();
        assert!(small <= grown + fixed, "{tags}: {small}");
        if tags == 10_000 {
            assert!(small < 400_000, "{small}");
        }
        set.freeze();
        small = set.memory_bytes();
        assert!(small <= grown + fixed - (4 << 20), "{tags}, frozen: {small}");
    }
}

#[test]
fn a_run_gives_back_what_it_absorbed_and_nothing_near_it() {
    let (mut run, mut rng, mut scratch) = (Run::default(), rng(5), Vec::new());
    assert!(!run.contains(0));
    let mut exact = HashSet::new();
    for round in 0..40 {
        // Few groups in some rounds, so that their bits fill several words.
        let groups = if round % 2 == 0 { 3 } else { 1 << 14 };
        let mut new: Vec<u64> = (0..rng.random_range(1..=RECENT_MAX))
            .map(|_| rng.random_range(0..groups) << 32 | u64::from(rng.random::<u32>()))
            .filter(|entry| exact.insert(*entry))
            .collect();
        new.sort_unstable();
        run.absorb(&new, &mut scratch);
        for entry in &exact {
            assert!(run.contains(*entry), "round {round}");
            for near in [entry ^ 1, entry ^ 1 << 32, entry ^ 1 << 45] {
                assert_eq!(run.contains(near), exact.contains(&near), "round {round}");
            }
        }
    }
}

/// The expected value is from another implementation of HKDF-SHA-512 and of SipHash-2-4, in Python.
#[test]
fn the_key_of_a_hop_and_the_fingerprint_of_a_tag_are_as_specified() {
    let secret = HopSecret::from_bytes(Zeroizing::new([3; 32]));
    let other = HopSecret::from_bytes(Zeroizing::new([4; 32]));
    let print = TagHashKey::derive(&secret).fingerprint(&tag(1));
    assert_eq!(data_encoding::HEXLOWER.encode(&print.to_bytes()), "49eeb4dee7ede1");
    assert_ne!(TagHashKey::derive(&other).fingerprint(&tag(1)), print);
    assert_eq!(Fingerprint::from_bytes(print.to_bytes()), print);
}

#[test]
fn debug_shows_no_key_and_no_tag() {
    let mut set = set();
    let (_, print) = set.insert(&tag(1));
    insta::assert_snapshot!(format!("{:?} {print:?} {set:?}", key()), @"TagHashKey([scrubbed]) Fingerprint([scrubbed]) ReplaySet(1 of 67108864 tags)");
}

#[test]
fn the_key_of_fingerprints_is_wiped() {
    fn is_wiped_on_drop<T: ZeroizeOnDrop>() {}
    is_wiped_on_drop::<TagHashKey>();
}
