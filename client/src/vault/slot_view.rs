//! What the owner of an open vault sees of its slots.

use super::Factors;

/// How many slots a vault has room for, the duress slot included.
pub const SLOTS_MAX: usize = 8;
/// The longest label of a slot, in bytes.
pub const SLOT_LABEL_LEN_MAX: usize = 64;

/// One way to open the vault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotView {
    /// Its number, 0 to [`SLOTS_MAX`] less one.
    pub number: u8,
    /// What its owner calls it.
    pub label: String,
    /// What must be given together.
    pub factors: Factors,
    /// When it was made, in Unix milliseconds; 0 if that is not known, as for the slot a vault was made with.
    pub created_ms: u64,
    /// Whether this vault was opened by it.
    pub is_current: bool,
    /// Whether opening by it destroys the vault and shows an empty one.
    pub is_duress: bool,
}
