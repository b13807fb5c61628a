//! `sotto-mix reload` and `sotto-mix drain`: what an operator has a running node do, and how the outcome is told.
//!
//! The node is found by the two settings that say where it answers; what else the file says is for the node to judge.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::node::{NodeError, control, program};
use sotto_transport::rpc::RpcClientError;

use super::config::NodePlace;
use super::node::PROGRAM;
use super::status::span;

/// Finds the node with the configuration at `path`, and warns if the file is not valid.
///
/// # Errors
///
/// As [`NodePlace::read`].
pub(super) fn find(path: &Path) -> Result<PathBuf, NodeError> {
    let place = NodePlace::read(path)?;
    if let Some(mistake) = place.mistake {
        program::print_error(PROGRAM, &format!("the configuration is not valid: {mistake}"));
    }
    Ok(place.control_socket)
}

/// Has the node read its configuration again.
///
/// # Errors
///
/// When the node does not run, or does not answer.
pub(super) fn reload(path: &Path, json: bool) -> Result<ExitCode, NodeError> {
    let socket = NodePlace::read(path)?.control_socket;
    let outcome = program::runtime()?.block_on(async {
        check_file(&socket, path).await?;
        Ok::<_, NodeError>(control::reload(&socket).await)
    })?;
    let reloaded = match outcome {
        Ok(reloaded) => reloaded,
        Err(error) => return refused(error, "; nothing was changed"),
    };
    let has_failed =
        reloaded.get("failed").and_then(Value::as_array).is_some_and(|failed| !failed.is_empty());
    program::print(&if json { format!("{reloaded}\n") } else { reload_text(&reloaded) })?;
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Has the node leave the network, or, to `cancel` that, stay.
///
/// # Errors
///
/// As [`reload`].
pub(super) fn drain(path: &Path, cancel: bool, json: bool) -> Result<ExitCode, NodeError> {
    let socket = find(path)?;
    let outcome = program::runtime()?.block_on(async {
        check_file(&socket, path).await?;
        Ok::<_, NodeError>(control::drain(&socket, cancel).await)
    })?;
    let drain = match outcome {
        Ok(drain) => drain,
        Err(error) => return refused(error, ""),
    };
    program::print(&if json { format!("{drain}\n") } else { drain_text(&drain, Clock::system().now()) })?;
    Ok(ExitCode::SUCCESS)
}

/// Tells what the node refused, with the label; other errors are passed on.
fn refused(error: RpcClientError, consequence: &str) -> Result<ExitCode, NodeError> {
    match &error {
        RpcClientError::Refused(_) => {
            Ok(program::exit_code(PROGRAM, Err(format!("{error} ({}){consequence}", error.label()))))
        }
        _ => Err(error.into()),
    }
}

/// Refuses if the node behind `socket` was started with another file than the one at `path`: a `dir` or `control` that
/// was changed leads to another node. A file that cannot be seen from here is not compared.
async fn check_file(socket: &Path, path: &Path) -> Result<(), NodeError> {
    let status = control::status(socket).await?;
    let Some(theirs) = status.get("config").and_then(Value::as_str) else { return Ok(()) };
    let file = |path: &Path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    match (file(Path::new(theirs)), file(path)) {
        (Some(theirs_file), Some(ours)) if theirs_file != ours => Err(NodeError::Setting {
            label: "other-node",
            place: path.display().to_string(),
            message: format!(
                "the node that answers on {} runs with {theirs}: name that file, or put `dir` and `control` back to \
                 what they were when the node was started",
                socket.display()
            ),
        }),
        _ => Ok(()),
    }
}

fn reload_text(reloaded: &Value) -> String {
    let list = |key: &str| reloaded.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let names = |key: &str| {
        let names: Vec<String> = list(key).iter().filter_map(Value::as_str).map(str::to_owned).collect();
        names.join(", ")
    };
    let mut text = String::new();
    for (key, words) in [
        ("applied", "applied"),
        ("restart", "changed, and waiting for a restart"),
        ("overridden", "changed, and without effect while the node runs with SOTTO_LOG"),
    ] {
        let names = names(key);
        if !names.is_empty() {
            text.push_str(&format!("{words}: {names}\n"));
        }
    }
    for failure in list("failed") {
        let of = |key: &str| failure.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        text.push_str(&format!("failed: {}: {} ({})\n", of("setting"), of("text"), of("label")));
    }
    if text.is_empty() { "nothing has changed\n".to_owned() } else { text }
}

fn drain_text(drain: &Value, now: Timestamp) -> String {
    let is_draining = drain.get("draining").and_then(Value::as_bool).unwrap_or_default();
    match drain.get("ends_s").and_then(Value::as_u64) {
        _ if !is_draining => "the node stays in the network\n".to_owned(),
        None => "the node leaves the network. It ends by itself; when, it knows as soon as an authority has heard of \
                 it: see `status`\n"
            .to_owned(),
        Some(ends_s) => {
            let (hours, minutes) = (ends_s / 3_600 % 24, ends_s / 60 % 60);
            let left = Timestamp::from_millis(ends_s.saturating_mul(1_000)).since(now);
            format!(
                "the node leaves the network. It ends by itself about {hours:02}:{minutes:02} UTC, in {}\n",
                span(left.max(Duration::ZERO))
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_outcomes_are_told_in_words() {
        let reloaded = json!({
            "applied": ["limits.sessions_max"], "restart": ["x25519", "listen"], "overridden": ["log_filter"],
            "failed": [{ "setting": "metrics", "label": "metrics-listen", "text": "in use" }],
        });
        insta::assert_snapshot!(reload_text(&reloaded), @"
        applied: limits.sessions_max
        changed, and waiting for a restart: x25519, listen
        changed, and without effect while the node runs with SOTTO_LOG: log_filter
        failed: metrics: in use (metrics-listen)
        ");
        assert_eq!(reload_text(&json!({ "applied": [] })), "nothing has changed\n");
        let now = Timestamp::from_millis(1_700_000_000_000);
        let drain = |ends_s: Option<u64>| drain_text(&json!({ "draining": true, "ends_s": ends_s }), now);
        insta::assert_snapshot!(drain(Some(1_700_000_104)), @"the node leaves the network. It ends by itself about 22:15 UTC, in 104 s");
        assert!(drain(None).contains("see `status`"));
        assert!(drain_text(&json!({ "draining": false, "ends_s": null }), now).contains("stays"));
    }
}
