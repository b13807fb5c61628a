//! `sotto daemon`: owns the profile and serves its socket until told to end.

use clap::Args;
use serde_json::json;
use sotto_transport::node::shutdown::Shutdown;

use super::{Common, Ended, escape};
use crate::shell::client::{self, DaemonConnection, Reach};
use crate::shell::{Failure, ProfileLock, daemon};

/// Stay connected: send and receive in the background, and keep up the cover traffic.
///
/// It runs until it is told to end (Ctrl-C, SIGTERM or `sotto daemon --stop`) and prints one line when it is
/// ready. While it runs every other command talks to it and needs no passphrase. It answers JSON-RPC 2.0, one
/// object a line, on a Unix socket that only you can open.
#[derive(Args, Debug)]
pub(super) struct DaemonArgs {
    /// Tell the daemon that is running to end.
    #[arg(long)]
    stop: bool,
}

pub(super) async fn run(common: &Common, args: &DaemonArgs) -> Result<Ended, Failure> {
    let profile = common.profile()?;
    profile.require()?;
    let running = DaemonConnection::open(&profile).await?;
    if args.stop {
        let Some(running) = running else {
            return Err(Failure::new("daemon-not-running", "no daemon is running for this profile"));
        };
        running.call("shutdown", &json!({})).await?;
        common.output().result(&json!({ "stopped": true }), |_| "The daemon is ending.".to_owned())?;
        return Ok(Ended::Well);
    }
    if let Some(running) = running {
        let about = running.call("daemon", &json!({})).await?;
        let pid = about.get("pid").cloned().unwrap_or_default();
        return Err(Failure::new(
            "daemon-running",
            format!("a daemon is running for profile {:?} already (process {pid})", profile.name()),
        ));
    }
    let lock = ProfileLock::wait(&profile).await?;
    let given = common.factors().get()?;
    let shutdown = Shutdown::new();
    shutdown.on_signals().map_err(|error| Failure::new("signal", error.to_string()))?;
    profile.create_directories()?;
    let running = client::run(&profile, &lock, &given, Reach::Daemon, shutdown.clone())?;
    drop(given);
    let server = daemon::bind(&profile)?;
    let ready = json!({
        "ready": true,
        "profile": profile.name(),
        "pid": std::process::id(),
        "socket": profile.socket(),
    });
    common.output().result(&ready, |_| {
        let socket = escape::line(&profile.socket().display().to_string());
        format!("Ready on {socket}. Ctrl-C ends it.")
    })?;
    daemon::serve(server, running.service().clone(), &profile, shutdown).await;
    running.stop().await;
    drop(lock);
    Ok(Ended::Well)
}
