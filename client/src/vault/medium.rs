//! What a vault's files are to the code: bytes at offsets, made durable on request.
//!
//! The trait is there so that tests can stop after any write. Not here: what the bytes mean.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::VaultError;

/// One file.
pub(super) trait Medium: fmt::Debug + Send + Sync {
    fn len(&self) -> io::Result<u64>;
    /// Fills `out`, or fails with `UnexpectedEof`.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes everything written so far durable.
    fn sync(&self) -> io::Result<()>;
}

impl Medium for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(out, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        Self::set_len(self, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A medium and the name it has in messages.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) medium: Arc<dyn Medium>,
}

impl Place {
    /// The error for a failed `action` on this file.
    pub(super) fn failed(&self, action: &'static str) -> impl FnOnce(io::Error) -> VaultError {
        let path = self.path.clone();
        move |source| VaultError::Io { action, path, source }
    }

    /// Reads `len` bytes from the start; a file of another length is damaged.
    pub(super) fn read_whole(&self, len: usize) -> Result<Vec<u8>, VaultError> {
        let found = self.medium.len().map_err(self.failed("read"))?;
        if found != len as u64 {
            return Err(VaultError::damaged(format!("{} has {found} bytes, not {len}", self.path.display())));
        }
        let mut bytes = vec![0; len];
        self.medium.read_at(0, &mut bytes).map_err(self.failed("read"))?;
        Ok(bytes)
    }

    /// Writes and makes durable.
    pub(super) fn write_durably(&self, offset: u64, bytes: &[u8]) -> Result<(), VaultError> {
        self.medium.write_at(offset, bytes).map_err(self.failed("write"))?;
        self.medium.sync().map_err(self.failed("synchronise"))
    }

    /// An existing file for reading and writing, or `None` if there is none.
    fn open(path: PathBuf) -> Result<Option<(Self, Arc<File>)>, VaultError> {
        match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => {
                let file = Arc::new(file);
                Ok(Some((Self { path, medium: Arc::<File>::clone(&file) }, file)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(VaultError::Io { action: "open", path, source }),
        }
    }

    /// A new, empty file for this user alone. What was there under the name is removed.
    fn create(path: PathBuf) -> Result<(Self, Arc<File>), VaultError> {
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(VaultError::Io { action: "remove", path, source });
            }
            _ => {}
        }
        let mut options = OpenOptions::new();
        match options.read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => {
                let file = Arc::new(file);
                Ok((Self { path, medium: Arc::<File>::clone(&file) }, file))
            }
            Err(source) => Err(VaultError::Io { action: "create", path, source }),
        }
    }
}

/// The three files of one vault.
#[derive(Clone, Debug)]
pub(super) struct Media {
    /// `vault.redb`: the records.
    pub(super) records: Place,
    /// `vault.keys`: the slots.
    pub(super) keys: Place,
    /// `vault.erasure`: the erasure keys; `None` if the file is missing.
    pub(super) erasure: Option<Place>,
}

/// `vault.keys` beside `vault.redb`.
pub(super) fn keys_path(records: &Path) -> PathBuf {
    records.with_extension("keys")
}

/// `vault.erasure` beside `vault.redb`.
pub(super) fn erasure_path(records: &Path) -> PathBuf {
    records.with_extension("erasure")
}

/// The name under which the records of a new vault are written until it is complete.
pub(super) fn unfinished_path(records: &Path) -> PathBuf {
    let mut unfinished = records.as_os_str().to_owned();
    unfinished.push(".new");
    PathBuf::from(unfinished)
}

impl Media {
    /// Opens the files of an existing vault and locks them for this process.
    pub(super) fn open(records: &Path) -> Result<Self, VaultError> {
        let Some((place, file)) = Place::open(records.to_owned())? else {
            return Err(VaultError::Missing { path: records.to_owned() });
        };
        lock(&place, &file)?;
        super::container::check_version(&place)?;
        let keys = keys_path(records);
        let Some((keys, _)) = Place::open(keys.clone())? else {
            return Err(VaultError::KeysMissing { path: keys });
        };
        let erasure = Place::open(erasure_path(records))?.map(|(place, _)| place);
        Ok(Self { records: place, keys, erasure })
    }

    /// Makes the files of a new vault, the records under [`unfinished_path`].
    pub(super) fn create(records: &Path) -> Result<Self, VaultError> {
        let (place, file) = Place::create(unfinished_path(records))?;
        lock(&place, &file)?;
        let (keys, _) = Place::create(keys_path(records))?;
        let (erasure, _) = Place::create(erasure_path(records))?;
        Ok(Self { records: place, keys, erasure: Some(erasure) })
    }

    /// Gives the records of a new vault their name, which makes it one.
    pub(super) fn finish(&mut self, records: &Path) -> Result<(), VaultError> {
        fs::rename(&self.records.path, records).map_err(self.records.failed("rename"))?;
        records.clone_into(&mut self.records.path);
        sync_directory(records)
    }

    /// The erasure file, made anew if it is missing.
    pub(super) fn erasure_or_new(&mut self) -> Result<Place, VaultError> {
        if let Some(place) = &self.erasure {
            return Ok(place.clone());
        }
        let (place, _) = Place::create(erasure_path(&self.records.path))?;
        self.erasure = Some(place.clone());
        Ok(place)
    }
}

/// Makes names in the directory of `path` durable.
pub(super) fn sync_directory(path: &Path) -> Result<(), VaultError> {
    let Some(directory) = path.parent() else { return Ok(()) };
    // A bare file name lies in the working directory.
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(|source| VaultError::Io {
        action: "synchronise the directory of",
        path: path.to_owned(),
        source,
    })
}

fn lock(place: &Place, file: &File) -> Result<(), VaultError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(VaultError::Busy),
        Err(TryLockError::Error(source)) => Err(place.failed("lock")(source)),
    }
}
