//! Eight Montgomery ladders at once (RFC 7748, section 5).
//!
//! No branch and no address depends on a scalar: the bit of each lane goes into a mask register, and both points
//! pass through the same instructions. What is not here: the choice whether this machine can do it.

use core::arch::x86_64::{
    __m512i, _mm256_extract_epi64, _mm512_and_si512, _mm512_extracti64x4_epi64, _mm512_or_si512,
    _mm512_set_epi64, _mm512_set1_epi64, _mm512_slli_epi64, _mm512_test_epi64_mask,
};

use zeroize::Zeroize;

use super::LANES;
use super::field::Elements;

/// All 256 bits are climbed, the top one too, which clamping clears: a step from the point at infinity with a clear
/// bit leaves both points as they are.
const WORD_BITS: u32 = 64;

/// The u-coordinate of scalar times point in each lane, in the encoding of RFC 7748: scalars are clamped, the top
/// bit of a point is dropped, and a point of small order gives zero.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn multiply(
    scalars: &[[u8; 32]; LANES],
    points: &[[u8; 32]; LANES],
    products: &mut [[u8; 32]; LANES],
) {
    let mut scalar = clamped(to_words(scalars));
    let u = Elements::from_words(&to_words(points));
    let mut sums = climbed(&scalar, &u);
    scalar.zeroize();
    let [x, z] = &sums;
    let mut quotient = x.times(&z.inverted());
    let mut words = quotient.to_words();
    from_words(&words, products);
    words.zeroize();
    quotient.zeroize();
    sums.zeroize();
}

/// x and z of the multiple.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn climbed(scalar: &[__m512i; 4], u: &Elements) -> [Elements; 2] {
    let (mut x2, mut z2) = (Elements::splat(1), Elements::splat(0));
    let (mut x3, mut z3) = (*u, Elements::splat(1));
    let mut swapped = 0;
    for word in scalar.iter().rev() {
        let mut word = *word;
        for _ in 0..WORD_BITS {
            let bit = _mm512_test_epi64_mask(word, _mm512_set1_epi64(i64::MIN));
            word = _mm512_slli_epi64::<1>(word);
            Elements::swap(swapped ^ bit, &mut x2, &mut x3);
            Elements::swap(swapped ^ bit, &mut z2, &mut z3);
            swapped = bit;

            let (a, b) = (x2.plus(&z2), x2.minus(&z2));
            let (c, d) = (x3.plus(&z3), x3.minus(&z3));
            let (da, cb) = (d.times(&a), c.times(&b));
            let (aa, bb) = (a.squared(), b.squared());
            let e = aa.minus(&bb);
            x3 = da.plus(&cb).squared();
            z3 = u.times(&da.minus(&cb).squared());
            x2 = aa.times(&bb);
            z2 = e.times(&aa.plus_a24_times(&e));
        }
        word.zeroize();
    }
    Elements::swap(swapped, &mut x2, &mut x3);
    Elements::swap(swapped, &mut z2, &mut z3);
    x3.zeroize();
    z3.zeroize();
    [x2, z2]
}

/// RFC 7748, section 5: three low bits cleared, the top bit cleared, the bit below it set.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn clamped(words: [__m512i; 4]) -> [__m512i; 4] {
    let [w0, w1, w2, w3] = words;
    let w3 = _mm512_and_si512(w3, _mm512_set1_epi64(i64::MAX));
    [_mm512_and_si512(w0, _mm512_set1_epi64(!7)), w1, w2, _mm512_or_si512(w3, _mm512_set1_epi64(1 << 62))]
}

/// The same 64-bit word of all eight in one vector each.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn to_words(lanes: &[[u8; 32]; LANES]) -> [__m512i; 4] {
    let mut words = lanes.map(|bytes| {
        let (words, _) = bytes.as_chunks::<8>();
        let mut to = [0i64; 4];
        for (to, word) in to.iter_mut().zip(words) {
            *to = i64::from_le_bytes(*word);
        }
        to
    });
    let [a, b, c, d, e, f, g, h] = words;
    let vectors = [
        _mm512_set_epi64(h[0], g[0], f[0], e[0], d[0], c[0], b[0], a[0]),
        _mm512_set_epi64(h[1], g[1], f[1], e[1], d[1], c[1], b[1], a[1]),
        _mm512_set_epi64(h[2], g[2], f[2], e[2], d[2], c[2], b[2], a[2]),
        _mm512_set_epi64(h[3], g[3], f[3], e[3], d[3], c[3], b[3], a[3]),
    ];
    words.zeroize();
    vectors
}

/// The inverse of [`to_words`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn from_words(words: &[__m512i; 4], lanes: &mut [[u8; 32]; LANES]) {
    for (place, word) in words.iter().enumerate() {
        let mut values = values_of(*word);
        for (lane, value) in lanes.iter_mut().zip(&values) {
            if let Some(to) = lane.as_chunks_mut::<8>().0.get_mut(place) {
                *to = value.to_le_bytes();
            }
        }
        values.zeroize();
    }
}

/// What is in each lane.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub(super) fn values_of(vector: __m512i) -> [i64; LANES] {
    let (low, high) = (_mm512_extracti64x4_epi64::<0>(vector), _mm512_extracti64x4_epi64::<1>(vector));
    [
        _mm256_extract_epi64::<0>(low),
        _mm256_extract_epi64::<1>(low),
        _mm256_extract_epi64::<2>(low),
        _mm256_extract_epi64::<3>(low),
        _mm256_extract_epi64::<0>(high),
        _mm256_extract_epi64::<1>(high),
        _mm256_extract_epi64::<2>(high),
        _mm256_extract_epi64::<3>(high),
    ]
}
