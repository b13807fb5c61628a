//! A node's part in its network: it publishes a descriptor in every epoch and follows the consensus.
//!
//! A task does both, with the node's hop keys for this epoch and the next ones made, kept on disk and handed
//! over before anybody is told of them. What the node does with keys and consensus is its own affair; the
//! consensus before the newest, which counts for a grace, is for the node's core to keep.

mod error;
mod schedule;
mod serve;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use sotto_protocol::directory::{
    AuthoritySet, Consensus, Descriptor, EpochKey, Freshness, NetworkInfo, Role, SignedConsensus, epoch_of,
    epoch_start,
};
use sotto_protocol::ident::NodeSecret;
use sotto_protocol::limits::{DOCUMENT_LEN_MAX, EPOCH_KEYS_MAX};
use sotto_protocol::sphinx::HopSecret;
use sotto_protocol::time::Timestamp;
use tokio::sync::{mpsc, watch};

use super::epoch_keys::EpochKeys;
use super::shutdown::Shutdown;
use super::tag_log::TagLogs;
use crate::clock::Clock;
use crate::directory_client::{DirectoryError, fetch_consensus, publish_descriptor};
use crate::link::LinkConnector;
use crate::private;
use crate::rng::OsRng;
use schedule::{next_poll, next_publication, retry_at, retry_not_admitted_at};

pub use error::MembershipError;
pub use schedule::{NOT_ADMITTED_RETRY_MAX, POLL_LAG_MAX, POLL_SPREAD_MAX, RETRY_MAX, RETRY_MIN};
pub use serve::{ConsensusAnswer, NO_CONSENSUS};

/// What a node tells its network about itself.
#[derive(Clone, Debug)]
pub struct MembershipConfig {
    /// The network.
    pub network: NetworkInfo,
    /// What the node does.
    pub role: Role,
    /// Where others reach it, `host:port`.
    pub address: String,
    /// Where others reach it as an onion service, if they do.
    pub onion_address: Option<String>,
    /// Name and version of the software.
    pub software: String,
    /// Where the newest consensus is kept over a restart.
    pub consensus_file: PathBuf,
}

/// A consensus that was verified, and its bytes, for others who ask for it.
#[derive(Debug)]
pub struct Adopted {
    /// The signed document as it travels.
    pub bytes: Vec<u8>,
    /// What it says.
    pub consensus: Consensus,
}

impl AsRef<[u8]> for Adopted {
    /// The signed document.
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// How a node's membership stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct MembershipReport {
    /// The epoch of the newest consensus.
    pub epoch: Option<u64>,
    /// The epoch in which a descriptor was last accepted.
    pub published: Option<u64>,
    /// The epoch in which the node's last descriptor was accepted, if that was one with a key for that epoch alone: the
    /// node leaves with the next consensus.
    pub withdrawn: Option<u64>,
    /// Why the last attempt to publish failed, if it did: label and words.
    pub publish_failure: Option<(String, String)>,
    /// Why the last attempt to fetch a newer consensus failed, if it did: label and words.
    pub fetch_failure: Option<(String, String)>,
}

/// What the membership hands to the node.
pub struct Membership {
    /// The newest consensus; `None` until there is one.
    pub consensus: watch::Receiver<Option<Arc<Adopted>>>,
    /// The node's hop keys: those on disk first, then new ones as they are made, each once.
    pub keys: mpsc::Receiver<(u64, HopSecret)>,
    /// The logs of replay tags: that of an epoch is there before its key is handed over.
    pub tag_logs: TagLogs,
    /// How things stand.
    pub report: watch::Receiver<MembershipReport>,
    /// Whether the node is leaving: true lets it publish at once that it has no key but for the present epoch, and nothing
    /// afterwards; false lets it publish as ever.
    pub leaves: watch::Sender<bool>,
}

impl Membership {
    /// Starts the task, which runs until `shutdown`.
    ///
    /// The keys on disk are in the channel, and a kept consensus that still holds is there, when this returns.
    ///
    /// # Errors
    ///
    /// When the keys on disk cannot be read, or the network link names no authorities.
    pub fn start(
        config: MembershipConfig,
        secret: Arc<NodeSecret>,
        keys: EpochKeys,
        connector: LinkConnector,
        clock: Clock,
        shutdown: Shutdown,
    ) -> Result<Self, MembershipError> {
        let authorities = config.network.authority_set()?;
        let (loaded, tag_logs) = (keys.load()?, keys.tag_logs());
        let (keys_in, keys_out) = mpsc::channel(loaded.len().saturating_add(EPOCH_KEYS_MAX));
        let mut handed_over = BTreeSet::new();
        for (epoch, key) in loaded {
            handed_over.insert(epoch);
            // The channel has room for all of them.
            let _sent = keys_in.try_send((epoch, key));
        }
        let (consensus_in, consensus_out) = watch::channel(None);
        let (report_in, report_out) = watch::channel(MembershipReport::default());
        let (leaves, leaves_out) = watch::channel(false);
        let mut task = Task {
            config,
            authorities,
            secret,
            keys: Arc::new(keys),
            connector,
            clock,
            handed_over,
            keys_in,
            consensus_in,
            report_in,
            leaves: leaves_out,
        };
        task.restore();
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.triggered() => {}
                () = task.run() => {}
            }
        });
        Ok(Self { consensus: consensus_out, keys: keys_out, tag_logs, report: report_out, leaves })
    }
}

