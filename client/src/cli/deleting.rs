//! `sotto contacts delete`: removes a contact with everything that belongs to it.

use clap::Args;
use serde_json::{Value, json};

use super::{Common, Ended, confirm, escape, name};
use crate::core::{ContactState, ContactView, DeletionView, NOTES_NAME};
use crate::shell::Failure;
use crate::shell::client::{Connection, Reach};

/// Delete a person with keys, messages and what waits to be sent, or your notes.
///
/// It cannot be undone. The other person is not told, and what they write from then on is read by nobody; an invitation that
/// nobody has answered is withdrawn. To talk again you have to meet anew.
#[derive(Args, Debug)]
pub(super) struct DeleteArgs {
    /// Whom, as `sotto contacts` names the person; `notes` for your notes.
    contact: String,
    /// Do not ask. Needed with --json, and where standard input is no terminal.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(common: &Common, args: &DeleteArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let outcome = async {
        if !args.yes {
            confirm_deletion(common, &connection, &args.contact).await?;
        }
        connection.call("delete-contact", json!({ "contact": args.contact })).await
    }
    .await;
    connection.close().await;
    common.output().result(&outcome?, human)?;
    Ok(Ended::Well)
}

/// Says what would be removed, and asks for the name.
async fn confirm_deletion(common: &Common, connection: &Connection, contact: &str) -> Result<(), Failure> {
    let views: Value = connection.call("contacts", json!({})).await?;
    let views: Vec<ContactView> = serde_json::from_value(views)
        .map_err(|error| Failure::new("internal", format!("the contacts cannot be read: {error}")))?;
    let Some(view) = views.into_iter().find(|view| view.name == contact) else {
        // Refused as everywhere.
        return connection.call("messages", json!({ "contact": contact })).await.map(drop);
    };
    if !common.output().is_json() && confirm::by_typing(&question(&view), &view.name) {
        return Ok(());
    }
    Err(Failure::new(
        "delete-not-confirmed",
        "nothing was deleted: type the name at the terminal, or give --yes",
    ))
}

fn question(view: &ContactView) -> String {
    let messages = counted(view.messages, view.queued);
    let what = match view.state {
        ContactState::Notes => format!("your notes for good: {messages}"),
        ContactState::Pending => format!(
            "{} for good: {messages}, and the keys. An invitation that nobody has answered is withdrawn",
            name::with_trust(&view.name, view.trust)
        ),
        _ => format!(
            "{} for good: {messages}, and the keys. The other side is not told",
            name::with_trust(&view.name, view.trust)
        ),
    };
    format!("This deletes {what}. Type the name, {}, to go on:", escape::line(&view.name))
}

/// How many messages, and how many of them have not arrived at the mailboxes.
fn counted(messages: u64, queued: u64) -> String {
    let unit = if messages == 1 { "message" } else { "messages" };
    match queued {
        0 => format!("{messages} {unit}"),
        queued => format!("{messages} {unit}, {queued} of them not stored yet"),
    }
}

fn human(deletion: &Value) -> String {
    let Ok(deletion) = serde_json::from_value::<DeletionView>(deletion.clone()) else {
        return "Deleted.".to_owned();
    };
    let messages = counted(deletion.messages, deletion.queued);
    if deletion.contact == NOTES_NAME {
        return format!("Your notes are deleted: {messages}.");
    }
    let name = escape::line(&deletion.contact);
    let withdrawn = if deletion.withdrawn {
        " The invitation is withdrawn, and the mailboxes are told as soon as sotto is connected."
    } else {
        ""
    };
    format!("{name} is deleted, with {messages}.{withdrawn}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_removed_is_counted_in_words() {
        assert_eq!(counted(0, 0), "0 messages");
        assert_eq!(counted(1, 1), "1 message, 1 of them not stored yet");
        let deletion = json!({ "contact": "Bob\u{202e}", "messages": 3, "queued": 0, "withdrawn": true });
        let notes = json!({ "contact": "notes", "messages": 2, "queued": 0, "withdrawn": false });
        assert_eq!(human(&notes), "Your notes are deleted: 2 messages.");
        insta::assert_snapshot!(human(&deletion), @"Bob<U+202E> is deleted, with 3 messages. The invitation is withdrawn, and the mailboxes are told as soon as sotto is connected.");
    }
}
