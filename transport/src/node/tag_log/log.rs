//! The log of one epoch: where its last durable record ends, and what waits to go behind it.
//!
//! Nothing is ever counted as durable but a record that was written whole and then synchronised with success. What
//! a failure left behind the last such record is overwritten by the next one, and is no part of the log. A failed
//! synchronisation may have cost the pages written before it, and the next one would not tell: so the tags stay in
//! memory and are written anew.

use std::io;
use std::path::{Path, PathBuf};

use sotto_protocol::sphinx::Fingerprint;

use super::TagLogError;
use super::file::{TagFile, read_all_at, write_all_at};
use super::format::{self, RECORD_TAGS_MAX};
use super::scan::{End, Fault, scan};

#[derive(Debug)]
pub(super) struct Log {
    epoch: u64,
    path: PathBuf,
    file: Box<dyn TagFile>,
    end: End,
    /// What is not durable yet, in the order in which it came.
    kept: Vec<Fingerprint>,
    /// The bytes of a record while it is written.
    record: Vec<u8>,
}

impl Log {
    /// Reads the log once, cuts off what a crash left behind the last whole record, and makes that record durable: it
    /// may be in the system's memory only, if the process before was killed after the disk had failed.
    pub(super) fn open(epoch: u64, path: &Path, file: Box<dyn TagFile>) -> Result<Self, TagLogError> {
        let end = scan(&*file, epoch, &mut |_| ()).map_err(explain(path))?;
        if end.torn_len > 0 {
            tracing::info!(
                epoch,
                bytes = end.torn_len,
                "a commit of replay tags was cut off; its packets had not left"
            );
            // What cannot be cut off is overwritten.
            let _cut = file.set_len(end.offset);
        }
        let log = Self { epoch, path: path.to_owned(), file, end, kept: Vec::new(), record: Vec::new() };
        log.write_last_again()?;
        Ok(log)
    }

    fn write_last_again(&self) -> Result<(), TagLogError> {
        if self.end.last_len == 0 {
            return Ok(());
        }
        let offset = self.end.offset.saturating_sub(self.end.last_len);
        let mut record = vec![0; usize::try_from(self.end.last_len).unwrap_or_default()];
        read_all_at(&*self.file, offset, &mut record).map_err(Fault::from).map_err(explain(&self.path))?;
        write_all_at(&*self.file, offset, &record).map_err(self.not_durable("write"))?;
        self.file.sync_data().map_err(self.not_durable("synchronise"))
    }

    /// Shows `visit` all durable fingerprints, and returns how many there are.
    pub(super) fn load(&self, visit: &mut dyn FnMut(Fingerprint)) -> Result<u64, TagLogError> {
        let found = scan(&*self.file, self.epoch, visit).map_err(explain(&self.path))?;
        // Somebody else has cut the file, or what was durable is not.
        if found.offset < self.end.offset {
            return Err(TagLogError::Damaged { path: self.path.clone(), at: found.offset });
        }
        Ok(found.tags)
    }

    /// Takes a fingerprint for the next [`sync`](Self::sync).
    pub(super) fn push(&mut self, fingerprint: Fingerprint) {
        self.kept.push(fingerprint);
    }

    /// How many fingerprints are not durable.
    pub(super) const fn kept(&self) -> usize {
        self.kept.len()
    }

    /// How many fingerprints are durable, and the bytes of the log that hold them.
    pub(super) const fn size(&self) -> (u64, u64) {
        (self.end.tags, self.end.offset)
    }

    /// Makes durable what was taken. After an error, what is not durable is kept.
    pub(super) fn sync(&mut self) -> Result<(), TagLogError> {
        while !self.kept.is_empty() {
            self.append().inspect_err(|_| {
                // It makes room on a full disk. What cannot be cut off is overwritten.
                let _cut = self.file.set_len(self.end.offset);
            })?;
        }
        Ok(())
    }

    /// One record, durable before another is begun: so a crash can cut off no more than one.
    fn append(&mut self) -> Result<(), TagLogError> {
        let mut record = std::mem::take(&mut self.record);
        let (count, check) = format::encode(&mut record, self.epoch, self.end.check, &self.kept);
        let written = write_all_at(&*self.file, self.end.offset, &record);
        let len = record.len() as u64;
        self.record = record;
        written.map_err(self.not_durable("write"))?;
        self.file.sync_data().map_err(self.not_durable("synchronise"))?;
        self.end.offset = self.end.offset.saturating_add(len);
        self.end.tags = self.end.tags.saturating_add(count as u64);
        self.end.check = check;
        self.kept.drain(..count);
        // After a disk that failed for long, what was needed then is given back.
        if self.kept.is_empty() {
            self.kept.shrink_to(RECORD_TAGS_MAX.into());
        }
        Ok(())
    }

    fn not_durable(&self, what: &'static str) -> impl FnOnce(io::Error) -> TagLogError {
        let path = self.path.clone();
        move |reason| TagLogError::NotDurable { what, path, reason }
    }
}

fn explain(path: &Path) -> impl FnOnce(Fault) -> TagLogError {
    let path = path.to_owned();
    move |fault| match fault {
        Fault::Io(reason) => crate::private::PrivateFileError::Io { what: "read", path, reason }.into(),
        Fault::Version(version) => TagLogError::Version { path, version },
        Fault::Damaged(at) => TagLogError::Damaged { path, at },
    }
}
