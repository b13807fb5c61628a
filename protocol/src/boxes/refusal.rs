//! Why a box, a tombstone or a capability is not accepted. Each variant has a label that never changes, for
//! ledgers, metrics and tests, and a message for people.

use thiserror::Error;

/// Why a box or a tombstone is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BoxRefusal {
    /// The bytes are not as many as the format has.
    #[error("a box or tombstone of {expected} bytes was expected, {actual} came")]
    WrongLength {
        /// The length of the format, in bytes.
        expected: usize,
        /// The length that came, in bytes.
        actual: usize,
    },
    /// The id is no curve point, or an encoding of one other than the canonical.
    #[error("the box id is not the canonical encoding of a curve point")]
    IdNotCanonical,
    /// The id is a point of order 8 or less, under which anybody can sign.
    #[error("the box id is a point of small order, which protects nothing")]
    IdSmallOrder,
    /// The signature does not hold under the id.
    #[error("the signature does not hold under the box id: whoever made this is not the stream's writer")]
    Signature,
    /// The box or tombstone belongs to another id than the one that was asked for.
    #[error("this is another box than the one that was asked for")]
    OtherId,
    /// The ciphertext does not open under the stream's key, though the writer signed it.
    #[error("the box does not open with the stream's key: its writer sealed it with something else")]
    Ciphertext,
    /// The opened text does not end in `0x80` and zeros.
    #[error("the text in the box lacks its end mark: its writer did not follow the format")]
    Padding,
    /// The text does not fit in one box.
    #[error("a box holds at most {max} bytes of text, {actual} were given: split the text")]
    TextTooLong {
        /// The most that fits, in bytes.
        max: usize,
        /// What was given, in bytes.
        actual: usize,
    },
    /// A position further ahead than a reader may look.
    #[error("boxes 0 to {} ahead can be looked at, {offset} was asked for: advance first", .max - 1)]
    TooFarAhead {
        /// The number of boxes in the window.
        max: u64,
        /// The offset that was asked for.
        offset: u64,
    },
}

impl BoxRefusal {
    /// The stable name of this refusal.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::WrongLength { .. } => "box-length",
            Self::IdNotCanonical => "box-id",
            Self::IdSmallOrder => "box-id-small-order",
            Self::Signature => "box-signature",
            Self::OtherId => "box-other-id",
            Self::Ciphertext => "box-ciphertext",
            Self::Padding => "box-padding",
            Self::TextTooLong { .. } => "box-text-length",
            Self::TooFarAhead { .. } => "box-read-ahead",
        }
    }
}

/// Why the bytes of a capability or tombstone key are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CapabilityRefusal {
    /// The bytes are not as many as the format has.
    #[error("a capability of {expected} bytes was expected, {actual} came")]
    WrongLength {
        /// The length of the format, in bytes.
        expected: usize,
        /// The length that came, in bytes.
        actual: usize,
    },
    /// A version that this program does not know.
    #[error("capability version {actual} is not known, only 1 is: it may come from a newer program")]
    Version {
        /// The version that came.
        actual: u8,
    },
    /// Another kind of capability than the one that was asked for.
    #[error(
        "a capability of kind {expected} was expected, kind {actual} came (1 write, 2 read, 3 tombstone)"
    )]
    Kind {
        /// The kind that was asked for.
        expected: u8,
        /// The kind that came.
        actual: u8,
    },
    /// The stream's public key is not a canonical point of prime order.
    #[error("the stream's public key is not a point of prime order in canonical form")]
    RootKey,
    /// The secret scalar is zero or not reduced.
    #[error("the secret scalar is zero or not in canonical form")]
    Scalar,
}

impl CapabilityRefusal {
    /// The stable name of this refusal.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::WrongLength { .. } => "capability-length",
            Self::Version { .. } => "capability-version",
            Self::Kind { .. } => "capability-kind",
            Self::RootKey => "capability-root-key",
            Self::Scalar => "capability-scalar",
        }
    }
}
