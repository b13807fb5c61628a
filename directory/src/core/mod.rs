//! The authority as a state machine: descriptors in, one signed consensus for each epoch out.
//!
//! The first consensus is signed as soon as the bootstrap counts are met, for the epoch that is running;
//! every later one at the start of its epoch, or, if nodes are missing then, as soon as they have
//! published. One epoch is never signed twice: whoever restarts an authority must give it its last
//! consensus back with [`Authority::restore_consensus`], and must have it on disk before anybody sees it.
//!
//! What is not here: sockets, files, the time, and other authorities' votes.

mod assemble;
mod config;
mod descriptors;
mod refusal;
mod report;

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::CryptoRng;
use sotto_protocol::directory::{
    AuthoritySet, Consensus, DocumentRefusal, SignedConsensus, SignedDescriptor, epoch_of, epoch_start,
    is_name,
};
use sotto_protocol::ident::{NodeId, NodeSecret};
use sotto_protocol::time::Timestamp;

pub use config::{Admission, AuthorityConfig, Bootstrap};
pub use descriptors::{CLOCK_SKEW_MAX, EPOCHS_KEPT};
pub use refusal::{AuthorityError, DescriptorRefusal, Unsigned};
pub use report::{AuthorityReport, UnsignedReport};

use descriptors::Descriptors;

/// What came of [`Authority::handle_timeout`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Whether [`Authority::consensus`] is a new one.
    pub signed: bool,
    /// Nodes whose descriptor is too old and was forgotten.
    pub departed: Vec<NodeId>,
}

/// One authority of one network.
pub struct Authority {
    config: AuthorityConfig,
    secret: Arc<NodeSecret>,
    authorities: AuthoritySet,
    descriptors: Descriptors,
    consensus: Option<(SignedConsensus, Consensus)>,
    /// When it is worth trying to sign.
    attempt_at: Timestamp,
    unsigned: Option<Unsigned>,
    accepted: u64,
    refused: BTreeMap<&'static str, u64>,
}

impl Authority {
    /// An authority that knows no node and has signed nothing.
    ///
    /// # Errors
    ///
    /// When the configuration's name or parameters are not allowed.
    pub fn new(config: AuthorityConfig, secret: impl Into<Arc<NodeSecret>>) -> Result<Self, AuthorityError> {
        let secret = secret.into();
        if !is_name(&config.network) {
            return Err(AuthorityError::Config(DocumentRefusal::Text { field: "name of the network" }));
        }
        config.params.validate().map_err(AuthorityError::Config)?;
        let authorities = AuthoritySet::new(&config.network, &[secret.id()], 1)?;
        Ok(Self {
            config,
            secret,
            authorities,
            descriptors: Descriptors::default(),
            consensus: None,
            attempt_at: Timestamp::from_micros(0),
            unsigned: None,
            accepted: 0,
            refused: BTreeMap::new(),
        })
    }

