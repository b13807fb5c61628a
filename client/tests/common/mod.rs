//! A person at a keyboard: the real `sotto`, in directories of its own.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use sotto_protocol::directory::{AuthorityEntry, NetworkInfo};
use sotto_protocol::ident::NodeSecret;
use tempfile::TempDir;
use zeroize::Zeroizing;

/// A network whose only authority is a port that nobody listens on.
pub(crate) fn dead_network() -> NetworkInfo {
    let key = NodeSecret::from_seed(&Zeroizing::new([3; 32])).id();
    let authorities = vec![AuthorityEntry { key, address: "127.0.0.1:1".to_owned(), onion_address: None }];
    NetworkInfo { network: "test".to_owned(), authorities, threshold: 1, epoch_s: 3600 }
}

/// Somebody with a profile.
pub(crate) struct Person {
    home: TempDir,
}

impl Person {
    /// Without a profile yet.
    pub(crate) fn new() -> Self {
        // A short path: sockets have little room for theirs.
        Self { home: tempfile::Builder::new().prefix("sotto").tempdir_in("/tmp").unwrap() }
    }

    /// With a profile for the network.
    pub(crate) fn with_profile(network: &NetworkInfo) -> Self {
        let person = Self::new();
        let link = network.to_link().unwrap();
        let made = person.json(&["init", "--network", &link, "--argon2-mib", "64"]);
        assert_eq!(made["network"], network.network.as_str());
        person
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data/sotto/default")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.home.path().join("run/sotto/default.sock")
    }

    /// `sotto`, with its passphrase.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bare_command(args);
        command.args(["--passphrase-command", "echo correct horse"]);
        command
    }

    /// `sotto`, with nothing but its directories.
    pub(crate) fn bare_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("XDG_DATA_HOME", self.home.path().join("data"))
            .env("XDG_RUNTIME_DIR", self.home.path().join("run"))
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Output {
        let mut child = self
            .bare_command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// The one JSON value that a successful command prints.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.command(args).arg("--json").output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        one_value(&output)
    }

    /// The label and text of the error of a command that fails with exit code 1.
    pub(crate) fn refusal(&self, args: &[&str]) -> (String, String) {
        let output = self.command(args).arg("--json").output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
        let error = &one_value(&output)["error"];
        let field = |name: &str| error[name].as_str().unwrap().to_owned();
        (field("label"), field("text"))
    }

    /// A daemon that has said that it is ready.
    pub(crate) fn daemon(&self) -> Daemon {
        Self::daemon_by(self.command(&["daemon", "--json"]))
    }

    /// A daemon that is started by this command.
    pub(crate) fn daemon_by(mut command: Command) -> Daemon {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["ready"], true, "{ready}");
        assert_eq!(ready["pid"], child.id());
        Daemon { child }
    }
}

/// Standard output as the one JSON value that it is.
pub(crate) fn one_value(output: &Output) -> Value {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{output:?}");
    serde_json::from_str(text).unwrap()
}

/// A running daemon, killed when dropped.
pub(crate) struct Daemon {
    child: Child,
}

impl Daemon {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end by itself.
    pub(crate) fn ended_well(&mut self) -> bool {
        self.child.wait().unwrap().success()
    }

    /// As `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
