//! Eight elements of the field of 2^255 - 19 side by side, one in each 64-bit lane of a vector.
//!
//! An element is five limbs of 51 bits, the least significant first. The machine's 52-bit multiply-add gives the
//! low 52 bits of a product, or what lies above them. A limb product has weight 2^(51 k), so what lies above its
//! low 52 bits has weight 2^(51 (k + 1)) times 2: the high halves are collected first, doubled once, and the low
//! halves of the next column added on top.
//!
//! Bounds: every element that a function here takes or returns is *loose*, its limbs below 2^51 + 2^15. That is
//! below 2^52, as the multiplier needs. What is not here: anything that knows of points, see [`super::ladder`].

use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
    _mm512_mask_blend_epi64, _mm512_mullo_epi64, _mm512_or_si512, _mm512_set1_epi64, _mm512_setzero_si512,
    _mm512_slli_epi64, _mm512_srli_epi64, _mm512_sub_epi64,
};

use zeroize::Zeroize;

/// A limb's 51 bits.
const LIMB_MASK: i64 = (1 << 51) - 1;
/// Twice the prime, limb by limb: added before a subtraction, it keeps every limb from going below zero.
const TWICE_PRIME: (i64, i64) = ((1 << 52) - 38, (1 << 52) - 2);
/// (A - 2) / 4 of Curve25519 (RFC 7748, section 5).
const A24: i64 = 121_665;

