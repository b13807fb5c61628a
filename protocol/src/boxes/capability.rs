//! The two capabilities of a stream: to write its next box, and to find and open its boxes.
//!
//! Both hold the chain at one position and forget what lies before it. Nothing here keeps count of what
//! has been stored or read: whoever holds a capability saves it together with what it has done.

use std::fmt;

use rand::CryptoRng;
use zeroize::Zeroizing;

use super::blind::{BlindedSecret, RootPublic, RootSecret};
use super::chain::{Chain, Step};
use super::derive::derive_key;
use super::id::BoxId;
use super::reader::BoxReader;
use super::refusal::{BoxRefusal, CapabilityRefusal};
use super::sealed::SealedBox;
use super::tombstone::{Tombstone, TombstoneKey};

/// A saved capability: version, kind, index (8), chain state (32), root seed or public key (32), in bytes.
pub const CAPABILITY_LEN: usize = 2 + 8 + 32 + 32;
/// How many boxes from its position on a reader can look at: the next one and 63 more. It bounds the work
/// of one [`ReadCap::peek`].
pub const READ_AHEAD_MAX: u64 = 64;

const VERSION: u8 = 1;
const KIND_WRITE: u8 = 1;
const KIND_READ: u8 = 2;

/// The right to write a stream's boxes from one position on. `Debug` shows the position only; dropped, it
/// is wiped.
///
/// It is not `Clone`: two copies would seal two different texts in one box, of which one is lost.
pub struct WriteCap {
    root: RootSecret,
    chain: Chain,
}

impl WriteCap {
    /// The stream that a secret of 32 uniformly random bytes stands for, at its first box.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let root = RootSecret::from_seed(&derive_key(b"sotto-stream-root-v1", seed, b""));
        Self { root, chain: Chain::from_seed(seed) }
    }

    /// A new stream.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut_slice());
        Self::from_seed(&seed)
    }

    /// The stream of this root key along a chain that begins with another secret: one key can have many streams, and
    /// who knows the public key and the chain reads them without being able to write.
    #[must_use]
    pub fn along(root: &[u8; 32], chain: &[u8; 32]) -> Self {
        Self { root: RootSecret::from_seed(root), chain: Chain::from_seed(chain) }
    }

    /// The public key under which all of its boxes are blinded.
    #[must_use]
    pub fn root_public(&self) -> [u8; 32] {
        self.root.public().to_bytes()
    }

    /// The right to read what is written from this position on.
    #[must_use]
    pub fn read_cap(&self) -> ReadCap {
        ReadCap { root: *self.root.public(), chain: self.chain.clone() }
    }

    /// The place of the next box in the stream, counted from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.chain.index()
    }

    /// The name of the next box.
    #[must_use]
    pub fn next_id(&self) -> BoxId {
        self.root.public().blind(&blinding_factor(self.root.public(), &self.chain.step()))
    }

    /// Seals `text` in the next box, moves on and forgets that box's secrets.
    ///
    /// Save the capability and the box together before the box leaves: sealing twice at one position makes
    /// two boxes of one name, and mailboxes keep the first that arrives.
    ///
    /// # Errors
    /// [`BoxRefusal::TextTooLong`] for more than [`super::BOX_CONTENT_LEN_MAX`] bytes; nothing has moved then.
    pub fn seal_next(&mut self, text: &[u8], rng: &mut impl CryptoRng) -> Result<SealedBox, BoxRefusal> {
        let step = self.chain.step();
        let sealed = SealedBox::seal(&self.blinded(&step), &step.encryption, text, rng)?;
        self.chain.advance();
        Ok(sealed)
    }

    /// Moves past the next box without sealing it, and forgets its secrets.
    pub fn skip(&mut self) {
        self.chain.advance();
    }

    /// What is needed to withdraw the next box later. Take it before [`Self::seal_next`] moves on.
    #[must_use]
    pub fn next_tombstone_key(&self) -> TombstoneKey {
        TombstoneKey::new(self.blinded(&self.chain.step()))
    }

    /// Leaves a tombstone in place of the next box, and moves on.
    pub fn tombstone_next(&mut self) -> Tombstone {
        let tombstone = self.next_tombstone_key().tombstone();
        self.chain.advance();
        tombstone
    }

    /// The layout above, for the vault.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; CAPABILITY_LEN]> {
        to_bytes(KIND_WRITE, &self.chain, self.root.seed())
    }

    /// From the layout above.
    ///
    /// # Errors
    /// [`CapabilityRefusal`]: wrong length, version or kind.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CapabilityRefusal> {
        let (chain, seed) = from_bytes(KIND_WRITE, bytes)?;
        Ok(Self { root: RootSecret::from_seed(seed), chain })
    }

    fn blinded(&self, step: &Step) -> BlindedSecret {
        self.root.blind(&blinding_factor(self.root.public(), step))
    }
}

