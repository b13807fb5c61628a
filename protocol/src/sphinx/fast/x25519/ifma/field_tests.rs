//! The vector arithmetic against plain arithmetic, with limbs at the ends of what they may be. Whole ladders on random
//! points never get there.

use rand::RngExt;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::super::ladder::values_of;
use super::super::{Ifma, LANES};
use super::*;
use core::arch::x86_64::_mm512_set_epi64;

const LOOSE_MAX: u64 = (1 << 51) + (1 << 15) - 1;

/// Five limbs of 51 bits, of any size.
type Limbs = [u128; 5];

/// The one representative below the prime.
fn reduced(mut limbs: Limbs) -> Limbs {
    let carry = |limbs: &mut Limbs| {
        for i in 0..5 {
            let over = limbs[i] >> 51;
            limbs[i] &= (1 << 51) - 1;
            if i < 4 { limbs[i + 1] += over } else { limbs[0] += 19 * over }
        }
    };
    for _ in 0..5 {
        carry(&mut limbs);
    }
    let mut less_prime = limbs;
    less_prime[0] += 19;
    for i in 0..4 {
        less_prime[i + 1] += less_prime[i] >> 51;
        less_prime[i] &= (1 << 51) - 1;
    }
    if less_prime[4] >> 51 == 0 {
        return limbs;
    }
    less_prime[4] &= (1 << 51) - 1;
    less_prime
}

fn product(a: &Limbs, b: &Limbs) -> Limbs {
    let (a, b) = (reduced(*a), reduced(*b));
    let mut limbs = [0; 5];
    for (i, a) in a.iter().enumerate() {
        for (j, b) in b.iter().enumerate() {
            limbs[(i + j) % 5] += a * b * if i + j < 5 { 1 } else { 19 };
        }
    }
    reduced(limbs)
}

fn combined(a: &Limbs, b: &Limbs, with: impl Fn(u128, u128) -> u128) -> Limbs {
    let mut limbs = reduced(*a);
    for (limb, b) in limbs.iter_mut().zip(reduced(*b)) {
        *limb = with(*limb, b);
    }
    reduced(limbs)
}

fn difference(a: &Limbs, b: &Limbs) -> Limbs {
    let mut limbs = reduced(*a);
    for (i, (limb, b)) in limbs.iter_mut().zip(reduced(*b)).enumerate() {
        *limb += if i == 0 { (1 << 52) - 38 } else { (1 << 52) - 2 };
        *limb -= b;
    }
    reduced(limbs)
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn to_vectors(lanes: &[Limbs; LANES]) -> Elements {
    let limb = |i: usize| {
        let of = |lane: usize| i64::try_from(lanes[lane][i]).unwrap();
        _mm512_set_epi64(of(7), of(6), of(5), of(4), of(3), of(2), of(1), of(0))
    };
    Elements([limb(0), limb(1), limb(2), limb(3), limb(4)])
}

/// The limbs of each lane as they are.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn to_lanes(elements: &Elements) -> [Limbs; LANES] {
    let mut lanes = [[0; 5]; LANES];
    for (i, vector) in elements.0.into_iter().enumerate() {
        for (lane, value) in lanes.iter_mut().zip(values_of(vector)) {
            lane[i] = u128::try_from(value).unwrap();
        }
    }
    lanes
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn check(what: &str, found: &Elements, expected: impl Fn(usize) -> Limbs) {
    let words = found.to_words().map(|word| values_of(word));
    for (lane, limbs) in to_lanes(found).iter().enumerate() {
        assert!(limbs.iter().all(|limb| *limb <= u128::from(LOOSE_MAX)), "{what} is not loose: {limbs:x?}");
        assert_eq!(reduced(*limbs), expected(lane), "{what}");
        let mut packed = [0u64; 4];
        for (packed, word) in packed.iter_mut().zip(words) {
            *packed = word[lane].cast_unsigned();
        }
        let [l0, l1, l2, l3, l4] = expected(lane).map(|limb| u64::try_from(limb).unwrap());
        let expected = [l0 | l1 << 51, l1 >> 13 | l2 << 38, l2 >> 26 | l3 << 25, l3 >> 39 | l4 << 12];
        assert_eq!(packed, expected, "{what}, packed");
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn check_all(a: &[Limbs; LANES], b: &[Limbs; LANES]) {
    let (x, y) = (to_vectors(a), to_vectors(b));
    check("a", &x, |lane| reduced(a[lane]));
    check("a + b", &x.plus(&y), |lane| combined(&a[lane], &b[lane], |a, b| a + b));
    check("a - b", &x.minus(&y), |lane| difference(&a[lane], &b[lane]));
    check("a b", &x.times(&y), |lane| product(&a[lane], &b[lane]));
    check("a^2", &x.squared(), |lane| product(&a[lane], &a[lane]));
    let with_a24 = |a, b| a + 121_665 * b;
    check("a + a24 b", &x.plus_a24_times(&y), |lane| combined(&a[lane], &b[lane], with_a24));
    check("a / a", &x.times(&x.inverted()), |lane| {
        if reduced(a[lane]) == [0; 5] { [0; 5] } else { [1, 0, 0, 0, 0] }
    });
    let (mut swapped, mut back) = (x, y);
    Elements::swap(0b1010_0110, &mut swapped, &mut back);
    let is_swapped = |lane: usize| 0b1010_0110u8 >> lane & 1 == 1;
    check("swapped a", &swapped, |lane| reduced(if is_swapped(lane) { b[lane] } else { a[lane] }));
    check("swapped b", &back, |lane| reduced(if is_swapped(lane) { a[lane] } else { b[lane] }));
}

#[test]
#[expect(unsafe_code, reason = "the compiler cannot know that the processor was asked")]
fn every_operation_is_right_at_the_ends_of_loose_limbs() {
    if Ifma::detect().is_none() {
        return;
    }
    let prime: Limbs = [(1 << 51) - 19, (1 << 51) - 1, (1 << 51) - 1, (1 << 51) - 1, (1 << 51) - 1];
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let ends = [0, 1, 18, 19, (1 << 51) - 20, (1 << 51) - 19, (1 << 51) - 1, 1 << 51, LOOSE_MAX];
    for round in 0..300 {
        let mut lanes = || {
            [(); LANES].map(|()| match (round, rng.random_range(0..8)) {
                (0, _) => [u128::from(LOOSE_MAX); 5],
                (_, 0) => prime,
                (_, 1) => [u128::from(rng.random_range(0..=LOOSE_MAX)); 5],
                _ => [(); 5].map(|()| u128::from(ends[rng.random_range(0..ends.len())])),
            })
        };
        let (a, b) = (lanes(), lanes());
        // SAFETY: the processor was asked above for every feature that the function enables.
        unsafe { check_all(&a, &b) };
    }
}
