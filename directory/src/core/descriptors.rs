//! The descriptors that an authority holds: one for each node, the newest, not too old.
//!
//! What is not here: layers and signing. Those belong to a consensus.

use std::collections::BTreeMap;
use std::time::Duration;

use sotto_protocol::directory::{Descriptor, Role, SignedDescriptor, epoch_of};
use sotto_protocol::ident::NodeId;
use sotto_protocol::limits::NODES_MAX;
use sotto_protocol::time::Timestamp;

use super::config::{AuthorityConfig, Bootstrap};
use super::refusal::DescriptorRefusal;

/// How far ahead of the authority's clock a descriptor may be dated.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(300);

/// Nodes publish once an epoch; one that has missed this many leaves.
pub const EPOCHS_KEPT: u32 = 2;

struct Held {
    bytes: Vec<u8>,
    descriptor: Descriptor,
}

/// The newest descriptor of each node.
#[derive(Default)]
pub(super) struct Descriptors(BTreeMap<NodeId, Held>);

impl Descriptors {
    /// Takes a descriptor that a node has published. Publishing the same bytes again changes nothing.
    pub(super) fn accept(
        &mut self,
        config: &AuthorityConfig,
        now: Timestamp,
        bytes: &[u8],
    ) -> Result<NodeId, DescriptorRefusal> {
        let descriptor = verify(config, bytes)?;
        check_age(config, now, descriptor.published)?;
        check_keys(config, now, &descriptor)?;
        self.hold(bytes, descriptor)
    }

    /// Takes a descriptor back that was accepted before a restart. Its age is not looked at: it leaves
    /// with the next consensus if it is too old.
    pub(super) fn restore(
        &mut self,
        config: &AuthorityConfig,
        bytes: &[u8],
    ) -> Result<NodeId, DescriptorRefusal> {
        let descriptor = verify(config, bytes)?;
        self.hold(bytes, descriptor)
    }

    fn hold(&mut self, bytes: &[u8], descriptor: Descriptor) -> Result<NodeId, DescriptorRefusal> {
        let node = descriptor.node;
        match self.0.get(&node) {
            Some(held) if held.bytes == bytes => return Ok(node),
            Some(held) if held.descriptor.published >= descriptor.published => {
                return Err(DescriptorRefusal::Stale);
            }
            None if self.0.len() >= NODES_MAX => return Err(DescriptorRefusal::Full),
            _ => {}
        }
        self.0.insert(node, Held { bytes: bytes.to_vec(), descriptor });
        Ok(node)
    }

    /// Removes the nodes whose descriptor is too old at `now`, and names them.
    pub(super) fn remove_departed(&mut self, config: &AuthorityConfig, now: Timestamp) -> Vec<NodeId> {
        let departed: Vec<NodeId> = self
            .0
            .iter()
            .filter(|(_, held)| now.since(held.descriptor.published) > age_max(config))
            .map(|(node, _)| *node)
            .collect();
        for node in &departed {
            self.0.remove(node);
        }
        departed
    }

    /// The descriptors of nodes that have announced a key for `epoch`, sorted by node.
    pub(super) fn with_key_for(&self, epoch: u64) -> impl Iterator<Item = &Descriptor> {
        self.0
            .values()
            .map(|held| &held.descriptor)
            .filter(move |descriptor| descriptor.hop_keys.iter().any(|key| key.epoch == epoch))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn verify(config: &AuthorityConfig, bytes: &[u8]) -> Result<Descriptor, DescriptorRefusal> {
    let descriptor = SignedDescriptor::from_bytes(bytes)?.verify(&config.network)?;
    if !config.admission.admits(&descriptor.node) {
        return Err(DescriptorRefusal::NotAdmitted { node: descriptor.node });
    }
    Ok(descriptor)
}

fn check_age(
    config: &AuthorityConfig,
    now: Timestamp,
    published: Timestamp,
) -> Result<(), DescriptorRefusal> {
    let ahead = published.since(now);
    if ahead > CLOCK_SKEW_MAX {
        return Err(DescriptorRefusal::FutureDated {
            ahead_s: ahead.as_secs(),
            ahead_s_max: CLOCK_SKEW_MAX.as_secs(),
        });
    }
    let (age, age_max) = (now.since(published), age_max(config));
    if age > age_max {
        return Err(DescriptorRefusal::Expired { age_s: age.as_secs(), age_s_max: age_max.as_secs() });
    }
    Ok(())
}

fn check_keys(
    config: &AuthorityConfig,
    now: Timestamp,
    descriptor: &Descriptor,
) -> Result<(), DescriptorRefusal> {
    let epoch = epoch_of(now, config.params.epoch_s);
    let useful = epoch..=epoch.saturating_add(1);
    if descriptor.hop_keys.iter().any(|key| useful.contains(&key.epoch)) {
        return Ok(());
    }
    Err(DescriptorRefusal::NoCurrentKey { epoch })
}

fn age_max(config: &AuthorityConfig) -> Duration {
    Duration::from_secs(u64::from(config.params.epoch_s)) * EPOCHS_KEPT
}

/// How many of `descriptors` there are of each role.
pub(super) fn count<'a>(descriptors: impl Iterator<Item = &'a Descriptor>) -> Bootstrap {
    let mut counts = Bootstrap { entries: 0, mixes: 0, mailboxes: 0 };
    for descriptor in descriptors {
        match descriptor.role {
            Role::Entry => counts.entries += 1,
            Role::Mix => counts.mixes += 1,
            Role::Mailbox => counts.mailboxes += 1,
        }
    }
    counts
}
