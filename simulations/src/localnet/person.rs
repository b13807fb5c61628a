//! One person on a local network: a profile of their own and the daemon that serves it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sotto_client::core::Route;
use sotto_transport::clock::Clock;
use sotto_transport::rpc::RpcClient;

use super::error::LocalnetError;
use super::network::Localnet;
use super::node::log_file;
use super::programs::Programs;
use crate::process::{Launch, Process};
use crate::wait::wait_for;

/// Memory in MiB that a guess at the passphrase costs: the least that the vault accepts.
pub(super) const ARGON2_MIB: &str = "64";
/// How long a daemon may take until it answers.
const DAEMON_WAIT_MAX: Duration = Duration::from_secs(60);

/// How a person's programs are set up and run, where that is not as for everybody.
#[derive(Clone, Debug, Default)]
pub struct PersonOptions {
    /// More arguments of `sotto init`.
    pub init: Vec<String>,
    /// A command that runs each of the person's programs, such as one that enters a network namespace. It has to
    /// become the program, not to start it: signals go to its process.
    pub wrapper: Vec<String>,
}

impl PersonOptions {
    /// For a profile with this route and these fallbacks, on the Tor network of the local network if it has one.
    #[must_use]
    pub fn routes(network: &Localnet, route: Route, fallbacks: &[Route]) -> Self {
        let mut init = vec!["--route".to_owned(), route.to_string()];
        for fallback in fallbacks {
            init.extend(["--fallback".to_owned(), fallback.to_string()]);
        }
        if let Some(tor) = &network.plan().tor {
            init.extend(["--tor-arti-config".to_owned(), tor.arti_config.display().to_string()]);
        }
        Self { init, wrapper: Vec::new() }
    }
}

/// A person: directory, programs, and the daemon while it runs.
#[derive(Debug)]
pub struct Person {
    name: String,
    dir: PathBuf,
    programs: Programs,
    wrapper: Vec<String>,
    clock: Clock,
    daemon: Option<Process>,
}

impl Person {
    /// Makes a profile for the network, with the default route.
    ///
    /// # Errors
    /// What `sotto init` says.
    pub async fn new(network: &Localnet, name: &str) -> Result<Self, LocalnetError> {
        Self::with(network, name, PersonOptions::default()).await
    }

    /// Makes a profile for the network. The passphrase is written to a file in the person's directory, since
    /// nobody is there to type it.
    ///
    /// # Errors
    /// What `sotto init` says.
    pub async fn with(network: &Localnet, name: &str, options: PersonOptions) -> Result<Self, LocalnetError> {
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
            wrapper: options.wrapper,
            clock: network.clock().clone(),
            daemon: None,
        };
        let init = ["init", "--network", network.link(), "--argon2-mib", ARGON2_MIB];
        let more = options.init.iter().map(String::as_str);
        person.sotto(&init.into_iter().chain(more).collect::<Vec<_>>()).await?;
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
        let printed = self.programs.run_wrapped(&self.wrapper, "sotto", &args, &self.env()).await?;
        serde_json::from_str(printed.trim()).map_err(|error| LocalnetError::Answer {
            name: format!("sotto {}", args.join(" ")),
            what: format!("{error}: {printed}"),
        })
    }

    /// Starts the daemon and waits until packets can go by the profile's wanted route.
    ///
    /// # Errors
    /// It cannot be started, or is not connected in time.
    pub async fn start_daemon(&mut self) -> Result<(), LocalnetError> {
        self.launch_daemon()?;
        self.wait_connected().await
    }

    /// Waits until packets can go by the profile's wanted route.
    ///
    /// # Errors
    /// It is not connected in time.
    pub async fn wait_connected(&self) -> Result<(), LocalnetError> {
        let connected = || async { self.is_connected().await.then_some(()) };
        wait_for(&self.clock, DAEMON_WAIT_MAX, connected).await.ok_or_else(|| self.not_ready())
    }

    /// Starts the daemon and waits until it answers, whether or not it is connected to anything.
    ///
    /// # Errors
    /// It cannot be started, or does not answer in time.
    pub async fn start_daemon_only(&mut self) -> Result<(), LocalnetError> {
        self.launch_daemon()?;
        let answers = || async { self.call("status", json!({})).await.ok() };
        wait_for(&self.clock, DAEMON_WAIT_MAX, answers).await.map(drop).ok_or_else(|| self.not_ready())
    }

    fn launch_daemon(&mut self) -> Result<(), LocalnetError> {
        let (program, mut args) = self.programs.wrapped(&self.wrapper, "sotto");
        args.extend(self.passphrase_args());
        args.push("daemon".to_owned());
        let launch = Launch { program, args, env: self.env(), log: self.log() };
        let daemon = launch
            .start(false)
            .map_err(LocalnetError::system(format!("start the daemon of {}", self.name)))?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Whether packets can go by the profile's wanted route.
    pub async fn is_connected(&self) -> bool {
        let Ok(status) = self.call("status", json!({})).await else { return false };
        let route = |view: &&Value| view.get("route") == status.pointer("/plan/0");
        let view =
            status.get("routes").and_then(Value::as_array).and_then(|routes| routes.iter().find(route));
        view.is_some_and(|view| view.get("state").is_some_and(|state| state == "connected"))
    }

    /// The error that the daemon did not get ready.
    #[must_use]
    pub fn not_ready(&self) -> LocalnetError {
        let name = format!("the daemon of {}", self.name);
        LocalnetError::NotReady { name, waited_s: DAEMON_WAIT_MAX.as_secs(), log: self.log() }
    }

    /// Where the daemon's output goes.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        log_file(&self.dir)
    }

    /// The directory with everything that is the person's.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
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
pub(super) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
