//! What a log is to the code that keeps it: bytes at offsets, made durable on request.
//!
//! The trait is there so that tests can fail and stop anywhere. Not here: what the bytes mean.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::private::{self, PrivateFileError};

/// One file.
pub(super) trait TagFile: fmt::Debug + Send {
    fn len(&self) -> io::Result<u64>;
    /// Reads some bytes, none at the end of the file.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize>;
    /// Writes some of the bytes, and returns how many.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes what was written, and the length, durable.
    fn sync_data(&self) -> io::Result<()>;
}

impl TagFile for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(self, out, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        Self::set_len(self, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }
}

/// Opens a log that no other user has access to.
pub(super) fn open(path: &Path) -> Result<File, PrivateFileError> {
    let failed = |what| move |reason| PrivateFileError::Io { what, path: path.to_owned(), reason };
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed("open"))?;
    private::refuse_others(path, &file.metadata().map_err(failed("examine"))?, "600")?;
    Ok(file)
}

/// Writes all bytes, however few the file takes at once.
pub(super) fn write_all_at(file: &dyn TagFile, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(offset, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = bytes.get(written..).unwrap_or_default();
                offset = offset.saturating_add(written as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fills `out`, however few bytes the file gives at once.
pub(super) fn read_all_at(file: &dyn TagFile, offset: u64, out: &mut [u8]) -> io::Result<()> {
    if read_up_to(file, offset, out)? < out.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// Fills `out`, or what of it there is before the end of the file, and returns how many bytes that is.
pub(super) fn read_up_to(file: &dyn TagFile, offset: u64, out: &mut [u8]) -> io::Result<usize> {
    let mut read_len = 0;
    while let Some(rest) = out.get_mut(read_len..).filter(|rest| !rest.is_empty()) {
        match file.read_at(offset.saturating_add(read_len as u64), rest) {
            Ok(0) => break,
            Ok(len) => read_len += len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read_len)
}
