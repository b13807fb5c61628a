//! `sotto lock` and `sotto unlock`: close the daemon's vault and open it again.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Common, Ended};
use crate::shell::Failure;
use crate::shell::client::DaemonConnection;

/// How long to wait for the vault: a key that takes seconds to derive on a slow machine, and somebody who looks for the
/// token.
const UNLOCK_MAX: Duration = Duration::from_secs(180);
/// How long to wait for the end of wiping.
const LOCK_MAX: Duration = Duration::from_secs(60);

pub(super) async fn lock(common: &Common) -> Result<Ended, Failure> {
    let daemon = daemon(common).await?;
    let state = daemon.call_within(LOCK_MAX, "lock", &json!({})).await?;
    common.output().result(&state, |_| {
        "Locked: contacts and messages are closed, and none arrive. The cover traffic goes on. `sotto unlock` opens them."
            .to_owned()
    })?;
    Ok(Ended::Well)
}

pub(super) async fn unlock(common: &Common) -> Result<Ended, Failure> {
    let daemon = daemon(common).await?;
    let status = daemon.call("status", &json!({})).await?;
    if status.get("locked").and_then(Value::as_bool) == Some(false) {
        let state = json!({ "locked": false });
        common.output().result(&state, |_| "It is not locked.".to_owned())?;
        return Ok(Ended::Well);
    }
    let params = common.factors().get()?.to_json()?;
    let unlocked = daemon.call_within(UNLOCK_MAX, "unlock", &params).await;
    crate::shell::wipe(params);
    common.output().result(&unlocked?, |_| "Unlocked.".to_owned())?;
    Ok(Ended::Well)
}

async fn daemon(common: &Common) -> Result<DaemonConnection, Failure> {
    let profile = common.profile()?;
    profile.require()?;
    DaemonConnection::open(&profile).await?.ok_or_else(|| {
        Failure::new(
            "daemon-not-running",
            "no daemon is running for this profile: then the vault is open only while a command runs",
        )
    })
}
