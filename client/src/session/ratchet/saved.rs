//! A session as it is kept in the vault. The layout has one encoding for each state, and is never sent.
//!
//! ```text
//! version (1) = 1, role (1), local identity (32), remote identity (32), associated (32),
//! root (32), local ratchet key (32), remote ratchet key (32)
//! turn (1)       1: sent (4)                     2: ratchet secret (32), chain key (32), next (4), previous (4), epoch (4)
//! receiving (1)  0                               1: chain key (32), next (4)
//! KEM            completed (4), completed at (8, microseconds since 1970), envelopes (4)
//! exchange (1)   0: idle                         1: asking: d || z (64), since (8)      2: ready: secret (32)
//!                3: asked: key (1184)            4: answered: key hash (32), ciphertext (1088), secret (32), due (1)
//! skipped        pushed out (4), count (4), then each: ratchet key (32), number (4), message key (32), since (8)
//! ```

use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::super::dh::{Point, Scalar};
use super::super::identity::IdentityPublic;
use super::super::kem::{CIPHERTEXT_LEN, ENCAPSULATION_KEY_LEN, KemSecret};
use super::super::limits::{SESSION_LEN_MAX, SKIPPED_MAX};
use super::super::policy::KemPolicy;
use super::super::refusal::SessionRefusal;
use super::super::wire::{Reader, Writer};
use super::chain::Chain;
use super::exchange::{Exchange, Kem};
use super::session::{Parties, Role, Session, Turn};
use super::skipped::{Skipped, SkippedKey};

const VERSION: u8 = 1;
/// One skipped key, in bytes.
const SKIPPED_LEN: usize = 32 + 4 + 32 + 8;
/// Everything but the skipped keys, at its longest: in bytes.
const REST_LEN_MAX: usize = 2
    + 6 * 32
    + (1 + 2 * 32 + 3 * 4)
    + (1 + 32 + 4)
    + 16
    + (1 + 32 + CIPHERTEXT_LEN + 32 + ENCAPSULATION_KEY_LEN)
    + 8;

const _: () = assert!(REST_LEN_MAX + SKIPPED_MAX as usize * SKIPPED_LEN <= SESSION_LEN_MAX);

impl Session {
    /// The layout above, for the vault.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let capacity = REST_LEN_MAX.saturating_add(self.skipped.keys.len().saturating_mul(SKIPPED_LEN));
        let mut writer = Writer::new(capacity);
        writer.put(&[VERSION, self.parties.role.byte()]);
        writer.put(self.parties.local.as_bytes());
        writer.put(self.parties.remote.as_bytes());
        writer.put(&self.parties.associated);
        writer.put(self.root.bytes());
        writer.put(self.local_key.bytes());
        writer.put(self.remote_key.bytes());
        put_turn(&mut writer, &self.turn);
        match &self.receiving {
            None => writer.put(&[0]),
            Some(chain) => {
                writer.put(&[1]);
                put_chain(&mut writer, chain);
            }
        }
        put_kem(&mut writer, &self.kem);
        writer.put_u32(self.skipped.pushed_out);
        writer.put_u32(u32::try_from(self.skipped.keys.len()).unwrap_or(u32::MAX));
        for key in &self.skipped.keys {
            writer.put(&key.chain);
            writer.put_u32(key.number);
            writer.put(key.key.bytes());
            writer.put_u64(key.since.as_micros());
        }
        writer.finish()
    }

    /// From what [`Self::to_bytes`] gave.
    ///
    /// # Errors
    /// [`SessionRefusal::Damaged`].
    pub fn from_bytes(bytes: &[u8], policy: KemPolicy) -> Result<Self, SessionRefusal> {
        if bytes.len() > SESSION_LEN_MAX {
            return Err(damaged("it is too long"));
        }
        let mut reader = Reader::new(bytes);
        if reader.take_u8()? != VERSION {
            return Err(damaged("another version"));
        }
        let role = match reader.take_u8()? {
            1 => Role::Initiator,
            2 => Role::Responder,
            _ => return Err(damaged("an unknown role")),
        };
        let local = take_identity(&mut reader)?;
        let remote = take_identity(&mut reader)?;
        let parties = Parties { role, local, remote, associated: *reader.take()? };
        let session = Self {
            parties,
            policy,
            root: reader.take_secret()?,
            local_key: take_point(&mut reader)?,
            remote_key: take_point(&mut reader)?,
            turn: take_turn(&mut reader)?,
            receiving: match reader.take_u8()? {
                0 => None,
                1 => Some(take_chain(&mut reader)?),
                _ => return Err(damaged("an unknown receiving chain")),
            },
            kem: take_kem(&mut reader, role)?,
            skipped: take_skipped(&mut reader)?,
        };
        reader.finish()?;
        Ok(session)
    }
}

