//! The command line of `sotto-mix`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use sotto_protocol::directory::NetworkInfo;
use sotto_transport::node::control;
use sotto_transport::node::log::{self, LogFormat};
use sotto_transport::node::shutdown::Shutdown;

use super::config::{MixRole, NodeConfig};
use super::error::ShellError;
use super::node;
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
    #[command(hide = true)]
    Man,
}

#[derive(clap::Args)]
struct Init {
    /// The node's directory, which is made.
    #[arg(long)]
    dir: PathBuf,
    /// What the node does.
    #[arg(long, value_enum)]
    role: MixRole,
    /// Where it listens, ip:port.
    #[arg(long, value_name = "ADDRESS")]
    listen: String,
    /// Where others reach it, host:port, if not where it listens.
    #[arg(long, value_name = "ADDRESS")]
    announce: Option<String>,
    /// The network's link, `sotto:network:...`.
    #[arg(long, value_name = "LINK")]
    network: NetworkInfo,
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
        Command::Man => manual(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If even this cannot be written, the exit code still tells.
            let _written = writeln!(io::stderr(), "sotto-mix: {error}");
            ExitCode::FAILURE
        }
    }
}

fn set_up(init: Init) -> Result<(), ShellError> {
    let dir = std::path::absolute(&init.dir).map_err(ShellError::system("find the current directory"))?;
    let config = NodeConfig {
        dir,
        role: init.role,
        listen: init.listen,
        announce: init.announce,
        network: init.network,
        log: if init.log_json { LogFormat::Json } else { LogFormat::Human },
        control: None,
    };
    let (node, path) = config.set_up()?;
    let path = path.display();
    print(&format!("node {node}\nconfiguration {path}\nrun it with: sotto-mix run --config {path}\n"))
}

fn run(path: &Path) -> Result<(), ShellError> {
    let config = NodeConfig::read(path)?;
    log::init(config.log)?;
    runtime()?.block_on(async {
        let shutdown = Shutdown::new();
        shutdown.on_signals().map_err(ShellError::system("listen for signals"))?;
        node::start(&config, shutdown).await?.ended().await?;
        Ok(())
    })
}

fn status(path: &Path, json: bool) -> Result<(), ShellError> {
    let config = NodeConfig::read(path)?;
    let value = runtime()?.block_on(control::status(&config.control_socket()))?;
    if json {
        return print(&format!("{value}\n"));
    }
    let status: MixStatus = serde_json::from_value(value).map_err(ShellError::Status)?;
    print(&status.to_string())
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

    #[test]
    fn a_bad_network_link_is_refused_with_the_reason() {
        let arguments =
            ["sotto-mix", "init", "--dir", "d", "--role", "mix", "--listen", "127.0.0.1:1", "--network"];
        let error = Cli::try_parse_from(arguments.into_iter().chain(["sotto:network:aaaa"])).err().unwrap();
        assert!(error.to_string().contains("mistyped"), "{error}");
    }
}
