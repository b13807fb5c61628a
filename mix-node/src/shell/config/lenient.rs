//! The two settings by which a running node is found, read from a file whose other settings may be wrong.
//!
//! A mistake in the file must not keep its operator from asking the node that was started with an earlier text of it.

use std::path::{Path, PathBuf};

use sotto_transport::node::{NodeError, config, layout};

use super::NodeConfig;

/// Where the node with a configuration answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodePlace {
    /// The control socket.
    pub(crate) control_socket: PathBuf,
    /// What is wrong with the file as a whole, if it is.
    pub(crate) mistake: Option<String>,
}

impl NodePlace {
    /// Reads them from the file at `path`.
    ///
    /// # Errors
    ///
    /// As [`NodeConfig::read`], if the file cannot be read or names no directory.
    pub(crate) fn read(path: &Path) -> Result<Self, NodeError> {
        let wrong = match NodeConfig::read(path) {
            Ok(config) => return Ok(Self { control_socket: config.control_socket(), mistake: None }),
            Err(wrong) => wrong,
        };
        let dir = config::text_of(path, "dir")?;
        let control = config::text_of(path, "control")?.map(PathBuf::from);
        let socket = control.or_else(|| dir.map(|dir| layout::control_socket(Path::new(&dir))));
        match socket {
            Some(control_socket) => Ok(Self { control_socket, mistake: Some(wrong.to_string()) }),
            None => Err(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_mistakes_still_says_where_the_node_answers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mix.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            NodePlace::read(&path)
        };
        for mistaken in [
            "dir = \"/n\"\nlisten = 7\n",
            "dir = \"/n\"\nlisen = \"127.0.0.1:1\"\n",
            "dir = \"/n\"\nlisten = 127.0.0.1\n",
            "dir = \"/n\"\n[limits\nworkers = 1\n",
        ] {
            let place = read(mistaken).unwrap();
            assert_eq!(place.control_socket, Path::new("/n/control.sock"), "{mistaken}");
            assert!(place.mistake.unwrap().contains("mix.toml:"), "{mistaken}");
        }
        let elsewhere = read("dir = \"/n\"\ncontrol = \"/run/c\"\nx = 1\n").unwrap();
        assert_eq!(elsewhere.control_socket, Path::new("/run/c"));
        assert_eq!(read("dri = \"/n\"\n").unwrap_err().label(), "config-wrong");
    }
}
