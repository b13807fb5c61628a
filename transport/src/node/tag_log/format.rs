//! The bytes of a log: a header, then records. The byte diagram is in `docs/spec/replay-log.md`.
//!
//! Each record ends in a check over it and over the check of the one before. So a record that was cut off is
//! noticed, and so are the remains of an earlier one behind a shorter one in its place. The check is SipHash-2-4
//! with 64 bits: it finds accidents, with a chance of 2^-64 to miss one. It is no protection against somebody who
//! can write to the disk; who can do that has the hop keys as well.
//!
//! What is not here: reading and writing files.

use siphasher::sip::SipHasher24;
use sotto_protocol::sphinx::Fingerprint;

const MAGIC: &[u8; 13] = b"sotto-tag-log";
/// The version that is read and written.
pub(super) const VERSION: u8 = 1;
/// Magic, version, two reserved bytes, epoch, check.
pub(super) const HEADER_LEN: usize = 32;
const EPOCH_AT: usize = 16;
/// Bytes of a check.
pub(super) const CHECK_LEN: usize = size_of::<u64>();
const COUNT_LEN: usize = size_of::<u16>();
/// Bytes of a record without its fingerprints.
pub const RECORD_OVERHEAD: usize = COUNT_LEN + CHECK_LEN;
/// Fingerprints in one record. More would make the search behind a record that was cut off long.
pub const RECORD_TAGS_MAX: u16 = 8192;
/// The longest record.
pub(super) const RECORD_LEN_MAX: usize = record_len(RECORD_TAGS_MAX);

/// The check of the header or of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Check(u64);

impl Check {
    /// Over the bytes of the record that follows this one.
    pub(super) fn next(self, epoch: u64, bytes: &[u8]) -> Self {
        // The key is what the bytes belong to; it need not be secret.
        let mut key = [0; 2 * size_of::<u64>()];
        let (first, second) = key.split_at_mut(size_of::<u64>());
        first.copy_from_slice(&epoch.to_be_bytes());
        second.copy_from_slice(&self.0.to_be_bytes());
        Self(SipHasher24::new_with_key(&key).hash(bytes))
    }

    fn of_header(epoch: u64, bytes: &[u8]) -> Self {
        Self(0).next(epoch, bytes)
    }

    pub(super) const fn from_bytes(bytes: [u8; CHECK_LEN]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// It is a log, of a version that this program does not know.
    Version(u8),
    /// It is not the header of this epoch's log.
    Damaged,
}

/// The header of the log of `epoch`.
pub(super) fn header(epoch: u64) -> [u8; HEADER_LEN] {
    let mut bytes = [0; HEADER_LEN];
    let fields = [MAGIC.as_slice(), &[VERSION, 0, 0], &epoch.to_be_bytes()].concat();
    let check = Check::of_header(epoch, &fields).0.to_be_bytes();
    for (byte, field) in bytes.iter_mut().zip(fields.iter().chain(&check)) {
        *byte = *field;
    }
    bytes
}

/// Checks the header of the log of `epoch`, and returns what the check of the first record continues.
pub(super) fn check_header(epoch: u64, bytes: &[u8]) -> Result<Check, HeaderFault> {
    let version = bytes.strip_prefix(MAGIC).and_then(<[u8]>::first).ok_or(HeaderFault::Damaged)?;
    if *version != VERSION {
        return Err(HeaderFault::Version(*version));
    }
    if bytes != header(epoch) {
        return Err(HeaderFault::Damaged);
    }
    let fields = bytes.get(..EPOCH_AT + size_of::<u64>()).ok_or(HeaderFault::Damaged)?;
    Ok(Check::of_header(epoch, fields))
}

/// Bytes of a record of `count` fingerprints.
pub(super) const fn record_len(count: u16) -> usize {
    RECORD_OVERHEAD + count as usize * Fingerprint::LEN
}

/// Writes a record into `out` in place of what is there, of as many of the fingerprints as go into one. Returns how
/// many these are, and its check.
pub(super) fn encode(
    out: &mut Vec<u8>,
    epoch: u64,
    before: Check,
    fingerprints: &[Fingerprint],
) -> (usize, Check) {
    let count = u16::try_from(fingerprints.len()).unwrap_or(u16::MAX).min(RECORD_TAGS_MAX);
    out.clear();
    out.extend_from_slice(&count.to_be_bytes());
    for fingerprint in fingerprints.iter().take(usize::from(count)) {
        out.extend_from_slice(&fingerprint.to_bytes());
    }
    let check = before.next(epoch, out);
    out.extend_from_slice(&check.0.to_be_bytes());
    (usize::from(count), check)
}

/// How many fingerprints the record has that begins so. None: there is no record.
pub(super) fn count(bytes: &[u8]) -> Option<u16> {
    let count = u16::from_be_bytes(*bytes.first_chunk()?);
    (1..=RECORD_TAGS_MAX).contains(&count).then_some(count)
}

/// The fingerprints of a record, which is all of `bytes`, and its check; `None` if that does not fit.
pub(super) fn decode(
    epoch: u64,
    before: Check,
    bytes: &[u8],
) -> Option<(impl Iterator<Item = Fingerprint>, Check)> {
    if bytes.len() != record_len(count(bytes)?) {
        return None;
    }
    let (checked, check) = bytes.split_last_chunk::<CHECK_LEN>()?;
    let expected = before.next(epoch, checked);
    if Check::from_bytes(*check) != expected {
        return None;
    }
    let (fingerprints, _) = checked.get(COUNT_LEN..)?.as_chunks::<{ Fingerprint::LEN }>();
    Some((fingerprints.iter().map(|bytes| Fingerprint::from_bytes(*bytes)), expected))
}
