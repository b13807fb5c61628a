//! One node of the virtual network: a production core, its keys, and what its disk would hold.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use data_encoding::HEXLOWER;
use rand::CryptoRng;
use rand_chacha::ChaCha20Rng;
use sotto_mailbox::core::{BatchId, Mailbox};
use sotto_mailbox::store::{MemoryStore, StoreOp};
use sotto_mix_node::core::{Mix, MixConfig};
use sotto_protocol::directory::{Descriptor, DocumentRefusal, EpochKey, Role, SignedDescriptor};
use sotto_protocol::ident::{NodeId, NodeSecret};
use sotto_protocol::ledger::LedgerReport;
use sotto_protocol::limits::REPLAY_TAGS_MAX;
use sotto_protocol::mailbox::Command;
use sotto_protocol::sphinx::{Fingerprint, HopSecret, Packet, ReplaySet, TagHashKey, Unwrapped};
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

/// Records that a mailbox of the virtual network may hold.
const QUOTA: u64 = 1_000_000;

/// A running core.
pub(super) enum Core {
    /// An entry or a mix.
    Mix(Box<Mix>),
    /// A mailbox, and the batch that its disk is busy with.
    Mailbox(Box<Mailbox>, Option<(BatchId, Vec<StoreOp>)>),
}

/// A node with its disk. The core is gone while it is down.
pub(super) struct Host {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) secret: NodeSecret,
    pub(super) core: Option<Core>,
    pub(super) rng: ChaCha20Rng,
    /// When a wake-up is already scheduled.
    pub(super) wake: Timestamp,
    /// Survives a crash, as files would.
    keys: BTreeMap<u64, Zeroizing<[u8; 32]>>,
    /// The replay tags that a mix has made durable, by the epoch of the key.
    tags: BTreeMap<u64, Vec<Fingerprint>>,
    pub(super) store: MemoryStore,
    /// The last words of each crashed core; what it held then is lost.
    pub(super) obituaries: Vec<LedgerReport>,
}

impl Host {
    pub(super) fn new(name: String, role: Role, mut rng: ChaCha20Rng, epoch: u64, now: Timestamp) -> Self {
        let mut host = Self {
            name,
            role,
            secret: NodeSecret::generate(&mut rng),
            core: None,
            rng,
            wake: Timestamp::NEVER,
            keys: BTreeMap::new(),
            tags: BTreeMap::new(),
            store: MemoryStore::new(QUOTA),
            obituaries: Vec::new(),
        };
        host.start(now);
        host.make_key(epoch);
        host.make_key(epoch + 1);
        host
    }

    pub(super) fn id(&self) -> NodeId {
        self.secret.id()
    }

    /// Starts the core with what the disk holds. A consensus has to be handed in.
    pub(super) fn start(&mut self, now: Timestamp) {
        let id = self.id();
        let mut core = match self.role {
            Role::Mailbox => Core::Mailbox(Box::new(Mailbox::new(id, now)), None),
            Role::Entry | Role::Mix => Core::Mix(Box::new(Mix::new(MixConfig::new(id)))),
        };
        for (epoch, seed) in &self.keys {
            let seen = self.tags.get(epoch).map_or(&[][..], Vec::as_slice);
            core.install_key(*epoch, HopSecret::from_bytes(seed.clone()), seen);
        }
        self.core = Some(core);
    }

    /// The core vanishes with all that it held; keys and store stay.
    pub(super) fn crash(&mut self, now: Timestamp) {
        if let Some(core) = self.core.take() {
            self.obituaries.push(core.ledger(now));
        }
        self.wake = Timestamp::NEVER;
    }

    /// Makes the Sphinx key of an epoch, unless there is one, and forgets those of long ago.
    pub(super) fn make_key(&mut self, epoch: u64) {
        let secret = HopSecret::generate(&mut self.rng);
        self.keys.entry(epoch).or_insert_with(|| secret.to_bytes());
        self.keys.retain(|old, _| *old + 1 >= epoch.saturating_sub(1));
        self.tags.retain(|old, _| self.keys.contains_key(old));
        if let (Some(core), Some(seed)) = (&mut self.core, self.keys.get(&epoch)) {
            core.install_key(epoch, HopSecret::from_bytes(seed.clone()), &[]);
        }
    }

    /// Writes replay tags to the disk.
    pub(super) fn keep_tags(&mut self, tags: &[(u64, Fingerprint)]) {
        for (epoch, tag) in tags {
            self.tags.entry(*epoch).or_default().push(*tag);
        }
    }

