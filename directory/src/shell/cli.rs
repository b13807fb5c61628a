//! The command line of `sotto-directory`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use sotto_protocol::directory::Params;
use sotto_transport::node::program::{self, InitArgs, Operation};

use super::config::DirectoryConfig;
use super::error::ShellError;
use super::node::{self, PROGRAM};
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
    #[command(flatten)]
    Operate(Operation),
    /// Print the network's link, for nodes and for people.
    NetworkLink {
        /// The configuration of the authority.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

#[derive(clap::Args)]
struct Init {
    #[command(flatten)]
    node: InitArgs,
    /// The network's name: letters a-z, digits, dots and hyphens, a letter first.
    #[arg(long, value_name = "NAME")]
    network_name: String,
    /// Admit every node, for a test network, instead of those listed in the configuration.
    #[arg(long)]
    admit_all: bool,
    /// The length of an epoch, in seconds. It cannot change later.
    #[arg(long, value_name = "SECONDS", default_value_t = Params::default().epoch_s)]
    epoch_s: u32,
}

/// Runs the program: reads the command line, does what it says, prints what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Init(init) => set_up(init),
        Command::Operate(operation) => operate(operation),
        Command::NetworkLink { config } => network_link(&config),
    };
    program::exit_code(PROGRAM, outcome)
}

fn set_up(init: Init) -> Result<(), ShellError> {
    let config = DirectoryConfig {
        dir: init.node.dir()?,
        log: init.node.log(),
        onion: init.node.onion,
        onion_clients: Vec::new(),
        tor: init.node.tor()?,
        announce: init.node.announce()?,
        listen: init.node.listen,
        network: init.network_name,
        admit: if init.admit_all { Admission::All } else { Admission::Listed([].into()) },
        control: None,
        bootstrap: Bootstrap::default(),
        // Beyond an epoch a consensus is in use for one more epoch at most, as by default.
        params: Params { epoch_s: init.epoch_s, grace_s: init.epoch_s, ..Params::default() },
    };
    let (key, path) = config.set_up()?;
    let (link, path) = (config.network_link()?, path.display());
    let onion = program::onion_line(config.onion_address()?.as_deref());
    Ok(program::print(&format!(
        "{link}\nkey {key}\n{onion}configuration {path}\nrun it with: {PROGRAM} run --config {path}\n"
    ))?)
}

fn operate(operation: Operation) -> Result<(), ShellError> {
    match operation {
        Operation::Run { config } => {
            let config = DirectoryConfig::read(&config)?;
            program::run(config.log, async |shutdown| {
                node::start(&config, shutdown).await?.ended().await??;
                Ok(())
            })
        }
        Operation::Status { config, json } => {
            let socket = DirectoryConfig::read(&config)?.control_socket();
            Ok(program::show_status::<DirectoryStatus>(&socket, json)?)
        }
        Operation::Man => Ok(program::show_manual(Cli::command())?),
    }
}

fn network_link(path: &Path) -> Result<(), ShellError> {
    Ok(program::print(&format!("{}\n", DirectoryConfig::read(path)?.network_link()?))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
