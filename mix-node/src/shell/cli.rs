//! The command line of `sotto-mix`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::str::FromStr;

use clap::{CommandFactory, Parser, Subcommand};
use sotto_protocol::directory::NetworkInfo;
use sotto_transport::node::NodeError;
use sotto_transport::node::program::{self, InitArgs, Operation};

use super::config::{Limits, MixRole, NodeConfig, metrics_address};
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
    /// Where Prometheus reads metrics, ip:port, or "off".
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    metrics: MetricsArgument,
    /// Let `--metrics` be an address that other machines reach.
    #[arg(long)]
    metrics_public: bool,
}

/// Where metrics are shown, as the command line says it.
#[derive(Clone, Copy)]
struct MetricsArgument(Option<SocketAddr>);

impl FromStr for MetricsArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        metrics_address::parse(text).map(Self)
    }
}

/// Runs the program: reads the command line, does what it says, prints what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Init(init) => set_up(init),
        Command::Operate(operation) => operate(operation),
    };
    program::exit_code(PROGRAM, outcome)
}

fn set_up(init: Init) -> Result<(), NodeError> {
    let config = NodeConfig {
        dir: init.node.dir()?,
        role: init.role,
        log: init.node.log(),
        log_filter: None,
        metrics: init.metrics.0,
        metrics_public: init.metrics_public,
        limits: Limits::default(),
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
