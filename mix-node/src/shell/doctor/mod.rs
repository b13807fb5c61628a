//! `sotto-mix doctor`: measures what a node needs from its host and its network, and explains what it found.
//!
//! Each module looks at one thing. Measuring and judging are apart: the judgement is a function of what was
//! measured, so that it can be tested without a host that is ill.

mod capacity;
mod clock;
mod disk;
pub(super) mod files;
mod machine;
mod network;
mod ports;
mod tag_logs;

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use sotto_transport::node::{NodeError, control, layout, program};

use super::check::{Check, Checks, Verdict};
use super::check_config;
use super::config::NodeConfig;
use super::metrics::disk_room;
use super::node::PROGRAM;
use super::status::Observed;
use capacity::Capacity;
use tag_logs::Demand;

/// Looks at everything, and prints it.
///
/// # Errors
///
/// [`NodeError`], when there is no identity: nothing can be measured then.
pub(super) fn run(path: &Path, json: bool) -> Result<ExitCode, NodeError> {
    let config = match NodeConfig::read(path) {
        Ok(config) => config,
        Err(error) => return unusable(path, &error, json),
    };
    let secret = layout::read_identity(&config.dir, PROGRAM)?;
    let mut checks = files::check(&config, path);
    program::runtime()?.block_on(async {
        let running = running(&config).await;
        let network = network::ask(&config).await;
        checks.push(clock::against_consensus(&network, config.network.epoch_s));
        checks.push(clock::against_ntp().await);
        checks.extend(ports::check(&config, &secret, running.is_some()).await);
        checks.extend(network::check(&network, &config, &secret.id(), running.as_ref()));
    });
    checks.extend(machine::check(&config));
    let writes = disk::measure(&config.dir);
    checks.extend(disk::check(&config.dir, &writes));
    let capacity = Capacity::measure(config.x25519, config.limits.workers);
    checks.push(capacity.check());
    let mean = writes.ok().and_then(|writes| disk::mean(&writes));
    let demand = capacity.total().zip(mean).map(|(rate, write)| Demand {
        rate,
        write,
        epoch_s: config.network.epoch_s,
        free: disk_room(&config.dir).map(|(free, _)| free),
    });
    checks.extend(tag_logs::check(demand.as_ref()));
    let checks = Checks(checks);
    let shown = if json {
        format!("{}\n", json!({ "checks": checks, "verdict": checks.verdict() }))
    } else {
        checks.to_string()
    };
    program::print(&shown)?;
    Ok(checks.exit_code())
}

/// Shows that nothing can be measured, since the configuration cannot be used.
fn unusable(path: &Path, error: &NodeError, json: bool) -> Result<ExitCode, NodeError> {
    if json {
        return check_config::print_error(error);
    }
    let checks = Checks(vec![Check::wrong(
        "config",
        Verdict::Fail,
        format!("{}: {}", path.display(), error.label()),
        error.to_string(),
        "correct it: nothing else is looked at before",
    )]);
    program::print(&checks.to_string())?;
    Ok(checks.exit_code())
}

/// The node with this configuration, if it runs.
async fn running(config: &NodeConfig) -> Option<Observed> {
    let value = control::status(&config.control_socket()).await.ok()?;
    Observed::from_value(value).ok()
}
