//! `sotto-demo`: two people talk through a network on this machine.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use sotto_client::core::Route;
use sotto_simulations::demo::{self, DemoOptions};

/// Starts a whole Sotto network on this machine, lets two people meet and talk through it, shows what each part of
/// the network saw, checks that every packet is accounted for, and removes everything again.
///
/// With a terminal attached it then lets you type messages yourself.
#[derive(Parser, Debug)]
#[command(name = "sotto-demo", version, max_term_width = 100)]
struct Args {
    /// By which route their packets go: `mix`, `tor+mix` or `tor`. Those over Tor run on a private Tor network of C tor
    /// processes, which is started and stopped as well; the program tor has to be installed.
    #[arg(long, value_name = "ROUTE", default_value = "mix")]
    route: Route,
    /// Print one JSON object as the last line, and nothing else.
    #[arg(long)]
    json: bool,
    /// Keep all keys, stores and logs in this directory, which must be empty or absent.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let options = DemoOptions { route: args.route, json: args.json, keep: args.keep };
    let outcome = tokio::select! {
        outcome = demo::run(&options) => outcome,
        // Dropping the demonstration ends every process and removes its directory.
        _ = tokio::signal::ctrl_c() => {
            report_error("stopped; everything is ended and removed");
            return ExitCode::from(130);
        }
    };
    match outcome {
        Ok(report) => {
            if args.json {
                match serde_json::to_string(&report) {
                    Ok(line) => drop(writeln!(std::io::stdout(), "{line}")),
                    Err(error) => report_error(&error.to_string()),
                }
            }
            if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            report_error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn report_error(text: &str) {
    // If even this cannot be written, the exit code still tells.
    let _ = writeln!(std::io::stderr(), "sotto-demo: {text}");
}
