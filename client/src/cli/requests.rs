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
        /// Which one: its number in the list, or its whole name.
        request: String,
        /// What you want to call the person. Nobody else sees the name.
        name: String,
    },
    /// Reject a request. The person is not told.
    Reject {
        /// Which one: its number in the list, or its whole name.
        request: String,
    },
}

pub(super) async fn run(common: &Common, args: &RequestsArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let outcome = async {
        let waiting = connection.call("requests", json!({})).await?;
        match &args.command {
            None => Ok(waiting),
            Some(RequestsCommand::Accept { request, name }) => {
                let params = json!({ "request": chosen(&waiting, request)?, "name": name });
                connection.call("accept-request", params).await
            }
            Some(RequestsCommand::Reject { request }) => {
                connection.call("reject-request", json!({ "request": chosen(&waiting, request)? })).await
            }
        }
    }
    .await;
    connection.close().await;
    common.output().result(&outcome?, |answer| match &args.command {
        None => list(answer),
        Some(RequestsCommand::Accept { name, .. }) => {
            let name = escape::line(name);
            format!("{name} is a contact now. Write: sotto send {name} \"Hello\"")
        }
        Some(RequestsCommand::Reject { .. }) => "The request is rejected.".to_owned(),
    })?;
    Ok(Ended::Well)
}

/// A request by its place in the list, from 1, or by its name.
fn chosen(waiting: &Value, given: &str) -> Result<String, Failure> {
    let waiting: Vec<RequestView> = serde_json::from_value(waiting.clone()).unwrap_or_default();
    let by_place = given.parse::<usize>().ok().and_then(|place| waiting.get(place.checked_sub(1)?));
    let found = by_place.or_else(|| waiting.iter().find(|view| view.request.to_string() == given));
    found.map(|view| view.request.to_string()).ok_or_else(|| {
        let text = format!("no request {given:?} waits for a decision; `sotto requests` lists them");
        Failure::new("request-unknown", text)
    })
}

fn list(requests: &Value) -> String {
    let requests: Vec<RequestView> = serde_json::from_value(requests.clone()).unwrap_or_default();
    if requests.is_empty() {
        return "No request waits for a decision.".to_owned();
    }
    let row = |(place, view): (usize, &RequestView)| {
        let address = view.address.as_deref().map_or_else(|| "a removed address".to_owned(), escape::line);
        let note = if view.note.is_empty() {
            "(nothing was written)".to_owned()
        } else {
            escape::lines(&view.note, "    ")
        };
        format!("{place}  {}  at {address}: {note}", when::utc(view.at_ms))
    };
    let mut lines: Vec<String> = (1..).zip(&requests).map(row).collect();
    lines.push("Accept one: sotto requests accept 1 NAME     reject one: sotto requests reject 1".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_chosen_by_its_place_or_its_name() {
        let name = "ab".repeat(16);
        let waiting = json!([{ "request": name, "address": "blog", "at_ms": 0, "note": "hi\u{1b}[2J" }]);
        assert_eq!(chosen(&waiting, "1").unwrap(), name);
        assert_eq!(chosen(&waiting, &name).unwrap(), name);
        for wrong in ["0", "2", "", "x"] {
            assert_eq!(chosen(&waiting, wrong).unwrap_err().label, "request-unknown");
        }
        let shown = list(&waiting);
        assert!(shown.contains("at blog: hi<U+001B>[2J"), "{shown}");
    }
}
