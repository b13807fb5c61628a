//! `sotto requests`: who asks to become a contact.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Common, Ended, escape, when};
use crate::core::RequestView;
use crate::shell::Failure;
use crate::shell::client::Reach;

/// Show who asks at your addresses to become a contact, and decide.
#[derive(Args, Debug)]
pub(super) struct RequestsArgs {
    #[command(subcommand)]
    command: Option<RequestsCommand>,
}

#[derive(Subcommand, Debug)]
enum RequestsCommand {
    /// Accept a request: the person becomes a contact and is told so.
    Accept {
        /// Which one: its name in the list, or the beginning of its whole name.
        request: String,
        /// What you want to call the person. Nobody else sees the name.
        name: String,
    },
    /// Reject a request. The person is not told.
    Reject {
        /// Which one: its name in the list, or the beginning of its whole name.
        request: String,
    },
}

/// Digits of a request's name that are shown.
const PREFIX_LEN: usize = 8;
/// Digits that are enough to name a request.
const PREFIX_LEN_MIN: usize = 4;

pub(super) async fn run(common: &Common, args: &RequestsArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let mut decided = String::new();
    let outcome = async {
        let waiting = connection.call("requests", json!({})).await?;
        match &args.command {
            None => Ok(waiting),
            Some(RequestsCommand::Accept { request, name }) => {
                let view = chosen(&waiting, request)?;
                decided = line(&view);
                connection.call("accept-request", json!({ "request": view.request, "name": name })).await
            }
            Some(RequestsCommand::Reject { request }) => {
                let view = chosen(&waiting, request)?;
                decided = line(&view);
                connection.call("reject-request", json!({ "request": view.request })).await
            }
        }
    }
    .await;
    connection.close().await;
    common.output().result(&outcome?, |answer| match &args.command {
        None => list(answer),
        Some(RequestsCommand::Accept { name, .. }) => {
            let name = escape::line(name);
            format!("{decided}\n{name} is a contact now. Write: sotto send {name} \"Hello\"")
        }
        Some(RequestsCommand::Reject { .. }) => format!("{decided}\nThe request is rejected."),
    })?;
    Ok(Ended::Well)
}

/// A request by the beginning of its name, if there is one such.
fn chosen(waiting: &Value, given: &str) -> Result<RequestView, Failure> {
    let waiting: Vec<RequestView> = serde_json::from_value(waiting.clone()).unwrap_or_default();
    let mut found = waiting.into_iter().filter(|view| {
        given.len() >= PREFIX_LEN_MIN && view.request.to_string().starts_with(&given.to_ascii_lowercase())
    });
    match (found.next(), found.next()) {
        (Some(view), None) => Ok(view),
        _ => Err(Failure::new(
            "request-unknown",
            format!("no request, or more than one, is named {given:?}; `sotto requests` lists them"),
        )),
    }
}

/// What was decided about, in one line.
fn line(view: &RequestView) -> String {
    let address = view.address.as_deref().map_or_else(|| "a removed address".to_owned(), escape::line);
    let note = if view.note.is_empty() {
        "no note".to_owned()
    } else {
        format!("note: {}", escape::lines(&view.note, "    "))
    };
    let name: String = view.request.to_string().chars().take(PREFIX_LEN).collect();
    format!("{name}  {}  at {address}, {note}", when::utc(view.at_ms))
}

fn list(requests: &Value) -> String {
    let requests: Vec<RequestView> = serde_json::from_value(requests.clone()).unwrap_or_default();
    let Some(first) = requests.first() else { return "No request waits for a decision.".to_owned() };
    let mut lines: Vec<String> = requests.iter().map(line).collect();
    let name: String = first.request.to_string().chars().take(PREFIX_LEN).collect();
    lines.push(format!(
        "Accept one: sotto requests accept {name} NAME     reject one: sotto requests reject {name}"
    ));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_chosen_by_the_beginning_of_its_name() {
        let names = ["abcd".repeat(8), "abce".repeat(8)];
        let row =
            |name: &String| json!({ "request": name, "address": "blog", "at_ms": 0, "note": "hi\u{1b}[2J" });
        let waiting = json!(names.iter().map(row).collect::<Vec<_>>());
        assert_eq!(chosen(&waiting, "ABCD").unwrap().request.to_string(), names[0]);
        assert_eq!(chosen(&waiting, &names[1]).unwrap().request.to_string(), names[1]);
        for wrong in ["", "1", "abc", "ffff"] {
            assert_eq!(chosen(&waiting, wrong).unwrap_err().label, "request-unknown");
        }
        let shown = list(&waiting);
        assert!(shown.contains("abcdabcd  1970-01-01 00:00:00Z  at blog, note: hi<U+001B>[2J"), "{shown}");
    }
}
