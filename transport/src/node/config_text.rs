//! A node's configuration as `init` writes it: every setting under a comment that explains it.

use std::fmt::{Display, Write};
use std::path::Path;

use sotto_protocol::directory::NetworkInfo;

use super::error::NodeError;
use super::log::LogFormat;
use crate::tor::TorConfig;

/// A configuration that is being written.
#[derive(Clone, Debug)]
pub struct ConfigText(String);

impl ConfigText {
    /// Begins with what the file is.
    #[must_use]
    pub fn new(what: &str) -> Self {
        Self(format!("# {what}\n"))
    }

    /// Adds a setting whose value is TOML already.
    #[must_use]
    pub fn value(self, comment: &str, key: &str, value: impl Display) -> Self {
        self.section(comment, &format!("{key} = {value}"))
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, comment: &str, key: &str, text: &str) -> Self {
        self.value(comment, key, quoted(text))
    }

    /// Adds a text that may be left out; then an example stands there, commented out.
    #[must_use]
    pub fn optional_text(self, comment: &str, key: &str, example: &str, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.text(comment, key, text),
            None => self.value(comment, &format!("# {key}"), quoted(example)),
        }
    }

    /// Adds the node's directory, which holds `holds`.
    ///
    /// # Errors
    ///
    /// [`NodeError::PathNotText`].
    pub fn dir(self, holds: &str, dir: &Path) -> Result<Self, NodeError> {
        Ok(self.text(&format!("The node's directory: {holds}, the control socket."), "dir", path_text(dir)?))
    }

    /// Adds where the node listens.
    #[must_use]
    pub fn listen(self, listen: &str) -> Self {
        self.text("Where the node listens, ip:port.", "listen", listen)
    }

    /// Adds where others reach the node.
    #[must_use]
    pub fn announce(self, example: &str, announce: Option<&str>) -> Self {
        let comment = "Where others reach it, host:port. Where it listens, if left out.";
        self.optional_text(comment, "announce", example, announce)
    }

    /// Adds the network's link.
    ///
    /// # Errors
    ///
    /// [`NodeError::Network`] if what is to be written is no network.
    pub fn network(self, network: &NetworkInfo) -> Result<Self, NodeError> {
        Ok(self.text("The network: the link that its authorities hand out.", "network", &network.to_link()?))
    }

    /// Adds the form of the log.
    #[must_use]
    pub fn log(self, log: LogFormat) -> Self {
        let name = match log {
            LogFormat::Human => "human",
            LogFormat::Json => "json",
        };
        let comment =
            "The log on standard error: \"human\" or \"json\". What is logged: the variable SOTTO_LOG.";
        self.text(comment, "log", name)
    }

    /// Adds the place of the control socket.
    ///
    /// # Errors
    ///
    /// [`NodeError::PathNotText`].
    pub fn control(self, example: &str, control: Option<&Path>) -> Result<Self, NodeError> {
        let control = control.map(path_text).transpose()?;
        let comment = "The control socket. In the node's directory, if left out.";
        Ok(self.optional_text(comment, "control", example, control))
    }

    /// Adds whether the node has an onion service, and for whom.
    #[must_use]
    pub fn onion(self, onion: bool, clients: &[String]) -> Self {
        let reached =
            "Whether clients can reach it as a Tor onion service, whose key is `onion_key` in the directory.";
        let found =
            "Who can find the service: the keys that `sotto tor-key` printed to them. Everybody, if none.";
        self.value(reached, "onion", onion).value(found, "onion_clients", toml::Value::from(clients.to_vec()))
    }

    /// Adds the table `[tor]`. Tables stand below all settings that are in none.
    ///
    /// # Errors
    ///
    /// [`NodeError::PathNotText`].
    pub fn tor(self, tor: &TorConfig) -> Result<Self, NodeError> {
        #[derive(serde::Serialize)]
        struct Table<'a> {
            tor: &'a TorConfig,
        }
        let comment = "How the onion service reaches Tor; `arti_config` is a file in the format of arti.";
        if *tor == TorConfig::default() {
            return Ok(
                self.section(comment, "# [tor]\n# bridges = []\n# arti_config = \"/etc/sotto/arti.toml\"")
            );
        }
        // Nothing in it but a path can be what TOML cannot express.
        let path = tor.arti_config.clone().unwrap_or_default();
        let table = toml::to_string(&Table { tor }).map_err(|_| NodeError::PathNotText(path))?;
        Ok(self.section(comment, &table))
    }

    /// Adds lines of TOML under a comment.
    #[must_use]
    pub fn section(mut self, comment: &str, toml: &str) -> Self {
        // Writing to a string cannot fail.
        let _written = write!(self.0, "\n# {comment}\n{}\n", toml.trim_end());
        self
    }

    /// The whole file.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
    }
}