    /// The authority's identity.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.secret.id()
    }

    /// What it was told at its start.
    #[must_use]
    pub const fn config(&self) -> &AuthorityConfig {
        &self.config
    }

    /// Takes back the consensus that this authority signed last.
    ///
    /// # Errors
    ///
    /// When it is not its own, not this network's, or counts epochs differently.
    pub fn restore_consensus(&mut self, bytes: &[u8]) -> Result<(), AuthorityError> {
        let signed = SignedConsensus::from_bytes(bytes).map_err(AuthorityError::Consensus)?;
        let consensus = signed.verify(&self.authorities).map_err(AuthorityError::Consensus)?;
        if consensus.params.epoch_s != self.config.params.epoch_s {
            return Err(AuthorityError::EpochLength {
                configured: self.config.params.epoch_s,
                signed: consensus.params.epoch_s,
            });
        }
        self.consensus = Some((signed, consensus));
        Ok(())
    }

    /// Takes back a descriptor that was accepted before a restart.
    ///
    /// # Errors
    ///
    /// When it would not be accepted now, for any reason but its age.
    pub fn restore_descriptor(&mut self, bytes: &[u8]) -> Result<NodeId, DescriptorRefusal> {
        self.descriptors.restore(&self.config, bytes)
    }

    /// Who has signed a descriptor for this network, whether it would be accepted or not; nobody, if the signature does not hold.
    #[must_use]
    pub fn signer(&self, bytes: &[u8]) -> Option<NodeId> {
        let verified =
            SignedDescriptor::from_bytes(bytes).and_then(|signed| signed.verify(&self.config.network));
        verified.ok().map(|descriptor| descriptor.node)
    }

    /// Takes a descriptor that somebody has published; who, does not matter, as the node has signed it.
    ///
    /// # Errors
    ///
    /// When the document is wrong, the node is not admitted, or the date is.
    pub fn handle_descriptor(&mut self, now: Timestamp, bytes: &[u8]) -> Result<NodeId, DescriptorRefusal> {
        match self.descriptors.accept(&self.config, now, bytes) {
            Ok(node) => {
                self.accepted += 1;
                if !self.has_signed(epoch_of(now, self.config.params.epoch_s)) {
                    self.attempt_at = now;
                }
                Ok(node)
            }
            Err(refusal) => {
                *self.refused.entry(refusal.label()).or_default() += 1;
                Err(refusal)
            }
        }
    }

    /// The time that [`Self::poll_timeout`] named has come: signs the present epoch's consensus, if that
    /// has not been done and the nodes suffice.
    pub fn handle_timeout(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Progress {
        let epoch = epoch_of(now, self.config.params.epoch_s);
        if now < self.attempt_at {
            return Progress { signed: false, departed: Vec::new() };
        }
        self.attempt_at = epoch_start(epoch.saturating_add(1), self.config.params.epoch_s);
        if self.has_signed(epoch) {
            return Progress { signed: false, departed: Vec::new() };
        }
        let departed = self.descriptors.remove_departed(&self.config, now);
        self.unsigned = self.sign(epoch, rng).err();
        Progress { signed: self.unsigned.is_none(), departed }
    }

    /// When [`Self::handle_timeout`] has to be called next. A descriptor can bring it forward.
    #[must_use]
    pub const fn poll_timeout(&self) -> Timestamp {
        self.attempt_at
    }

    /// The newest consensus.
    #[must_use]
    pub fn consensus(&self) -> Option<&SignedConsensus> {
        self.consensus.as_ref().map(|(signed, _)| signed)
    }

    /// What the newest consensus says.
    #[must_use]
    pub fn document(&self) -> Option<&Consensus> {
        self.consensus.as_ref().map(|(_, consensus)| consensus)
    }

    /// Why there is no consensus for the present epoch, if the last attempt failed.
    #[must_use]
    pub const fn unsigned(&self) -> Option<&Unsigned> {
        self.unsigned.as_ref()
    }

    /// The state in numbers.
    #[must_use]
    pub fn report(&self) -> AuthorityReport {
        let consensus = self.document();
        AuthorityReport {
            network: self.config.network.clone(),
            consensus_epoch: consensus.map(|consensus| consensus.epoch),
            nodes: consensus.map_or(0, |consensus| consensus.nodes.len()),
            descriptors: self.descriptors.len(),
            unsigned: self
                .unsigned
                .as_ref()
                .map(|reason| UnsignedReport { label: reason.label().to_owned(), text: reason.to_string() }),
            accepted: self.accepted,
            refused: self.refused.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect(),
        }
    }

    fn has_signed(&self, epoch: u64) -> bool {
        self.document().is_some_and(|consensus| consensus.epoch >= epoch)
    }

    fn sign(&mut self, epoch: u64, rng: &mut impl CryptoRng) -> Result<(), Unsigned> {
        let needed = match self.consensus {
            None => self.config.bootstrap.at_least(Bootstrap::LEAST),
            Some(_) => Bootstrap::LEAST,
        };
        let mut randomness = [0; 32];
        rng.fill_bytes(&mut randomness);
        let consensus = assemble::assemble(&self.config, &self.descriptors, needed, epoch, randomness)?;
        let signed = consensus.sign(&[&*self.secret]).map_err(Unsigned::Invalid)?;
        self.consensus = Some((signed, consensus));
        Ok(())
    }
}
