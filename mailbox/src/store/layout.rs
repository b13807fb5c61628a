//! The tables of the redb store and the byte layout of their fixed-width rows (diagram in
//! `docs/mailbox-store.md`). Parsing and building rows only; transactions are in [`super::redb`].

use redb::TableDefinition;
use sotto_protocol::boxes::{BoxId, SealedBox, Tombstone};
use sotto_protocol::limits::{BOX_CIPHERTEXT_LEN, BOX_LEN};
use sotto_protocol::time::Timestamp;

use super::StoreError;
use super::rules::{Content, Record};

/// The format that this program reads and writes.
pub(super) const FORMAT: u64 = 1;

/// A box's or tombstone's id.
pub(super) const ID_LEN: usize = 32;
const TIME_LEN: usize = 8;
const SIGNATURE_LEN: usize = 64;
/// Expiry (8), signature (64), ciphertext.
pub(super) const BOX_ROW_LEN: usize = TIME_LEN + SIGNATURE_LEN + BOX_CIPHERTEXT_LEN;
/// Expiry (8), signature (64).
pub(super) const TOMBSTONE_ROW_LEN: usize = TIME_LEN + SIGNATURE_LEN;
/// Expiry (8), id (32).
pub(super) const EXPIRY_KEY_LEN: usize = TIME_LEN + ID_LEN;

/// Names and numbers about the file itself.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("sotto-mailbox-meta");
/// Row of [`META`]: the format number.
pub(super) const META_FORMAT: &str = "format";
/// Row of [`META`]: batches applied since the file was made.
pub(super) const META_BATCHES: &str = "batches";
/// Boxes by id.
pub(super) const BOXES: TableDefinition<'_, &[u8; ID_LEN], &[u8; BOX_ROW_LEN]> =
    TableDefinition::new("boxes");
/// Tombstones by id. An id is in at most one of the two tables.
pub(super) const TOMBSTONES: TableDefinition<'_, &[u8; ID_LEN], &[u8; TOMBSTONE_ROW_LEN]> =
    TableDefinition::new("tombstones");
/// Every row of the two tables above once, soonest to expire first.
pub(super) const EXPIRY: TableDefinition<'_, &[u8; EXPIRY_KEY_LEN], ()> = TableDefinition::new("expiry");

fn damaged(why: &str) -> StoreError {
    StoreError::Damaged { why: why.to_owned() }
}

fn timestamp(bytes: &[u8]) -> Result<Timestamp, StoreError> {
    let bytes = bytes.first_chunk::<TIME_LEN>().ok_or_else(|| damaged("a row is too short"))?;
    Ok(Timestamp::from_micros(u64::from_be_bytes(*bytes)))
}

/// The key of the expiry table for one record.
pub(super) fn expiry_key(expires: Timestamp, id: &[u8; ID_LEN]) -> [u8; EXPIRY_KEY_LEN] {
    let mut key = [0; EXPIRY_KEY_LEN];
    let (time, rest) = key.split_at_mut(TIME_LEN);
    time.copy_from_slice(&expires.as_micros().to_be_bytes());
    rest.copy_from_slice(id);
    key
}

/// When the record of an expiry key expires, and its id.
pub(super) fn parse_expiry_key(key: &[u8; EXPIRY_KEY_LEN]) -> Result<(Timestamp, [u8; ID_LEN]), StoreError> {
    let id = key.last_chunk::<ID_LEN>().ok_or_else(|| damaged("an expiry key is too short"))?;
    Ok((timestamp(key)?, *id))
}

/// A box's row. Its id is the row's key.
pub(super) fn box_row(expires: Timestamp, sealed: &SealedBox) -> [u8; BOX_ROW_LEN] {
    let mut row = [0; BOX_ROW_LEN];
    let (time, rest) = row.split_at_mut(TIME_LEN);
    time.copy_from_slice(&expires.as_micros().to_be_bytes());
    for (to, from) in rest.iter_mut().zip(sealed.to_bytes().iter().skip(ID_LEN)) {
        *to = *from;
    }
    row
}

/// What a box's row says.
pub(super) fn parse_box_row(id: &[u8; ID_LEN], row: &[u8; BOX_ROW_LEN]) -> Result<Record, StoreError> {
    let mut bytes = Vec::with_capacity(BOX_LEN);
    bytes.extend_from_slice(id);
    bytes.extend(row.iter().skip(TIME_LEN));
    let sealed = SealedBox::from_bytes(&bytes).map_err(|_| damaged("a box's row cannot be parsed"))?;
    Ok(Record { expires: timestamp(row)?, content: Content::Box(sealed) })
}

/// A tombstone's row. Its id is the row's key.
pub(super) fn tombstone_row(expires: Timestamp, tombstone: &Tombstone) -> [u8; TOMBSTONE_ROW_LEN] {
    let mut row = [0; TOMBSTONE_ROW_LEN];
    let (time, rest) = row.split_at_mut(TIME_LEN);
    time.copy_from_slice(&expires.as_micros().to_be_bytes());
    for (to, from) in rest.iter_mut().zip(tombstone.to_bytes().iter().skip(ID_LEN)) {
        *to = *from;
    }
    row
}

/// What a tombstone's row says.
pub(super) fn parse_tombstone_row(
    id: &[u8; ID_LEN],
    row: &[u8; TOMBSTONE_ROW_LEN],
) -> Result<Record, StoreError> {
    let mut bytes = Vec::with_capacity(ID_LEN + SIGNATURE_LEN);
    bytes.extend_from_slice(id);
    bytes.extend(row.iter().skip(TIME_LEN));
    let tombstone =
        Tombstone::from_bytes(&bytes).map_err(|_| damaged("a tombstone's row cannot be parsed"))?;
    Ok(Record { expires: timestamp(row)?, content: Content::Tombstone(tombstone) })
}

/// The 32 bytes under which an id is kept.
pub(super) fn key(id: &BoxId) -> [u8; ID_LEN] {
    *id.as_bytes()
}
