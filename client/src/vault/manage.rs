//! Slots of an open vault: listing, adding, removing, replacing, and the one for duress.
//!
//! ```text
//! add      list with the new entry        then vault.keys with the new slot
//! replace  list with old and new entry    then vault.keys with the new slot    then list without the old entry
//! remove   vault.keys without the slot    then list without the entry
//! ```
//!
//! Each arrow is a moment at which a crash leaves the state before or the state after, see
//! [`super::slot_list`]. Not here: the bytes of a slot and of the list.

use std::path::Path;

use rand::CryptoRng;

use super::content::Changes;
use super::keys::VaultKey;
use super::keys_file::Header;
use super::slot;
use super::slot_list::{self, LIST_RECORD, Listed};
use super::slot_view::{SLOTS_MAX, SlotView};
use super::unlock::Outputs;
use super::{Argon2Cost, Credentials, Factor, Vault, VaultError, wipe};

/// What the duress slot is called.
const DURESS_LABEL: &str = "duress";

impl<R: CryptoRng> Vault<R> {
    /// The ways to open this vault, in the order of their numbers.
    ///
    /// # Errors
    /// Whatever keeps the list from being read.
    pub fn slots(&self) -> Result<Vec<SlotView>, VaultError> {
        Ok(self.list()?.iter().map(|entry| entry.view(self.current)).collect())
    }

    /// Adds a way to open this vault: all the factors given, together. Gives the slot's number.
    ///
    /// # Errors
    /// [`VaultError::SlotLabel`], [`VaultError::SlotsFull`], [`VaultError::SlotTaken`], and what the factors or
    /// the disk refuse.
    pub fn add_slot(
        &mut self,
        label: &str,
        credentials: &mut Credentials,
        created_ms: u64,
    ) -> Result<u8, VaultError> {
        let list = self.list()?;
        let number = free_number(&list)?;
        let entry = Described { number, label: label.into(), created_ms, is_duress: false };
        self.put_slot(list, entry, credentials, None)?;
        Ok(number)
    }

    /// Destroys a slot: its bytes are overwritten.
    ///
    /// # Errors
    /// [`VaultError::SlotMissing`], [`VaultError::SlotLast`], and what the disk refuses.
    pub fn remove_slot(&mut self, number: u8) -> Result<(), VaultError> {
        let mut list = self.list()?;
        let entry = find(&list, number)?;
        let others = list.iter().filter(|other| !other.is_duress && other.number != number).count();
        if !entry.is_duress && others == 0 {
            return Err(VaultError::SlotLast { number });
        }
        let next = self.header.with_slot(number, slot::random_slot(&mut self.rng));
        self.header.update(&self.media.keys, next)?;
        if self.current == Some(number) {
            self.current = None;
        }
        list.retain(|entry| entry.number != number);
        self.put_list(&list)
    }

    /// Puts other factors in the place of a slot's; a changed passphrase for example. A `cost` other than the
    /// file's is possible while no other slot has a passphrase.
    ///
    /// # Errors
    /// [`VaultError::SlotWeaker`] if a factor is left out, [`VaultError::Argon2CostShared`], and as
    /// [`Self::add_slot`].
    pub fn replace_slot(
        &mut self,
        number: u8,
        credentials: &mut Credentials,
        cost: Option<Argon2Cost>,
    ) -> Result<(), VaultError> {
        let list = self.list()?;
        let Listed { label, factors: needed, created_ms, is_duress, .. } = find(&list, number)?.clone();
        let given = credentials.factors();
        if needed.contains_all(given) && needed != given && !given.is_empty() {
            return Err(VaultError::SlotWeaker { number, needed, given });
        }
        self.put_slot(list, Described { number, label, created_ms, is_duress }, credentials, cost)
    }

    /// Makes a slot that destroys the vault when somebody opens by it, and shows an empty one.
    ///
    /// # Errors
    /// As [`Self::add_slot`]. A duress slot that is there already is replaced.
    pub fn set_duress(&mut self, credentials: &mut Credentials) -> Result<(), VaultError> {
        let list = self.list()?;
        let number = match list.iter().find(|entry| entry.is_duress) {
            Some(entry) => entry.number,
            None => free_number(&list)?,
        };
        let entry = Described { number, label: DURESS_LABEL.into(), created_ms: 0, is_duress: true };
        self.put_slot(list, entry, credentials, None)
    }

