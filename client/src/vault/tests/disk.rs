//! Three files in memory, whose writes can be made to stop anywhere, torn in the middle.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::vault::medium::{Media, Medium, Place};

/// What is left after the process or the machine has stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stop {
    /// kill -9: every write that was made is there.
    Process,
    /// A power cut: of each file only what was synchronised is there.
    Power,
}

#[derive(Default)]
struct Bytes {
    now: Vec<u8>,
    /// What was overwritten since the last synchronisation, and the length before, the latest last.
    undo: Vec<(usize, Vec<u8>, usize)>,
}

/// One file.
pub(super) struct Memory {
    bytes: Mutex<Bytes>,
    writes_left: Arc<AtomicU64>,
    syncs: Arc<AtomicU64>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory")
    }
}

impl Memory {
    fn new(now: Vec<u8>, writes_left: &Arc<AtomicU64>, syncs: &Arc<AtomicU64>) -> Arc<Self> {
        let bytes = Mutex::new(Bytes { now, undo: Vec::new() });
        Arc::new(Self { bytes, writes_left: Arc::clone(writes_left), syncs: Arc::clone(syncs) })
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().now.clone()
    }

    fn after(&self, stop: Stop) -> Vec<u8> {
        let bytes = self.bytes.lock().unwrap();
        let mut now = bytes.now.clone();
        if stop == Stop::Power {
            for (offset, old, len) in bytes.undo.iter().rev() {
                now.resize(*len, 0);
                now[*offset..offset + old.len()].copy_from_slice(old);
            }
        }
        now
    }

    /// How much of a write of `len` bytes takes place.
    fn allowance(&self, len: usize) -> Option<usize> {
        let take = |left: u64| (left != u64::MAX && left > 0).then(|| left - 1);
        match self.writes_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(1) => Some(len / 2),
            Ok(_) | Err(u64::MAX) => None,
            Err(_) => Some(0),
        }
    }
}

impl Medium for Memory {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().unwrap().now.len() as u64)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = self.bytes.lock().unwrap();
        let offset = usize::try_from(offset).unwrap();
        let found = bytes.now.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn write_at(&self, offset: u64, new: &[u8]) -> io::Result<()> {
        let allowance = self.allowance(new.len());
        let new = &new[..allowance.unwrap_or(new.len())];
        let mut bytes = self.bytes.lock().unwrap();
        let (offset, len) = (usize::try_from(offset).unwrap(), bytes.now.len());
        let end = offset + new.len();
        let old = bytes.now[offset.min(len)..end.min(len)].to_vec();
        bytes.undo.push((offset.min(len), old, len));
        bytes.now.resize(len.max(end), 0);
        bytes.now[offset..end].copy_from_slice(new);
        match allowance {
            None => Ok(()),
            Some(_) => Err(io::Error::other("stopped")),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if self.allowance(2).is_some() {
            return Err(io::Error::other("stopped"));
        }
        let mut bytes = self.bytes.lock().unwrap();
        let (before, len) = (bytes.now.len(), usize::try_from(len).unwrap());
        let cut = bytes.now[len.min(before)..].to_vec();
        bytes.undo.push((len.min(before), cut, before));
        bytes.now.resize(len, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        if self.writes_left.load(Ordering::Relaxed) == 0 {
            return Err(io::Error::other("stopped"));
        }
        self.bytes.lock().unwrap().undo.clear();
        self.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The files of one vault.
pub(super) struct Disk {
    pub(super) records: Arc<Memory>,
    pub(super) keys: Arc<Memory>,
    pub(super) erasure: Arc<Memory>,
    writes_left: Arc<AtomicU64>,
    syncs: Arc<AtomicU64>,
}

impl Disk {
    pub(super) fn new(records: Vec<u8>, keys: Vec<u8>, erasure: Vec<u8>) -> Self {
        let writes_left = Arc::new(AtomicU64::new(u64::MAX));
        let syncs = Arc::new(AtomicU64::new(0));
        Self {
            records: Memory::new(records, &writes_left, &syncs),
            keys: Memory::new(keys, &writes_left, &syncs),
            erasure: Memory::new(erasure, &writes_left, &syncs),
            writes_left,
            syncs,
        }
    }

    pub(super) fn empty() -> Self {
        Self::new(Vec::new(), Vec::new(), Vec::new())
    }

    /// The write after `writes` more is torn, and nothing is written any more.
    pub(super) fn stop_after(&self, writes: u64) {
        self.writes_left.store(writes + 1, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.writes_left.load(Ordering::Relaxed) == 0
    }

    /// How often something was made durable: a power cut leaves the same between two of these.
    pub(super) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// What somebody finds who starts again.
    pub(super) fn after(&self, stop: Stop) -> Self {
        Self::new(self.records.after(stop), self.keys.after(stop), self.erasure.after(stop))
    }

    pub(super) fn copy(&self) -> Self {
        self.after(Stop::Process)
    }

    pub(super) fn media(&self) -> Media {
        let place = |name: &str, medium: &Arc<Memory>| Place {
            path: PathBuf::from(name),
            medium: Arc::<Memory>::clone(medium),
        };
        Media {
            records: place("vault.redb", &self.records),
            keys: place("vault.keys", &self.keys),
            erasure: Some(place("vault.erasure", &self.erasure)),
        }
    }
}