impl fmt::Debug for WriteCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriteCap(index {}, [scrubbed])", self.index())
    }
}

/// The right to find and open a stream's boxes from one position on. `Debug` shows the position only;
/// dropped, its chain is wiped.
#[derive(Clone)]
pub struct ReadCap {
    root: RootPublic,
    chain: Chain,
}

impl ReadCap {
    /// The reader's side of [`WriteCap::along`].
    ///
    /// # Errors
    /// [`CapabilityRefusal`] if the public key is unusable.
    pub fn along(root: &[u8; 32], chain: &[u8; 32]) -> Result<Self, CapabilityRefusal> {
        Ok(Self { root: RootPublic::from_bytes(root)?, chain: Chain::from_seed(chain) })
    }

    /// The place of the next box in the stream, counted from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.chain.index()
    }

    /// The name of the next box.
    #[must_use]
    pub fn next_id(&self) -> BoxId {
        *self.next_box().id()
    }

    /// What opens the next box.
    #[must_use]
    pub fn next_box(&self) -> BoxReader {
        self.reader(&self.chain)
    }

    /// What opens the box `offset` places after the next one; `peek(0)` is the next one.
    ///
    /// # Errors
    /// [`BoxRefusal::TooFarAhead`] from [`READ_AHEAD_MAX`] on.
    pub fn peek(&self, offset: u64) -> Result<BoxReader, BoxRefusal> {
        if offset >= READ_AHEAD_MAX {
            return Err(BoxRefusal::TooFarAhead { max: READ_AHEAD_MAX, offset });
        }
        let mut chain = self.chain.clone();
        (0..offset).for_each(|_| chain.advance());
        Ok(self.reader(&chain))
    }

    /// Moves past the next box and forgets its secrets: it cannot be opened with this capability any more.
    pub fn advance(&mut self) {
        self.chain.advance();
    }

    /// The layout above, for the vault or a recipient.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; CAPABILITY_LEN]> {
        to_bytes(KIND_READ, &self.chain, &self.root.to_bytes())
    }

    /// From the layout above.
    ///
    /// # Errors
    /// [`CapabilityRefusal`]: wrong length, version or kind, or an unusable public key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CapabilityRefusal> {
        let (chain, root) = from_bytes(KIND_READ, bytes)?;
        Ok(Self { root: RootPublic::from_bytes(root)?, chain })
    }

    fn reader(&self, chain: &Chain) -> BoxReader {
        let step = chain.step();
        let id = self.root.blind(&blinding_factor(&self.root, &step));
        BoxReader::new(chain.index(), id, step.encryption)
    }
}

impl fmt::Debug for ReadCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadCap(index {}, [scrubbed])", self.index())
    }
}

/// `h` of the box: what blinds the stream's key `P` for this one box.
fn blinding_factor(root: &RootPublic, step: &Step) -> Zeroizing<[u8; 32]> {
    derive_key(b"sotto-mailbox-v1", &step.blinding, &root.to_bytes())
}

fn to_bytes(kind: u8, chain: &Chain, root: &[u8; 32]) -> Zeroizing<[u8; CAPABILITY_LEN]> {
    let mut bytes = Zeroizing::new([0; CAPABILITY_LEN]);
    let parts = [VERSION, kind]
        .into_iter()
        .chain(chain.index().to_be_bytes())
        .chain(chain.state().iter().copied())
        .chain(root.iter().copied());
    bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    bytes
}

fn from_bytes(kind_expected: u8, bytes: &[u8]) -> Result<(Chain, &[u8; 32]), CapabilityRefusal> {
    let wrong_length = CapabilityRefusal::WrongLength { expected: CAPABILITY_LEN, actual: bytes.len() };
    let ([version, kind], rest) = bytes.split_first_chunk::<2>().ok_or(wrong_length)?;
    let (index, rest) = rest.split_first_chunk::<8>().ok_or(wrong_length)?;
    let (state, root) = rest.split_first_chunk::<32>().ok_or(wrong_length)?;
    let root = root.try_into().map_err(|_| wrong_length)?;
    if *version != VERSION {
        return Err(CapabilityRefusal::Version { actual: *version });
    }
    if *kind != kind_expected {
        return Err(CapabilityRefusal::Kind { expected: kind_expected, actual: *kind });
    }
    Ok((Chain::new(u64::from_be_bytes(*index), state), root))
}
