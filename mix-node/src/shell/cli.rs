//! The command line of `sotto-mix`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use sotto_protocol::directory::NetworkInfo;
use sotto_transport::node::NodeError;
use sotto_transport::node::program::{self, InitArgs};

use super::config::{Limits, MixRole, NodeConfig, metrics_address};
use super::node::{self, PROGRAM, Reloading};
use super::status::Showing;
use super::{check_config, doctor, operate, status, systemd};
use crate::bench::{self, BenchArgs, BenchError};

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
    /// Run the node until SIGTERM, SIGINT or `shutdown` on the control socket. SIGHUP reads the configuration again.
    Run(ConfigFile),
    /// Check a configuration and the directory that it names, and print it with every default.
    CheckConfig {
        #[command(flatten)]
        file: ConfigFile,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Measure what the node needs from this host and the network, and explain what is found.
    Doctor {
        #[command(flatten)]
        file: ConfigFile,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Show the state of the running node, and what is wrong with it.
    Status {
        #[command(flatten)]
        file: ConfigFile,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
        /// Show it again and again, after so many seconds each.
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600))]
        watch: Option<u64>,
        /// End with exit code 1 if something is wrong.
        #[arg(long, conflicts_with = "watch")]
        check: bool,
    },
    /// Let the running node read its configuration again, and show what has changed.
    Reload {
        #[command(flatten)]
        file: ConfigFile,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Let the running node leave the network, and end when nobody can send it anything any more.
    Drain {
        #[command(flatten)]
        file: ConfigFile,
        /// Take that back.
        #[arg(long)]
        cancel: bool,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Measure what this machine's mix node can do, against the bare cryptography.
    Bench(BenchArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page.
    Man,
}

/// Which node is meant.
#[derive(clap::Args)]
struct ConfigFile {
    /// The configuration that `init` wrote.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
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
    match perform(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => program::exit_code(PROGRAM, Err(error)),
    }
}

fn perform(command: Command) -> Result<ExitCode, NodeError> {
    match command {
        Command::Init(init) => set_up(init)?,
        Command::Run(ConfigFile { config }) => run(&config)?,
        Command::CheckConfig { file, json } => return check_config::run(&file.config, json),
        Command::Doctor { file, json } => return doctor::run(&file.config, json),
        Command::Status { file, json, watch, check } => {
            let socket = operate::find(&file.config)?;
            return status::show(&socket, &Showing { json, watch: watch.map(Duration::from_secs), check });
        }
        Command::Reload { file, json } => return operate::reload(&file.config, json),
        Command::Drain { file, cancel, json } => return operate::drain(&file.config, cancel, json),
        Command::Bench(args) => return Ok(program::exit_code(PROGRAM, measure(&args))),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), PROGRAM, &mut script);
            program::print(&String::from_utf8_lossy(&script))?;
        }
        Command::Man => program::show_manual(Cli::command())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn run(path: &Path) -> Result<(), NodeError> {
    // A reload reads the same file, wherever the process is then.
    let path = std::path::absolute(path).map_err(NodeError::system("find the current directory"))?;
    let config = NodeConfig::read(&path)?;
    program::run_logging(config.log, config.log_filter.as_deref(), async |shutdown, log| {
        let node = node::start_reloading(&config, Reloading { path, log }, shutdown).await?;
        systemd::ready();
        node.ended().await?;
        Ok(())
    })
}

fn set_up(init: Init) -> Result<(), NodeError> {
    let config = NodeConfig {
        dir: init.node.dir()?,
        role: init.role,
        log: init.node.log(),
        log_filter: None,
        metrics: init.metrics.0,
        metrics_public: init.metrics_public,
        x25519: None,
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
