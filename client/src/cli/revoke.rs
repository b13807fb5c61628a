//! `sotto revoke`: withdraws an invitation.

use clap::Args;
use serde_json::json;

use super::{Common, Ended, escape};
use crate::shell::Failure;
use crate::shell::client::Reach;

/// Withdraw an invitation that nobody has taken up yet.
///
/// Its keys are erased at once, so an answer that comes later opens nothing. As soon as sotto is connected the mailboxes
/// are told, and whoever tries the link is told that it was withdrawn.
#[derive(Args, Debug)]
pub(super) struct RevokeArgs {
    /// For whom the invitation was made, as `sotto contacts` names the person.
    contact: String,
}

pub(super) async fn run(common: &Common, args: &RevokeArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let revoked = connection.call("revoke", json!({ "contact": args.contact })).await;
    connection.close().await;
    common
        .output()
        .result(&revoked?, |_| format!("The invitation for {} is withdrawn.", escape::line(&args.contact)))?;
    Ok(Ended::Well)
}
