//! Why a key, a bundle, an answer, an envelope or a saved session is not accepted. Each variant has a label
//! that never changes, and a text for people. None holds a secret.

use super::limits::{ENVELOPE_LEN_MAX, ENVELOPE_OVERHEAD_LEN, SESSION_LEN_MAX, SKIPPED_MAX};

/// Why an X25519 key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointRefusal {
    /// Another number of bytes.
    #[error("an X25519 key has {expected} bytes, {actual} came: the sender does not follow the format")]
    Length {
        /// Bytes of the format.
        expected: usize,
        /// Bytes that came.
        actual: usize,
    },
    /// Not below 2^255 - 19.
    #[error("the X25519 key is not the canonical encoding of a point: the sender does not follow the format")]
    NonCanonical,
    /// A point with which every agreement gives zero.
    #[error(
        "the X25519 key is a point of low order, which protects nothing: somebody may be interfering, \
         refuse it"
    )]
    LowOrder,
}

impl PointRefusal {
    /// A stable name for logs, counters and scripts.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Length { .. } => "point-length",
            Self::NonCanonical => "point-non-canonical",
            Self::LowOrder => "point-low-order",
        }
    }
}

/// Why an ML-KEM-768 key or ciphertext is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KemRefusal {
    /// Another number of bytes in a key.
    #[error("an ML-KEM-768 key has {expected} bytes, {actual} came: the sender does not follow the format")]
    KeyLength {
        /// Bytes of the format.
        expected: usize,
        /// Bytes that came.
        actual: usize,
    },
    /// A coefficient of 3329 or more.
    #[error("a coefficient of the ML-KEM-768 key is not below 3329: the sender does not follow FIPS 203")]
    KeyUnreduced,
    /// Another number of bytes in a ciphertext.
    #[error(
        "an ML-KEM-768 ciphertext has {expected} bytes, {actual} came: the sender does not follow the format"
    )]
    CiphertextLength {
        /// Bytes of the format.
        expected: usize,
        /// Bytes that came.
        actual: usize,
    },
}

impl KemRefusal {
    /// A stable name for logs, counters and scripts.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::KeyLength { .. } => "kem-key-length",
            Self::KeyUnreduced => "kem-key-unreduced",
            Self::CiphertextLength { .. } => "kem-ciphertext-length",
        }
    }
}

/// Why a bundle or an answer is refused, or none could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeRefusal {
    /// A bundle or answer of another length.
    #[error("a handshake message of {expected} bytes was expected, {actual} came: ask for a new invitation")]
    Length {
        /// The length of the format; of an answer the least.
        expected: usize,
        /// Bytes that came.
        actual: usize,
    },
    /// A version that this program does not know.
    #[error(
        "the handshake message has version {actual}, this program knows version {expected}: use a newer sotto"
    )]
    Version {
        /// The version known here.
        expected: u8,
        /// The version byte that came.
        actual: u8,
    },
    /// An answer for a bundle, a bundle for an answer, or one of another occasion.
    #[error(
        "a handshake message of kind {expected:#04x} was expected, one of kind {actual:#04x} came: it \
         belongs elsewhere"
    )]
    Kind {
        /// The kind byte that belongs here.
        expected: u8,
        /// The kind byte that came.
        actual: u8,
    },
    /// The other side has this side's identity.
    #[error(
        "the other side uses this side's own identity key: take up somebody else's invitation, not your own"
    )]
    OwnIdentity,
    /// A key in it is refused.
    #[error(transparent)]
    Point(#[from] PointRefusal),
    /// An ML-KEM key or ciphertext in it is refused.
    #[error(transparent)]
    Kem(#[from] KemRefusal),
    /// The first envelope does not open: other secrets, or a changed message.
    #[error(
        "the answer does not fit the offer: it was made with another invitation or was changed on the way; \
         ask for a new invitation"
    )]
    Authentication,
    /// The envelope in an answer is no first envelope.
    #[error(
        "the envelope in the answer is not the first of a conversation: the sender does not follow the format"
    )]
    FirstEnvelope,
    /// More content than an answer holds.
    #[error(
        "an answer carries at most {len_max} bytes of content, {len} were given: send the rest in later \
         envelopes"
    )]
    ContentLength {
        /// Bytes given.
        len: usize,
        /// Bytes that fit.
        len_max: usize,
    },
}

impl HandshakeRefusal {
    /// A stable name for logs, counters and scripts.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Length { .. } => "handshake-length",
            Self::Version { .. } => "handshake-version",
            Self::Kind { .. } => "handshake-kind",
            Self::OwnIdentity => "handshake-own-identity",
            Self::Point(refusal) => refusal.label(),
            Self::Kem(refusal) => refusal.label(),
            Self::Authentication => "handshake-authentication",
            Self::FirstEnvelope => "handshake-first-envelope",
            Self::ContentLength { .. } => "handshake-content-length",
        }
    }
}

