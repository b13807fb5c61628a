//! `sotto accept`: takes up an invitation.

use clap::Args;
use serde_json::{Value, json};

use super::{Common, Ended, Wait, escape, stored};
use crate::core::{AddressLink, ContactState, ContactView};
use crate::shell::Failure;
use crate::shell::client::Reach;

/// Take up an invitation that somebody handed to you, or ask at a contact address.
///
/// The other side's keys are fetched and answered; the command stays until that is done, and says if the invitation was
/// used, withdrawn, or has run out. At a contact address it stays until the request is stored: the owner decides some
/// time later. Give `-` instead of the link to read it from standard input: arguments are visible to other users of
/// this computer.
#[derive(Args, Debug)]
pub(super) struct AcceptArgs {
    /// What you want to call the person. Nobody else sees the name.
    name: String,
    /// The link (`sotto:invite:...` or `sotto:address:...`), or `-` to read it from standard input.
    link: String,
    /// What to write to the owner of a contact address along with the request, at most 120 bytes.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// With a daemon running, end at once; the daemon does the rest.
    #[arg(long)]
    no_wait: bool,
    /// Give up waiting after this many seconds (exit code 3). What was queued stays queued.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

/// More than any link has, in bytes.
const LINK_LEN_MAX: usize = 1024;

pub(super) async fn run(common: &Common, args: &AcceptArgs) -> Result<Ended, Failure> {
    let mut connection = common.connect(Reach::Network).await?;
    let link = common.text(&connection, &args.link, LINK_LEN_MAX)?;
    let mut params = json!({ "name": args.name, "link": link.trim() });
    if let (Value::Object(params), Some(note)) = (&mut params, &args.note) {
        params.insert("note".to_owned(), note.as_str().into());
    }
    let waits = connection.is_alone() || !args.no_wait;
    let outcome = async {
        let accepted = connection.call("accept", params).await?;
        if !waits {
            return Ok((accepted, Ended::Well, "queued"));
        }
        if connection.is_alone() {
            common.output().note(stored::ALONE_NOTE);
        }
        let wait = Wait { wait: true, timeout: args.timeout };
        let ended = stored::contact(&mut connection, &wait, &args.name).await?;
        if ended == Ended::Well {
            check(&connection.call("contacts", json!({})).await?, &args.name)?;
        }
        Ok::<_, Failure>((accepted, ended, if ended == Ended::Well { "stored" } else { "queued" }))
    }
    .await;
    connection.close().await;
    let (mut accepted, ended, state) = outcome?;
    if let Value::Object(accepted) = &mut accepted {
        accepted.insert("state".to_owned(), state.into());
    }
    let asks = AddressLink::is_meant(&link);
    common.output().result(&accepted, |_| {
        let name = escape::line(&args.name);
        match (ended, state) {
            (Ended::Well, "stored") if asks => {
                format!("Your request to {name} is stored. `sotto contacts` shows when it is accepted.")
            }
            (Ended::Well, "stored") => format!(
                "{name} can read your answer now. Write: sotto send {name} \"Hello\"\nMake sure that nobody has taken the \
                 link on its way: sotto verify {name}"
            ),
            (Ended::Well | Ended::Trouble, _) => {
                format!("The daemon does the rest. `sotto status` shows how far it is with {name}.")
            }
            (Ended::TimedOut, _) => format!(
                "{name} has not been reached yet. It goes on whenever sotto runs; `sotto status` says what it waits for."
            ),
        }
    })?;
    Ok(ended)
}

/// Says what became of the contact if nothing will.
fn check(contacts: &Value, name: &str) -> Result<(), Failure> {
    let contacts: Vec<ContactView> = serde_json::from_value(contacts.clone()).unwrap_or_default();
    let state = contacts.iter().find(|view| view.name == name).map(|view| view.state);
    let (label, text) = match state {
        Some(ContactState::Taken) => {
            ("invite-taken", "somebody else has taken up this invitation before; ask for a new one")
        }
        Some(ContactState::Revoked) => ("invite-revoked", "this invitation was withdrawn; ask for a new one"),
        Some(ContactState::Expired) => ("invite-expired", "this invitation has run out; ask for a new one"),
        Some(ContactState::Spoiled) => (
            "invite-spoiled",
            "what lies in the place of the other side's keys cannot be used; ask for a new link",
        ),
        Some(ContactState::Pending | ContactState::Established | ContactState::Notes) | None => return Ok(()),
    };
    Err(Failure::new(label, text))
}
