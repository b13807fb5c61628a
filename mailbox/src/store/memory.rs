//! A store that forgets everything when it is dropped: for tests and the virtual network.

use std::collections::{BTreeSet, HashMap};

use sotto_protocol::boxes::BoxId;
use sotto_protocol::time::Timestamp;

use super::rules::{Content, Record, decide};
use super::{Store, StoreError, StoreOp, StoreResult, Usage};

/// Boxes and tombstones in memory.
#[derive(Debug)]
pub struct MemoryStore {
    records: HashMap<BoxId, Record>,
    expiry: BTreeSet<(Timestamp, BoxId)>,
    tombstones: u64,
    quota: u64,
}

impl MemoryStore {
    /// An empty store that may hold `quota` records.
    #[must_use]
    pub fn new(quota: u64) -> Self {
        Self { records: HashMap::new(), expiry: BTreeSet::new(), tombstones: 0, quota }
    }

    fn records_held(&self) -> u64 {
        u64::try_from(self.records.len()).unwrap_or(u64::MAX)
    }

    fn put(&mut self, id: BoxId, record: Record) {
        self.forget(&id);
        self.expiry.insert((record.expires, id));
        if matches!(record.content, Content::Tombstone(_)) {
            self.tombstones += 1;
        }
        self.records.insert(id, record);
    }

    fn forget(&mut self, id: &BoxId) {
        if let Some(old) = self.records.remove(id) {
            self.expiry.remove(&(old.expires, *id));
            if matches!(old.content, Content::Tombstone(_)) {
                self.tombstones -= 1;
            }
        }
    }
}

impl Store for MemoryStore {
    fn apply(&mut self, now: Timestamp, ops: &[StoreOp]) -> Result<Vec<StoreResult>, StoreError> {
        let mut results = Vec::with_capacity(ops.len());
        for op in ops {
            let id = op.id();
            let has_room = self.records_held() < self.quota;
            let (result, change) = decide(op, self.records.get(&id), now, has_room);
            if let Some(record) = change {
                self.put(id, record);
            }
            results.push(result);
        }
        Ok(results)
    }

    fn collect_garbage(&mut self, now: Timestamp, records_max: usize) -> Result<usize, StoreError> {
        let expired: Vec<BoxId> = self
            .expiry
            .iter()
            .take_while(|(expires, _)| *expires <= now)
            .take(records_max)
            .map(|(_, id)| *id)
            .collect();
        for id in &expired {
            self.forget(id);
        }
        Ok(expired.len())
    }

    fn usage(&mut self) -> Result<Usage, StoreError> {
        Ok(Usage {
            boxes: self.records_held().saturating_sub(self.tombstones),
            tombstones: self.tombstones,
            quota: self.quota,
        })
    }
}