struct Task {
    config: MembershipConfig,
    authorities: AuthoritySet,
    secret: Arc<NodeSecret>,
    keys: Arc<EpochKeys>,
    connector: LinkConnector,
    clock: Clock,
    handed_over: BTreeSet<u64>,
    keys_in: mpsc::Sender<(u64, HopSecret)>,
    consensus_in: watch::Sender<Option<Arc<Adopted>>>,
    report_in: watch::Sender<MembershipReport>,
    leaves: watch::Receiver<bool>,
}

impl Task {
    /// Publishes and polls, each at its time and again soon after a failure, until the node is gone.
    async fn run(&mut self) {
        let started = self.clock.now();
        let (mut publish_at, mut publishing_since) = (started, None);
        let (mut poll_at, mut polling_since) = (self.poll_again_at(started), None);
        let mut retire_at = started;
        while !self.keys_in.is_closed() {
            tokio::select! {
                () = self.clock.sleep_until(publish_at.min(poll_at).min(retire_at)) => {}
                Ok(()) = self.leaves.changed() => publish_at = self.clock.now(),
            }
            let now = self.clock.now();
            if retire_at <= now {
                // Before anything that needs the network or room on the disk: keys that are over go whatever fails.
                retire_at = self.retire_keys(now).await;
            }
            if publish_at <= now {
                let outcome = self.publish().await;
                publish_at = match &outcome {
                    Ok(withdrawn) => {
                        publishing_since = None;
                        match withdrawn {
                            true => Timestamp::NEVER,
                            false => next_publication(now, self.config.network.epoch_s, &mut OsRng),
                        }
                    }
                    Err(error) => {
                        let since = *publishing_since.get_or_insert(now);
                        match error.is_not_admitted() {
                            true => retry_not_admitted_at(now, since),
                            false => retry_at(now, since),
                        }
                    }
                };
                self.note("publishing the descriptor", outcome.err(), |report| &mut report.publish_failure);
            }
            if poll_at <= now {
                let outcome = self.poll().await;
                poll_at = match &outcome {
                    Ok(()) => {
                        polling_since = None;
                        if self.is_listed_after_withdrawal() {
                            publish_at = now;
                        }
                        self.poll_again_at(now)
                    }
                    Err(_) => retry_at(now, *polling_since.get_or_insert(now)),
                };
                self.note("fetching the consensus", outcome.err(), |report| &mut report.fetch_failure);
            }
        }
    }

    /// Makes the keys of this and the next epochs, hands them over, and publishes a descriptor with them. Of a node that
    /// leaves it is this epoch's alone, since a node without a key for an epoch is not in its consensus; the others stay,
    /// for packets of whoever still goes by an earlier descriptor. Returns whether the node leaves.
    async fn publish(&mut self) -> Result<bool, MembershipError> {
        let now = self.clock.now();
        let epoch = epoch_of(now, self.config.network.epoch_s);
        let leaves = *self.leaves.borrow_and_update();
        let mut hop_keys = Vec::with_capacity(EPOCH_KEYS_MAX);
        for epoch in (epoch..).take(if leaves { 1 } else { EPOCH_KEYS_MAX }) {
            let key = self.key(epoch).await?;
            hop_keys.push(EpochKey { epoch, key: key.public() });
            if self.handed_over.insert(epoch) {
                self.keys_in.send((epoch, key)).await.map_err(|_| MembershipError::Ending)?;
            }
        }
        let descriptor = Descriptor {
            network: self.config.network.network.clone(),
            node: self.secret.id(),
            role: self.config.role,
            address: self.config.address.clone(),
            onion_address: self.config.onion_address.clone(),
            hop_keys,
            published: now,
            software: self.config.software.clone(),
            capabilities: Vec::new(),
        };
        let signed = descriptor.sign(&self.secret).map_err(MembershipError::Descriptor)?;
        let mut failure = None;
        for authority in &self.config.network.authorities {
            let published =
                publish_descriptor(&self.connector, &authority.key, &authority.address, &signed).await;
            failure = published.err().or(failure);
        }
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        self.report_in.send_modify(|report| {
            report.published = Some(epoch);
            report.withdrawn = leaves.then_some(epoch);
        });
        Ok(leaves)
    }

    /// Whether the newest consensus is later than the node's withdrawal and lists it all the same: the authority had
    /// signed before it heard of that.
    fn is_listed_after_withdrawal(&self) -> bool {
        let withdrawn = self.report_in.borrow().withdrawn;
        let adopted = self.consensus_in.borrow();
        let later =
            adopted.as_ref().filter(|held| withdrawn.is_some_and(|epoch| held.consensus.epoch > epoch));
        later.is_some_and(|held| held.consensus.node(&self.secret.id()).is_some())
    }

