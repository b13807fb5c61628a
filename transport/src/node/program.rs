//! What the command lines of all node programs share: arguments, and what the commands do.
//!
//! Each program has its own `init`, because each has its own configuration.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::de::DeserializeOwned;
use sotto_protocol::ident::NodeId;

use super::control;
use super::error::NodeError;
use super::log::{self, LogFormat, LogHandle};
use super::manual;
use super::shutdown::Shutdown;
use crate::tor::TorConfig;

/// What every `init` asks for.
#[derive(Clone, Debug, clap::Args)]
pub struct InitArgs {
    /// The node's directory, which is made.
    #[arg(long)]
    dir: PathBuf,
    /// Where it listens, ip:port.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: String,
    /// Where others reach it, host:port, if not where it listens.
    #[arg(long, value_name = "ADDRESS")]
    announce: Option<String>,
    /// Log JSON objects instead of lines for people.
    #[arg(long)]
    log_json: bool,
    /// Let clients reach it as a Tor onion service, too.
    #[arg(long)]
    pub onion: bool,
    /// A TOML file in the format of arti, the Tor client within the program, for private Tor networks.
    #[arg(long, value_name = "FILE", requires = "onion")]
    tor_arti_config: Option<PathBuf>,
}

impl InitArgs {
    /// The node's directory, from the root: a configuration holds wherever the program is started.
    ///
    /// # Errors
    ///
    /// [`NodeError::System`] if there is no current directory that a relative path could start from.
    pub fn dir(&self) -> Result<PathBuf, NodeError> {
        std::path::absolute(&self.dir).map_err(NodeError::system("find the current directory"))
    }

    /// Where others reach it, if not where it listens.
    ///
    /// # Errors
    ///
    /// [`NodeError::NoAnnounce`] if it listens on all addresses, which nobody can dial, and names none.
    pub fn announce(&self) -> Result<Option<String>, NodeError> {
        let listens_everywhere =
            self.listen.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_unspecified());
        match &self.announce {
            None if listens_everywhere => Err(NodeError::NoAnnounce { address: self.listen.clone() }),
            announce => Ok(announce.clone()),
        }
    }

    /// How Tor is reached for the onion service.
    ///
    /// # Errors
    ///
    /// [`NodeError::System`] as [`InitArgs::dir`]; [`NodeError::Tor`] if arti's file is not what it should be.
    pub fn tor(&self) -> Result<TorConfig, NodeError> {
        let path = self.tor_arti_config.as_ref().map(std::path::absolute).transpose();
        let arti_config = path.map_err(NodeError::system("find the current directory"))?;
        let tor = TorConfig { arti_config, ..TorConfig::default() };
        tor.check()?;
        Ok(tor)
    }

    /// The form of the log.
    #[must_use]
    pub const fn log(&self) -> LogFormat {
        if self.log_json { LogFormat::Json } else { LogFormat::Human }
    }
}

/// What can be done with a node that is set up.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Operation {
    /// Run the node until SIGTERM, SIGINT or `shutdown` on the control socket.
    Run {
        /// The configuration that `init` wrote.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Show the state of the running node.
    Status {
        /// The configuration of the node.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Print the manual page.
    Man,
}

/// The end of `program`: prints what went wrong, if something did.
pub fn exit_code<E: Display>(program: &str, outcome: Result<(), E>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If even this cannot be written, the exit code still tells.
            let _written = writeln!(io::stderr(), "{}{program}: {error}", log::error_prefix());
            ExitCode::FAILURE
        }
    }
}

/// Warns on standard error.
pub fn print_error(program: &str, text: &str) {
    // There is nowhere else to tell it.
    let _written = writeln!(io::stderr(), "{program}: {text}");
}

/// Tells what `init` has made; of an onion service its address.
///
/// # Errors
///
/// [`NodeError::System`] if it cannot be printed.
pub fn show_made(program: &str, node: NodeId, onion: Option<&str>, config: &Path) -> Result<(), NodeError> {
    let (config, onion) = (config.display(), onion_line(onion));
    print(&format!(
        "node {node}\n{onion}configuration {config}\nrun it with: {program} run --config {config}\n"
    ))
}

