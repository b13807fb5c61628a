//! X25519 (RFC 7748) for many packets: the fastest way that this processor has.
//!
//! A node spends most of a packet's time here. Three implementations give the same bytes: an own one that climbs
//! eight ladders at once on AVX-512 IFMA, graviola's (assembly from s2n-bignum, whose functions are proved against
//! a model of the processor), and x25519-dalek's, which runs everywhere. What is not here: what is done with the
//! secrets, and keys.

#[cfg(target_arch = "x86_64")]
mod ifma;
mod library;

use std::fmt;

#[cfg(target_arch = "x86_64")]
use zeroize::Zeroizing;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Backend {
    Dalek,
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    Graviola(library::Graviola),
    #[cfg(target_arch = "x86_64")]
    Ifma(ifma::Ifma),
}

/// An implementation of X25519 that works on this processor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct X25519(Backend);

impl X25519 {
    /// The implementation that runs everywhere.
    pub const PORTABLE: Self = Self(Backend::Dalek);

    /// The fastest that works on this processor. Ask once and keep the answer.
    #[must_use]
    pub fn detect() -> Self {
        Self::available().next().unwrap_or(Self::PORTABLE)
    }

    /// All that work on this processor, the fastest first.
    pub fn available() -> impl Iterator<Item = Self> {
        let found: [Option<Backend>; 3] = [
            #[cfg(target_arch = "x86_64")]
            ifma::Ifma::detect().map(Backend::Ifma),
            #[cfg(not(target_arch = "x86_64"))]
            None,
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            library::Graviola::detect().map(Backend::Graviola),
            #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
            None,
            Some(Backend::Dalek),
        ];
        found.into_iter().flatten().map(Self)
    }

    /// The one with this [`name`](Self::name), if it works on this processor.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::available().find(|backend| backend.name() == name)
    }

    /// Its stable name: `ifma`, `graviola` or `dalek`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            Backend::Dalek => "dalek",
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            Backend::Graviola(_) => "graviola",
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma(_) => "ifma",
        }
    }

    /// How many secrets it makes at once: batches of a multiple of this are the cheapest.
    #[must_use]
    pub const fn lanes(self) -> usize {
        match self.0 {
            Backend::Dalek => 1,
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            Backend::Graviola(_) => 1,
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma(_) => ifma::LANES,
        }
    }

    /// Writes into each place of `secrets` the secret of the scalar and the point at this place. A point of small
    /// order gives 32 zero bytes, whatever the scalar (RFC 7748, section 6.1). The shortest of the three counts.
    pub fn dh_batch(self, scalars: &[[u8; 32]], points: &[[u8; 32]], secrets: &mut [[u8; 32]]) {
        self.dh_each(scalars.iter(), points, secrets);
    }

    /// As [`dh_batch`](Self::dh_batch), with one scalar for all points.
    pub fn dh_same(self, scalar: &[u8; 32], points: &[[u8; 32]], secrets: &mut [[u8; 32]]) {
        self.dh_each(std::iter::repeat(scalar), points, secrets);
    }

    fn dh_each<'a>(
        self,
        scalars: impl Iterator<Item = &'a [u8; 32]>,
        points: &'a [[u8; 32]],
        secrets: &'a mut [[u8; 32]],
    ) {
        let each = scalars.zip(points).zip(secrets);
        match self.0 {
            Backend::Dalek => {
                each.for_each(|((scalar, point), secret)| library::dalek(scalar, point, secret));
            }
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            Backend::Graviola(graviola) => {
                each.for_each(|((scalar, point), secret)| graviola.multiply(scalar, point, secret));
            }
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma(ifma) => by_lanes(ifma, each),
        }
    }
}

/// Eight at a time. The empty lanes of the last vector have zeros in them, and what comes of those is dropped.
#[cfg(target_arch = "x86_64")]
fn by_lanes<'a>(
    ifma: ifma::Ifma,
    mut each: impl Iterator<Item = ((&'a [u8; 32], &'a [u8; 32]), &'a mut [u8; 32])>,
) {
    let mut scalars = Zeroizing::new([[0; 32]; ifma::LANES]);
    let mut points = [[0; 32]; ifma::LANES];
    let mut products = Zeroizing::new([[0; 32]; ifma::LANES]);
    loop {
        let mut places: [Option<&mut [u8; 32]>; ifma::LANES] = Default::default();
        let lanes = scalars.iter_mut().zip(&mut points).zip(&mut places);
        // The lanes come first, so that no item is taken from `each` without a lane for it.
        for (((to_scalar, to_point), place), ((scalar, point), secret)) in lanes.zip(&mut each) {
            *to_scalar = *scalar;
            *to_point = *point;
            *place = Some(secret);
        }
        if places.iter().all(Option::is_none) {
            return;
        }
        ifma.multiply(&scalars, &points, &mut products);
        for (place, product) in places.into_iter().zip(products.iter()) {
            if let Some(secret) = place {
                *secret = *product;
            }
        }
    }
}

impl fmt::Debug for X25519 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "X25519({})", self.name())
    }
}
