//! `sotto contacts`: lists people.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Common, Ended, name, when};
use crate::core::{ContactState, ContactView, Route};
use crate::shell::Failure;
use crate::shell::client::Reach;

pub(super) async fn run(common: &Common) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let contacts = connection.call("contacts", json!({})).await;
    connection.close().await;
    common.output().result(&contacts?, human)?;
    Ok(Ended::Well)
}

fn human(contacts: &Value) -> String {
    let contacts: Vec<ContactView> = serde_json::from_value(contacts.clone()).unwrap_or_default();
    if contacts.is_empty() {
        return "Nobody yet. `sotto invite NAME` makes an invitation, `sotto accept NAME LINK` takes one up."
            .to_owned();
    }
    let mut lines: Vec<String> = contacts.iter().map(row).collect();
    let routes: BTreeSet<Route> = contacts.iter().map(|contact| contact.route).collect();
    lines.push(String::new());
    lines.extend(routes.iter().map(|route| format!("[{route}]  {}", route.protects())));
    lines.join("\n")
}

fn row(contact: &ContactView) -> String {
    let state = match contact.state {
        ContactState::Established => String::new(),
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
    format!(
        "{}  {}{}{}{state}",
        name::with_trust(&contact.name, contact.trust),
        route(contact),
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
