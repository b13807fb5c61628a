//! The cryptography of a conversation: how two people come to share keys and how those keys are renewed.
#![allow(clippy::todo, unused_variables, missing_docs, clippy::missing_errors_doc)]

pub mod safety;

pub use safety::SafetyNumber;

use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::boxes::BOX_CONTENT_LEN_MAX;
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

pub const CONTENT_LEN_MAX: usize = BOX_CONTENT_LEN_MAX - 62;
pub const ANSWER_CONTENT_LEN_MAX: usize = BOX_CONTENT_LEN_MAX - (1 + 1 + 32 + 32 + 1088) - 62;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KemPolicy {
    pub interval_min: Duration,
    pub messages: u32,
    pub retry: Duration,
}
impl Default for KemPolicy {
    fn default() -> Self {
        Self { interval_min: Duration::from_secs(3600), messages: 64, retry: Duration::from_secs(6 * 3600) }
    }
}

#[derive(Clone)]
pub struct StreamSeed(Zeroizing<[u8; 32]>);
impl StreamSeed {
    /// From its 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
impl std::fmt::Debug for StreamSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamSeed([scrubbed])")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeRefusal {
    #[error("not yet")]
    Unfinished,
}
impl HandshakeRefusal {
    pub const fn label(&self) -> &'static str {
        "unfinished"
    }
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    #[error("not yet")]
    Unfinished,
}
impl SessionRefusal {
    pub const fn label(&self) -> &'static str {
        "unfinished"
    }
}

#[derive(Clone)]
pub struct IdentitySecret(Zeroizing<[u8; 32]>);
impl IdentitySecret {
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        todo!()
    }
    pub fn public(&self) -> IdentityPublic {
        todo!()
    }
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        todo!()
    }
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        todo!()
    }
}
impl std::fmt::Debug for IdentitySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdentitySecret([scrubbed])")
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdentityPublic([u8; 32]);
impl IdentityPublic {
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HandshakeRefusal> {
        todo!()
    }
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Occasion {
    Invitation,
    Address,
    Rekey,
}

#[derive(Clone, Debug)]
pub struct Offer {
    identity: IdentitySecret,
}
impl Offer {
    pub fn new(identity: IdentitySecret, rng: &mut impl CryptoRng) -> Self {
        todo!()
    }
    pub fn bundle(&self, occasion: Occasion) -> Vec<u8> {
        todo!()
    }
    pub fn identity(&self) -> &IdentitySecret {
        &self.identity
    }
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        todo!()
    }
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SessionRefusal> {
        todo!()
    }
    pub fn respond(
        &self,
        occasion: Occasion,
        psk: &[u8; 32],
        answer: &[u8],
        policy: KemPolicy,
        now: Timestamp,
    ) -> Result<Responded, HandshakeRefusal> {
        todo!()
    }
}

#[derive(Clone, Debug)]
pub struct Bundle {
    identity: IdentityPublic,
}
impl Bundle {
    pub fn parse(occasion: Occasion, bytes: &[u8]) -> Result<Self, HandshakeRefusal> {
        todo!()
    }
    pub fn identity(&self) -> IdentityPublic {
        self.identity
    }
}

pub fn initiate(
    bundle: &Bundle,
    identity: &IdentitySecret,
    psk: &[u8; 32],
    content: &[u8],
    policy: KemPolicy,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Initiated, HandshakeRefusal> {
    todo!()
}

#[derive(Debug)]
pub struct Initiated {
    pub session: Session,
    pub answer: Vec<u8>,
    pub write: StreamSeed,
    pub read: StreamSeed,
    pub rekey_secret: Zeroizing<[u8; 32]>,
}
#[derive(Debug)]
pub struct Responded {
    pub session: Session,
    pub content: Zeroizing<Vec<u8>>,
    pub remote_identity: IdentityPublic,
    pub write: StreamSeed,
    pub read: StreamSeed,
    pub rekey_secret: Zeroizing<[u8; 32]>,
}

#[derive(Clone, Debug)]
pub struct Session;
impl Session {
    pub fn seal(
        &mut self,
        now: Timestamp,
        content: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Sealed, SessionRefusal> {
        todo!()
    }
    pub fn control_due(&self, now: Timestamp) -> bool {
        todo!()
    }
    pub fn seal_control(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Sealed>, SessionRefusal> {
        todo!()
    }
    pub fn open(&mut self, now: Timestamp, envelope: &[u8]) -> Result<Opened, SessionRefusal> {
        todo!()
    }
    pub fn expire(&mut self, now: Timestamp) -> usize {
        todo!()
    }
    pub fn local_identity(&self) -> IdentityPublic {
        todo!()
    }
    pub fn remote_identity(&self) -> IdentityPublic {
        todo!()
    }
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        todo!()
    }
    pub fn from_bytes(bytes: &[u8], policy: KemPolicy) -> Result<Self, SessionRefusal> {
        todo!()
    }
    pub fn kem_epoch(&self) -> u32 {
        todo!()
    }
}

#[derive(Debug)]
pub struct Sealed {
    pub envelope: Vec<u8>,
    pub next_stream: Option<StreamSeed>,
}
#[derive(Debug)]
pub struct Opened {
    pub content: Option<Zeroizing<Vec<u8>>>,
    pub next_stream: Option<StreamSeed>,
}
