//! The kinds of factors, sets of them, and the factors that somebody gives.
//!
//! Not here: how they become a key, which is [`super::unlock`].

use std::fmt;

use super::{KeyFile, Passphrase, RecoveryWords, Token};

/// One kind of factor. The number is on disk, as a bit of a set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Factor {
    /// Something known.
    Passphrase = 1,
    /// The content of a file.
    KeyFile = 2,
    /// A security token.
    Token = 4,
    /// Words on paper.
    Words = 8,
}

impl Factor {
    /// Every kind, in the order in which they enter a key.
    pub const ALL: [Self; 4] = [Self::Passphrase, Self::KeyFile, Self::Token, Self::Words];

    /// The name for people and for `--json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::KeyFile => "key-file",
            Self::Token => "token",
            Self::Words => "words",
        }
    }
}

/// A set of kinds of factors.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Factors(u8);

impl Factors {
    /// The bits that mean something.
    const MASK: u8 = 15;

    /// With one kind more.
    #[must_use]
    pub const fn with(self, factor: Factor) -> Self {
        Self(self.0 | factor as u8)
    }

    /// With one kind less.
    #[must_use]
    pub const fn without(self, factor: Factor) -> Self {
        Self(self.0 & !(factor as u8))
    }

    /// Whether the kind is in the set.
    #[must_use]
    pub const fn contains(self, factor: Factor) -> bool {
        self.0 & factor as u8 != 0
    }

    /// Whether all of these are in the set.
    #[must_use]
    pub const fn contains_all(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many kinds there are.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// The kinds, in the order of [`Factor::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Factor> {
        Factor::ALL.into_iter().filter(move |factor| self.contains(*factor))
    }

    /// Every set made of these kinds but the empty one, the largest first.
    pub(super) fn subsets(self) -> Vec<Self> {
        let mut subsets: Vec<Self> =
            (1..=Self::MASK).map(Self).filter(|subset| self.contains_all(*subset)).collect();
        subsets.sort_by_key(|subset| std::cmp::Reverse(subset.len()));
        subsets
    }

    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    /// The set of these bits, if all of them are known and there is one.
    pub(super) const fn from_bits(bits: u8) -> Option<Self> {
        if bits == 0 || bits & !Self::MASK != 0 { None } else { Some(Self(bits)) }
    }
}

impl fmt::Display for Factors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, factor) in self.iter().enumerate() {
            if at > 0 {
                f.write_str(" + ")?;
            }
            f.write_str(factor.name())?;
        }
        Ok(())
    }
}

/// The factors that somebody gives to open a vault or a slot.
#[derive(Default)]
pub struct Credentials {
    /// Something known.
    pub passphrase: Option<Passphrase>,
    /// The content of a file.
    pub key_file: Option<KeyFile>,
    /// A security token.
    pub token: Option<Box<dyn Token>>,
    /// Words on paper.
    pub words: Option<RecoveryWords>,
}

impl Credentials {
    /// Which kinds are given.
    #[must_use]
    pub fn factors(&self) -> Factors {
        let given = [
            (Factor::Passphrase, self.passphrase.is_some()),
            (Factor::KeyFile, self.key_file.is_some()),
            (Factor::Token, self.token.is_some()),
            (Factor::Words, self.words.is_some()),
        ];
        given
            .into_iter()
            .filter(|(_, is_given)| *is_given)
            .fold(Factors::default(), |factors, (factor, _)| factors.with(factor))
    }
}

impl From<Passphrase> for Credentials {
    fn from(passphrase: Passphrase) -> Self {
        Self { passphrase: Some(passphrase), ..Self::default() }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}; [scrubbed])", self.factors())
    }
}
