//! The file around the database: a prefix, the database, and room up to a power of two.
//!
//! ```text
//! head A at 0, head B at 2048, the database from 4096, then room up to 4096 + 16 MiB x 2^n
//!
//! 0          8         9           16             24                32           64
//! +----------+---------+-----------+--------------+-----------------+------------+
//! | magic    | version | zeros (7) | sequence u64 | length of the   | check (32) |
//! | SOTTOVLT | 2       |           |              | database u64    |            |
//! +----------+---------+-----------+--------------+-----------------+------------+
//! check = SHA-256("sotto/vault/v2/prefix" || bytes 0..32)
//! ```
//!
//! redb makes its file longer and shorter as it needs pages, which would tell how much is in it. So redb sees
//! a file of the length it wants, and the system sees one of a few lengths. Nothing here is secret.

use std::io;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::VaultError;
use super::medium::Place;

/// The least room for the database, in bytes.
pub(super) const ROOM_LEN_MIN: u64 = 16 * 1024 * 1024;
/// Where the database begins.
pub(super) const PREFIX_LEN: u64 = 4096;
const MAGIC: [u8; 8] = *b"SOTTOVLT";
/// The format of `vault.redb` and `vault.keys` that this code writes and reads.
pub(super) const VERSION: u8 = 2;
/// Where the second head is. They are written in turn, so that a torn write leaves the length before.
const HEAD_B_AT: u64 = 2048;
const HEAD_LEN: usize = 64;
const BODY_LEN: usize = 32;
const CHECK_CONTEXT: &[u8] = b"sotto/vault/v2/prefix";
/// How version 1 began: it was a bare redb file.
const REDB_MAGIC: &[u8] = b"redb";
/// How much is written at once when room is made, in bytes.
const ZEROS_LEN: usize = 256 * 1024;

/// The database's view of the file.
#[derive(Debug)]
pub(super) struct Container {
    place: Place,
    head: Mutex<Head>,
}

/// What the newest head says.
#[derive(Clone, Copy, Debug)]
struct Head {
    sequence: u64,
    len: u64,
}

/// Refuses a file of another version by name.
pub(super) fn check_version(place: &Place) -> Result<(), VaultError> {
    let mut head = [0u8; 9];
    match place.medium.read_at(0, &mut head) {
        Ok(()) if head.starts_with(REDB_MAGIC) => Err(VaultError::Version { found: 1, known: VERSION }),
        Ok(()) => match head {
            [magic @ .., version] if magic == MAGIC && version != VERSION => {
                Err(VaultError::Version { found: version, known: VERSION })
            }
            [magic @ .., _] if magic == MAGIC => Ok(()),
            _ => Err(VaultError::damaged("it does not begin as a vault does")),
        },
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(VaultError::damaged("the file of records is too short"))
        }
        Err(error) => Err(place.failed("read")(error)),
    }
}

impl Container {
    /// Around an empty database. What was in the file is overwritten with zeros.
    pub(super) fn create(place: Place) -> Result<Self, VaultError> {
        let before = place.medium.len().map_err(place.failed("read"))?;
        let room = before.saturating_sub(PREFIX_LEN).max(ROOM_LEN_MIN);
        let write = || {
            place.medium.set_len(PREFIX_LEN.saturating_add(ROOM_LEN_MIN).max(before))?;
            fill_with_zeros(&place, 0, PREFIX_LEN.saturating_add(room))?;
            place.medium.set_len(PREFIX_LEN.saturating_add(ROOM_LEN_MIN))?;
            let head = Head { sequence: 0, len: 0 };
            place.medium.write_at(0, &head.encode())?;
            place.medium.write_at(HEAD_B_AT, &head.encode())?;
            place.medium.sync()
        };
        write().map_err(place.failed("write"))?;
        Ok(Self { place, head: Mutex::new(Head { sequence: 0, len: 0 }) })
    }

