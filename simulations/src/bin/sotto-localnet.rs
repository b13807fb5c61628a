//! `sotto-localnet`: a network of real processes on loopback.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sotto_simulations::localnet::{
    Localnet, LocalnetError, LocalnetPlan, LocalnetState, LocalnetTor, NetworkStatus,
};
use sotto_simulations::tornet::{Tornet, TornetPlan, TornetState};

/// Starts and stops a Sotto network of real processes on this machine's loopback interface.
#[derive(Parser, Debug)]
#[command(name = "sotto-localnet", version, max_term_width = 100, after_help = EXAMPLE)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLE: &str = "Example:
  sotto-localnet up --dir /tmp/net
  sotto init --network /tmp/net/network.txt
  sotto-localnet status --dir /tmp/net
  sotto-localnet down --dir /tmp/net

With routes over Tor:
  sotto-localnet up --tor --dir /tmp/net
  sotto init --network /tmp/net/network.txt --route tor --tor-arti-config /tmp/net/tor/arti.toml";

#[derive(Subcommand, Debug)]
enum Command {
    /// Start a network and leave it running.
    Up {
        /// Where keys, stores, sockets and logs go; must be empty or absent.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Entries.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
        entries: u8,
        /// Mixes in each of the three layers.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
        mixes_per_layer: u8,
        /// Mailboxes.
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
        mailboxes: u8,
        /// Mean delay at each hop, in milliseconds.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=1_000))]
        delay_ms_mean: u32,
        /// Also start a private Tor network, with onion services in front of the authority, the entries and the
        /// mailboxes; the program tor has to be installed.
        #[arg(long)]
        tor: bool,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Stop the network, and its private Tor network if it has one.
    Down {
        /// The network's directory.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Keep the directory with all keys, stores and logs.
        #[arg(long)]
        keep: bool,
    },
    /// Start a private Tor network without Sotto on it and leave it running.
    TorUp {
        /// Where its keys, descriptors and logs go; must be empty or absent.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Stop a private Tor network that `tor-up` has started.
    TorDown {
        /// The network's directory.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Keep the directory with all keys and logs.
        #[arg(long)]
        keep: bool,
    },
    /// Show every process: place, memory, packets.
    Status {
        /// The network's directory.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            report(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<ExitCode, LocalnetError> {
    match command {
        Command::Up { dir, entries, mixes_per_layer, mailboxes, delay_ms_mean, tor, json } => {
            let mut plan = LocalnetPlan {
                entries: entries.into(),
                mixes_per_layer: mixes_per_layer.into(),
                mailboxes: mailboxes.into(),
                ..LocalnetPlan::default()
            };
            plan.params.delay_ms_mean = delay_ms_mean;
            up(&dir, plan, tor, json).await
        }
        Command::Down { dir, keep } => {
            let state = LocalnetState::read(&dir)?;
            let killed = state.stop().await?;
            if !keep {
                state.remove()?;
            }
            for name in killed {
                print(&format!("{name} did not end by itself and was killed"))?;
            }
            print("stopped")?;
            Ok(ExitCode::SUCCESS)
        }
        Command::TorUp { dir, json } => tor_up(&dir, json).await,
        Command::TorDown { dir, keep } => {
            TornetState::read(&dir)?.stop()?;
            if !keep {
                remove(&dir)?;
            }
            print("stopped")?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Status { dir, json } => {
            let status = NetworkStatus::ask(&LocalnetState::read(&dir)?).await;
            print(&if json { to_json(&status)? } else { status.to_string() })?;
            Ok(if status.all_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

async fn up(dir: &Path, plan: LocalnetPlan, tor: bool, json: bool) -> Result<ExitCode, LocalnetError> {
    if LocalnetState::exists(dir) {
        let dir_shown = dir.display();
        return Err(LocalnetError::Directory(if LocalnetState::read(dir)?.is_running() {
            format!("a network runs in {dir_shown}; stop it with `sotto-localnet down --dir {dir_shown}`")
        } else {
            format!(
                "{dir_shown} holds a network that was stopped and kept; choose another directory or remove it"
            )
        }));
    }
    let (network, tor) = tokio::select! {
        started = start(dir, plan, tor) => match started {
            Ok(started) => started,
            Err(error) => {
                stop_what_runs(dir).await?;
                return Err(error);
            }
        },
        _ = tokio::signal::ctrl_c() => {
            stop_what_runs(dir).await?;
            report("stopped; the logs are kept for a look");
            return Ok(ExitCode::from(130));
        }
    };
    let file = dir.join("network.txt");
    std::fs::write(&file, format!("{}\n", network.link()))
        .map_err(|source| LocalnetError::System { doing: format!("write {}", file.display()), source })?;
    let state = network.state();
    let relays = tor.map_or(0, |tor| tor.release().relays.len());
    print(&if json {
        to_json(&state)?
    } else {
        format!(
            "{} processes run; the network's link is in {}\n{}{}",
            state.nodes.len() + relays,
            file.display(),
            NetworkStatus::ask(&state).await,
            state.tor.as_ref().map_or_else(String::new, |tor| {
                let (network, arti) = (file.display(), tor.arti_config.display());
                format!("\nby Tor: sotto init --network {network} --route tor --tor-arti-config {arti}")
            })
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Starts a network that outlives this command. The private Tor network does so only once it is released.
async fn start(
    dir: &Path,
    mut plan: LocalnetPlan,
    tor: bool,
) -> Result<(Localnet, Option<Tornet>), LocalnetError> {
    let tor = if tor { Some(start_tor(&dir.join("tor")).await?) } else { None };
    plan.tor = tor.as_ref().map(|tor| LocalnetTor::from(tor.state()));
    Ok((Localnet::up(dir, plan, true).await?, tor))
}

/// After a start that failed or was broken off. The logs are kept for a look.
async fn stop_what_runs(dir: &Path) -> Result<(), LocalnetError> {
    if let Ok(state) = LocalnetState::read(dir) {
        state.stop().await?;
    }
    Ok(())
}

/// Starts a private Tor network that outlives this command.
async fn start_tor(dir: &Path) -> Result<Tornet, LocalnetError> {
    if dir.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let text = format!("{} is not empty; choose another directory or remove it", dir.display());
        return Err(LocalnetError::Directory(text));
    }
    let plan = TornetPlan { detached: true, ..TornetPlan::default() };
    let mut progress = |step: &str| report(&format!("private Tor network: {step}"));
    Ok(Tornet::up(dir, plan, &mut progress).await?)
}

async fn tor_up(dir: &Path, json: bool) -> Result<ExitCode, LocalnetError> {
    let network = tokio::select! {
        network = start_tor(dir) => network?,
        // Dropping the network that is being started ends its processes.
        _ = tokio::signal::ctrl_c() => {
            report("stopped");
            return Ok(ExitCode::from(130));
        }
    };
    let state = network.release();
    state.write(dir)?;
    print(&if json {
        to_json(&state)?
    } else {
        format!("{} relays run; arti learns of them from {}", state.relays.len(), state.arti_config.display())
    })?;
    Ok(ExitCode::SUCCESS)
}

fn remove(dir: &Path) -> Result<(), LocalnetError> {
    std::fs::remove_dir_all(dir)
        .map_err(|source| LocalnetError::System { doing: format!("remove {}", dir.display()), source })
}

fn to_json(value: &impl serde::Serialize) -> Result<String, LocalnetError> {
    serde_json::to_string(value)
        .map_err(|error| LocalnetError::Answer { name: "sotto-localnet".to_owned(), what: error.to_string() })
}

fn report(text: &str) {
    // If even this cannot be written, the exit code still tells.
    let _ = writeln!(std::io::stderr(), "sotto-localnet: {text}");
}

fn print(text: &str) -> Result<(), LocalnetError> {
    writeln!(std::io::stdout(), "{text}")
        .map_err(|source| LocalnetError::System { doing: "print".to_owned(), source })
}