/// Why an envelope is not opened or not sealed, or a saved session or offer is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    /// Shorter than an empty envelope, or longer than a box.
    #[error(
        "an envelope has {ENVELOPE_OVERHEAD_LEN} to {ENVELOPE_LEN_MAX} bytes, {actual} came: the sender \
         does not follow the format"
    )]
    EnvelopeLength {
        /// Bytes that came.
        actual: usize,
    },
    /// A version that this program does not know.
    #[error("the envelope has version {actual}, this program knows version {expected}: use a newer sotto")]
    EnvelopeVersion {
        /// The version known here.
        expected: u8,
        /// The version byte that came.
        actual: u8,
    },
    /// The ratchet key in it is refused.
    #[error(transparent)]
    Point(#[from] PointRefusal),
    /// An envelope that this side sealed.
    #[error("the envelope carries this side's own ratchet key: somebody sent it back, ignore it")]
    Reflected,
    /// Opened already, or its key was given up.
    #[error("message {number} of its chain was opened already or was given up after too long: ignore it")]
    Repeated {
        /// Its number in its chain.
        number: u32,
    },
    /// A chain that is over, or that cannot have begun yet.
    #[error(
        "the envelope belongs to a chain that is over or that cannot have begun yet: it is too old or not \
         for this session"
    )]
    ChainUnknown,
    /// Too great a gap.
    #[error(
        "the envelope skips {skipped} messages, at most {SKIPPED_MAX} can be skipped: read the earlier ones \
         first"
    )]
    SkippedTooMany {
        /// Messages between the last one opened and this one.
        skipped: u32,
    },
    /// A KEM secret that this side does not hold.
    #[error(
        "the envelope uses the secret of KEM exchange {actual}, which this side does not hold: it is not \
         for this session"
    )]
    KemEpoch {
        /// The epoch in the header.
        actual: u32,
    },
    /// The tag is wrong.
    #[error(
        "the envelope does not open with this session's keys: it was changed on the way or is not for this \
         session"
    )]
    Authentication,
    /// A type of plaintext that this program does not know.
    #[error("the envelope holds type {actual}, this program knows types 1 to 3: use a newer sotto")]
    ContentType {
        /// The type byte.
        actual: u8,
    },
    /// A KEM message with a number that cannot be now.
    #[error(
        "a message of KEM exchange {actual} came where exchange {expected} is the next: the other side's \
         state is not the one of this session"
    )]
    KemExchange {
        /// The exchange that can be now.
        expected: u32,
        /// The exchange in the message.
        actual: u32,
    },
    /// A repeated request with another key.
    #[error(
        "the request of KEM exchange {number} was repeated with another key: the other side's state is not \
         the one of this session"
    )]
    KemKeyChanged {
        /// The exchange.
        number: u32,
    },
    /// An ML-KEM key or ciphertext in it is refused.
    #[error(transparent)]
    Kem(#[from] KemRefusal),
    /// More content than an envelope holds.
    #[error("an envelope carries at most {len_max} bytes of content, {len} were given: split the content")]
    ContentLength {
        /// Bytes given.
        len: usize,
        /// Bytes that fit.
        len_max: usize,
    },
    /// No number is left in the chain.
    #[error(
        "no number is left in this chain of messages: wait for the other side to answer, or make a new \
         session"
    )]
    ChainExhausted,
    /// Saved bytes are not what was written.
    #[error(
        "the saved session or offer is damaged ({what}), at most {SESSION_LEN_MAX} bytes in its own format \
         were expected: restore it or make a new session"
    )]
    Damaged {
        /// Which check failed.
        what: &'static str,
    },
}

impl SessionRefusal {
    /// A stable name for logs, counters and scripts.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::EnvelopeLength { .. } => "envelope-length",
            Self::EnvelopeVersion { .. } => "envelope-version",
            Self::Point(refusal) => refusal.label(),
            Self::Reflected => "envelope-reflected",
            Self::Repeated { .. } => "envelope-repeated",
            Self::ChainUnknown => "envelope-chain",
            Self::SkippedTooMany { .. } => "skipped-too-many",
            Self::KemEpoch { .. } => "kem-epoch",
            Self::Authentication => "envelope-authentication",
            Self::ContentType { .. } => "envelope-type",
            Self::KemExchange { .. } => "kem-exchange",
            Self::KemKeyChanged { .. } => "kem-key-changed",
            Self::Kem(refusal) => refusal.label(),
            Self::ContentLength { .. } => "envelope-content-length",
            Self::ChainExhausted => "chain-exhausted",
            Self::Damaged { .. } => "session-damaged",
        }
    }
}
