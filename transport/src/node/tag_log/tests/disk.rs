//! A file in memory behind a page cache, whose operations can fail in every way that a disk's can.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use rand::RngExt;
use rand_chacha::ChaCha20Rng;

use super::rng;
use crate::node::tag_log::file::TagFile;

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => {
                bytes.resize(bytes.len().max(offset + data.len()), 0);
                bytes[*offset..offset + data.len()].copy_from_slice(data);
            }
            Self::SetLen(len) => bytes.resize(*len, 0),
        }
    }

    /// As much of it as a disk may have done when it stopped.
    fn partly(&self, rng: &mut ChaCha20Rng) -> Option<Self> {
        match (rng.random_range(0..3), self) {
            (0, _) => None,
            (1, Self::Write(offset, data)) => {
                Some(Self::Write(*offset, data[..rng.random_range(0..=data.len())].to_vec()))
            }
            _ => Some(self.clone()),
        }
    }
}

/// How often of a hundred times each operation fails.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trouble {
    /// Fewer bytes are written than were given, with success.
    pub(super) short_write: u32,
    /// A write is interrupted by a signal.
    pub(super) interrupted: u32,
    /// A part is written, and there is no room for the rest.
    pub(super) full: u32,
    /// A part may be written, and the disk fails.
    pub(super) write: u32,
    pub(super) sync: u32,
    pub(super) set_len: u32,
    pub(super) read: u32,
}

/// How often each operation has failed or been done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) writes: u64,
    pub(super) syncs: u64,
    pub(super) failed_writes: u64,
    pub(super) failed_syncs: u64,
    pub(super) failed_cuts: u64,
}

#[derive(Debug)]
struct Platter {
    /// What a reader sees.
    cached: Vec<u8>,
    /// What a power cut leaves for certain.
    durable: Vec<u8>,
    /// What the next synchronisation will make durable.
    dirty: Vec<Change>,
    trouble: Trouble,
    counts: Counts,
    rng: ChaCha20Rng,
}

impl Platter {
    fn happens(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.cached);
        self.dirty.push(change);
    }
}

/// Clones are the same disk: it outlives a process that is killed, and its page cache does.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Mutex<Platter>>);

impl Disk {
    pub(super) fn holding(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Platter {
            cached: bytes.clone(),
            durable: bytes,
            dirty: Vec::new(),
            trouble: Trouble::default(),
            counts: Counts::default(),
            rng: rng(0),
        })))
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap()
    }

    pub(super) fn give_trouble(&self, trouble: Trouble, seed: u64) {
        let mut platter = self.platter();
        (platter.trouble, platter.rng) = (trouble, rng(seed));
    }

    pub(super) fn counts(&self) -> Counts {
        self.platter().counts
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.platter().cached.clone()
    }

    /// What was synchronised, and of what was not, any part of each change.
    pub(super) fn after_power_cut(&self, rng: &mut ChaCha20Rng) -> Self {
        let platter = self.platter();
        let mut bytes = platter.durable.clone();
        for change in platter.dirty.iter().filter_map(|change| change.partly(rng)) {
            change.apply(&mut bytes);
        }
        Self::holding(bytes)
    }
}

impl TagFile for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.platter().cached.len() as u64)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let mut platter = self.platter();
        let percent = platter.trouble.read;
        if platter.happens(percent) {
            return Err(io::Error::other("the disk cannot be read"));
        }
        let from = usize::try_from(offset).unwrap().min(platter.cached.len());
        let len = out.len().min(platter.cached.len() - from);
        out[..len].copy_from_slice(&platter.cached[from..from + len]);
        Ok(len)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut platter = self.platter();
        let offset = usize::try_from(offset).unwrap();
        let trouble = platter.trouble;
        if platter.happens(trouble.interrupted) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let fails = [(trouble.full, io::ErrorKind::StorageFull), (trouble.write, io::ErrorKind::Other)]
            .into_iter()
            .find(|(percent, _)| platter.happens(*percent));
        let is_short = fails.is_some() || platter.happens(trouble.short_write);
        let len = if is_short { platter.rng.random_range(0..=bytes.len()) } else { bytes.len() };
        platter.counts.writes += 1;
        match fails {
            Some((_, kind)) => {
                platter.counts.failed_writes += 1;
                platter.change(Change::Write(offset, bytes[..len].to_vec()));
                Err(kind.into())
            }
            // No file system says that it has written nothing of something.
            None => {
                let len = len.max(1);
                platter.change(Change::Write(offset, bytes[..len].to_vec()));
                Ok(len)
            }
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut platter = self.platter();
        let percent = platter.trouble.set_len;
        if platter.happens(percent) {
            platter.counts.failed_cuts += 1;
            return Err(io::Error::other("the length cannot be changed"));
        }
        platter.change(Change::SetLen(usize::try_from(len).unwrap()));
        Ok(())
    }

    /// After a failure, what was to be made durable is so in part or not at all, and is not tried again: the next
    /// success tells nothing about it (as on Linux, where failed pages are marked clean).
    fn sync_data(&self) -> io::Result<()> {
        let mut platter = self.platter();
        platter.counts.syncs += 1;
        let percent = platter.trouble.sync;
        let fails = platter.happens(percent);
        for change in std::mem::take(&mut platter.dirty) {
            let done = if fails { change.partly(&mut platter.rng) } else { Some(change) };
            if let Some(done) = done {
                done.apply(&mut platter.durable);
            }
        }
        if fails {
            platter.counts.failed_syncs += 1;
            return Err(io::Error::other("the disk did not take what was written"));
        }
        Ok(())
    }
}
