//! The command line of `sotto-mix`.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use sotto_protocol::directory::NetworkInfo;
use sotto_transport::node::NodeError;
use sotto_transport::node::program::{self, InitArgs, Operation};

use crate::bench::{self, BenchArgs, BenchError};

use super::config::{MixRole, NodeConfig};
use super::node::{self, PROGRAM};
use super::status::MixStatus;

/// A node of a Sotto network: an entry, which serves clients, or a mix.
///
/// A mix takes packets of one size, removes a layer of encryption, holds each packet for the delay that
/// its sender drew, and passes it on.
#[derive(Parser)]
#[command(name = "sotto-mix", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a new node: its directory, identity key and configuration.
    Init(Init),
    /// Measure what this machine's mix node can do, against the bare cryptography.
    Bench(BenchArgs),
    #[command(flatten)]
    Operate(Operation),
}

#[derive(clap::Args)]
struct Init {
    #[command(flatten)]
    node: InitArgs,
    /// What the node does.
    #[arg(long, value_enum)]
    role: MixRole,
    /// The network's link, `sotto:network:...`.
    #[arg(long, value_name = "LINK")]
    network: NetworkInfo,
}

/// Runs the program: reads the command line, does what it says, prints what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Init(init) => set_up(init),
        Command::Bench(args) => return program::exit_code(PROGRAM, measure(&args)),
        Command::Operate(operation) => operate(operation),
    };
    program::exit_code(PROGRAM, outcome)
}

fn set_up(init: Init) -> Result<(), NodeError> {
    let config = NodeConfig {
        dir: init.node.dir()?,
        role: init.role,
        log: init.node.log(),
        onion: init.node.onion,
        onion_clients: Vec::new(),
        tor: init.node.tor()?,
        announce: init.node.announce()?,
        listen: init.node.listen,
        network: init.network,
        control: None,
    };
    let (node, path) = config.set_up()?;
    program::show_made(PROGRAM, node, config.onion_address()?.as_deref(), &path)
}

/// Measures, and prints what was measured.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the output of the command, and how far it is")]
fn measure(args: &BenchArgs) -> Result<(), BenchError> {
    let report = bench::run(args, &mut |step| eprintln!("{PROGRAM}: {step}"))?;
    if args.json {
        println!("{}", serde_json::json!(report));
    } else {
        print!("{report}");
    }
    Ok(())
}

fn operate(operation: Operation) -> Result<(), NodeError> {
    match operation {
        Operation::Run { config } => {
            let config = NodeConfig::read(&config)?;
            program::run(config.log, async |shutdown| {
                node::start(&config, shutdown).await?.ended().await?;
                Ok(())
            })
        }
        Operation::Status { config, json } => {
            program::show_status::<MixStatus>(&NodeConfig::read(&config)?.control_socket(), json)
        }
        Operation::Man => program::show_manual(Cli::command()),
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
        let arguments =
            ["sotto-mix", "init", "--dir", "d", "--role", "mix", "--listen", "127.0.0.1:1", "--network"];
        let error = Cli::try_parse_from(arguments.into_iter().chain(["sotto:network:aaaa"])).err().unwrap();
        assert!(error.to_string().contains("mistyped"), "{error}");
    }
}
