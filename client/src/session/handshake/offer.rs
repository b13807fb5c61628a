//! The side that makes an offer and is answered.

use std::fmt;

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::super::dh::{Point, Scalar};
use super::super::identity::{IdentityPublic, IdentitySecret};
use super::super::kdf;
use super::super::kem::{ENCAPSULATION_KEY_LEN, KemSecret, SEED_LEN};
use super::super::limits::KEY_LEN;
use super::super::policy::KemPolicy;
use super::super::ratchet::{Parties, Role, Session};
use super::super::refusal::{HandshakeRefusal, SessionRefusal};
use super::super::secret::StreamSeed;
use super::super::stack::with_wiped_stack;
use super::super::wire::{Reader, Writer};
use super::Occasion;
use super::answer::Answer;
use super::bundle;
use super::secrets::{Transcript, combine};

/// The version of saved offers.
const OFFER_VERSION: u8 = 1;
const OFFER_LEN: usize = 1 + KEY_LEN + KEY_LEN + SEED_LEN;

/// The secrets behind a bundle. `Debug` shows nothing; dropped, it is wiped.
///
/// Whoever has an offer and what its answer was sealed with can open that answer again: callers delete it
/// once it is answered, together with keeping the session.
#[derive(Clone)]
pub struct Offer {
    identity: IdentitySecret,
    ephemeral: Scalar,
    ephemeral_point: Point,
    kem: KemSecret,
    kem_public: Box<[u8]>,
}

/// What the maker of an offer has once it is answered. `Debug` shows no secret.
pub struct Responded {
    /// The conversation from here on.
    pub session: Session,
    /// What came in the answer's envelope.
    pub content: Zeroizing<Vec<u8>>,
    /// Who answered: an X25519 key that nobody has vouched for.
    pub remote_identity: IdentityPublic,
    /// The stream for the first envelope that this side seals.
    pub write: StreamSeed,
    /// The stream where the other side's later envelopes are.
    pub read: StreamSeed,
    /// What authenticates a later handshake of the occasion [`Occasion::Rekey`], as its `psk`.
    pub rekey_secret: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Responded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Responded({:?}, [scrubbed])", self.session)
    }
}

impl Offer {
    /// A new offer of this identity. Draws the ephemeral key (32 bytes), then the seed of the KEM's pair
    /// (64).
    #[must_use]
    pub fn new(identity: IdentitySecret, rng: &mut impl CryptoRng) -> Self {
        with_wiped_stack(|| {
            let ephemeral = Scalar::random(rng);
            Self::with_keys(identity, ephemeral, KemSecret::random(rng))
        })
    }

    /// What to publish.
    #[must_use]
    pub fn bundle(&self, occasion: Occasion) -> Vec<u8> {
        debug_assert_eq!(self.kem_public.len(), ENCAPSULATION_KEY_LEN);
        bundle::encode(occasion, &self.identity.public(), &self.ephemeral_point, &self.kem_public)
    }

    /// The identity that the offer was made with.
    #[must_use]
    pub const fn identity(&self) -> &IdentitySecret {
        &self.identity
    }

    /// `version(1) = 1 || identity (32) || ephemeral key (32) || d (32) || z (32)`, for the vault.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut writer = Writer::new(OFFER_LEN);
        writer.put(&[OFFER_VERSION]);
        writer.put(self.identity.scalar().bytes());
        writer.put(self.ephemeral.bytes());
        writer.put(self.kem.seed());
        writer.finish()
    }

    /// From what [`Self::to_bytes`] gave.
    ///
    /// # Errors
    /// [`SessionRefusal::Damaged`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SessionRefusal> {
        let mut reader = Reader::new(bytes);
        if reader.take_u8()? != OFFER_VERSION {
            return Err(SessionRefusal::Damaged { what: "another version" });
        }
        let identity = IdentitySecret::from_bytes(reader.take()?);
        let ephemeral = Scalar::new(reader.take_secret()?);
        let kem = KemSecret::new(reader.take_secret()?);
        reader.finish()?;
        Ok(with_wiped_stack(|| Self::with_keys(identity, ephemeral, kem)))
    }

    /// Opens an answer to this offer, made on the same occasion and with the same `psk`.
    ///
    /// # Errors
    /// [`HandshakeRefusal`] in the order: version, kind, length, the keys, this side's own identity,
    /// agreements that give zero, the envelope's form, its tag.
    pub fn respond(
        &self,
        occasion: Occasion,
        psk: &[u8; 32],
        answer: &[u8],
        policy: KemPolicy,
        now: Timestamp,
    ) -> Result<Responded, HandshakeRefusal> {
        let answer = Answer::parse(occasion, answer)?;
        if answer.identity == self.identity.public() {
            return Err(HandshakeRefusal::OwnIdentity);
        }
        with_wiped_stack(|| self.open_answer(occasion, psk, &answer, policy, now))
    }

    fn open_answer(
        &self,
        occasion: Occasion,
        psk: &[u8; 32],
        answer: &Answer<'_>,
        policy: KemPolicy,
        now: Timestamp,
    ) -> Result<Responded, HandshakeRefusal> {
        let (local, remote) = (self.identity.public(), answer.identity);
        let transcript = Transcript::new(
            occasion,
            &self.bundle(occasion),
            remote.as_bytes(),
            answer.ephemeral.bytes(),
            answer.ciphertext,
        );
        let shared = self.kem.decapsulate(answer.ciphertext)?;
        let agreements = [
            self.ephemeral.agree(remote.point())?,
            self.identity.scalar().agree(&answer.ephemeral)?,
            self.ephemeral.agree(&answer.ephemeral)?,
        ];
        let keys = combine(&agreements, &shared, psk, &transcript);
        let associated = kdf::associated(remote.as_bytes(), local.as_bytes(), transcript.bytes());
        let parties = Parties { role: Role::Responder, local, remote, associated };
        let pair = (&self.ephemeral, self.ephemeral_point);
        let first = Session::respond(parties, keys.root, pair, answer.envelope, policy, now)?;
        Ok(Responded {
            session: first.session,
            content: first.content,
            remote_identity: remote,
            write: StreamSeed::new(keys.stream),
            read: first.stream,
            rekey_secret: Zeroizing::new(*keys.rekey.bytes()),
        })
    }

    fn with_keys(identity: IdentitySecret, ephemeral: Scalar, kem: KemSecret) -> Self {
        let kem_public = kem.public().into_boxed_slice();
        Self { identity, ephemeral_point: ephemeral.point(), ephemeral, kem, kem_public }
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Offer([scrubbed])")
    }
}