    async fn key(&self, epoch: u64) -> Result<HopSecret, MembershipError> {
        let keys = Arc::clone(&self.keys);
        let ensured = tokio::task::spawn_blocking(move || keys.ensure(epoch, &mut OsRng)).await;
        Ok(ensured.map_err(|_| MembershipError::Ending)??)
    }

    /// Wipes the keys before the previous epoch, once a consensus bears out what the network link says of epochs: by
    /// a wrong length, keys that are in use would be wiped. Returns when to do so again: as the next epoch begins, or
    /// soon if it could not be done.
    async fn retire_keys(&mut self, now: Timestamp) -> Timestamp {
        let epoch_s = self.config.network.epoch_s;
        if self.consensus_in.borrow().is_none() {
            return now + RETRY_MAX;
        }
        let epoch = epoch_of(now, epoch_s);
        let keys = Arc::clone(&self.keys);
        let oldest = epoch.saturating_sub(1);
        self.handed_over = self.handed_over.split_off(&oldest);
        let retired = tokio::task::spawn_blocking(move || keys.retire_before(oldest)).await;
        match retired {
            Ok(Ok(epochs)) if epochs.is_empty() => {}
            Ok(Ok(epochs)) => tracing::info!(?epochs, "keys wiped"),
            Ok(Err(error)) => {
                tracing::error!(label = error.label(), %error, "keys of earlier epochs cannot be wiped");
                return now + RETRY_MAX;
            }
            Err(_) => return now + RETRY_MAX,
        }
        epoch_start(epoch.saturating_add(1), epoch_s)
    }

    /// Fetches the newest consensus and adopts it, if it is newer than the one held and for now.
    async fn poll(&mut self) -> Result<(), MembershipError> {
        let mut failure = MembershipError::Ending;
        for authority in &self.config.network.authorities {
            let fetched =
                fetch_consensus(&self.connector, &authority.key, &authority.address, &self.authorities).await;
            match fetched {
                Ok((signed, consensus)) => {
                    let bytes = signed.to_bytes().map_err(DirectoryError::Document)?;
                    self.adopt(bytes.clone(), consensus)?;
                    self.keep(bytes).await;
                    return Ok(());
                }
                Err(error) => failure = error.into(),
            }
        }
        Err(failure)
    }

    fn adopt(&self, bytes: Vec<u8>, consensus: Consensus) -> Result<(), MembershipError> {
        let epoch = consensus.epoch;
        let held = self.consensus_in.borrow().as_ref().map(|held| held.consensus.epoch);
        let usable = consensus.freshness(self.clock.now()).is_usable();
        if !usable || held.is_some_and(|held| held >= epoch) {
            return Err(MembershipError::NotForNow { epoch });
        }
        self.consensus_in.send_replace(Some(Arc::new(Adopted { bytes, consensus })));
        self.report_in.send_modify(|report| report.epoch = Some(epoch));
        tracing::info!(epoch, "consensus adopted");
        Ok(())
    }

    /// Takes up the consensus that was kept before the restart, if it still holds.
    fn restore(&mut self) {
        let Ok(bytes) = private::read(&self.config.consensus_file, DOCUMENT_LEN_MAX) else {
            return;
        };
        // It is checked like one from anywhere, so whatever is wrong with the file, a new one will be fetched.
        if let Ok(consensus) =
            SignedConsensus::from_bytes(&bytes).and_then(|signed| signed.verify(&self.authorities))
        {
            let _adopted = self.adopt(bytes.to_vec(), consensus);
        }
    }

    /// Keeps a consensus for the next start. A node lives without: a failure is only logged.
    async fn keep(&self, bytes: Vec<u8>) {
        let path = self.config.consensus_file.clone();
        let kept = tokio::task::spawn_blocking(move || private::replace(&path, &bytes)).await;
        if let Ok(Err(error)) = kept {
            tracing::warn!(label = error.label(), %error, "cannot keep the consensus");
        }
    }

    /// When to ask for the consensus after the one held: now, if none is held.
    fn poll_again_at(&self, now: Timestamp) -> Timestamp {
        match self.consensus_in.borrow().as_ref().map(|held| &held.consensus) {
            Some(held) if held.freshness(now) == Freshness::Fresh => {
                next_poll(held.valid_until, held.params.epoch_s, &mut OsRng)
            }
            _ => now,
        }
    }

    /// Reports a failure of `doing`, or that there is none any more; logs it when it is another than before.
    fn note(
        &self,
        doing: &str,
        failure: Option<MembershipError>,
        field: impl Fn(&mut MembershipReport) -> &mut Option<(String, String)>,
    ) {
        let failure = failure.map(|error| (error.reason().to_owned(), error.to_string()));
        self.report_in.send_if_modified(|report| {
            let held = field(report);
            if *held == failure {
                return false;
            }
            if let Some((label, text)) = &failure {
                tracing::warn!(label, "{doing}: {text}");
            }
            *held = failure;
            true
        });
    }
}
