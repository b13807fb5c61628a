//! Sealing: the next envelope of this side's chain, or the first of a new one.
//!
//! Nothing of the state has changed when sealing is refused.

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;

use super::super::dh::{Point, Scalar};
use super::super::kdf;
use super::super::limits::CONTENT_LEN_MAX;
use super::super::policy::KemPolicy;
use super::super::refusal::{HandshakeRefusal, SessionRefusal};
use super::super::secret::{Secret, StreamSeed};
use super::super::stack::with_wiped_stack;
use super::chain::Chain;
use super::exchange::Kem;
use super::header::Header;
use super::message::{self, Kind};
use super::session::{Parties, Sealed, Session, Turn};
use super::skipped::Skipped;

/// The first envelope of all, and the stream of those that follow it.
pub(in super::super) struct SealedFirst {
    pub(in super::super) envelope: Vec<u8>,
    pub(in super::super) stream: StreamSeed,
}

impl Session {
    /// The initiator's state after the handshake: `ephemeral` is the responder's first ratchet key.
    pub(in super::super) fn initiator(
        parties: Parties,
        root: Secret<32>,
        ephemeral: Point,
        policy: KemPolicy,
        now: Timestamp,
    ) -> Self {
        Self {
            policy,
            root,
            turn: Turn::Ours { sent: 0 },
            // No ratchet key of its own yet; an envelope under its identity key would be refused anyway.
            local_key: *parties.local.point(),
            remote_key: ephemeral,
            receiving: None,
            kem: Kem::new(parties.role, now),
            skipped: Skipped::default(),
            parties,
        }
    }

    /// Seals the envelope of the answer.
    pub(in super::super) fn seal_first(
        &mut self,
        now: Timestamp,
        content: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<SealedFirst, HandshakeRefusal> {
        match self.seal_kind(now, Kind::Content, content, rng) {
            Ok(Sealed { envelope, next_stream: Some(stream) }) => Ok(SealedFirst { envelope, stream }),
            Err(SessionRefusal::Point(refusal)) => Err(HandshakeRefusal::Point(refusal)),
            Err(SessionRefusal::ContentLength { len, len_max }) => {
                Err(HandshakeRefusal::ContentLength { len, len_max })
            }
            Ok(_) | Err(_) => Err(HandshakeRefusal::FirstEnvelope),
        }
    }

    /// Seals `content` for the other side. Draws 32 bytes if it begins a chain.
    ///
    /// Save the session and the envelope together before the envelope leaves, and send it again unchanged:
    /// sealing twice from one saved state would use one key for two envelopes.
    ///
    /// # Errors
    /// [`SessionRefusal::ContentLength`] over [`CONTENT_LEN_MAX`], [`SessionRefusal::ChainExhausted`].
    pub fn seal(
        &mut self,
        now: Timestamp,
        content: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Sealed, SessionRefusal> {
        with_wiped_stack(|| self.seal_kind(now, Kind::Content, content, rng))
    }

    /// Seals the KEM message that is due, if one is. Draws 64 bytes for a new key or 32 for a new ciphertext,
    /// then 32 if it begins a chain.
    ///
    /// # Errors
    /// [`SessionRefusal::ChainExhausted`].
    pub fn seal_control(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Sealed>, SessionRefusal> {
        if !self.control_due(now) {
            return Ok(None);
        }
        with_wiped_stack(|| {
            let mut kem = self.kem.clone();
            let Some((kind, body)) = kem.compose(&self.policy, now, rng)? else { return Ok(None) };
            let before = std::mem::replace(&mut self.kem, kem);
            let sealed = self.seal_kind(now, kind, &body, rng);
            if sealed.is_err() {
                self.kem = before;
            }
            sealed.map(Some)
        })
    }

    fn seal_kind(
        &mut self,
        now: Timestamp,
        kind: Kind,
        body: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Sealed, SessionRefusal> {
        if body.len() > CONTENT_LEN_MAX {
            return Err(SessionRefusal::ContentLength { len: body.len(), len_max: CONTENT_LEN_MAX });
        }
        let sealed = match &mut self.turn {
            Turn::Ours { sent } => {
                let previous = *sent;
                self.begin_chain(now, previous, kind, body, rng)
            }
            Turn::Theirs { chain, previous, epoch, .. } => {
                let mut next = chain.clone();
                let (number, key) = next.step()?;
                let header = Header { key: self.local_key, previous: *previous, number, epoch: *epoch };
                let envelope = message::seal(&key, &self.parties.associated, &header.to_bytes(), kind, body)?;
                *chain = next;
                Ok(Sealed { envelope, next_stream: None })
            }
        }?;
        self.kem.count();
        Ok(sealed)
    }

    /// A new pair, a root step with it and with the KEM secret that is ready, and the first envelope of the
    /// chain.
    fn begin_chain(
        &mut self,
        now: Timestamp,
        previous: u32,
        kind: Kind,
        body: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Sealed, SessionRefusal> {
        let secret = Scalar::random(rng);
        let shared = secret.agree(&self.remote_key)?;
        let (mixed, epoch) = self.kem.to_mix();
        let step = kdf::root_step(&self.root, &shared, mixed, self.parties.role.byte(), epoch);
        let mut chain = Chain::new(step.chain);
        let (number, key) = chain.step()?;
        let header = Header { key: secret.point(), previous, number, epoch };
        let envelope = message::seal(&key, &self.parties.associated, &header.to_bytes(), kind, body)?;
        self.root = step.root;
        self.local_key = header.key;
        self.turn = Turn::Theirs { secret, chain, previous, epoch };
        if epoch != 0 {
            self.kem.complete(now);
        }
        Ok(Sealed { envelope, next_stream: Some(StreamSeed::new(step.stream)) })
    }
}
