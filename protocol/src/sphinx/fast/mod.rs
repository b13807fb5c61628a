//! Stand-in.
use super::{HopPublic, HopSecret, Packet, Refusal, ReplayTag, Unwrapped};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Keys.
#[derive(Clone, Default)]
pub struct HopKeys {
    keys: Arc<BTreeMap<u64, Arc<HopSecret>>>,
}
impl HopKeys {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds.
    pub fn insert(&mut self, epoch: u64, secret: HopSecret) -> bool {
        if self.contains(epoch) {
            return false;
        }
        Arc::make_mut(&mut self.keys).insert(epoch, Arc::new(secret));
        true
    }
    /// Wipes.
    pub fn retire_before(&mut self, epoch: u64) {
        let keys = Arc::make_mut(&mut self.keys);
        *keys = keys.split_off(&epoch);
    }
    /// Has.
    #[must_use]
    pub fn contains(&self, epoch: u64) -> bool {
        self.keys.contains_key(&epoch)
    }
    /// Public.
    #[must_use]
    pub fn public_keys(&self) -> Vec<(u64, HopPublic)> {
        self.keys.iter().map(|(e, s)| (*e, s.public())).collect()
    }
}
impl fmt::Debug for HopKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HopKeys({:?})", self.public_keys())
    }
}
/// Opened.
#[derive(Debug)]
pub struct Opened {
    /// Epoch.
    pub epoch: u64,
    /// Tag.
    pub tag: ReplayTag,
    /// What.
    pub unwrapped: Unwrapped,
}
/// Backend.
#[derive(Clone, Copy, Debug)]
pub enum X25519 {
    /// Dalek.
    Dalek,
}
impl X25519 {
    /// Detects.
    #[must_use]
    pub fn detect() -> Self {
        Self::Dalek
    }
    /// Name.
    #[must_use]
    pub fn name(self) -> &'static str {
        "dalek"
    }
}
/// Unwrapper.
#[derive(Debug)]
pub struct BatchUnwrapper {}
impl BatchUnwrapper {
    /// New.
    #[must_use]
    pub fn new(_backend: X25519) -> Self {
        Self {}
    }
    /// Unwraps.
    pub fn unwrap(
        &mut self,
        keys: &HopKeys,
        now_epoch: u64,
        delay_max: Duration,
        packets: impl IntoIterator<Item = Packet>,
        out: &mut Vec<Result<Opened, Refusal>>,
    ) {
        for packet in packets {
            out.push(one(keys, now_epoch, delay_max, packet));
        }
    }
}
fn one(keys: &HopKeys, now_epoch: u64, delay_max: Duration, packet: Packet) -> Result<Opened, Refusal> {
    let mut packet = packet;
    let mut refusal = Refusal::NoKey;
    for epoch in [Some(now_epoch), now_epoch.checked_sub(1), now_epoch.checked_add(1)].into_iter().flatten() {
        let Some(secret) = keys.keys.get(&epoch) else { continue };
        match secret.verify(packet) {
            Ok(verified) => {
                let tag = verified.tag();
                return verified.unwrap(delay_max).map(|unwrapped| Opened { epoch, tag, unwrapped });
            }
            Err((returned, Refusal::HeaderMac)) => {
                packet = returned;
                refusal = Refusal::HeaderMac;
            }
            Err((_, other)) => return Err(other),
        }
    }
    Err(refusal)
}