fn quoted(text: &str) -> toml::Value {
    toml::Value::String(text.to_owned())
}

fn path_text(path: &Path) -> Result<&str, NodeError> {
    path.to_str().ok_or_else(|| NodeError::PathNotText(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn every_setting_stands_under_its_comment() {
        let text = ConfigText::new("A node.")
            .dir("keys", Path::new("/a \"b\""))
            .unwrap()
            .value("How many.", "count", 3)
            .optional_text("Where.", "announce", "host:1", None)
            .log(LogFormat::Json)
            .control("/run/c.sock", Some(Path::new("/c.sock")))
            .unwrap()
            .finish();
        insta::assert_snapshot!(text, @r#"
        # A node.

        # The node's directory: keys, the control socket.
        dir = '/a "b"'

        # How many.
        count = 3

        # Where.
        # announce = "host:1"

        # The log on standard error: "human" or "json". What is logged: the variable SOTTO_LOG.
        log = "json"

        # The control socket. In the node's directory, if left out.
        control = "/c.sock"
        "#);
    }

    #[test]
    fn an_onion_service_is_written_with_the_table_of_tor_below() {
        let plain = ConfigText::new("A node.").onion(false, &[]).tor(&TorConfig::default()).unwrap().finish();
        insta::assert_snapshot!(plain, @r#"
        # A node.

        # Whether clients can reach it as a Tor onion service, whose key is `onion_key` in the directory.
        onion = false

        # Who can find the service: the keys that `sotto tor-key` printed to them. Everybody, if none.
        onion_clients = []

        # How the onion service reaches Tor; `arti_config` is a file in the format of arti.
        # [tor]
        # bridges = []
        # arti_config = "/etc/sotto/arti.toml"
        "#);
        let clients = ["descriptor:x25519:AAAA".to_owned()];
        let tor = TorConfig {
            bridges: vec!["192.0.2.1:443 AAAA".to_owned()],
            arti_config: Some("/a \"b\"".into()),
            ..TorConfig::default()
        };
        let full = ConfigText::new("A node.").onion(true, &clients).tor(&tor).unwrap().finish();
        insta::assert_snapshot!(full, @r#"
        # A node.

        # Whether clients can reach it as a Tor onion service, whose key is `onion_key` in the directory.
        onion = true

        # Who can find the service: the keys that `sotto tor-key` printed to them. Everybody, if none.
        onion_clients = ["descriptor:x25519:AAAA"]

        # How the onion service reaches Tor; `arti_config` is a file in the format of arti.
        [tor]
        bridges = ["192.0.2.1:443 AAAA"]
        arti_config = '/a "b"'
        "#);
    }

    #[test]
    fn a_path_that_is_no_text_is_refused() {
        let path = Path::new(OsStr::from_bytes(&[0xff]));
        let tor = TorConfig { arti_config: Some(path.to_owned()), ..TorConfig::default() };
        assert_eq!(ConfigText::new("A node.").tor(&tor).unwrap_err().label(), "path-not-text");
        let path = Path::new(OsStr::from_bytes(&[0xff]));
        assert_eq!(ConfigText::new("A node.").dir("keys", path).unwrap_err().label(), "path-not-text");
    }
}
