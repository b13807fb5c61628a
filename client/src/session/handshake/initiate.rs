//! The side that answers an offer.

use std::fmt;

use rand::CryptoRng;
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::super::dh::Scalar;
use super::super::identity::IdentitySecret;
use super::super::kdf;
use super::super::limits::ANSWER_CONTENT_LEN_MAX;
use super::super::policy::KemPolicy;
use super::super::ratchet::{Parties, Role, Session};
use super::super::refusal::HandshakeRefusal;
use super::super::secret::StreamSeed;
use super::super::stack::with_wiped_stack;
use super::answer;
use super::bundle::Bundle;
use super::secrets::{Transcript, combine};

/// What the initiator has after its part. `Debug` shows no secret.
pub struct Initiated {
    /// The conversation from here on.
    pub session: Session,
    /// What to send to the maker of the offer.
    pub answer: Vec<u8>,
    /// The stream for every envelope after the one in the answer.
    pub write: StreamSeed,
    /// The stream that the other side writes first.
    pub read: StreamSeed,
    /// What authenticates a later handshake of the occasion [`super::Occasion::Rekey`], as its `psk`.
    pub rekey_secret: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Initiated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Initiated({:?}, [scrubbed])", self.session)
    }
}

/// Answers the offer that `bundle` is of, with `content` in the first envelope.
///
/// Draws from `rng`, in this order: the ephemeral key (32 bytes), the KEM's `m` (32), the first ratchet key
/// (32).
///
/// # Errors
/// [`HandshakeRefusal`]: too much content, the side's own identity in the bundle, or keys that agree on zero.
pub fn initiate(
    bundle: &Bundle,
    identity: &IdentitySecret,
    psk: &[u8; 32],
    content: &[u8],
    policy: KemPolicy,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Initiated, HandshakeRefusal> {
    if content.len() > ANSWER_CONTENT_LEN_MAX {
        let (len, len_max) = (content.len(), ANSWER_CONTENT_LEN_MAX);
        return Err(HandshakeRefusal::ContentLength { len, len_max });
    }
    if bundle.identity == identity.public() {
        return Err(HandshakeRefusal::OwnIdentity);
    }
    with_wiped_stack(|| answer_offer(bundle, identity, psk, content, policy, now, rng))
}

fn answer_offer(
    bundle: &Bundle,
    identity: &IdentitySecret,
    psk: &[u8; 32],
    content: &[u8],
    policy: KemPolicy,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Initiated, HandshakeRefusal> {
    let (local, remote) = (identity.public(), bundle.identity);
    let ephemeral = Scalar::random(rng);
    let ephemeral_point = ephemeral.point();
    let (ciphertext, shared) = bundle.kem.encapsulate(rng);
    let transcript = Transcript::new(
        bundle.occasion,
        &bundle.to_bytes(),
        local.as_bytes(),
        ephemeral_point.bytes(),
        &ciphertext,
    );
    let agreements = [
        identity.scalar().agree(&bundle.ephemeral)?,
        ephemeral.agree(remote.point())?,
        ephemeral.agree(&bundle.ephemeral)?,
    ];
    let keys = combine(&agreements, &shared, psk, &transcript);
    let associated = kdf::associated(local.as_bytes(), remote.as_bytes(), transcript.bytes());
    let parties = Parties { role: Role::Initiator, local, remote, associated };
    let mut session = Session::initiator(parties, keys.root, bundle.ephemeral, policy, now);
    let sealed = session.seal_first(now, content, rng)?;
    let answer = answer::encode(bundle.occasion, &local, &ephemeral_point, &ciphertext, &sealed.envelope);
    Ok(Initiated {
        session,
        answer,
        write: sealed.stream,
        read: StreamSeed::new(keys.stream),
        rekey_secret: Zeroizing::new(*keys.rekey.bytes()),
    })
}
