//! `sotto react`, `edit` and `delete`: what is done to messages that are there.

use clap::Args;
use serde_json::{Value, json};

use super::{Common, Ended, escape, name};
use crate::core::limits::TEXT_LEN_MAX;
use crate::shell::Failure;
use crate::shell::client::Reach;

/// React to a message with an emoji.
///
/// There is one reaction of each side to a message: a second one takes the first one's place.
#[derive(Args, Debug)]
pub(super) struct ReactArgs {
    /// Whose conversation.
    contact: String,
    /// The message's number, as `sotto recv` and `sotto history` show it.
    seq: u64,
    /// The emoji.
    #[arg(required_unless_present = "remove", conflicts_with = "remove")]
    emoji: Option<String>,
    /// Take your reaction back.
    #[arg(long)]
    remove: bool,
}

/// Change the text of a message that you have sent.
///
/// The other side sees the text that you give, and that it was changed. What was read before may be remembered, or kept by
/// a program that does not keep to the rules.
#[derive(Args, Debug)]
pub(super) struct EditArgs {
    /// Whose conversation.
    contact: String,
    /// The message's number, as `sotto recv` and `sotto history` show it.
    seq: u64,
    /// The text that it is to have, or `-` to read it from standard input.
    text: String,
}

/// Delete a message, for both sides if it is yours.
///
/// The other side's program deletes it when it learns of it; nothing can make sure that nobody has read or kept it.
/// Messages of the other side can be deleted on this device only.
#[derive(Args, Debug)]
pub(super) struct DeleteArgs {
    /// Whose conversation.
    contact: String,
    /// The message's number, as `sotto recv` and `sotto history` show it.
    seq: u64,
    /// Delete it on this device only. The other side learns nothing.
    #[arg(long)]
    here_only: bool,
}

pub(super) async fn react(common: &Common, args: &ReactArgs) -> Result<Ended, Failure> {
    let params = json!({ "contact": args.contact, "seq": args.seq, "emoji": args.emoji });
    let done = if args.remove { "The reaction is taken back" } else { "The reaction is there" };
    write(common, "react", params, done, &args.contact).await
}

pub(super) async fn edit(common: &Common, args: &EditArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let text = common.text(&connection, &args.text, TEXT_LEN_MAX);
    let outcome = match text {
        Ok(text) if text.is_empty() => {
            Err(Failure::new("text-empty", "there is no text: `sotto delete` takes the whole message away"))
        }
        Ok(text) => {
            let params = json!({ "contact": args.contact, "seq": args.seq, "text": text.as_str() });
            connection.call("edit", params).await
        }
        Err(failure) => Err(failure),
    };
    connection.close().await;
    tell(common, &outcome?, "The text is changed", &args.contact)
}

pub(super) async fn delete(common: &Common, args: &DeleteArgs) -> Result<Ended, Failure> {
    let params = json!({ "contact": args.contact, "seq": args.seq, "here_only": args.here_only });
    if args.here_only {
        let connection = common.connect(Reach::Vault).await?;
        let deleted = connection.call("delete", params).await;
        connection.close().await;
        common.output().result(&deleted?, |_| "Deleted on this device.".to_owned())?;
        return Ok(Ended::Well);
    }
    write(common, "delete", params, "The message is deleted", &args.contact).await
}

async fn write(
    common: &Common,
    method: &str,
    params: Value,
    done: &str,
    contact: &str,
) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let written = connection.call(method, params).await;
    connection.close().await;
    tell(common, &written?, done, contact)
}

/// It is done here, and on its way to the other side.
fn tell(common: &Common, written: &Value, done: &str, contact: &str) -> Result<Ended, Failure> {
    common.output().result(written, |written| {
        let state = written.get("state").and_then(Value::as_str).unwrap_or_default();
        let contact = name::from_json(contact, written);
        format!(
            "{done} here; for {contact} it is {}. It goes as soon as sotto is connected.",
            escape::line(state)
        )
    })?;
    Ok(Ended::Well)
}
