//! Reading a log from its beginning to the end of its last whole record.
//!
//! A crash can cut off the last record, and only that one: each was durable before the next was begun. So when
//! anything whole follows one that does not check, or more than a record does, the log was damaged in
//! another way: what it lost may be tags whose packets have left.

use std::io;

use sotto_protocol::sphinx::Fingerprint;

use super::file::{TagFile, read_up_to};
use super::format::{self, CHECK_LEN, Check, HEADER_LEN, HeaderFault, RECORD_LEN_MAX, RECORD_OVERHEAD};

/// Bytes that are read at once: two records of any length fit.
const WINDOW_LEN: usize = 1 << 17;
const _: () = assert!(WINDOW_LEN >= 2 * RECORD_LEN_MAX);

/// Where the whole records of a log end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The offset behind the last of them.
    pub(super) offset: u64,
    /// Its check.
    pub(super) check: Check,
    /// How many fingerprints the records hold.
    pub(super) tags: u64,
    /// Bytes of the last of them, 0 if there is none.
    pub(super) last_len: u64,
    /// Bytes behind it that a crash left.
    pub(super) torn_len: u64,
}

/// Why a log cannot be used.
#[derive(Debug)]
pub(super) enum Fault {
    /// It could not be read.
    Io(io::Error),
    /// It has a version that this program does not know.
    Version(u8),
    /// What it holds is not what was made durable, from this offset on.
    Damaged(u64),
}

impl From<io::Error> for Fault {
    fn from(reason: io::Error) -> Self {
        Self::Io(reason)
    }
}

/// Reads the log of `epoch`, and shows `visit` each fingerprint of its whole records.
pub(super) fn scan(file: &dyn TagFile, epoch: u64, visit: &mut dyn FnMut(Fingerprint)) -> Result<End, Fault> {
    let mut window = Window::new(file);
    let header = window.at(0, HEADER_LEN)?;
    let check = format::check_header(epoch, header).map_err(|fault| match fault {
        HeaderFault::Version(version) => Fault::Version(version),
        HeaderFault::Damaged => Fault::Damaged(0),
    })?;
    let mut end = End { offset: HEADER_LEN as u64, check, tags: 0, last_len: 0, torn_len: 0 };
    while let Some((len, count, check)) = record(&mut window, epoch, end.offset, end.check, visit)? {
        end.offset = end.offset.saturating_add(len);
        end.tags = end.tags.saturating_add(count.into());
        end.check = check;
        end.last_len = len;
    }
    end.torn_len = file.len()?.saturating_sub(end.offset);
    if end.torn_len > 0 && !is_torn(&mut window, epoch, end)? {
        return Err(Fault::Damaged(end.offset));
    }
    Ok(end)
}

/// The whole record at `offset`, if there is one: its length, how many fingerprints it has, its check.
fn record(
    window: &mut Window<'_>,
    epoch: u64,
    offset: u64,
    before: Check,
    visit: &mut dyn FnMut(Fingerprint),
) -> io::Result<Option<(u64, u16, Check)>> {
    let Some(count) = format::count(window.at(offset, RECORD_OVERHEAD)?) else {
        return Ok(None);
    };
    let len = format::record_len(count);
    let Some((fingerprints, check)) = format::decode(epoch, before, window.at(offset, len)?) else {
        return Ok(None);
    };
    fingerprints.for_each(visit);
    Ok(Some((len as u64, count, check)))
}

/// Whether a crash can have left what is behind the last whole record: at most a record's length of anything, then
/// zeros, and no other whole record.
fn is_torn(window: &mut Window<'_>, epoch: u64, end: End) -> io::Result<bool> {
    let mut offset = end.offset.saturating_add(RECORD_LEN_MAX as u64);
    loop {
        let behind = window.at(offset, WINDOW_LEN)?;
        if behind.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        if behind.is_empty() {
            break;
        }
        offset = offset.saturating_add(behind.len() as u64);
    }
    Ok(!has_follower(window, epoch, end)?)
}

/// Whether there is a whole record behind the one at the end that does not check. Its count, its fingerprints or its
/// check may be what is wrong: so the next one is looked for at each place, as following the check that stands
/// there, and where it should be, as following the check that should.
fn has_follower(window: &mut Window<'_>, epoch: u64, end: End) -> io::Result<bool> {
    if let Some(count) = format::count(window.at(end.offset, RECORD_OVERHEAD)?) {
        let len = format::record_len(count);
        let follower = end.offset.saturating_add(len as u64);
        let checked = window.at(end.offset, len.saturating_sub(CHECK_LEN))?;
        let before = end.check.next(epoch, checked);
        if record(window, epoch, follower, before, &mut |_| ())?.is_some() {
            return Ok(true);
        }
    }
    for skipped in (format::record_len(1) as u64)..end.torn_len.min(RECORD_LEN_MAX as u64 + 1) {
        let offset = end.offset.saturating_add(skipped);
        let before = window.at(offset.saturating_sub(CHECK_LEN as u64), CHECK_LEN)?;
        let Some(before) = before.first_chunk().map(|bytes| Check::from_bytes(*bytes)) else {
            return Ok(false);
        };
        if record(window, epoch, offset, before, &mut |_| ())?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A piece of the file in memory.
struct Window<'a> {
    file: &'a dyn TagFile,
    start: u64,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are the file's.
    len: usize,
    ends_with_file: bool,
}

impl<'a> Window<'a> {
    fn new(file: &'a dyn TagFile) -> Self {
        Self { file, start: 0, buffer: vec![0; WINDOW_LEN], len: 0, ends_with_file: false }
    }

    /// The bytes at `offset`, `len` of them, or fewer where the file ends.
    fn at(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let wanted_end = offset.saturating_add(len as u64);
        let held_end = self.start.saturating_add(self.len as u64);
        let is_held = offset >= self.start && (wanted_end <= held_end || self.ends_with_file);
        if !is_held {
            self.len = read_up_to(self.file, offset, &mut self.buffer)?;
            self.start = offset;
            self.ends_with_file = self.len < WINDOW_LEN;
        }
        let from = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let there = self.buffer.get(from..self.len).unwrap_or_default();
        Ok(there.get(..len).unwrap_or(there))
    }
}
