//! `sotto invite`: makes an invitation.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{Common, Ended, escape, qr, when};
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
    /// Show the link as a QR code too.
    #[arg(long)]
    qr: bool,
    /// Write the link as a QR code to a new file, whose name ends in .png or .svg. Delete it afterwards as well.
    #[arg(long, value_name = "FILE", value_parser = qr::picture_path)]
    qr_file: Option<PathBuf>,
}

pub(super) async fn run(common: &Common, args: &InviteArgs) -> Result<Ended, Failure> {
    // Nothing has to be sent for an invitation: the other person begins.
    let connection = common.connect(Reach::Vault).await?;
    let invited = connection.call("invite", json!({ "name": args.name, "ttl_s": args.hours * 3600 })).await;
    connection.close().await;
    let invited = invited?;
    let output = common.output();
    let link = invited.get("link").and_then(Value::as_str).unwrap_or_default();
    output.result(&invited, |_| escape::line(link))?;
    if args.qr {
        qr::show(output, link)?;
    }
    // Last of what can fail: the link has been printed by now, so that a file that exists already loses nothing.
    let written = args.qr_file.as_deref().map_or(Ok(()), |path| qr::write_picture(path, link));
    let expires_ms = invited.get("expires_ms").and_then(Value::as_u64).unwrap_or_default();
    output.note(&format!(
        "Hand this link to {} over a channel that only the two of you can read. It is for one use, until {}.",
        escape::line(&args.name),
        when::utc(expires_ms)
    ));
    written?;
    Ok(Ended::Well)
}