    /// Around an existing database.
    pub(super) fn open(place: Place) -> Result<Self, VaultError> {
        check_version(&place)?;
        let mut found = [0u8; HEAD_LEN];
        let physical = place.medium.len().map_err(place.failed("read"))?;
        let room = physical.saturating_sub(PREFIX_LEN);
        if room < ROOM_LEN_MIN || !room.is_power_of_two() {
            return Err(VaultError::damaged(format!("the file of records has {physical} bytes: it was cut")));
        }
        let mut heads = Vec::with_capacity(2);
        for at in [0, HEAD_B_AT] {
            place.medium.read_at(at, &mut found).map_err(place.failed("read"))?;
            heads.extend(Head::decode(&found).filter(|head| (1..=room).contains(&head.len)));
        }
        match heads.into_iter().max_by_key(|head| head.sequence) {
            Some(head) => Ok(Self { place, head: Mutex::new(head) }),
            None => Err(VaultError::damaged("the prefix of the file of records does not fit its check")),
        }
    }

    fn resize(&self, len: u64) -> io::Result<()> {
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        let medium = &self.place.medium;
        let room = len.max(ROOM_LEN_MIN).next_power_of_two();
        let physical = medium.len()?;
        if physical < PREFIX_LEN.saturating_add(room) {
            medium.set_len(PREFIX_LEN.saturating_add(room))?;
            // Written, so that the blocks the file system gives tell nothing either.
            fill_with_zeros(&self.place, physical, PREFIX_LEN.saturating_add(room))?;
        }
        // redb counts on zeros in what it adds; a shorter database may have lain there before.
        fill_with_zeros(&self.place, PREFIX_LEN.saturating_add(head.len), PREFIX_LEN.saturating_add(len))?;
        let next = Head { sequence: head.sequence.saturating_add(1), len };
        medium.write_at(if next.sequence.is_multiple_of(2) { 0 } else { HEAD_B_AT }, &next.encode())?;
        *head = next;
        Ok(())
    }
}

impl redb::StorageBackend for Container {
    fn len(&self) -> io::Result<u64> {
        Ok(self.head.lock().unwrap_or_else(PoisonError::into_inner).len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let end = offset.saturating_add(out.len() as u64);
        if end > redb::StorageBackend::len(self)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.place.medium.read_at(PREFIX_LEN.saturating_add(offset), out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.resize(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.place.medium.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.place.medium.write_at(PREFIX_LEN.saturating_add(offset), data)
    }
}

impl Head {
    fn encode(self) -> [u8; HEAD_LEN] {
        let mut bytes = [0u8; HEAD_LEN];
        let numbers = self.sequence.to_be_bytes().into_iter().chain(self.len.to_be_bytes());
        let fields = MAGIC.into_iter().chain([VERSION]).chain([0; 7]).chain(numbers);
        for (to, from) in bytes.iter_mut().zip(fields) {
            *to = from;
        }
        let (body, check) = bytes.split_at_mut(BODY_LEN);
        let digest = Sha256::new().chain_update(CHECK_CONTEXT).chain_update(body).finalize();
        check.copy_from_slice(&digest);
        bytes
    }

    fn decode(bytes: &[u8; HEAD_LEN]) -> Option<Self> {
        let (_, rest) = bytes.split_first_chunk::<16>()?;
        let (&sequence, rest) = rest.split_first_chunk::<8>()?;
        let (&len, _) = rest.split_first_chunk::<8>()?;
        let head = Self { sequence: u64::from_be_bytes(sequence), len: u64::from_be_bytes(len) };
        (head.encode() == *bytes).then_some(head)
    }
}

fn fill_with_zeros(place: &Place, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0u8; ZEROS_LEN];
    let mut at = from;
    while at < to {
        let len = usize::try_from(to.saturating_sub(at)).unwrap_or(ZEROS_LEN).min(ZEROS_LEN);
        place.medium.write_at(at, zeros.get(..len).unwrap_or_default())?;
        at = at.saturating_add(len as u64);
    }
    Ok(())
}
