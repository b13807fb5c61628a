//! A node's hop keys by epoch, each with the replay tags seen under it.
//!
//! A packet is made for the key of the epoch in which its sender expects it to pass. Clocks differ and
//! packets wait, so the keys of the epochs before and after are tried as well. What is not here: making
//! keys, storing them, and deciding when an epoch ends.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::limits::REPLAY_TAGS_MAX;

use super::{
    Fingerprint, HopPublic, HopSecret, Packet, Refusal, ReplaySet, ReplayTag, ReplayVerdict, TagHashKey,
    Unwrapped, Verified,
};

struct EpochEntry {
    secret: HopSecret,
    seen: ReplaySet,
}

/// The keys in use. `Debug` shows epochs and public halves only.
pub struct KeyRing {
    keys: BTreeMap<u64, EpochEntry>,
    retired_before: u64,
    tags_max: usize,
}

impl KeyRing {
    /// An empty ring; each key's set holds up to [`REPLAY_TAGS_MAX`] tags.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_tags_max(REPLAY_TAGS_MAX)
    }

    /// An empty ring; each key's set holds up to `tags_max` tags.
    #[must_use]
    pub const fn with_tags_max(tags_max: usize) -> Self {
        Self { keys: BTreeMap::new(), retired_before: 0, tags_max }
    }

    /// Adds the key of an epoch. `false`, and no change, if the epoch has a key or has been retired: a key
    /// must not come back without the tags that were seen under it.
    pub fn install(&mut self, epoch: u64, secret: HopSecret) -> bool {
        if epoch < self.retired_before || self.keys.contains_key(&epoch) {
            return false;
        }
        let seen = ReplaySet::new(TagHashKey::derive(&secret), self.tags_max);
        self.keys.insert(epoch, EpochEntry { secret, seen });
        true
    }

    /// Wipes the keys of all epochs before `epoch`, with their tags.
    pub fn retire_before(&mut self, epoch: u64) {
        self.retired_before = self.retired_before.max(epoch);
        self.keys = self.keys.split_off(&self.retired_before);
    }

    /// Whether there is a key for `epoch`.
    #[must_use]
    pub fn contains(&self, epoch: u64) -> bool {
        self.keys.contains_key(&epoch)
    }

    /// The epochs that have a key, ascending, with the public halves.
    #[must_use]
    pub fn public_keys(&self) -> Vec<(u64, HopPublic)> {
        self.keys.iter().map(|(epoch, entry)| (*epoch, entry.secret.public())).collect()
    }

    /// How many replay tags are remembered under all keys.
    #[must_use]
    pub fn tags_len(&self) -> usize {
        self.keys.values().map(|entry| entry.seen.len()).sum()
    }

    /// Takes this node's layer off a packet: tries the key of `now_epoch`, then that of the epoch before,
    /// then that of the epoch after; checks for a replay; clamps the delay to `delay_max`.
    ///
    /// # Errors
    /// Any [`Refusal`] of a packet. Only a packet whose header MAC matched leaves a tag behind.
    pub fn unwrap(
        &mut self,
        now_epoch: u64,
        packet: Packet,
        delay_max: Duration,
    ) -> Result<Unwrapped, Refusal> {
        self.unwrap_seen_by(ReplaySet::insert, now_epoch, packet, delay_max)
    }

    /// As [`unwrap`](Self::unwrap), for packets of people whom nothing holds to a rate: they are refused as
    /// [`Refusal::ReplayCacheFull`] once half of the room for replay tags is taken, which leaves the other half to
    /// packets that come through the network.
    ///
    /// # Errors
    /// As [`unwrap`](Self::unwrap).
    pub fn unwrap_sparing(
        &mut self,
        now_epoch: u64,
        packet: Packet,
        delay_max: Duration,
    ) -> Result<Unwrapped, Refusal> {
        self.unwrap_seen_by(ReplaySet::insert_in_half, now_epoch, packet, delay_max)
    }

    fn unwrap_seen_by(
        &mut self,
        insert: impl FnOnce(&mut ReplaySet, &ReplayTag) -> (ReplayVerdict, Fingerprint),
        now_epoch: u64,
        packet: Packet,
        delay_max: Duration,
    ) -> Result<Unwrapped, Refusal> {
        let (epoch, verified) = self.verify(now_epoch, packet)?;
        let entry = self.keys.get_mut(&epoch).ok_or(Refusal::NoKey)?;
        match insert(&mut entry.seen, &verified.tag()).0 {
            ReplayVerdict::Fresh => verified.unwrap(delay_max),
            ReplayVerdict::Replayed => Err(Refusal::Replayed),
            ReplayVerdict::Full => Err(Refusal::ReplayCacheFull),
        }
    }

    fn verify(&self, now_epoch: u64, packet: Packet) -> Result<(u64, Verified), Refusal> {
        let mut packet = packet;
        let mut refusal = Refusal::NoKey;
        let epochs = [Some(now_epoch), now_epoch.checked_sub(1), now_epoch.checked_add(1)];
        for epoch in epochs.into_iter().flatten() {
            let Some(entry) = self.keys.get(&epoch) else {
                continue;
            };
            match entry.secret.verify(packet) {
                Ok(verified) => return Ok((epoch, verified)),
                Err((returned, Refusal::HeaderMac)) => {
                    packet = returned;
                    refusal = Refusal::HeaderMac;
                }
                Err((_, other)) => return Err(other),
            }
        }
        Err(refusal)
    }
}

impl Default for KeyRing {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({:?})", self.public_keys())
    }
}