    /// Deletes replay tags from the disk.
    pub(super) fn lose_tags(&mut self) {
        self.tags.clear();
    }

    /// The descriptor with the keys of `epoch` and later.
    pub(super) fn descriptor(
        &self,
        network: &str,
        epoch: u64,
        now: Timestamp,
    ) -> Result<SignedDescriptor, DocumentRefusal> {
        Descriptor {
            network: network.to_owned(),
            node: self.id(),
            role: self.role,
            address: "127.0.0.1:1".to_owned(),
            // A mix has none. Nobody dials it here; it has to look like an address.
            onion_address: (self.role != Role::Mix).then(|| format!("{}.onion:1", "a".repeat(56))),
            hop_keys: self
                .keys
                .range(epoch..)
                .map(|(epoch, seed)| EpochKey {
                    epoch: *epoch,
                    key: HopSecret::from_bytes(seed.clone()).public(),
                })
                .collect(),
            published: now,
            software: "sotto-vnet".to_owned(),
            capabilities: Vec::new(),
        }
        .sign(&self.secret)
    }

    /// Takes this host's layer off a packet, without any of the checks that the core makes.
    pub(super) fn peel(&self, packet: &Packet) -> Option<Unwrapped> {
        self.keys.values().rev().find_map(|seed| {
            let verified = HopSecret::from_bytes(seed.clone()).verify(packet.clone()).ok()?;
            verified.unwrap(Duration::ZERO).ok()
        })
    }

    /// The epochs of its Sphinx keys, in order.
    pub(super) fn key_epochs(&self) -> impl Iterator<Item = u64> {
        self.keys.keys().copied()
    }

    /// Its Sphinx keys by their epochs, in order.
    pub(super) fn hop_secrets(&self) -> Vec<(u64, HopSecret)> {
        self.keys.iter().map(|(epoch, seed)| (*epoch, HopSecret::from_bytes(seed.clone()))).collect()
    }

    /// What a packet says to this host, in words, if it is for it: the command and the first digits of its box's id.
    pub(super) fn look_into(&self, packet: &Packet) -> Option<String> {
        self.keys.values().find_map(|seed| {
            let verified = HopSecret::from_bytes(seed.clone()).verify(packet.clone()).ok()?;
            let Ok(Unwrapped::Final { payload, .. }) = verified.unwrap(Duration::ZERO) else { return None };
            let command = Command::parse(&payload.into_text().ok()?).ok()?;
            let id = match &command {
                Command::Write { sealed, .. } => *sealed.id(),
                Command::Read { id, .. } => *id,
                Command::Drop | Command::Tombstone { .. } => return Some(command.label().to_owned()),
            };
            let digits = HEXLOWER.encode(id.as_bytes().get(..6)?);
            Some(format!("{} {digits}", command.label()))
        })
    }

    /// The books of the core that runs, if one does.
    pub(super) fn ledger(&self, now: Timestamp) -> Option<LedgerReport> {
        self.core.as_ref().map(|core| core.ledger(now))
    }
}

impl Core {
    fn install_key(&mut self, epoch: u64, secret: HopSecret, seen: &[Fingerprint]) {
        match self {
            Self::Mix(mix) => {
                let mut tags = ReplaySet::new(TagHashKey::derive(&secret), REPLAY_TAGS_MAX);
                seen.iter().for_each(|tag| tags.restore(*tag));
                mix.install_key(epoch, secret, tags)
            }
            Self::Mailbox(mailbox, _) => mailbox.install_key(epoch, secret),
        };
    }

    pub(super) fn poll_timeout(&self) -> Timestamp {
        match self {
            Self::Mix(mix) => mix.poll_timeout(),
            Self::Mailbox(mailbox, _) => mailbox.poll_timeout(),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        match self {
            Self::Mix(mix) => mix.handle_timeout(now, rng),
            Self::Mailbox(mailbox, _) => mailbox.handle_timeout(now, rng),
        }
    }

    pub(super) fn quiesce(&mut self) {
        match self {
            Self::Mix(mix) => mix.quiesce(),
            Self::Mailbox(mailbox, _) => mailbox.quiesce(),
        }
    }

    fn ledger(&self, now: Timestamp) -> LedgerReport {
        match self {
            Self::Mix(mix) => mix.report().ledger,
            Self::Mailbox(mailbox, _) => mailbox.report(now).ledger,
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Host({}, {})", self.name, if self.core.is_some() { "up" } else { "down" })
    }
}
