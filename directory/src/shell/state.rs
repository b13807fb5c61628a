//! What an authority must not forget over a restart: its last consensus and the nodes' descriptors.
//!
//! One file each, replaced atomically. What they say is checked by the core when it takes them back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sotto_protocol::ident::NodeId;
use sotto_protocol::limits::{DESCRIPTOR_LEN_MAX, DOCUMENT_LEN_MAX};
use sotto_transport::private::{self, PrivateFileError, UNFINISHED_SUFFIX};

/// The files of one authority.
#[derive(Clone, Debug)]
pub(super) struct State {
    consensus: PathBuf,
    descriptors: PathBuf,
}

/// What was kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) consensus: Option<Vec<u8>>,
    pub(super) descriptors: Vec<Vec<u8>>,
}

impl State {
    /// The files in an authority's directory, which is made if need be.
    pub(super) fn open(dir: &Path) -> Result<Self, PrivateFileError> {
        let state = Self { consensus: dir.join("consensus"), descriptors: dir.join("descriptors") };
        private::create_dir(&state.descriptors)?;
        Ok(state)
    }

    /// Reads what was kept.
    pub(super) fn load(&self) -> Result<Kept, PrivateFileError> {
        let consensus = match private::read(&self.consensus, DOCUMENT_LEN_MAX) {
            Ok(bytes) => Some(bytes.to_vec()),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        let list = || -> io::Result<Vec<PathBuf>> {
            fs::read_dir(&self.descriptors)?.map(|entry| Ok(entry?.path())).collect()
        };
        let failed = |reason| PrivateFileError::Io { what: "list", path: self.descriptors.clone(), reason };
        let mut paths = list().map_err(failed)?;
        paths.retain(|path| !path.as_os_str().as_encoded_bytes().ends_with(UNFINISHED_SUFFIX.as_bytes()));
        paths.sort();
        let descriptors = paths
            .iter()
            .map(|path| Ok(private::read(path, DESCRIPTOR_LEN_MAX)?.to_vec()))
            .collect::<Result<_, PrivateFileError>>()?;
        Ok(Kept { consensus, descriptors })
    }

    /// Keeps a consensus. Returns when it is durable.
    pub(super) fn keep_consensus(&self, bytes: &[u8]) -> Result<(), PrivateFileError> {
        private::replace(&self.consensus, bytes)
    }

    /// Keeps a node's descriptor. Returns when it is durable.
    pub(super) fn keep_descriptor(&self, node: &NodeId, bytes: &[u8]) -> Result<(), PrivateFileError> {
        private::replace(&self.descriptor(node), bytes)
    }

    /// Forgets a node's descriptor.
    pub(super) fn forget_descriptor(&self, node: &NodeId) -> Result<(), PrivateFileError> {
        let path = self.descriptor(node);
        match fs::remove_file(&path) {
            Err(reason) if reason.kind() != io::ErrorKind::NotFound => {
                Err(PrivateFileError::Io { what: "remove", path, reason })
            }
            _ => Ok(()),
        }
    }

    fn descriptor(&self, node: &NodeId) -> PathBuf {
        self.descriptors.join(node.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_comes_back_and_what_was_forgotten_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("authority");
        let state = State::open(&inner).unwrap();
        let kept = state.load().unwrap();
        assert!(kept.consensus.is_none() && kept.descriptors.is_empty());
        let [a, b] = [1, 2].map(|byte| NodeId::from_bytes([byte; 32]));
        state.keep_descriptor(&a, b"old").unwrap();
        state.keep_descriptor(&a, b"new").unwrap();
        state.keep_descriptor(&b, b"gone").unwrap();
        state.forget_descriptor(&b).unwrap();
        state.forget_descriptor(&b).unwrap();
        state.keep_consensus(b"consensus").unwrap();
        // What a crash in the middle of a write leaves behind.
        fs::write(inner.join("descriptors").join(format!("{b}{UNFINISHED_SUFFIX}")), b"ha").unwrap();
        let kept = State::open(&inner).unwrap().load().unwrap();
        assert_eq!(kept.consensus.as_deref(), Some(b"consensus".as_slice()));
        assert_eq!(kept.descriptors, [b"new"]);
    }
}
