//! The command line of `sotto-mailbox`.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use sotto_protocol::directory::NetworkInfo;
use sotto_transport::node::NodeError;
use sotto_transport::node::program::{self, InitArgs, Operation};

use super::config::{MailboxConfig, QUOTA_BOXES_DEFAULT};
use super::error::ShellError;
use super::node::{self, PROGRAM};
use super::status::MailboxStatus;

/// A mailbox of a Sotto network: it stores one-time boxes for people it knows nothing about.
///
/// A box has a name that is used once, a signature that shows that its writer made it, and a ciphertext of
/// one size. Who writes, who reads and which boxes belong together does not show in them.
#[derive(Parser)]
#[command(name = "sotto-mailbox", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a new mailbox: its directory, identity key and configuration.
    Init(Init),
    #[command(flatten)]
    Operate(Operation),
}

#[derive(clap::Args)]
struct Init {
    #[command(flatten)]
    node: InitArgs,
    /// The network's link, `sotto:network:...`.
    #[arg(long, value_name = "LINK")]
    network: NetworkInfo,
    /// Boxes that it holds at most, about 4 kB each.
    #[arg(long, value_name = "BOXES", default_value_t = QUOTA_BOXES_DEFAULT)]
    quota_boxes: u64,
}

/// Runs the program: reads the command line, does what it says, prints what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Init(init) => set_up(init).map_err(ShellError::from),
        Command::Operate(operation) => operate(operation),
    };
    program::exit_code(PROGRAM, outcome)
}

fn set_up(init: Init) -> Result<(), NodeError> {
    let config = MailboxConfig {
        dir: init.node.dir()?,
        log: init.node.log(),
        onion: init.node.onion,
        onion_clients: Vec::new(),
        tor: init.node.tor()?,
        announce: init.node.announce()?,
        listen: init.node.listen,
        network: init.network,
        quota_boxes: init.quota_boxes,
        control: None,
    };
    let (node, path) = config.set_up()?;
    program::show_made(PROGRAM, node, config.onion_address()?.as_deref(), &path)
}

fn operate(operation: Operation) -> Result<(), ShellError> {
    match operation {
        Operation::Run { config } => {
            let config = MailboxConfig::read(&config)?;
            program::run(config.log, async |shutdown| {
                node::start(&config, shutdown).await?.ended().await?;
                Ok(())
            })
        }
        Operation::Status { config, json } => {
            let socket = MailboxConfig::read(&config)?.control_socket();
            Ok(program::show_status::<MailboxStatus>(&socket, json)?)
        }
        Operation::Man => Ok(program::show_manual(Cli::command())?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_bad_network_link_is_refused_with_the_reason() {
        let arguments = ["sotto-mailbox", "init", "--dir", "d", "--listen", "127.0.0.1:1", "--network"];
        let error = Cli::try_parse_from(arguments.into_iter().chain(["sotto:network:aaaa"])).err().unwrap();
        assert!(error.to_string().contains("mistyped"), "{error}");
    }
}
