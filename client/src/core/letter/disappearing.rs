//! The three limits of a letter's existence. Each letter carries all three, so that none is ever off because it is absent.

use serde::{Deserialize, Serialize};

const READ_ONCE: u8 = 1;
/// The length on the wire: `flags (1) || visible for (4) || exists for (4)`.
pub(crate) const WIRE_LEN: usize = 9;

/// How long a message is there. Deleting it destroys the key of its record on this device; what that means on flash
/// memory is in the documentation of the vault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disappearing {
    /// Whether it goes as soon as its reader has seen it; at its sender, as soon as it was delivered.
    pub read_once: bool,
    /// How long it is there after its reader has seen it, at its sender after it was sent, in seconds; 0 for no limit.
    pub visible_for_s: u32,
    /// How long it is there after it was sent, at the mailboxes too, in seconds; 0 for no limit.
    pub exists_for_s: u32,
}

impl Disappearing {
    /// No limit at all.
    pub const OFF: Self = Self { read_once: false, visible_for_s: 0, exists_for_s: 0 };

    /// Whether there is a limit.
    #[must_use]
    pub fn is_on(&self) -> bool {
        *self != Self::OFF
    }

    /// The end of the existence of what was sent at this moment, if that is limited; in milliseconds since the Unix epoch.
    pub(crate) fn exists_until_ms(&self, sent_at_ms: u64) -> Option<u64> {
        end_ms(sent_at_ms, self.exists_for_s)
    }

    /// The end of what was seen at this moment, likewise.
    pub(crate) fn visible_until_ms(&self, seen_at_ms: u64) -> Option<u64> {
        end_ms(seen_at_ms, self.visible_for_s)
    }

    /// The limits in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut words = Vec::new();
        if self.read_once {
            words.push("they go once they were read".to_owned());
        }
        if self.visible_for_s > 0 {
            words.push(format!("they go {} s after they were read", self.visible_for_s));
        }
        if self.exists_for_s > 0 {
            words.push(format!("they go {} s after they were sent", self.exists_for_s));
        }
        if words.is_empty() { "they stay until somebody deletes them".to_owned() } else { words.join("; ") }
    }

    pub(crate) const fn from_bytes(bytes: &[u8; WIRE_LEN]) -> Option<Self> {
        let [flags, v0, v1, v2, v3, e0, e1, e2, e3] = *bytes;
        if flags & !READ_ONCE != 0 {
            return None;
        }
        Some(Self {
            read_once: flags == READ_ONCE,
            visible_for_s: u32::from_be_bytes([v0, v1, v2, v3]),
            exists_for_s: u32::from_be_bytes([e0, e1, e2, e3]),
        })
    }

    pub(crate) fn to_bytes(self) -> [u8; WIRE_LEN] {
        let [v0, v1, v2, v3] = self.visible_for_s.to_be_bytes();
        let [e0, e1, e2, e3] = self.exists_for_s.to_be_bytes();
        [u8::from(self.read_once), v0, v1, v2, v3, e0, e1, e2, e3]
    }
}

/// So many seconds after a moment; none for no limit.
fn end_ms(from_ms: u64, limit_s: u32) -> Option<u64> {
    (limit_s > 0).then(|| from_ms.saturating_add(u64::from(limit_s) * 1000))
}
