//! The table [tor] of a configuration, and what can be found wrong with it before anything is started.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{TorError, arti_config_too_long};

/// Bridges at once. Tor uses a few; more cost connections at each start.
pub const BRIDGES_MAX: usize = 32;

/// Transports at once: each is a program that runs along.
const TRANSPORTS_MAX: usize = 8;

/// Bytes of a file in arti's format: enough for a private network of hundreds of relays.
pub(super) const ARTI_CONFIG_LEN_MAX: u64 = 1 << 20;

/// How Tor is reached. Empty, which is the default: by the built-in client, directly.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TorConfig {
    /// The SOCKS5 port of a tor or arti that runs already (Tails, Whonix, Orbot, a system's tor), as `ip:port`.
    /// Then the settings below belong to that program, and are refused here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socks: Option<SocketAddr>,
    /// Bridge lines, for places where Tor is blocked. They are private: whoever knows them can block them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bridges: Vec<String>,
    /// Programs that reach such bridges in a form that is not recognised as Tor.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transports: Vec<PluggableTransport>,
    /// Full path of a TOML file in arti's own format, for private Tor networks and for experts. What is said here
    /// comes on top; `storage.state_dir` and `storage.cache_dir` in it are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arti_config: Option<PathBuf>,
}

/// A program that disguises the connection to a bridge (Tor's pt-spec).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluggableTransport {
    /// The transports that it provides, as bridge lines name them: `obfs4`, `snowflake`, `webtunnel`.
    pub protocols: Vec<String>,
    /// Full path of the program.
    pub path: PathBuf,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
}

impl TorConfig {
    /// Whether Tor can be started with it, as far as that can be told without a network.
    ///
    /// # Errors
    ///
    /// What is wrong first, with its label. In a program without the built-in client, bridge lines and the file in
    /// arti's format are not looked at: [`Tor::start`](super::Tor::start) refuses them.
    pub fn check(&self) -> Result<(), TorError> {
        if self.socks.is_some() {
            return self.check_socks_alone();
        }
        if self.bridges.len() > BRIDGES_MAX {
            return Err(TorError::Bridges(self.bridges.len()));
        }
        for (number, transport) in (1..).zip(&self.transports) {
            let reason = match number {
                ..=TRANSPORTS_MAX => transport.trouble(),
                _ => Some(format!("at most {TRANSPORTS_MAX} are used; remove some")),
            };
            if let Some(reason) = reason {
                return Err(TorError::Transport { number, reason });
            }
        }
        #[cfg(feature = "tor")]
        super::embedded::check(self)?;
        Ok(())
    }

    fn check_socks_alone(&self) -> Result<(), TorError> {
        let others = [
            ("bridges", !self.bridges.is_empty()),
            ("transports", !self.transports.is_empty()),
            ("arti_config", self.arti_config.is_some()),
        ];
        match others.into_iter().find(|(_, is_set)| *is_set) {
            Some((field, _)) => Err(TorError::SocksAlone(field)),
            None => Ok(()),
        }
    }
}

impl PluggableTransport {
    /// What is wrong with it.
    fn trouble(&self) -> Option<String> {
        let path = self.path.display();
        if self.protocols.is_empty() {
            return Some("`protocols` is empty: name what it provides, for example [\"obfs4\"]".to_owned());
        }
        if !self.path.is_absolute() {
            return Some(format!("{path} is not a full path; write it from the root on"));
        }
        match self.path.metadata() {
            Err(error) => Some(format!("{path}: {error}; install the program, or correct `path`")),
            Ok(metadata) if !metadata.is_file() => {
                Some(format!("{path} is not a file; `path` must name the program itself"))
            }
            Ok(metadata) if metadata.permissions().mode() & 0o111 == 0 => {
                Some(format!("{path} may not be executed; run: chmod +x {path}"))
            }
            Ok(_) => None,
        }
    }
}

/// Reads the file in arti's format, of a bounded length.
#[cfg_attr(not(feature = "tor"), expect(dead_code, reason = "the built-in client alone reads the file"))]
pub(super) fn read_arti_config(path: &Path) -> Result<String, TorError> {
    let wrong = |reason| TorError::ArtiConfig { path: path.to_owned(), reason };
    if !path.is_absolute() {
        return Err(wrong("not a full path; write it from the root on".to_owned()));
    }
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(ARTI_CONFIG_LEN_MAX + 1).read_to_string(&mut text));
    let len = read.map_err(|error| wrong(format!("{error}; correct the path, or remove the setting")))?;
    if u64::try_from(len).is_ok_and(|len| len <= ARTI_CONFIG_LEN_MAX) {
        Ok(text)
    } else {
        Err(wrong(arti_config_too_long()))
    }
}
