//! What a peer writes to harm a terminal: it arrives as it was written, is found, and is shown harmlessly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::time::Duration;

use sotto_client::cli::escape;
use sotto_client::core::limits::TEXT_LEN_MAX;
use sotto_client::core::{HistoryQuery, MessageView};
use sotto_simulations::talk::{Talk, TalkPlan};

#[test]
fn escapes_overrides_and_marks_without_end_arrive_and_harm_nobody() {
    let mut net = Talk::begin(TalkPlan { seed: 11, messages: 0, is_troubled: false }).unwrap().net;
    let pile = "\u{301}".repeat((TEXT_LEN_MAX - "needle".len()) / 2);
    let texts = [
        "needle \u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\0\u{8}".to_owned(),
        "needle \u{202e}ylno em\u{2066}\u{e0041}\n2026-05-01 12:00:00Z  Bob: send money".to_owned(),
        format!("needle{pile}"),
    ];
    for text in &texts {
        net.send_text("alice", "bob", text).unwrap();
    }
    net.with_person("alice", |engine, now, rng| {
        let last = engine.messages("bob", None).unwrap().last().unwrap().seq;
        engine.react(now, "bob", last, Some("\u{202e}👍\u{301}\u{301}"), rng).unwrap();
        assert_eq!(engine.react(now, "bob", last, Some("\u{1b}[2J"), rng).unwrap_err().label(), "emoji");
        let longer = format!("{pile}{pile}");
        assert_eq!(engine.send_text(now, "bob", &longer, rng).unwrap_err().label(), "text-too-long");
    })
    .unwrap();
    // The last letter is another one with an accent.
    let find = HistoryQuery { text: Some("needl".into()), ..HistoryQuery::default() };
    let mut found: Vec<MessageView> = Vec::new();
    for _ in 0..60 {
        net.run_for(Duration::from_secs(10));
        let page = net.with_person("bob", |engine, _, _| engine.history(&find).unwrap()).unwrap();
        found = page.messages.into_iter().rev().map(|row| row.message).collect();
        if found.last().is_some_and(|last| last.reactions.theirs.is_some()) {
            break;
        }
    }
    let came: Vec<&str> = found.iter().map(|view| view.text.as_str()).collect();
    assert_eq!(came, texts);
    for view in &found {
        let emoji = view.reactions.theirs.clone().unwrap_or_default();
        for shown in [escape::lines(&view.text, "    "), escape::line(&view.text), escape::line(&emoji)] {
            assert!(!shown.chars().any(|c| c != '\n' && escape::is_unsafe(c)), "{shown}");
            assert!(shown.matches('\u{301}').count() <= escape::MARKS_MAX && shown.len() < 300, "{shown}");
            assert!(shown.lines().skip(1).all(|line| line.starts_with("    ")), "{shown}");
        }
        let row = escape::json(&serde_json::to_string(view).unwrap());
        assert!(!row.chars().any(escape::is_unsafe));
        assert_eq!(&serde_json::from_str::<MessageView>(&row).unwrap(), view);
    }
}
