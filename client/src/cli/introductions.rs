//! `sotto introductions`: those that are under way, and the answers to them.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Common, Ended, escape, quoting, when};
use crate::core::{Direction, IntroductionState, IntroductionView};
use crate::shell::Failure;
use crate::shell::client::Reach;

/// Show the introductions that are under way, and decide about those that contacts have made for you.
#[derive(Args, Debug)]
pub(super) struct IntroductionsArgs {
    #[command(subcommand)]
    command: Option<IntroductionsCommand>,
}

#[derive(Subcommand, Debug)]
enum IntroductionsCommand {
    /// Agree to meet the person. Who introduces you learns it.
    ///
    /// The person becomes a contact once both of you have agreed. Compare safety numbers then (`sotto verify`): whoever
    /// introduces two people could stand between them.
    Accept {
        /// Which one: its name in the list, or the beginning of its whole name.
        introduction: String,
        /// What you want to call the person. Nobody else sees the name.
        #[arg(long)]
        name: String,
    },
    /// End an introduction: do not meet the person, or take back an introduction of your own.
    ///
    /// Who introduces you is told that you do not want to; the person is not. If you introduce, nobody is told.
    Reject {
        /// Which one: its name in the list, or the beginning of its whole name.
        introduction: String,
    },
}

/// Digits of an introduction's name that are shown.
const PREFIX_LEN: usize = 8;
/// Digits that are enough to name an introduction.
const PREFIX_LEN_MIN: usize = 4;

pub(super) async fn run(common: &Common, args: &IntroductionsArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let outcome = async {
        let open = connection.call("introductions", json!({})).await?;
        match &args.command {
            None => Ok(open),
            Some(IntroductionsCommand::Accept { introduction, name }) => {
                let introduction = chosen(&open, introduction)?.introduction;
                let params = json!({ "introduction": introduction, "name": name });
                connection.call("accept-introduction", params).await
            }
            Some(IntroductionsCommand::Reject { introduction }) => {
                let introduction = chosen(&open, introduction)?.introduction;
                connection.call("reject-introduction", json!({ "introduction": introduction })).await
            }
        }
    }
    .await;
    connection.close().await;
    common.output().result(&outcome?, |answer| match &args.command {
        None => list(answer),
        Some(IntroductionsCommand::Accept { name, .. }) => accepted(answer, name),
        Some(IntroductionsCommand::Reject { .. }) => "The introduction is over.".to_owned(),
    })?;
    Ok(Ended::Well)
}

fn accepted(answer: &Value, name: &str) -> String {
    let (shown, word) = (escape::line(name), escape::line(&quoting::word(name)));
    let what = match answer.get("is_contact").and_then(Value::as_bool) {
        Some(true) => format!("{shown} is a contact that waits for the other person to agree"),
        _ => format!("You have agreed. {shown} becomes a contact once the other person has"),
    };
    format!(
        "{what}.\nWhoever introduces two people could stand between them: once you have met, compare safety numbers with \
         sotto verify {word}"
    )
}

/// An introduction by the beginning of its name, if there is one such.
fn chosen(open: &Value, given: &str) -> Result<IntroductionView, Failure> {
    let open: Vec<IntroductionView> = serde_json::from_value(open.clone()).unwrap_or_default();
    let mut found = open.into_iter().filter(|view| {
        given.len() >= PREFIX_LEN_MIN
            && view.introduction.to_string().starts_with(&given.to_ascii_lowercase())
    });
    match (found.next(), found.next()) {
        (Some(view), None) => Ok(view),
        _ => Err(Failure::new(
            "introduction-unknown",
            format!(
                "no introduction, or more than one, is named {given:?}; `sotto introductions` lists them by name"
            ),
        )),
    }
}

fn prefix(view: &IntroductionView) -> String {
    view.introduction.to_string().chars().take(PREFIX_LEN).collect()
}

fn line(view: &IntroductionView) -> String {
    let contacts: Vec<String> = view.contacts.iter().map(|name| escape::line(name)).collect();
    let what = match view.direction {
        Direction::Out => format!("you introduce {}", contacts.join(" and ")),
        Direction::In => {
            let name = escape::line(view.name.as_deref().unwrap_or_default());
            format!("{} introduces you to somebody called {name:?}", contacts.join(" and "))
        }
    };
    let note = if view.note.is_empty() {
        String::new()
    } else {
        format!("\n    note: {}", escape::lines(&view.note, "    "))
    };
    format!(
        "{}  {}  {what}, until {}\n    waits for {}{note}",
        prefix(view),
        when::utc(view.at_ms),
        when::utc(view.until_ms),
        escape::line(&view.waits_for)
    )
}

fn list(open: &Value) -> String {
    let open: Vec<IntroductionView> = serde_json::from_value(open.clone()).unwrap_or_default();
    if open.is_empty() {
        return "No introduction is under way.".to_owned();
    }
    let mut lines: Vec<String> = open.iter().map(line).collect();
    if let Some(view) = open.iter().find(|view| view.state == IntroductionState::Undecided) {
        let name = prefix(view);
        lines.push(format!(
            "Meet the person: sotto introductions accept {name} --name NAME     or not: sotto introductions reject {name}"
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Value {
        json!([
            {
                "introduction": "abcd".repeat(8), "direction": "in", "contacts": ["alice"],
                "name": "Carol\"\u{1b}[2J", "note": "hi\u{9b}2J\nabcdabcd  forged", "state": "undecided",
                "waits_for": "your decision", "at_ms": 0, "until_ms": 1000,
            },
            {
                "introduction": "abce".repeat(8), "direction": "out", "contacts": ["bob", "dave"],
                "name": null, "note": "", "state": "waiting",
                "waits_for": "an answer of \"dave\"", "at_ms": 0, "until_ms": 1000,
            },
        ])
    }

    #[test]
    fn a_list_says_what_each_waits_for_and_is_harmless() {
        insta::assert_snapshot!(list(&open()), @r#"
        abcdabcd  1970-01-01 00:00:00Z  alice introduces you to somebody called "Carol\"<U+001B>[2J", until 1970-01-01 00:00:01Z
            waits for your decision
            note: hi<U+009B>2J
            abcdabcd  forged
        abceabce  1970-01-01 00:00:00Z  you introduce bob and dave, until 1970-01-01 00:00:01Z
            waits for an answer of "dave"
        Meet the person: sotto introductions accept abcdabcd --name NAME     or not: sotto introductions reject abcdabcd
        "#);
        assert_eq!(list(&json!([])), "No introduction is under way.");
    }

    #[test]
    fn an_introduction_is_chosen_by_the_beginning_of_its_name() {
        assert_eq!(chosen(&open(), "ABCE").unwrap().contacts, ["bob", "dave"]);
        for wrong in ["", "abc", "1234"] {
            assert_eq!(chosen(&open(), wrong).unwrap_err().label, "introduction-unknown", "{wrong}");
        }
    }
}