    /// Removes the duress slot.
    ///
    /// # Errors
    /// [`VaultError::DuressMissing`], and what the disk refuses.
    pub fn clear_duress(&mut self) -> Result<(), VaultError> {
        let list = self.list()?;
        let entry = list.iter().find(|entry| entry.is_duress).ok_or(VaultError::DuressMissing)?;
        self.remove_slot(entry.number)
    }

    /// The cost of a guess at any passphrase of this vault.
    #[must_use]
    pub const fn cost(&self) -> Argon2Cost {
        self.header.cost
    }

    /// Overwrites the keys of the vault at `path` and removes its files. Needs no factor and no whole file.
    ///
    /// # Errors
    /// [`VaultError::Io`] if a file cannot be overwritten or removed; the others have been tried all the same.
    pub fn wipe(path: &Path) -> Result<(), VaultError> {
        wipe::wipe(path)
    }

    /// Seals a slot under what is given, and makes list and slots agree with it.
    fn put_slot(
        &mut self,
        mut list: Vec<Listed>,
        described: Described,
        credentials: &mut Credentials,
        cost: Option<Argon2Cost>,
    ) -> Result<(), VaultError> {
        let Described { number, label, created_ms, is_duress } = described;
        slot_list::check_label(&label)?;
        let mut next = match cost {
            Some(cost) if cost != self.header.cost => {
                let shares =
                    |other: &&Listed| other.number != number && other.factors.contains(Factor::Passphrase);
                if let Some(other) = list.iter().find(shares) {
                    return Err(VaultError::Argon2CostShared { other: other.number });
                }
                let Header { salt, .. } = Header::new(cost, &mut self.rng);
                Header { cost, salt, ..self.header.clone() }
            }
            _ => self.header.clone(),
        };
        let mut outputs = Outputs::of(credentials, next.cost, &next.salt, self.stretch)?;
        if next.unlock(&mut outputs, Some(number))?.is_some() {
            return Err(VaultError::SlotTaken);
        }
        let duress_key = is_duress.then(|| VaultKey::generate(&mut self.rng));
        let key = duress_key.as_ref().unwrap_or_else(|| self.keys.vault());
        let bytes = slot::seal(number, key, is_duress, &mut outputs, &mut self.rng)?;
        let factors = outputs.factors();
        next = next.with_slot(number, bytes);

        let is_new = list.iter().all(|entry| entry.number != number);
        list.push(Listed {
            number,
            label,
            factors,
            created_ms,
            is_duress,
            digest: slot_list::digest(&bytes),
        });
        self.put_list(&list)?;
        self.header.update(&self.media.keys, next)?;
        if is_new { Ok(()) } else { self.put_list(&slot_list::live(list, &self.header)) }
    }

    /// The entries whose slots are in `vault.keys`.
    fn list(&self) -> Result<Vec<Listed>, VaultError> {
        let value = self
            .with_content(|content| content.record(&self.keys, &LIST_RECORD))?
            .ok_or_else(|| VaultError::damaged("the list of slots is missing"))?;
        Ok(slot_list::live(slot_list::decode(&value)?, &self.header))
    }

    fn put_list(&mut self, list: &[Listed]) -> Result<(), VaultError> {
        let value = slot_list::encode(list)?;
        self.apply(&Changes::from([(LIST_RECORD, Some(value.as_slice()))]))
    }
}

/// A slot as it shall be listed.
struct Described {
    number: u8,
    label: String,
    created_ms: u64,
    is_duress: bool,
}

fn find(list: &[Listed], number: u8) -> Result<&Listed, VaultError> {
    list.iter().find(|entry| entry.number == number).ok_or(VaultError::SlotMissing { number })
}

fn free_number(list: &[Listed]) -> Result<u8, VaultError> {
    (0u8..)
        .take(SLOTS_MAX)
        .find(|number| list.iter().all(|entry| entry.number != *number))
        .ok_or(VaultError::SlotsFull)
}
