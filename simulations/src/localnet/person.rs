//! One person on a local network: a profile of their own and the daemon that serves it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sotto_transport::clock::Clock;
use sotto_transport::rpc::RpcClient;

use super::error::LocalnetError;
use super::network::Localnet;
use super::node::log_file;
use super::programs::Programs;
use crate::process::{Launch, Process};
use crate::wait::wait_for;

/// Memory in MiB that a guess at the passphrase costs: the least that the vault accepts.
const ARGON2_MIB: &str = "64";
/// How long a daemon may take until it answers.
const DAEMON_WAIT_MAX: Duration = Duration::from_secs(60);

/// A person: directory, programs, and the daemon while it runs.
#[derive(Debug)]
pub struct Person {
    name: String,
    dir: PathBuf,
    programs: Programs,
    clock: Clock,
    daemon: Option<Process>,
}

impl Person {
    /// Makes a profile for the network. The passphrase is written to a file in the person's directory, since
    /// nobody is there to type it.
    ///
    /// # Errors
    /// What `sotto init` says.
    pub async fn new(network: &Localnet, name: &str) -> Result<Self, LocalnetError> {
        let dir = network.dir().join("people").join(name);
        std::fs::create_dir_all(dir.join("run"))
            .map_err(LocalnetError::system(format!("make the directory {}", dir.display())))?;
        let passphrase = format!("the passphrase of {name}, who lives on loopback");
        let file = dir.join("passphrase");
        sotto_transport::private::write_new(&file, passphrase.as_bytes())
            .map_err(|error| LocalnetError::Directory(error.to_string()))?;
        let person = Self {
            name: name.to_owned(),
            dir,
            programs: network.programs().clone(),
            clock: network.clock().clone(),
            daemon: None,
        };
        person.sotto(&["init", "--network", network.link(), "--argon2-mib", ARGON2_MIB]).await?;
        Ok(person)
    }

    /// The person's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id of the daemon, while it runs.
    #[must_use]
    pub fn daemon_pid(&self) -> Option<u32> {
        self.daemon.as_ref().map(Process::pid)
    }

    /// Runs `sotto` with `--json` and returns what it printed, as JSON.
    ///
    /// # Errors
    /// It failed, or printed something else.
    pub async fn sotto(&self, args: &[&str]) -> Result<Value, LocalnetError> {
        let passphrase = self.passphrase_args();
        let args: Vec<&str> =
            passphrase.iter().map(String::as_str).chain(["--json"]).chain(args.iter().copied()).collect();
        let printed = self.programs.run_with("sotto", &args, &self.env(), "").await?;
        serde_json::from_str(printed.trim()).map_err(|error| LocalnetError::Answer {
            name: format!("sotto {}", args.join(" ")),
            what: format!("{error}: {printed}"),
        })
    }

    /// Starts the daemon and waits until it is connected to an entry.
    ///
    /// # Errors
    /// It cannot be started, or is not connected in time.
    pub async fn start_daemon(&mut self) -> Result<(), LocalnetError> {
        let mut args = self.passphrase_args();
        args.push("daemon".to_owned());
        let launch =
            Launch { program: self.programs.path("sotto"), args, env: self.env(), log: log_file(&self.dir) };
        let daemon = launch
            .start(false)
            .map_err(LocalnetError::system(format!("start the daemon of {}", self.name)))?;
        self.daemon = Some(daemon);
        let connected = || async {
            let status = self.rpc().await.ok()?.call("status", &json!({})).await.ok()?;
            (status.get("session")? == "connected").then_some(())
        };
        wait_for(&self.clock, DAEMON_WAIT_MAX, connected).await.ok_or_else(|| LocalnetError::NotReady {
            name: format!("the daemon of {}", self.name),
            waited_s: DAEMON_WAIT_MAX.as_secs(),
            log: log_file(&self.dir),
        })
    }

    /// Ends the daemon. Returns whether it went by itself.
    ///
    /// # Errors
    /// The system's refusal.
    pub async fn stop_daemon(&mut self) -> Result<bool, LocalnetError> {
        match self.daemon.take() {
            Some(daemon) => daemon
                .terminate()
                .await
                .map_err(LocalnetError::system(format!("end the daemon of {}", self.name))),
            None => Ok(true),
        }
    }

    /// Kills the daemon with SIGKILL.
    ///
    /// # Errors
    /// The system's refusal.
    pub async fn kill_daemon(&mut self) -> Result<(), LocalnetError> {
        if let Some(daemon) = self.daemon.take() {
            daemon
                .kill()
                .await
                .map_err(LocalnetError::system(format!("kill the daemon of {}", self.name)))?;
        }
        Ok(())
    }

    /// A connection to the daemon's socket.
    ///
    /// # Errors
    /// The daemon does not answer.
    pub async fn rpc(&self) -> Result<RpcClient, LocalnetError> {
        RpcClient::connect(&self.socket())
            .await
            .map_err(|source| LocalnetError::Socket { name: format!("the daemon of {}", self.name), source })
    }

    /// One call to the daemon.
    ///
    /// # Errors
    /// The daemon does not answer, or refuses.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, LocalnetError> {
        self.rpc()
            .await?
            .call(method, &params)
            .await
            .map_err(|source| LocalnetError::Socket { name: format!("the daemon of {}", self.name), source })
    }

    fn socket(&self) -> PathBuf {
        self.dir.join("run/sotto/default.sock")
    }

    fn env(&self) -> Vec<(String, String)> {
        let below = |name: &str| self.dir.join(name).display().to_string();
        vec![
            ("HOME".to_owned(), below("home")),
            ("XDG_DATA_HOME".to_owned(), below("data")),
            ("XDG_CONFIG_HOME".to_owned(), below("config")),
            ("XDG_RUNTIME_DIR".to_owned(), below("run")),
        ]
    }

    fn passphrase_args(&self) -> Vec<String> {
        vec!["--passphrase-command".to_owned(), format!("cat {}", quoted(&self.dir.join("passphrase")))]
    }
}

/// A path as one word of a shell command.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
