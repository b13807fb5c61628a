//! `sotto invite`: makes an invitation.

use clap::Args;
use serde_json::{Value, json};

use super::{Common, Ended, escape, when};
use crate::shell::Failure;
use crate::shell::client::Reach;
use crate::shell::service::INVITE_TTL_S_DEFAULT;

/// Make an invitation to hand to one person.
///
/// It prints a link. Hand it over in person or over a channel that only the two of you can read, and
/// delete it afterwards: whoever has the link can take it up in the other person's place, and the
/// keys of your conversation come from it. It is for one use and runs out.
#[derive(Args, Debug)]
pub(super) struct InviteArgs {
    /// What you want to call the person. Nobody else sees the name.
    name: String,
    /// For how many hours the invitation holds: 1 to 336 (two weeks).
    #[arg(
        long,
        value_name = "HOURS",
        default_value_t = INVITE_TTL_S_DEFAULT / 3600,
        value_parser = clap::value_parser!(u64).range(1..=336)
    )]
    hours: u64,
}

pub(super) async fn run(common: &Common, args: &InviteArgs) -> Result<Ended, Failure> {
    // Nothing has to be sent for an invitation: the other person begins.
    let connection = common.connect(Reach::Vault).await?;
    let invited = connection.call("invite", json!({ "name": args.name, "ttl_s": args.hours * 3600 })).await;
    connection.close().await;
    let invited = invited?;
    let output = common.output();
    output.result(&invited, |invited| {
        invited.get("link").and_then(Value::as_str).map(escape::line).unwrap_or_default()
    })?;
    let expires_ms = invited.get("expires_ms").and_then(Value::as_u64).unwrap_or_default();
    output.note(&format!(
        "Hand this link to {} over a channel that only the two of you can read. It is for one use, until {}.",
        escape::line(&args.name),
        when::utc(expires_ms)
    ));
    Ok(Ended::Well)
}
