//! The exchange of ML-KEM-768 secrets alongside the messages: a key one way, a ciphertext the other.
//!
//! Exchanges are numbered from 1; the initiator asks for the odd ones, the responder for the even ones.
//!
//! ```text
//! who asks:      idle --sends the key--> asking --gets the ciphertext--> ready --its next root step--> idle
//! who is asked:  idle --gets the key---> asked  --sends the ciphertext-> answered --that root step---> idle
//! ```
//!
//! The side that asks uses the secret only once it knows that the other has it, so a KEM message that is lost
//! makes no chain unreadable: the request is repeated, and answered alike. When a root step happens is the
//! business of the ratchet.

use rand::CryptoRng;
use sha2::{Digest as _, Sha256};
use sotto_protocol::time::Timestamp;

use super::super::kem::{CIPHERTEXT_LEN, ENCAPSULATION_KEY_LEN, KemPublic, KemSecret};
use super::super::policy::KemPolicy;
use super::super::refusal::{KemRefusal, SessionRefusal};
use super::super::secret::Secret;
use super::message::Kind;
use super::session::Role;

/// The number of the exchange before a key or a ciphertext, in bytes.
const NUMBER_LEN: usize = 4;

/// Where the exchange after the last complete one stands.
#[derive(Clone)]
pub(super) enum Exchange {
    Idle,
    /// The key was sent.
    Asking {
        pair: KemSecret,
        since: Timestamp,
    },
    /// The other side holds the secret too.
    Ready {
        shared: Secret<32>,
    },
    /// A key came.
    Asked {
        key: Box<[u8; ENCAPSULATION_KEY_LEN]>,
    },
    /// The ciphertext was sent; `due` if it is asked for again.
    Answered {
        key_hash: [u8; 32],
        ciphertext: Box<[u8; CIPHERTEXT_LEN]>,
        shared: Secret<32>,
        due: bool,
    },
}

/// The exchanges of one side. Dropped, its secrets are wiped.
#[derive(Clone)]
pub(super) struct Kem {
    pub(super) role: Role,
    /// How many exchanges are complete: their secrets are in the root chain.
    pub(super) completed: u32,
    /// When the last one was, or the handshake.
    pub(super) completed_at: Timestamp,
    /// Envelopes sealed and opened since then.
    pub(super) envelopes: u32,
    pub(super) exchange: Exchange,
}

impl Kem {
    pub(super) const fn new(role: Role, now: Timestamp) -> Self {
        Self { role, completed: 0, completed_at: now, envelopes: 0, exchange: Exchange::Idle }
    }

    /// The exchange that is going on or comes next.
    pub(super) const fn number(&self) -> u32 {
        self.completed.saturating_add(1)
    }

    /// Whether a KEM message of this side is due.
    pub(super) fn is_due(&self, policy: &KemPolicy, now: Timestamp) -> bool {
        match &self.exchange {
            Exchange::Idle => {
                self.role.asks(self.number())
                    && self.completed < u32::MAX - 1
                    && (now.since(self.completed_at) >= policy.interval_min
                        || self.envelopes >= policy.messages)
            }
            Exchange::Asking { since, .. } => now.since(*since) >= policy.retry,
            Exchange::Ready { .. } => false,
            Exchange::Asked { .. } => true,
            Exchange::Answered { due, .. } => *due,
        }
    }

