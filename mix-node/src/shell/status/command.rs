//! `sotto-mix status`: asks a running node, and shows the answer once or again and again.

use std::io::{self, IsTerminal};
use std::time::Duration;

use serde_json::Value;
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::node::{NodeError, control, program};

use super::observed::Observed;
use super::view::StatusView;
use crate::shell::config::NodeConfig;

/// How far two looks are apart from which rates are made.
const SAMPLE_SPAN: Duration = Duration::from_secs(1);
const SPAN_MIN: Duration = Duration::from_millis(100);
/// Clears the terminal and goes to its upper left corner.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// Shows the state of the node with this configuration.
///
/// # Errors
///
/// When the node does not run, or answers something else.
pub(crate) fn show(config: &NodeConfig, json: bool, watch: Option<Duration>) -> Result<(), NodeError> {
    program::runtime()?.block_on(async {
        match (json, watch) {
            (true, None) => program::print(&format!("{}\n", ask(config).await?)),
            (true, Some(interval)) => loop {
                program::print(&format!("{}\n", ask(config).await?))?;
                tokio::time::sleep(interval).await;
            },
            (false, None) => {
                let before = look(config).await?;
                tokio::time::sleep(SAMPLE_SPAN).await;
                program::print(&view(config, &look(config).await?, Some(&before)))
            }
            (false, Some(interval)) => watch_on(config, interval).await,
        }
    })
}

/// Shows each look in the place of the one before, until the process is told to end.
async fn watch_on(config: &NodeConfig, interval: Duration) -> Result<(), NodeError> {
    let clear = if io::stdout().is_terminal() { CLEAR } else { "" };
    let mut before = None;
    loop {
        let look = look(config).await?;
        program::print(&format!("{clear}{}\n", view(config, &look, before.as_ref())))?;
        before = Some(look);
        tokio::time::sleep(interval).await;
    }
}

/// A status, and when it was taken.
struct Look {
    observed: Observed,
    at: Timestamp,
}

async fn look(config: &NodeConfig) -> Result<Look, NodeError> {
    let observed = Observed::from_value(ask(config).await?).map_err(NodeError::Status)?;
    Ok(Look { observed, at: Clock::system().now() })
}

async fn ask(config: &NodeConfig) -> Result<Value, NodeError> {
    Ok(control::status(&config.control_socket()).await?)
}

fn view(config: &NodeConfig, look: &Look, before: Option<&Look>) -> String {
    // A time of day that was set back in between must not make rates endless.
    let span = |before: &Look| look.at.since(before.at).max(SPAN_MIN);
    let before = before.map(|before| (&before.observed, span(before)));
    let view = StatusView { observed: &look.observed, before, now: look.at, epoch_s: config.network.epoch_s };
    view.to_string()
}
