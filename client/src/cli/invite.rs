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
/// link is what vouches for your keys until you have compared safety numbers. It is for one use and runs out.
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
    if let Some(path) = &args.qr_file {
        // Before there is an invitation that would be told of in the midst of an error.
        qr::refuse_existing(path)?;
    }
    // The keys go out with the daemon, or with the next command that connects.
    let connection = common.connect(Reach::Vault).await?;
    let invited = connection.call("invite", json!({ "name": args.name, "ttl_s": args.hours * 3600 })).await;
    let is_alone = connection.is_alone();
    connection.close().await;
    let mut invited = invited?;
    let link = invited.get("link").and_then(Value::as_str).unwrap_or_default().to_owned();
    let output = common.output();
    let picture = args.qr_file.as_deref().map(|path| qr::write_picture(path, &link));
    let refusal = picture.and_then(Result::err).map(Failure::from);
    if let (Some(refusal), Some(fields)) = (&refusal, invited.as_object_mut()) {
        fields.insert("qr_error".to_owned(), json!({ "label": refusal.label, "text": refusal.text }));
    }
    output.result(&invited, |_| escape::line(&link))?;
    if args.qr {
        qr::show(output, &link)?;
    }
    let expires_ms = invited.get("expires_ms").and_then(Value::as_u64).unwrap_or_default();
    output.note(&format!(
        "Hand this link to {} over a channel that only the two of you can read. It is for one use, until {}. \
         Once it is taken up (`sotto contacts`), compare safety numbers: `sotto verify`.",
        escape::line(&args.name),
        when::utc(expires_ms)
    ));
    if is_alone {
        output.note(
            "No daemon is running: your keys are sent when sotto connects next (`sotto daemon`, or `sotto recv`). Until then nobody \
             can take up the invitation.",
        );
    }
    if let Some(refusal) = refusal {
        output.note(&format!("No picture was written: {} [{}]", escape::line(&refusal.text), refusal.label));
        return Ok(Ended::Trouble);
    }
    Ok(Ended::Well)
}