const fn damaged(what: &'static str) -> SessionRefusal {
    SessionRefusal::Damaged { what }
}

fn take_point(reader: &mut Reader<'_>) -> Result<Point, SessionRefusal> {
    Point::parse(reader.take::<32>()?).map_err(|_| damaged("a ratchet key is no point"))
}

fn take_identity(reader: &mut Reader<'_>) -> Result<IdentityPublic, SessionRefusal> {
    IdentityPublic::from_bytes(reader.take::<32>()?).map_err(|_| damaged("an identity key is no point"))
}

fn put_chain(writer: &mut Writer, chain: &Chain) {
    writer.put(chain.key.bytes());
    writer.put_u32(chain.next);
}

fn take_chain(reader: &mut Reader<'_>) -> Result<Chain, SessionRefusal> {
    Ok(Chain { key: reader.take_secret()?, next: reader.take_u32()? })
}

fn put_turn(writer: &mut Writer, turn: &Turn) {
    match turn {
        Turn::Ours { sent } => {
            writer.put(&[1]);
            writer.put_u32(*sent);
        }
        Turn::Theirs { secret, chain, previous, epoch } => {
            writer.put(&[2]);
            writer.put(secret.bytes());
            put_chain(writer, chain);
            writer.put_u32(*previous);
            writer.put_u32(*epoch);
        }
    }
}

fn take_turn(reader: &mut Reader<'_>) -> Result<Turn, SessionRefusal> {
    match reader.take_u8()? {
        1 => Ok(Turn::Ours { sent: reader.take_u32()? }),
        2 => Ok(Turn::Theirs {
            secret: Scalar::new(reader.take_secret()?),
            chain: take_chain(reader)?,
            previous: reader.take_u32()?,
            epoch: reader.take_u32()?,
        }),
        _ => Err(damaged("an unknown turn")),
    }
}

fn put_kem(writer: &mut Writer, kem: &Kem) {
    writer.put_u32(kem.completed);
    writer.put_u64(kem.completed_at.as_micros());
    writer.put_u32(kem.envelopes);
    match &kem.exchange {
        Exchange::Idle => writer.put(&[0]),
        Exchange::Asking { pair, since } => {
            writer.put(&[1]);
            writer.put(pair.seed());
            writer.put_u64(since.as_micros());
        }
        Exchange::Ready { shared } => {
            writer.put(&[2]);
            writer.put(shared.bytes());
        }
        Exchange::Asked { key } => {
            writer.put(&[3]);
            writer.put(key.as_slice());
        }
        Exchange::Answered { key_hash, ciphertext, shared, due } => {
            writer.put(&[4]);
            writer.put(key_hash);
            writer.put(ciphertext.as_slice());
            writer.put(shared.bytes());
            writer.put(&[u8::from(*due)]);
        }
    }
}

fn take_kem(reader: &mut Reader<'_>, role: Role) -> Result<Kem, SessionRefusal> {
    let mut kem = Kem {
        role,
        completed: reader.take_u32()?,
        completed_at: take_time(reader)?,
        envelopes: reader.take_u32()?,
        exchange: Exchange::Idle,
    };
    let asks = role.asks(kem.number());
    kem.exchange = match (reader.take_u8()?, asks) {
        (0, _) => Exchange::Idle,
        (1, true) => {
            Exchange::Asking { pair: KemSecret::new(reader.take_secret()?), since: take_time(reader)? }
        }
        (2, true) => Exchange::Ready { shared: reader.take_secret()? },
        (3, false) => Exchange::Asked { key: Box::new(*reader.take()?) },
        (4, false) => Exchange::Answered {
            key_hash: *reader.take()?,
            ciphertext: Box::new(*reader.take()?),
            shared: reader.take_secret()?,
            due: match reader.take_u8()? {
                0 => false,
                1 => true,
                _ => return Err(damaged("an unknown truth")),
            },
        },
        _ => return Err(damaged("a KEM exchange that this side cannot be in")),
    };
    Ok(kem)
}

fn take_skipped(reader: &mut Reader<'_>) -> Result<Skipped, SessionRefusal> {
    let pushed_out = reader.take_u32()?;
    let count = reader.take_u32()?;
    if count > SKIPPED_MAX {
        return Err(damaged("too many skipped keys"));
    }
    let keys: Result<Vec<_>, SessionRefusal> = (0..count)
        .map(|_| {
            Ok(SkippedKey {
                chain: *reader.take()?,
                number: reader.take_u32()?,
                key: reader.take_secret()?,
                since: take_time(reader)?,
            })
        })
        .collect();
    Ok(Skipped { keys: keys?, pushed_out })
}

fn take_time(reader: &mut Reader<'_>) -> Result<Timestamp, SessionRefusal> {
    reader.take_u64().map(Timestamp::from_micros)
}