/// The line of `init` that tells an onion service's address; nothing without one.
#[must_use]
pub fn onion_line(onion: Option<&str>) -> String {
    onion.map(|address| format!("onion {address}\n")).unwrap_or_default()
}

/// Logs, starts a node by `run`, and waits for its end. The shutdown that `run` gets is triggered when the process
/// is told to end.
///
/// # Errors
///
/// When the process cannot be prepared, or the node's own.
pub fn run<E: From<NodeError>>(
    log: LogFormat,
    run: impl AsyncFnOnce(Shutdown) -> Result<(), E>,
) -> Result<(), E> {
    run_logging(log, None, async |shutdown, _log| run(shutdown).await)
}

/// As [`run`], with the log's filter, and with what changes that while the node runs.
///
/// # Errors
///
/// As there.
pub fn run_logging<E: From<NodeError>>(
    log: LogFormat,
    filter: Option<&str>,
    run: impl AsyncFnOnce(Shutdown, LogHandle) -> Result<(), E>,
) -> Result<(), E> {
    let log = log::init_filtered(log, filter).map_err(NodeError::from)?;
    raise_file_limit();
    runtime()?.block_on(async {
        let shutdown = Shutdown::new();
        shutdown.on_signals().map_err(NodeError::system("listen for signals"))?;
        run(shutdown, log).await
    })
}

/// Lets this process have as many open files as it may: each link takes one, and the usual soft limit of 1,024 is far
/// below the links that a node serves.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, current = ?limit.current, "cannot raise the limit of open files");
    }
}

/// Asks the node behind `control_socket` for its state, a `S`, and prints it.
///
/// # Errors
///
/// When the node does not run, or answers something else.
pub fn show_status<S: DeserializeOwned + Display>(
    control_socket: &Path,
    json: bool,
) -> Result<(), NodeError> {
    let value = runtime()?.block_on(control::status(control_socket))?;
    if json {
        return print(&format!("{value}\n"));
    }
    let status: S = serde_json::from_value(value).map_err(NodeError::Status)?;
    print(&status.to_string())
}

/// Prints the manual page of a program: one page with all of its commands.
///
/// # Errors
///
/// [`NodeError::System`] if it cannot be printed.
pub fn show_manual(command: clap::Command) -> Result<(), NodeError> {
    let page = manual::page(command).map_err(NodeError::system("make the manual page"))?;
    io::stdout().write_all(&page).map_err(NodeError::system("print"))
}

/// Prints on standard output.
///
/// # Errors
///
/// [`NodeError::System`] if it cannot be printed.
pub fn print(text: &str) -> Result<(), NodeError> {
    io::stdout().write_all(text.as_bytes()).map_err(NodeError::system("print"))
}

/// A runtime, for a command that asks a node.
///
/// # Errors
///
/// [`NodeError::System`].
pub fn runtime() -> Result<tokio::runtime::Runtime, NodeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(NodeError::system("start the runtime"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_listens_everywhere_has_to_say_where_it_is() {
        let args = |listen: &str, announce: Option<&str>| InitArgs {
            dir: PathBuf::from("node"),
            listen: listen.to_owned(),
            announce: announce.map(str::to_owned),
            log_json: false,
            onion: false,
            tor_arti_config: None,
        };
        assert_eq!(args("0.0.0.0:9", None).announce().unwrap_err().label(), "no-announce");
        assert_eq!(args("[::]:9", None).announce().unwrap_err().label(), "no-announce");
        assert_eq!(args("127.0.0.1:9", None).announce().unwrap(), None);
        let named = args("0.0.0.0:9", Some("node.example.org:9")).announce().unwrap();
        assert_eq!(named.as_deref(), Some("node.example.org:9"));
    }
}
