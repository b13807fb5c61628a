//! The vault as the engine's [`Store`], and how it is made and opened.
//!
//! Not here: changing slots ([`super::manage`]), what opening by a duress slot does ([`super::duress`]), and how
//! a commit is written ([`super::content`]).

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rand::CryptoRng;
use zeroize::Zeroizing;

use super::content::{Changes, Content};
use super::cost::Stretch;
use super::keys::{VaultKey, VaultKeys};
use super::keys_file::Header;
use super::medium::{self, Media};
use super::slot::{self, SlotBytes};
use super::slot_list::{self, LIST_RECORD, Listed};
use super::unlock::Outputs;
use super::{Argon2Cost, Credentials, Factors, VaultError, duress};
use crate::store::{Change, RecordKey, RecordKind, Store, StoreError};

/// The number of the slot that a vault is made with.
pub(super) const FIRST_SLOT: u8 = 0;
/// What that slot is called.
const FIRST_LABEL: &str = "main";

/// An open vault. `R` gives keys, nonces and fillers.
pub struct Vault<R> {
    pub(super) media: Media,
    pub(super) keys: VaultKeys,
    pub(super) header: Header,
    /// The slot by which it was opened, as long as that slot is there.
    pub(super) current: Option<u8>,
    pub(super) stretch: Stretch,
    pub(super) rng: R,
    /// `None` after a failed commit, until the file is read again.
    pub(super) content: Mutex<Option<Content>>,
}

impl<R: CryptoRng> Vault<R> {
    /// Makes a new, empty vault at `path` and opens it. All the factors given will be needed together.
    ///
    /// # Errors
    /// [`VaultError::Exists`] if there is one, and whatever the factors, the file system or Argon2id refuse.
    /// Nothing is left at `path` then.
    pub fn create(
        path: &Path,
        credentials: &mut Credentials,
        cost: Argon2Cost,
        rng: R,
    ) -> Result<Self, VaultError> {
        if path.exists() {
            return Err(VaultError::Exists { path: path.to_owned() });
        }
        if credentials.factors().is_empty() {
            return Err(VaultError::FactorsNone);
        }
        let mut vault = Self::create_on(Media::create(path)?, credentials, cost, Argon2Cost::derive, rng)?;
        vault.media.finish(path)?;
        Ok(vault)
    }

    /// Opens the vault at `path` by any slot that the given factors, or some of them, open, and verifies it.
    ///
    /// # Errors
    /// Any [`VaultError`] about missing, damaged or busy files or wrong factors. Its records are not changed then;
    /// redb may have written bookkeeping of its own.
    pub fn open(path: &Path, credentials: &mut Credentials, rng: R) -> Result<Self, VaultError> {
        Self::open_on(Media::open(path)?, credentials, Argon2Cost::derive, rng)
    }

    /// What one guess at a passphrase costs.
    #[must_use]
    pub const fn argon2_cost(&self) -> Argon2Cost {
        self.header.cost
    }

    /// Makes a vault on empty media.
    pub(super) fn create_on(
        media: Media,
        credentials: &mut Credentials,
        cost: Argon2Cost,
        stretch: Stretch,
        mut rng: R,
    ) -> Result<Self, VaultError> {
        let mut media = media;
        let empty = Header::new(cost, &mut rng);
        let mut outputs = Outputs::of(credentials, cost, &empty.salt, stretch)?;
        let key = VaultKey::generate(&mut rng);
        let bytes = slot::seal(FIRST_SLOT, &key, false, &mut outputs, &mut rng)?;
        let header = empty.with_slot(FIRST_SLOT, bytes);
        let keys = VaultKeys::derive(key)?;
        let list = first_list(&bytes, outputs.factors())?;
        let content = create_content(&mut media, &keys, &list, &mut rng)?;
        header.create(&media.keys)?;
        let content = Mutex::new(Some(content));
        Ok(Self { media, keys, header, current: Some(FIRST_SLOT), stretch, rng, content })
    }