    /// The message that is due: its kind and body. Draws 64 bytes for a new key, 32 for a new ciphertext.
    pub(super) fn compose(
        &mut self,
        policy: &KemPolicy,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<(Kind, Vec<u8>)>, SessionRefusal> {
        if !self.is_due(policy, now) {
            return Ok(None);
        }
        let number = self.number().to_be_bytes();
        match &mut self.exchange {
            Exchange::Idle => {
                let pair = KemSecret::random(rng);
                let body = [number.as_slice(), &pair.public()].concat();
                self.exchange = Exchange::Asking { pair, since: now };
                Ok(Some((Kind::KemKey, body)))
            }
            Exchange::Asking { pair, since } => {
                *since = now;
                Ok(Some((Kind::KemKey, [number.as_slice(), &pair.public()].concat())))
            }
            Exchange::Ready { .. } => Ok(None),
            Exchange::Asked { key } => {
                let (sent, shared) = KemPublic::parse(key.as_slice())?.encapsulate(rng);
                let body = [number.as_slice(), &sent].concat();
                let mut ciphertext = Box::new([0; CIPHERTEXT_LEN]);
                ciphertext.copy_from_slice(&sent);
                let key_hash = hash(key.as_slice());
                self.exchange = Exchange::Answered { key_hash, ciphertext, shared, due: false };
                Ok(Some((Kind::KemCiphertext, body)))
            }
            Exchange::Answered { ciphertext, due, .. } => {
                *due = false;
                Ok(Some((Kind::KemCiphertext, [number.as_slice(), ciphertext.as_slice()].concat())))
            }
        }
    }

    /// The secret that goes into this side's next root step, and the epoch that its header names.
    pub(super) const fn to_mix(&self) -> (Option<&Secret<32>>, u32) {
        match &self.exchange {
            Exchange::Ready { shared } => (Some(shared), self.number()),
            _ => (None, 0),
        }
    }

    /// The secret that the other side put into the root step of a chain with this epoch.
    pub(super) const fn mixed_by_other(&self, epoch: u32) -> Result<Option<&Secret<32>>, SessionRefusal> {
        match &self.exchange {
            _ if epoch == 0 => Ok(None),
            Exchange::Answered { shared, .. } if epoch == self.number() => Ok(Some(shared)),
            _ => Err(SessionRefusal::KemEpoch { actual: epoch }),
        }
    }

    /// The secret of the exchange is in the root chain.
    pub(super) fn complete(&mut self, now: Timestamp) {
        self.completed = self.number();
        self.completed_at = now;
        self.envelopes = 0;
        self.exchange = Exchange::Idle;
    }

    /// One more envelope was sealed or opened.
    pub(super) const fn count(&mut self) {
        self.envelopes = self.envelopes.saturating_add(1);
    }

    /// Takes in what an envelope of this kind carried.
    pub(super) fn receive(&mut self, kind: Kind, body: &[u8]) -> Result<(), SessionRefusal> {
        match kind {
            Kind::Content => Ok(()),
            Kind::KemKey => self.receive_key(body),
            Kind::KemCiphertext => self.receive_ciphertext(body),
        }
    }

    fn receive_key(&mut self, body: &[u8]) -> Result<(), SessionRefusal> {
        let length = KemRefusal::KeyLength {
            expected: ENCAPSULATION_KEY_LEN,
            actual: body.len().saturating_sub(NUMBER_LEN),
        };
        let (number, key) = body.split_first_chunk::<NUMBER_LEN>().ok_or(length)?;
        let key: &[u8; ENCAPSULATION_KEY_LEN] = key.try_into().map_err(|_| length)?;
        if self.is_late(u32::from_be_bytes(*number), !self.role.asks(u32::from_be_bytes(*number)))? {
            return Ok(());
        }
        let changed = SessionRefusal::KemKeyChanged { number: self.number() };
        match &mut self.exchange {
            Exchange::Asked { key: known } if **known != *key => Err(changed),
            Exchange::Answered { key_hash, .. } if *key_hash != hash(key) => Err(changed),
            Exchange::Answered { due, .. } => {
                *due = true;
                Ok(())
            }
            Exchange::Asked { .. } => Ok(()),
            Exchange::Idle | Exchange::Asking { .. } | Exchange::Ready { .. } => {
                KemPublic::parse(key)?;
                self.exchange = Exchange::Asked { key: Box::new(*key) };
                Ok(())
            }
        }
    }

    fn receive_ciphertext(&mut self, body: &[u8]) -> Result<(), SessionRefusal> {
        let length = KemRefusal::CiphertextLength {
            expected: CIPHERTEXT_LEN,
            actual: body.len().saturating_sub(NUMBER_LEN),
        };
        let (number, ciphertext) = body.split_first_chunk::<NUMBER_LEN>().ok_or(length)?;
        let number = u32::from_be_bytes(*number);
        if ciphertext.len() != CIPHERTEXT_LEN {
            return Err(length.into());
        }
        if self.is_late(number, self.role.asks(number))? {
            return Ok(());
        }
        match &self.exchange {
            Exchange::Asking { pair, .. } => {
                self.exchange = Exchange::Ready { shared: pair.decapsulate(ciphertext)? };
                Ok(())
            }
            Exchange::Ready { .. } => Ok(()),
            _ => Err(SessionRefusal::KemExchange { expected: self.number(), actual: number }),
        }
    }

    /// Whether a message is of a complete exchange, and so needs nothing; refused if it is of one that cannot
    /// be now.
    fn is_late(&self, number: u32, is_from_its_side: bool) -> Result<bool, SessionRefusal> {
        if number == 0 || number > self.number() || !is_from_its_side {
            return Err(SessionRefusal::KemExchange { expected: self.number(), actual: number });
        }
        Ok(number <= self.completed)
    }
}

fn hash(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}