/// Eight field elements, each limb of the eight in one vector.
#[derive(Clone, Copy, Zeroize)]
pub(super) struct Elements([__m512i; 5]);

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn low(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    _mm512_madd52lo_epu64(sum, a, b)
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn high(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
    _mm512_madd52hi_epu64(sum, a, b)
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn twice(a: __m512i) -> __m512i {
    _mm512_add_epi64(a, a)
}

impl Elements {
    /// The same small number in every lane.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    #[inline]
    pub(super) fn splat(small: u32) -> Self {
        let zero = _mm512_setzero_si512();
        Self([_mm512_set1_epi64(i64::from(small)), zero, zero, zero, zero])
    }

    /// From four 64-bit words in little-endian order; the top bit is dropped (RFC 7748, section 5).
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    #[inline]
    pub(super) fn from_words(words: &[__m512i; 4]) -> Self {
        let [w0, w1, w2, w3] = *words;
        let mask = _mm512_set1_epi64(LIMB_MASK);
        let or = |a, b| _mm512_and_si512(_mm512_or_si512(a, b), mask);
        Self([
            _mm512_and_si512(w0, mask),
            or(_mm512_srli_epi64::<51>(w0), _mm512_slli_epi64::<13>(w1)),
            or(_mm512_srli_epi64::<38>(w1), _mm512_slli_epi64::<26>(w2)),
            or(_mm512_srli_epi64::<25>(w2), _mm512_slli_epi64::<39>(w3)),
            _mm512_and_si512(_mm512_srli_epi64::<12>(w3), mask),
        ])
    }

    /// As four 64-bit words in little-endian order, fully reduced.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    #[inline]
    pub(super) fn to_words(self) -> [__m512i; 4] {
        let [l0, l1, l2, l3, l4] = self.0;
        let mask = _mm512_set1_epi64(LIMB_MASK);
        let nineteen = _mm512_set1_epi64(19);
        let carry_out = |limb, carry| _mm512_srli_epi64::<51>(_mm512_add_epi64(limb, carry));
        // The value is below twice the prime. One more than the prime's complement carries out of the top limb if
        // and only if the value is not below the prime.
        let mut over = nineteen;
        for limb in [l0, l1, l2, l3, l4] {
            over = carry_out(limb, over);
        }
        let l0 = _mm512_add_epi64(l0, _mm512_mullo_epi64(over, nineteen));
        let l1 = _mm512_add_epi64(l1, _mm512_srli_epi64::<51>(l0));
        let l2 = _mm512_add_epi64(l2, _mm512_srli_epi64::<51>(l1));
        let l3 = _mm512_add_epi64(l3, _mm512_srli_epi64::<51>(l2));
        let l4 = _mm512_add_epi64(l4, _mm512_srli_epi64::<51>(l3));
        let cut = |limb| _mm512_and_si512(limb, mask);
        let (l0, l1, l2, l3, l4) = (cut(l0), cut(l1), cut(l2), cut(l3), cut(l4));
        [
            _mm512_or_si512(l0, _mm512_slli_epi64::<51>(l1)),
            _mm512_or_si512(_mm512_srli_epi64::<13>(l1), _mm512_slli_epi64::<38>(l2)),
            _mm512_or_si512(_mm512_srli_epi64::<26>(l2), _mm512_slli_epi64::<25>(l3)),
            _mm512_or_si512(_mm512_srli_epi64::<39>(l3), _mm512_slli_epi64::<12>(l4)),
        ]
    }

    /// Hands each limb's bits above the 51st to the next limb, and the top limb's, times 19, to the first. One pass
    /// makes an element loose whose limbs are below 2^61.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    #[inline]
    fn carried(limbs: [__m512i; 5]) -> Self {
        let [l0, l1, l2, l3, l4] = limbs;
        let mask = _mm512_set1_epi64(LIMB_MASK);
        let keep = |limb| _mm512_and_si512(limb, mask);
        let pass = |limb, below| _mm512_add_epi64(keep(limb), _mm512_srli_epi64::<51>(below));
        Self([
            low(keep(l0), _mm512_srli_epi64::<51>(l4), _mm512_set1_epi64(19)),
            pass(l1, l0),
            pass(l2, l1),
            pass(l3, l2),
            pass(l4, l3),
        ])
    }

    /// Ten columns of a product to an element: 2^255 is 19 modulo the prime. Each column is below 2^55.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    #[inline]
    fn folded(columns: [__m512i; 10]) -> Self {
        let [c0, c1, c2, c3, c4, c5, c6, c7, c8, c9] = columns;
        let nineteen = _mm512_set1_epi64(19);
        let fold = |low, high| _mm512_add_epi64(low, _mm512_mullo_epi64(high, nineteen));
        Self::carried([fold(c0, c5), fold(c1, c6), fold(c2, c7), fold(c3, c8), fold(c4, c9)])
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    #[inline]
    pub(super) fn plus(&self, other: &Self) -> Self {
        let ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]) = (self.0, other.0);
        Self::carried([
            _mm512_add_epi64(a0, b0),
            _mm512_add_epi64(a1, b1),
            _mm512_add_epi64(a2, b2),
            _mm512_add_epi64(a3, b3),
            _mm512_add_epi64(a4, b4),
        ])
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    #[inline]
    pub(super) fn minus(&self, other: &Self) -> Self {
        let ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]) = (self.0, other.0);
        let (first, rest) = (_mm512_set1_epi64(TWICE_PRIME.0), _mm512_set1_epi64(TWICE_PRIME.1));
        let minus = |a, prime, b| _mm512_sub_epi64(_mm512_add_epi64(a, prime), b);
        Self::carried([
            minus(a0, first, b0),
            minus(a1, rest, b1),
            minus(a2, rest, b2),
            minus(a3, rest, b3),
            minus(a4, rest, b4),
        ])
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    #[inline]
    pub(super) fn times(&self, other: &Self) -> Self {
        let ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]) = (self.0, other.0);
        let zero = _mm512_setzero_si512();

        let c1 = high(zero, a0, b0);
        let c2 = high(high(zero, a0, b1), a1, b0);
        let c3 = high(high(high(zero, a0, b2), a1, b1), a2, b0);
        let c4 = high(high(high(high(zero, a0, b3), a1, b2), a2, b1), a3, b0);
        let c5 = high(high(high(high(high(zero, a0, b4), a1, b3), a2, b2), a3, b1), a4, b0);
        let c6 = high(high(high(high(zero, a1, b4), a2, b3), a3, b2), a4, b1);
        let c7 = high(high(high(zero, a2, b4), a3, b3), a4, b2);
        let c8 = high(high(zero, a3, b4), a4, b3);
        let c9 = high(zero, a4, b4);

        let c0 = low(zero, a0, b0);
        let c1 = low(low(twice(c1), a0, b1), a1, b0);
        let c2 = low(low(low(twice(c2), a0, b2), a1, b1), a2, b0);
        let c3 = low(low(low(low(twice(c3), a0, b3), a1, b2), a2, b1), a3, b0);
        let c4 = low(low(low(low(low(twice(c4), a0, b4), a1, b3), a2, b2), a3, b1), a4, b0);
        let c5 = low(low(low(low(twice(c5), a1, b4), a2, b3), a3, b2), a4, b1);
        let c6 = low(low(low(twice(c6), a2, b4), a3, b3), a4, b2);
        let c7 = low(low(twice(c7), a3, b4), a4, b3);
        let c8 = low(twice(c8), a4, b4);
        Self::folded([c0, c1, c2, c3, c4, c5, c6, c7, c8, twice(c9)])
    }

    /// A product of two different limbs counts twice. So its high half counts four times, twice for the weight: it is
    /// in a column before the first doubling. Its low half, and the high half of a limb's square, count twice and
    /// come in before the second. The low half of a limb's square comes in after it.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    #[inline]
    pub(super) fn squared(&self) -> Self {
        let [a0, a1, a2, a3, a4] = self.0;
        let zero = _mm512_setzero_si512();

        let c2 = twice(high(zero, a0, a1));
        let c3 = twice(high(zero, a0, a2));
        let c4 = twice(high(high(zero, a0, a3), a1, a2));
        let c5 = twice(high(high(zero, a0, a4), a1, a3));
        let c6 = twice(high(high(zero, a1, a4), a2, a3));
        let c7 = twice(high(zero, a2, a4));
        let c8 = twice(high(zero, a3, a4));

        let c1 = high(low(zero, a0, a1), a0, a0);
        let c2 = low(c2, a0, a2);
        let c3 = high(low(low(c3, a0, a3), a1, a2), a1, a1);
        let c4 = low(low(c4, a0, a4), a1, a3);
        let c5 = high(low(low(c5, a1, a4), a2, a3), a2, a2);
        let c6 = low(c6, a2, a4);
        let c7 = high(low(c7, a3, a4), a3, a3);
        let c9 = high(zero, a4, a4);

        Self::folded([
            low(zero, a0, a0),
            twice(c1),
            low(twice(c2), a1, a1),
            twice(c3),
            low(twice(c4), a2, a2),
            twice(c5),
            low(twice(c6), a3, a3),
            twice(c7),
            low(twice(c8), a4, a4),
            twice(c9),
        ])
    }

    /// The square of the square and so on, `count` times.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn squared_times(&self, count: u32) -> Self {
        let mut square = *self;
        for _ in 0..count {
            square = square.squared();
        }
        square
    }

    /// `self` plus (A - 2) / 4 times `other`.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    #[inline]
    pub(super) fn plus_a24_times(&self, other: &Self) -> Self {
        let ([s0, s1, s2, s3, s4], [o0, o1, o2, o3, o4]) = (self.0, other.0);
        let (zero, a24) = (_mm512_setzero_si512(), _mm512_set1_epi64(A24));
        let over = |limb| high(zero, limb, a24);
        let column = |limb, other, below| low(_mm512_add_epi64(limb, twice(over(below))), other, a24);
        Self::carried([
            low(low(s0, o0, a24), over(o4), _mm512_set1_epi64(2 * 19)),
            column(s1, o1, o0),
            column(s2, o2, o1),
            column(s3, o3, o2),
            column(s4, o4, o3),
        ])
    }

    /// One over `self`, and zero for zero: `self` to the power of 2^255 - 21 (Fermat), along the usual chain of 254
    /// squarings and 11 multiplications (Bernstein, "Curve25519", PKC 2006).
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn inverted(&self) -> Self {
        let p2 = self.squared();
        let p9 = p2.squared_times(2).times(self);
        let p11 = p9.times(&p2);
        let ones_5 = p11.squared().times(&p9);
        let ones_10 = ones_5.squared_times(5).times(&ones_5);
        let ones_20 = ones_10.squared_times(10).times(&ones_10);
        let ones_40 = ones_20.squared_times(20).times(&ones_20);
        let ones_50 = ones_40.squared_times(10).times(&ones_10);
        let ones_100 = ones_50.squared_times(50).times(&ones_50);
        let ones_200 = ones_100.squared_times(100).times(&ones_100);
        let ones_250 = ones_200.squared_times(50).times(&ones_50);
        ones_250.squared_times(5).times(&p11)
    }

    /// Swaps `a` and `b` in the lanes whose bit of `lanes` is set, by masks alone.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    #[inline]
    pub(super) fn swap(lanes: u8, a: &mut Self, b: &mut Self) {
        for (a, b) in a.0.iter_mut().zip(&mut b.0) {
            (*a, *b) = (_mm512_mask_blend_epi64(lanes, *a, *b), _mm512_mask_blend_epi64(lanes, *b, *a));
        }
    }
}

#[cfg(test)]
#[path = "field_tests.rs"]
mod tests;
