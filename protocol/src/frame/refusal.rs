//! Why bytes are not a frame, or frames are not a document.

/// Why a frame was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameRefusal {
    /// Not as long as a frame, or the used length is over the body's.
    #[error("{len} bytes where {len_max} are the length")]
    Length {
        /// Bytes that came or were claimed.
        len: usize,
        /// The length that a frame has, or the most that its body can use.
        len_max: usize,
    },
    /// Another version of the frame layout.
    #[error("frame version {0}; this program speaks version 1: the older of the two needs an update")]
    Version(u8),
    /// A kind that this version does not have.
    #[error("unknown frame kind {0}")]
    Kind(u8),
    /// Bytes after the used ones that are not zero.
    #[error("bytes after the used length that are not zero")]
    Padding,
    /// The body does not follow its kind's layout.
    #[error("malformed body: {0}")]
    Body(&'static str),
    /// A piece of a document that does not continue the pieces before it.
    #[error("document piece out of order: {0}")]
    PartOrder(&'static str),
    /// A document of more pieces than its kind allows.
    #[error("document of {count} pieces, at most {count_max} are allowed")]
    PartCount {
        /// Pieces that the document claims to have.
        count: u16,
        /// Pieces that a document of its kind can have.
        count_max: u16,
    },
}

impl FrameRefusal {
    /// A stable name for logs, counters and scripts.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Length { .. } => "frame-length",
            Self::Version(_) => "frame-version",
            Self::Kind(_) => "frame-kind",
            Self::Padding => "frame-padding",
            Self::Body(_) => "frame-body",
            Self::PartOrder(_) => "document-part-order",
            Self::PartCount { .. } => "document-part-count",
        }
    }
}
