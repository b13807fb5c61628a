//! `sotto-mix check-config`: reads a configuration as `run` would, and says what holds and what is missing.
//!
//! Nothing is changed, nothing is opened for others, and the network is not asked.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use sotto_transport::node::{NodeError, program};

use super::check::{Check, Checks, Verdict};
use super::config::NodeConfig;
use super::doctor::files;

/// Checks the file at `path` and the directory that it names, and prints both.
///
/// # Errors
///
/// [`NodeError`], when the configuration cannot be used; with `json` it is printed instead.
pub(crate) fn run(path: &Path, json: bool) -> Result<ExitCode, NodeError> {
    let config = match NodeConfig::read(path) {
        Ok(config) => config,
        Err(error) if json => return print_error(&error),
        Err(error) => return Err(error),
    };
    let mut checks = Checks(files::check(&config, path));
    checks.0.extend(chosen_port(&config));
    let text = config.to_toml()?;
    let shown = if json {
        let effective: Value = toml::from_str(&text).map_err(|error| NodeError::Setting {
            label: "config-wrong",
            place: path.display().to_string(),
            message: error.to_string(),
        })?;
        let verdict = checks.verdict();
        format!("{}\n", json!({ "config": effective, "checks": checks, "verdict": verdict }))
    } else {
        format!("{text}\n{checks}")
    };
    program::print(&shown)?;
    Ok(checks.exit_code())
}

/// Prints why a configuration cannot be used, as one JSON object.
///
/// # Errors
///
/// [`NodeError::System`] if it cannot be printed.
pub(super) fn print_error(error: &NodeError) -> Result<ExitCode, NodeError> {
    let error = json!({ "error": { "label": error.label(), "text": error.to_string() } });
    program::print(&format!("{error}\n"))?;
    Ok(ExitCode::FAILURE)
}

/// A warning where others would have to learn another address at each start.
fn chosen_port(config: &NodeConfig) -> Option<Check> {
    let is_chosen = config.listen.parse().is_ok_and(|listen: SocketAddr| listen.port() == 0);
    let warning = || {
        Check::wrong(
            "listen",
            Verdict::Warn,
            config.listen.clone(),
            "the system chooses another port at each start, so no firewall can let it in",
            "set `listen` to a port of its own, or `announce` to where another program leads it from",
        )
    };
    (is_chosen && config.announce.is_none()).then(warning)
}
