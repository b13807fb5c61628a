//! The command line of `sotto-directory`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use sotto_protocol::directory::Params;
use sotto_transport::node::control;
use sotto_transport::node::log::{self, LogFormat};
use sotto_transport::node::shutdown::Shutdown;

use super::config::DirectoryConfig;
use super::error::ShellError;
use super::node;
use super::status::DirectoryStatus;
use crate::core::{Admission, Bootstrap};

/// The authority of a Sotto network: it collects the nodes' descriptors and signs the consensus.
///
/// Clients and nodes believe what the authority signs, and nothing else: its key is part of the network's
/// link, which everybody needs who wants to take part.
#[derive(Parser)]
#[command(name = "sotto-directory", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a new authority: its directory, identity key and configuration. Prints the network's link.
    Init(Init),
    /// Run the authority until SIGTERM, SIGINT or `shutdown` on the control socket.
    Run {
        /// The configuration that `init` wrote.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Show the state of the running authority.
    Status {
        /// The configuration of the authority.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Print the network's link, for nodes and for people.
    NetworkLink {
        /// The configuration of the authority.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Print the manual page.
    #[command(hide = true)]
    Man,
}

#[derive(clap::Args)]
struct Init {
    /// The authority's directory, which is made.
    #[arg(long)]
    dir: PathBuf,
    /// Where it listens, ip:port.
    #[arg(long, value_name = "ADDRESS")]
    listen: String,
    /// Where others reach it, host:port, if not where it listens.
    #[arg(long, value_name = "ADDRESS")]
    announce: Option<String>,
    /// The network's name: a-z, 0-9, - and .
    #[arg(long, value_name = "NAME")]
    network_name: String,
    /// Admit every node, for a test network, instead of those listed in the configuration.
    #[arg(long)]
    admit_all: bool,
    /// The length of an epoch, in seconds. It cannot change later.
    #[arg(long, value_name = "SECONDS", default_value_t = Params::default().epoch_s)]
    epoch_s: u32,
    /// Log JSON objects instead of lines for people.
    #[arg(long)]
    log_json: bool,
}

/// Runs the program: reads the command line, does what it says, prints what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Init(init) => set_up(init),
        Command::Run { config } => run(&config),
        Command::Status { config, json } => status(&config, json),
        Command::NetworkLink { config } => network_link(&config),
        Command::Man => manual(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If even this cannot be written, the exit code still tells.
            let _written = writeln!(io::stderr(), "sotto-directory: {error}");
            ExitCode::FAILURE
        }
    }
}

fn set_up(init: Init) -> Result<(), ShellError> {
    let dir = std::path::absolute(&init.dir).map_err(ShellError::system("find the current directory"))?;
    let config = DirectoryConfig {
        dir,
        listen: init.listen,
        announce: init.announce,
        network: init.network_name,
        admit: if init.admit_all { Admission::All } else { Admission::Listed([].into()) },
        log: if init.log_json { LogFormat::Json } else { LogFormat::Human },
        control: None,
        bootstrap: Bootstrap::default(),
        // Beyond an epoch a consensus is in use for one more epoch at most, as by default.
        params: Params { epoch_s: init.epoch_s, grace_s: init.epoch_s, ..Params::default() },
    };
    let (key, path) = config.set_up()?;
    let (link, path) = (config.network_info(key).to_link()?, path.display());
    print(&format!(
        "{link}\nkey {key}\nconfiguration {path}\nrun it with: sotto-directory run --config {path}\n"
    ))
}

fn run(path: &Path) -> Result<(), ShellError> {
    let config = DirectoryConfig::read(path)?;
    log::init(config.log)?;
    runtime()?.block_on(async {
        let shutdown = Shutdown::new();
        shutdown.on_signals().map_err(ShellError::system("listen for signals"))?;
        node::start(&config, shutdown).await?.ended().await?;
        Ok(())
    })
}

fn status(path: &Path, json: bool) -> Result<(), ShellError> {
    let config = DirectoryConfig::read(path)?;
    let value = runtime()?.block_on(control::status(&config.control_socket()))?;
    if json {
        return print(&format!("{value}\n"));
    }
    let status: DirectoryStatus = serde_json::from_value(value).map_err(ShellError::Status)?;
    print(&status.to_string())
}

fn network_link(path: &Path) -> Result<(), ShellError> {
    print(&format!("{}\n", DirectoryConfig::read(path)?.network_link()?))
}

fn manual() -> Result<(), ShellError> {
    clap_mangen::Man::new(Cli::command()).render(&mut io::stdout()).map_err(ShellError::system("print"))
}

fn runtime() -> Result<tokio::runtime::Runtime, ShellError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(ShellError::system("start the runtime"))
}

fn print(text: &str) -> Result<(), ShellError> {
    io::stdout().write_all(text.as_bytes()).map_err(ShellError::system("print"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
