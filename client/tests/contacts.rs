//! Contacts by the real program: renamed, muted, blocked, deleted; and notes to oneself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::{Person, dead_network, one_value};
use serde_json::json;

fn words(person: &Person, args: &[&str]) -> String {
    let output = person.run(args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_contact_is_renamed_muted_and_blocked_and_all_of_it_is_shown_and_kept() {
    let person = Person::with_profile(&dead_network());
    person.json(&["invite", "Bob"]);
    person.json(&["invite", "Carol"]);
    let renamed = person.json(&["contacts", "rename", "Bob", "Robert"]);
    assert_eq!((&renamed["name"], &renamed["muted"]), (&json!("Robert"), &json!(false)));
    assert_eq!(person.refusal(&["contacts", "rename", "Robert", "Carol"]).0, "name-taken");
    assert_eq!(person.refusal(&["contacts", "rename", "Robert", "notes"]).0, "name-reserved");
    assert_eq!(person.refusal(&["contacts", "rename", "Bob", "Rob"]).0, "contact-unknown");
    assert_eq!(person.json(&["contacts", "mute", "Robert"])["muted"], true);
    assert_eq!(person.json(&["contacts", "block", "Robert"])["blocked"], true);
    let (label, text) = person.refusal(&["send", "Robert", "hello"]);
    assert_eq!(label, "contact-blocked");
    assert!(text.contains("sotto contacts unblock \"Robert\""), "{text}");
    let why = |person: &Person| {
        let status = person.json(&["status"]);
        let rows = status["waiting"].as_array().unwrap();
        let row = rows.iter().find(|row| row["contact"] == "Robert").unwrap();
        row["why"].as_str().unwrap().to_owned()
    };
    assert!(why(&person).starts_with("you have blocked"), "a daemon would not send it either");
    {
        let _daemon = person.daemon();
        let shown = words(&person, &["contacts"]);
        let row = shown.lines().find(|line| line.starts_with("Robert")).unwrap();
        assert!(row.starts_with("Robert (unverified)  [mix]  muted  blocked  waiting"), "{row}");
        assert!(why(&person).starts_with("you have blocked"));
        assert_eq!(person.json(&["contacts", "unmute", "Robert"])["muted"], false);
        assert_eq!(person.json(&["contacts", "unblock", "Robert"])["blocked"], false);
    }
    let sent = person.command(&["send", "Robert", "hello", "--timeout", "1", "--json"]).output().unwrap();
    assert_eq!(sent.status.code(), Some(3), "{sent:?}");
    for command in ["mute", "unmute", "block", "unblock", "delete"] {
        let args = ["contacts", command, "Nobody"];
        assert_eq!(person.refusal(&args).0, "contact-unknown", "{command}");
    }
}

#[test]
fn a_contact_is_deleted_only_when_that_is_confirmed() {
    let person = Person::with_profile(&dead_network());
    let link = person.json(&["invite", "Bob"])["link"].as_str().unwrap().to_owned();
    let sent = person.command(&["send", "Bob", "hello", "--timeout", "1"]).output().unwrap();
    assert_eq!(sent.status.code(), Some(3), "{sent:?}");
    assert_eq!(person.refusal(&["contacts", "delete", "Bob"]).0, "delete-not-confirmed");
    // What comes from a pipe is no answer of a person.
    let piped = person.run_with_input(
        &["contacts", "delete", "Bob", "--passphrase-command", "echo correct horse"],
        "Bob\n",
    );
    assert_eq!(piped.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&piped.stderr).contains("delete-not-confirmed"), "{piped:?}");
    assert_eq!(person.json(&["contacts"]).as_array().unwrap().len(), 1);
    let deleted = person.json(&["contacts", "delete", "Bob", "--yes"]);
    assert_eq!(deleted, json!({ "contact": "Bob", "messages": 1, "queued": 1, "withdrawn": true }));
    assert_eq!(person.json(&["contacts"]), json!([]));
    assert_eq!(person.refusal(&["recv", "Bob", "--all"]).0, "contact-unknown");
    assert_eq!(person.json(&["status"])["waiting"], json!([]));
    // Whoever had made it can take it up like anybody else.
    let again = person.command(&["accept", "Me", &link, "--timeout", "1", "--json"]).output().unwrap();
    assert_eq!(again.status.code(), Some(3), "{again:?}");
    let said = words(&person, &["contacts", "delete", "Me", "--yes"]);
    assert_eq!(said, "Me is deleted, with 0 messages.\n");
}

#[test]
fn notes_are_kept_with_and_without_a_daemon_and_never_wait() {
    let person = Person::with_profile(&dead_network());
    assert_eq!(person.refusal(&["recv", "notes", "--all"]).0, "contact-unknown");
    assert_eq!(person.refusal(&["note", ""]).0, "text-empty");
    let kept = person.json(&["note", "buy milk"]);
    assert_eq!((&kept["contact"], &kept["state"]), (&json!("notes"), &json!("kept")));
    {
        let _daemon = person.daemon();
        let args = ["note", "-", "--passphrase-fd", "0", "--json"];
        let piped = person.run_with_input(&args, "correct horse\nfirst line\n\u{1b}[2Jsecond\n");
        assert_eq!(one_value(&piped)["state"], "kept");
        let shown = words(&person, &["recv", "notes", "--all"]);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[0].ends_with("Z  #1 notes: buy milk"), "{shown}");
        assert!(lines[1].ends_with("Z  #2 notes: first line"), "{shown}");
        assert_eq!(lines[2], "    <U+001B>[2Jsecond");
        assert_eq!(person.json(&["status"])["waiting"], json!([]));
    }
    let message = person.json(&["recv", "notes", "--all"])[0].clone();
    assert_eq!((&message["direction"], &message["state"]), (&json!("out"), &json!("kept")));
    let notes = person.json(&["contacts"])[0].clone();
    assert_eq!(
        (&notes["state"], &notes["messages"], &notes["unread"]),
        (&json!("notes"), &json!(2), &json!(0))
    );
    let list = words(&person, &["contacts"]);
    assert!(
        list.starts_with("Nobody yet.") && list.ends_with("\nnotes  2 of your own, never sent\n"),
        "{list}"
    );
    assert_eq!(person.json(&["route"])["contacts"], json!([]), "no route serves them");
    for args in [
        &["send", "notes", "x"][..],
        &["route", "--contact", "notes"],
        &["route", "--contact", "notes", "mix"],
        &["verify", "notes"],
        &["rekey", "notes"],
        &["contacts", "mute", "notes"],
    ] {
        assert_eq!(person.refusal(args).0, "contact-is-notes", "{args:?}");
    }
    assert_eq!(person.refusal(&["invite", "Notes"]).0, "name-reserved");
    let exported = person.json(&["export", "notes"]);
    assert_eq!(exported["conversations"][0]["messages"][0]["text"], "buy milk");
    assert_eq!(person.json(&["contacts", "delete", "notes", "--yes"])["messages"], 2);
    assert_eq!(person.json(&["contacts"]), json!([]));
}

#[test]
fn a_daemon_that_is_killed_after_deleting_has_deleted() {
    let person = Person::with_profile(&dead_network());
    person.json(&["invite", "Bob"]);
    person.json(&["note", "stays"]);
    let mut daemon = person.daemon();
    person.json(&["contacts", "delete", "Bob", "--yes"]);
    daemon.kill();
    let names: Vec<String> = person
        .json(&["contacts"])
        .as_array()
        .unwrap()
        .iter()
        .map(|contact| contact["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["notes"]);
}
