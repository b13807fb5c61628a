//! What opening by the duress slot does: the vault is destroyed, and an empty one is there instead.
//!
//! ```text
//! 1  every other slot overwritten, both copies, durable: nothing opens the old vault key any more
//! 2  both erasure keys overwritten, durable
//! 3  vault.redb overwritten with zeros, then an empty vault under the key that the duress slot wraps
//! 4  the slot moved to number 0 without its flag, everything else random: an ordinary vault with one slot
//! ```
//!
//! Until step 4 is durable the slot keeps its flag, so an interrupted run is begun again at the next opening by
//! it. Not here: how somebody is asked for factors.

use rand::CryptoRng;

use super::VaultError;
use super::content::Content;
use super::erasure::Erasure;
use super::keys::{VaultKey, VaultKeys};
use super::keys_file::Header;
use super::medium::Media;
use super::slot::{self, OpenedSlot};
use super::vault::{FIRST_SLOT, create_content, first_list};

/// Runs all steps; what comes out is opened as any other vault.
pub(super) fn finish(
    media: &mut Media,
    header: &mut Header,
    number: u8,
    opened: &OpenedSlot,
    rng: &mut impl CryptoRng,
) -> Result<(VaultKeys, Content), VaultError> {
    let bytes = *header.slot(number).ok_or(VaultError::SlotMissing { number })?;
    let mut alone = header.clone();
    alone.slots = std::array::from_fn(|_| slot::random_slot(rng));
    header.update(&media.keys, alone.with_slot(number, bytes))?;
    Erasure::reset(media.erasure_or_new()?, rng)?;

    let first = slot::rewrap(FIRST_SLOT, &bytes, opened, false, rng)?;
    let keys = VaultKeys::derive(VaultKey(opened.content.key.0.clone()))?;
    let content = create_content(media, &keys, &first_list(&first, opened.content.factors)?, rng)?;
    let mut ordinary = header.clone();
    ordinary.slots = std::array::from_fn(|_| slot::random_slot(rng));
    header.update(&media.keys, ordinary.with_slot(FIRST_SLOT, first))?;
    Ok((keys, content))
}
