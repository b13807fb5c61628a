//! The logs by epoch, and a commit over several of them.

use std::collections::BTreeMap;

use sotto_protocol::sphinx::Fingerprint;

use super::log::Log;
use super::{KEPT_TAGS_MAX, TagLogError, TagLogSize};

#[derive(Debug, Default)]
pub(super) struct Table {
    logs: BTreeMap<u64, Log>,
    retired_before: u64,
}

impl Table {
    pub(super) fn insert(&mut self, epoch: u64, log: Log) {
        self.logs.insert(epoch, log);
    }

    pub(super) fn get(&self, epoch: u64) -> Result<&Log, TagLogError> {
        self.logs.get(&epoch).ok_or(TagLogError::NoLog(epoch))
    }

    pub(super) fn remove(&mut self, epoch: u64) {
        self.logs.remove(&epoch);
    }

    pub(super) fn retire_before(&mut self, epoch: u64) {
        self.retired_before = self.retired_before.max(epoch);
        self.logs = self.logs.split_off(&self.retired_before);
    }

    pub(super) fn kept(&self) -> usize {
        self.logs.values().map(Log::kept).sum()
    }

    pub(super) fn sizes(&self) -> Vec<TagLogSize> {
        let size = |(epoch, log): (&u64, &Log)| {
            let (tags, bytes) = log.size();
            TagLogSize { epoch: *epoch, tags, bytes }
        };
        self.logs.iter().map(size).collect()
    }

    pub(super) fn commit(&mut self, batch: &[(u64, Fingerprint)]) -> Result<(), TagLogError> {
        let is_retired = |epoch: u64| epoch < self.retired_before;
        let unknown = batch.iter().find(|(epoch, _)| !is_retired(*epoch) && !self.logs.contains_key(epoch));
        if let Some((epoch, _)) = unknown {
            return Err(TagLogError::NoLog(*epoch));
        }
        let kept = self.kept();
        if kept > 0 && kept.saturating_add(batch.len()) > KEPT_TAGS_MAX {
            // The disk may have recovered.
            self.sync().map_err(|_| TagLogError::TooManyKept { kept })?;
        }
        for (epoch, fingerprint) in batch {
            if let Some(log) = self.logs.get_mut(epoch) {
                log.push(*fingerprint);
            }
        }
        self.sync()
    }

    /// All logs, also those behind one that fails: what can be durable is.
    fn sync(&mut self) -> Result<(), TagLogError> {
        let results: Vec<Result<(), TagLogError>> = self.logs.values_mut().map(Log::sync).collect();
        results.into_iter().collect()
    }
}
