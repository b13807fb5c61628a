//! `sotto contacts`: lists people, and changes what this side thinks of them.

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Common, Ended, deleting, escape, name, when};
use crate::core::{ContactState, ContactView, NOTES_NAME, Route};
use crate::shell::Failure;
use crate::shell::client::Reach;

/// List the people you can write to, or change how you deal with one of them.
///
/// None of it is told to the other person. Without a subcommand it lists everybody.
#[derive(Args, Debug)]
pub(super) struct ContactsArgs {
    #[command(subcommand)]
    command: Option<ContactsCommand>,
}

#[derive(Subcommand, Debug)]
enum ContactsCommand {
    /// Give a person another name. Nobody else sees the name.
    Rename {
        /// The name that the person has now.
        old: String,
        /// The name that the person is to have.
        new: String,
    },
    /// Leave a person's messages out of `sotto recv`, unless they are asked for. They arrive all the same.
    Mute {
        /// Whom, as `sotto contacts` names the person.
        contact: String,
    },
    /// Take muting back.
    Unmute {
        /// Whom, as `sotto contacts` names the person.
        contact: String,
    },
    /// Read nothing of a person and send nothing there, until you unblock them.
    ///
    /// What waits to be sent goes on waiting. The cover traffic goes on as before. What the person writes meanwhile stays at
    /// the mailboxes for 14 days at most.
    Block {
        /// Whom, as `sotto contacts` names the person.
        contact: String,
    },
    /// Go on reading and sending where it stopped.
    Unblock {
        /// Whom, as `sotto contacts` names the person.
        contact: String,
    },
    Delete(deleting::DeleteArgs),
}

pub(super) async fn run(common: &Common, args: &ContactsArgs) -> Result<Ended, Failure> {
    match &args.command {
        None => list(common).await,
        Some(ContactsCommand::Rename { old, new }) => {
            let params = json!({ "contact": old, "name": new });
            change(common, "rename", params, |view| {
                let (old, new) = (escape::line(old), name::with_trust(&view.name, view.trust));
                format!("{old} is {new} from here on.")
            })
            .await
        }
        Some(ContactsCommand::Mute { contact }) => {
            change(common, "mute", json!({ "contact": contact }), |view| {
                let name = name::with_trust(&view.name, view.trust);
                format!(
                    "{name} is muted. Messages arrive and wait unread; `sotto recv --muted` shows them too."
                )
            })
            .await
        }
        Some(ContactsCommand::Unmute { contact }) => {
            change(common, "unmute", json!({ "contact": contact }), |view| {
                format!("{} is not muted.", name::with_trust(&view.name, view.trust))
            })
            .await
        }
        Some(ContactsCommand::Block { contact }) => {
            change(common, "block", json!({ "contact": contact }), |view| {
                let name = name::with_trust(&view.name, view.trust);
                let waits = match view.queued {
                    0 => String::new(),
                    1 => " 1 message that is not stored yet waits.".to_owned(),
                    count => format!(" {count} messages that are not stored yet wait."),
                };
                format!("{name} is blocked: nothing is read and nothing is sent.{waits}")
            })
            .await
        }
        Some(ContactsCommand::Unblock { contact }) => {
            change(common, "unblock", json!({ "contact": contact }), |view| {
                let name = name::with_trust(&view.name, view.trust);
                format!(
                    "{name} is not blocked. What the mailboxes still have comes now. After more than 14 days, or if nothing \
                     comes, `sotto rekey` makes the session anew."
                )
            })
            .await
        }
        Some(ContactsCommand::Delete(args)) => deleting::run(common, args).await,
    }
}

/// Changes one contact, and says what it is now.
async fn change(
    common: &Common,
    method: &str,
    params: Value,
    human: impl FnOnce(&ContactView) -> String,
) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let changed = connection.call(method, params).await;
    connection.close().await;
    let changed = changed?;
    let view = read(&changed)?;
    common.output().result(&changed, |_| human(&view))?;
    Ok(Ended::Well)
}

/// A contact as the daemon shows it.
fn read(view: &Value) -> Result<ContactView, Failure> {
    serde_json::from_value(view.clone())
        .map_err(|error| Failure::new("internal", format!("the contact cannot be read: {error}")))
}

async fn list(common: &Common) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let contacts = connection.call("contacts", json!({})).await;
    connection.close().await;
    common.output().result(&contacts?, human)?;
    Ok(Ended::Well)
}

fn human(contacts: &Value) -> String {
    let contacts: Vec<ContactView> = serde_json::from_value(contacts.clone()).unwrap_or_default();
    let (notes, people): (Vec<&ContactView>, Vec<&ContactView>) =
        contacts.iter().partition(|contact| contact.state == ContactState::Notes);
    let mut lines: Vec<String> = people.iter().map(|contact| row(contact)).collect();
    if people.is_empty() {
        lines.push(
            "Nobody yet. `sotto invite NAME` makes an invitation, `sotto accept NAME LINK` takes one up."
                .to_owned(),
        );
    }
    lines.extend(
        notes.iter().map(|notes| format!("{NOTES_NAME}  {} of your own, never sent", notes.messages)),
    );
    if !people.is_empty() {
        let routes: BTreeSet<Route> = people.iter().map(|contact| contact.route).collect();
        lines.push(String::new());
        lines.extend(routes.iter().map(|route| format!("[{route}]  {}", route.protects())));
    }
    lines.join("\n")
}

fn row(contact: &ContactView) -> String {
    let state = match contact.state {
        ContactState::Established | ContactState::Notes => String::new(),
        ContactState::Pending => match contact.expires_ms {
            Some(at_ms) => format!("  waiting for an answer, until {}", when::utc(at_ms)),
            None => "  waiting for an answer".to_owned(),
        },
        ContactState::Expired => "  the invitation ran out; make another one".to_owned(),
        ContactState::Revoked => {
            "  the invitation was withdrawn; make another one, or ask for one".to_owned()
        }
        ContactState::Spoiled => {
            "  the keys that came cannot be used; make or ask for another invitation".to_owned()
        }
        ContactState::Taken => {
            "  somebody else took up that invitation; make another one, or ask for one".to_owned()
        }
    };
    let count = |count: u64, word: &str| if count == 0 { String::new() } else { format!("  {count} {word}") };
    let mark = |is_set: bool, word: &str| if is_set { format!("  {word}") } else { String::new() };
    format!(
        "{}  {}{}{}{}{}{state}",
        name::with_trust(&contact.name, contact.trust),
        route(contact),
        mark(contact.muted, "muted"),
        mark(contact.blocked, "blocked"),
        count(contact.unread, "unread"),
        count(contact.queued, "on the way")
    )
}

/// The route in use, and the wanted one if that is another.
pub(super) fn route(contact: &ContactView) -> String {
    let wanted = contact.routes.wanted();
    if contact.route == wanted {
        format!("[{wanted}]")
    } else {
        format!("[{}, as {wanted} fails]", contact.route)
    }
}