    /// Opens a vault on these media.
    pub(super) fn open_on(
        mut media: Media,
        credentials: &mut Credentials,
        stretch: Stretch,
        mut rng: R,
    ) -> Result<Self, VaultError> {
        let mut header = Header::load(&media.keys)?;
        let mut outputs = Outputs::of(credentials, header.cost, &header.salt, stretch)?;
        let (number, opened) = header.unlock_or_refuse(&mut outputs)?;
        header.settle(&media.keys)?;
        let (current, keys, content) = if opened.content.is_duress {
            let (keys, content) = duress::finish(&mut media, &mut header, number, &opened, &mut rng)?;
            (FIRST_SLOT, keys, content)
        } else {
            let keys = VaultKeys::derive(opened.content.key)?;
            let mut content = Content::open(&media, &keys)?;
            content.settle(&mut rng)?;
            (number, keys, content)
        };
        let content = Mutex::new(Some(content));
        Ok(Self { media, keys, header, current: Some(current), stretch, rng, content })
    }

    /// Reads something from the content, and the content itself again if the last commit failed.
    pub(super) fn with_content<T>(
        &self,
        read: impl FnOnce(&mut Content) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let mut place = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let content = match place.take() {
            Some(content) => content,
            None => Content::open(&self.media, &self.keys)?,
        };
        read(place.insert(content))
    }

    /// Commits; after a failure the files will be read again.
    pub(super) fn apply(&mut self, changes: &Changes<'_>) -> Result<(), VaultError> {
        // A record that is too long is refused before anything is touched.
        for value in changes.values().flatten() {
            super::cell::parts(value)?;
        }
        let place = self.content.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut content = match place.take() {
            Some(content) => content,
            None => Content::open(&self.media, &self.keys)?,
        };
        content.settle(&mut self.rng)?;
        content.commit(&self.keys, changes, &mut self.rng)?;
        *place = Some(content);
        Ok(())
    }
}

/// The list of a vault with one slot.
pub(super) fn first_list(slot: &SlotBytes, factors: Factors) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    slot_list::encode(&[Listed {
        number: FIRST_SLOT,
        label: FIRST_LABEL.into(),
        factors,
        created_ms: 0,
        is_duress: false,
        digest: slot_list::digest(slot),
    }])
}

/// Records and erasure keys of a vault without records but its list.
pub(super) fn create_content(
    media: &mut Media,
    keys: &VaultKeys,
    list: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Content, VaultError> {
    let erasure = media.erasure_or_new()?;
    let changes = Changes::from([(LIST_RECORD, Some(list))]);
    let content = Content::create(media.records.clone(), erasure, keys, &changes, rng)?;
    medium::sync_directory(&media.records.path)?;
    Ok(content)
}

impl<R: CryptoRng> Store for Vault<R> {
    fn load(&self) -> Result<Vec<(RecordKey, Zeroizing<Vec<u8>>)>, StoreError> {
        let records = self.with_content(Content::load).map_err(to_store_error)?;
        let of_the_engine = records.into_iter().filter(|(record, _)| record.kind != LIST_RECORD.kind);
        of_the_engine
            .map(|(record, value)| {
                let kind = RecordKind::from_number(record.kind)
                    .ok_or_else(|| StoreError::Damaged("a record has an unknown kind".into()))?;
                Ok((RecordKey { kind, id: record.id }, value))
            })
            .collect()
    }

    fn read(&self, key: &RecordKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        self.with_content(|content| content.record(&self.keys, &(*key).into())).map_err(to_store_error)
    }

    fn commit(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        let changes: Changes<'_> = changes
            .iter()
            .map(|change| match change {
                Change::Put { key, value } => ((*key).into(), Some(value.as_slice())),
                Change::Delete { key } => ((*key).into(), None),
            })
            .collect();
        self.apply(&changes).map_err(to_store_error)
    }
}

impl<R> fmt::Debug for Vault<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault([scrubbed])")
    }
}

fn to_store_error(error: VaultError) -> StoreError {
    match error {
        VaultError::Damaged { what } => StoreError::Damaged(what),
        error => StoreError::Io(error.to_string()),
    }
}
