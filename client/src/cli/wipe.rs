//! `sotto wipe`: destroys a profile.

use clap::Args;
use serde_json::json;

use super::{Common, Ended, confirm};
use crate::shell::client::{self, DaemonConnection};
use crate::shell::{Failure, ProfileLock};

/// Destroy a profile: keys, contacts, messages, settings.
///
/// The keys are overwritten first, so that what is left of the rest opens with nothing; then everything is removed. No
/// passphrase is needed, and a daemon that runs is ended. On flash storage, on file systems that copy on write, in snapshots and in backups older bytes may
/// survive: `sotto vault duress --help` and the guide to the vault say more. Nobody is told.
#[derive(Args, Debug)]
pub(super) struct WipeArgs {
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(common: &Common, args: &WipeArgs) -> Result<Ended, Failure> {
    let profile = common.profile()?;
    let directory = profile.directory().to_owned();
    if !directory.exists() {
        profile.require()?;
    }
    if !args.yes {
        let name = profile.name();
        let question = format!("This destroys profile {name:?} for good. Type its name to go on:");
        if !confirm::by_typing(&question, name) {
            return Err(Failure::new(
                "wipe-not-confirmed",
                "nothing was destroyed: give --yes, or type the profile's name",
            ));
        }
    }
    // A daemon would hold the keys in memory, and write them again.
    if let Some(daemon) = DaemonConnection::open(&profile).await? {
        daemon.call("shutdown", &json!({})).await?;
    }
    let lock = ProfileLock::wait(&profile).await?;
    client::wipe_vault(&profile)?;
    drop(lock);
    std::fs::remove_dir_all(&directory).map_err(|error| {
        Failure::new(
            "wipe-io",
            format!("the keys are destroyed, but {} is left: {error}", directory.display()),
        )
    })?;
    common.output().result(&json!({ "wiped": profile.name() }), |_| {
        format!("Profile {:?} is destroyed.", profile.name())
    })?;
    Ok(Ended::Well)
}
