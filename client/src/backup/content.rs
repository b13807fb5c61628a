//! What is in a backup: the network, the settings, and records.
//!
//! ```text
//! version 1 (1) || made (8, ms since 1970) || network (4 + n) || settings (4 + n) || count (4) || records
//! record = kind (1) || id (16) || length (4) || value
//! ```

use std::fmt;

use zeroize::Zeroizing;

use super::error::BackupError;
use crate::store::{Record, RecordKey, RecordKind};
use crate::vault::RECORD_VALUE_LEN_MAX;

const VERSION: u8 = 1;
/// The longest text of a network link or of the settings, in bytes.
const TEXT_LEN_MAX: usize = 64 * 1024;
/// The most records.
const RECORDS_MAX: usize = 1 << 20;

/// What a profile is restored from. `Debug` shows counts only.
pub struct Content {
    /// When it was made, in milliseconds since the Unix epoch.
    pub made_ms: u64,
    /// The link of the network.
    pub network: String,
    /// The text of `config.toml`.
    pub config: String,
    /// People, messages, addresses.
    pub records: Vec<Record>,
}

impl Content {
    pub(super) fn encode(&self) -> Result<Zeroizing<Vec<u8>>, BackupError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.len()));
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.made_ms.to_be_bytes());
        push(&mut bytes, self.network.as_bytes(), TEXT_LEN_MAX)?;
        push(&mut bytes, self.config.as_bytes(), TEXT_LEN_MAX)?;
        let count = u32::try_from(self.records.len()).ok().filter(|_| self.records.len() <= RECORDS_MAX);
        let count = count.ok_or(BackupError::TooLong { len: self.records.len() })?;
        bytes.extend_from_slice(&count.to_be_bytes());
        for (key, value) in &self.records {
            bytes.push(key.kind.number());
            bytes.extend_from_slice(&key.id);
            push(&mut bytes, value, RECORD_VALUE_LEN_MAX)?;
        }
        Ok(bytes)
    }

    /// Room for all of it at once: a buffer that grows would leave copies behind.
    fn len(&self) -> usize {
        let records: usize = self.records.iter().map(|(_, value)| value.len().saturating_add(21)).sum();
        records.saturating_add(self.network.len()).saturating_add(self.config.len()).saturating_add(64)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BackupError> {
        let mut rest = Rest(bytes);
        let [version] = rest.take()?;
        if version != VERSION {
            return Err(BackupError::Version { found: version, known: VERSION });
        }
        let made_ms = u64::from_be_bytes(rest.take()?);
        let (network, config) = (rest.text()?, rest.text()?);
        let count = usize::try_from(u32::from_be_bytes(rest.take()?)).unwrap_or(usize::MAX);
        if count > RECORDS_MAX {
            return Err(BackupError::TooLong { len: count });
        }
        let mut records = Vec::new();
        for _ in 0..count {
            let [kind] = rest.take()?;
            let kind =
                RecordKind::from_number(kind).ok_or(BackupError::Damaged("a record of unknown kind"))?;
            let key = RecordKey { kind, id: rest.take()? };
            records.push((key, Zeroizing::new(rest.field(RECORD_VALUE_LEN_MAX)?.to_vec())));
        }
        if rest.0.is_empty() {
            Ok(Self { made_ms, network, config, records })
        } else {
            Err(BackupError::Damaged("something follows its end"))
        }
    }
}

fn push(bytes: &mut Vec<u8>, field: &[u8], len_max: usize) -> Result<(), BackupError> {
    let too_long = BackupError::TooLong { len: field.len() };
    let Some(len) = u32::try_from(field.len()).ok().filter(|_| field.len() <= len_max) else {
        return Err(too_long);
    };
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend_from_slice(field);
    Ok(())
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], BackupError> {
        let (taken, rest) =
            self.0.split_first_chunk::<N>().ok_or(BackupError::Damaged("it ends too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn field(&mut self, len_max: usize) -> Result<&'a [u8], BackupError> {
        let len = usize::try_from(u32::from_be_bytes(self.take()?)).unwrap_or(usize::MAX);
        if len > len_max {
            return Err(BackupError::TooLong { len });
        }
        let (field, rest) = self.0.split_at_checked(len).ok_or(BackupError::Damaged("it ends too early"))?;
        self.0 = rest;
        Ok(field)
    }

    fn text(&mut self) -> Result<String, BackupError> {
        let bytes = self.field(TEXT_LEN_MAX)?;
        let text = std::str::from_utf8(bytes).map_err(|_| BackupError::Damaged("a text is not UTF-8"))?;
        Ok(text.to_owned())
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} records)", self.records.len())
    }
}
