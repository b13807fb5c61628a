//! Introductions by the real program, as far as they go without a network.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::{Person, dead_network};
use serde_json::json;

#[test]
fn what_cannot_be_introduced_is_told_and_nothing_is_under_way() {
    let person = Person::with_profile(&dead_network());
    person.json(&["invite", "Bob"]);
    person.json(&["invite", "Carol"]);
    assert_eq!(person.json(&["introductions"]), json!([]));
    let shown = person.run(&["introductions"]);
    assert_eq!(String::from_utf8_lossy(&shown.stdout), "No introduction is under way.\n");
    let (label, text) = person.refusal(&["introduce", "Bob", "Carol", "--as-a", "Robert"]);
    assert_eq!(label, "contact-not-met");
    assert!(text.contains("\"Bob\" has not answered yet"), "{text}");
    assert_eq!(person.refusal(&["introduce", "Bob", "Bob"]).0, "introduction-self");
    assert_eq!(person.refusal(&["introduce", "Bob", "Dave"]).0, "contact-not-met");
    let note = "x".repeat(121);
    assert_eq!(person.refusal(&["introduce", "Bob", "Carol", "--note", &note]).0, "note-too-long");
    let piped = person.run_with_input(
        &["introduce", "Bob", "Carol", "--note", "-", "--passphrase-command", "echo correct horse"],
        &note,
    );
    assert_eq!(piped.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&piped.stderr).contains("[stdin]"), "{piped:?}");
    for args in
        [&["introductions", "accept", "abcd", "--name", "Carol"][..], &["introductions", "reject", "abcd"]]
    {
        let (label, text) = person.refusal(args);
        assert_eq!(label, "introduction-unknown");
        assert!(text.contains("`sotto introductions` lists them"), "{text}");
    }
    let unnamed = person.run(&["introductions", "accept", "abcd"]);
    assert_eq!(unnamed.status.code(), Some(2), "a name is the user's to choose");
    let _daemon = person.daemon();
    assert_eq!(person.json(&["introductions"]), json!([]));
}
