//! Calls and answers, against an engine on a store in memory.

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::core::{EngineSettings, Route};
use crate::store::MemoryStore;

struct Desk {
    engine: Engine<MemoryStore>,
    rng: ChaCha20Rng,
}

impl Desk {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let settings = EngineSettings::new("standard");
        let engine = Engine::open(MemoryStore::new(), settings, now(), &mut rng).unwrap();
        Self { engine, rng }
    }

    fn call(&mut self, method: &str, params: &Value) -> Result<Value, Failure> {
        let call = Call::parse(method, params)?;
        answer(&mut self.engine, &call, now(), &mut self.rng)
    }

    fn refusal(&mut self, method: &str, params: &Value) -> String {
        self.call(method, params).unwrap_err().label
    }
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_777_638_896_000)
}

#[test]
fn an_invitation_goes_from_one_side_to_the_other() {
    let (mut alice, mut bob) = (Desk::new(1), Desk::new(2));
    let invited = alice.call("invite", &json!({ "name": "Bob", "ttl_s": 3600 })).unwrap();
    let link = invited["link"].as_str().unwrap();
    assert!(link.starts_with("sotto:invite:") && link.len() < 100, "{link}");
    assert_eq!(invited["contact"], "Bob");
    assert!(invited["expires_ms"].as_u64().unwrap() >= now().as_millis() + 3_600_000);
    let accepted = bob.call("accept", &json!({ "name": "Alice", "link": link })).unwrap();
    assert_eq!(accepted["contact"], "Alice");
    assert_eq!(bob.refusal("accept", &json!({ "name": "Alice2", "link": link })), "invite-used");
    assert_eq!(alice.refusal("accept", &json!({ "name": "Me", "link": link })), "invite-own");
    let contacts = bob.call("contacts", &json!({})).unwrap();
    assert_eq!(contacts[0]["name"], "Alice");
    assert_eq!(contacts[0]["state"], "pending");
}

#[test]
fn a_sent_message_is_queued_and_found_again() {
    let mut alice = Desk::new(1);
    alice.call("invite", &json!({ "name": "Bob" })).unwrap();
    let sent = alice.call("send", &json!({ "contact": "Bob", "text": "hello" })).unwrap();
    assert_eq!((&sent["state"], &sent["route"]), (&json!("queued"), &json!("mix")));
    let found = alice.call("message", &json!({ "message": sent["message"] })).unwrap();
    assert_eq!(found["text"], "hello");
    let unknown = alice.call("message", &json!({ "message": "00".repeat(16) })).unwrap();
    assert_eq!(unknown, Value::Null);
    let page = alice.call("messages", &json!({ "contact": "Bob" })).unwrap();
    assert_eq!(
        (page["messages"][0]["direction"].as_str(), page["more"].as_bool()),
        (Some("out"), Some(false))
    );
    let status = alice.call("status", &json!({})).unwrap();
    assert_eq!(status["waiting"][0]["contact"], "Bob");
    assert_eq!(status["routes"][0]["state"], "disconnected");
    let unread = json!({ "messages": [], "more": false, "muted_left_out": 0 });
    assert_eq!(alice.call("unread", &json!({})).unwrap(), unread);
}

#[test]
fn a_long_conversation_comes_in_pages_that_fit_a_line() {
    let mut alice = Desk::new(1);
    alice.call("invite", &json!({ "name": "Bob" })).unwrap();
    // Control characters take six bytes each in JSON: the worst case.
    let text = "\u{1}".repeat(crate::core::limits::TEXT_LEN_MAX);
    for _ in 0..4 {
        alice.call("send", &json!({ "contact": "Bob", "text": text })).unwrap();
    }
    let (mut after, mut pages, mut messages) = (0, 0, 0);
    loop {
        let page = alice.call("messages", &json!({ "contact": "Bob", "after": after })).unwrap();
        assert!(page.to_string().len() < sotto_transport::rpc::LINE_LEN_MAX - 1024);
        let rows = page["messages"].as_array().unwrap();
        messages += rows.len();
        pages += 1;
        after = rows.last().unwrap()["seq"].as_u64().unwrap();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!((messages, pages), (4, 4));
}

/// The texts on all pages of this question, and how many pages there are.
fn texts_of_all_pages(desk: &mut Desk, mut question: Value, way: &str) -> (Vec<String>, usize) {
    let (mut texts, mut pages) = (Vec::new(), 0);
    loop {
        let page = desk.call("history", &question).unwrap();
        assert!(page.to_string().len() < sotto_transport::rpc::LINE_LEN_MAX - 1024);
        let rows = page["messages"].as_array().unwrap();
        texts.extend(rows.iter().map(|row| row["text"].as_str().unwrap().to_owned()));
        pages += 1;
        if page["next"].is_null() {
            return (texts, pages);
        }
        assert_eq!(page["next"], rows.last().unwrap()["cursor"]);
        question[way] = page["next"].clone();
    }
}

#[test]
fn the_past_comes_in_pages_in_both_directions_and_stays_unseen() {
    let mut alice = Desk::new(1);
    for name in ["Bob", "Carol"] {
        alice.call("invite", &json!({ "name": name })).unwrap();
    }
    for number in 0..5 {
        let contact = if number % 2 == 0 { "Bob" } else { "Carol" };
        alice.call("send", &json!({ "contact": contact, "text": format!("Text {number}") })).unwrap();
    }
    let bob = texts_of_all_pages(&mut alice, json!({ "contact": "Bob", "limit": 2 }), "before");
    assert_eq!(bob, (vec!["Text 4".into(), "Text 2".into(), "Text 0".into()], 2));
    let newest = alice.call("history", &json!({ "contact": "Bob" })).unwrap();
    let oldest = &newest["messages"][2]["cursor"];
    let forwards = json!({ "contact": "Bob", "after": oldest, "limit": 1 });
    assert_eq!(texts_of_all_pages(&mut alice, forwards, "after").0, ["Text 2", "Text 4"]);
    let (mut found, _) = texts_of_all_pages(&mut alice, json!({ "text": "TEXT", "limit": 1 }), "before");
    found.sort();
    assert_eq!(found, ["Text 0", "Text 1", "Text 2", "Text 3", "Text 4"]);
    let in_span = |alice: &mut Desk, question: Value| texts_of_all_pages(alice, question, "before").0.len();
    assert_eq!(in_span(&mut alice, json!({ "from_ms": now().as_millis() })), 5);
    assert_eq!(in_span(&mut alice, json!({ "to_ms": now().as_millis() })), 0);
    assert_eq!(in_span(&mut alice, json!({ "direction": "in" })), 0);
    assert_eq!(in_span(&mut alice, json!({ "text": "3", "contact": "Bob" })), 0);
    let both = json!({ "before": oldest, "after": oldest });
    assert_eq!(alice.refusal("history", &both), "cursor-both");
    assert_eq!(alice.refusal("history", &json!({ "contact": "Carol", "before": oldest })), "cursor-foreign");
    assert_eq!(alice.refusal("history", &json!({ "text": "" })), "search-length");
    assert_eq!(alice.refusal("history", &json!({ "limit": 201 })), "history-limit");
}

#[test]
fn a_page_of_the_past_that_does_not_fit_a_line_ends_early_and_loses_none() {
    let mut alice = Desk::new(1);
    alice.call("invite", &json!({ "name": "Bob" })).unwrap();
    for letter in ["a", "b", "c"] {
        let text = letter.to_owned() + &"\u{1}".repeat(crate::core::limits::TEXT_LEN_MAX - 1);
        alice.call("send", &json!({ "contact": "Bob", "text": text })).unwrap();
    }
    let (texts, pages) = texts_of_all_pages(&mut alice, json!({}), "before");
    let firsts: Vec<&str> = texts.iter().map(|text| &text[..1]).collect();
    assert_eq!((firsts.join(""), pages), ("cba".into(), 3));
}

#[test]
fn turning_pages_and_searching_put_off_the_lock_and_showing_the_newest_does_not() {
    let by_hand = |params: Value| Call::parse("history", &params).unwrap().is_by_hand();
    let cursor = "1.0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a.7";
    assert!(!by_hand(json!({ "contact": "Bob", "limit": 5 })));
    assert!(by_hand(json!({ "text": "x" })));
    assert!(by_hand(json!({ "before": cursor })) && by_hand(json!({ "after": cursor })));
}

#[test]
fn what_the_engine_refuses_keeps_its_label() {
    let mut alice = Desk::new(1);
    alice.call("invite", &json!({ "name": "Bob" })).unwrap();
    assert_eq!(alice.refusal("invite", &json!({ "name": "Bob" })), "name-taken");
    assert_eq!(alice.refusal("invite", &json!({ "name": "\u{1b}[2J" })), "name-invalid");
    assert_eq!(alice.refusal("invite", &json!({ "name": "Carol", "ttl_s": u64::MAX })), "invite-ttl");
    assert_eq!(
        alice.refusal("accept", &json!({ "name": "X", "link": "sotto:invite:aaaa" })),
        "invite-mistyped"
    );
    assert_eq!(alice.refusal("send", &json!({ "contact": "Nobody", "text": "x" })), "contact-unknown");
    assert_eq!(alice.refusal("unread", &json!({ "contact": "Nobody" })), "contact-unknown");
    assert_eq!(alice.refusal("messages", &json!({ "contact": "Nobody" })), "contact-unknown");
    assert_eq!(alice.refusal("mark-read", &json!({ "contact": "Nobody", "seq": 1 })), "contact-unknown");
    let too_long = "x".repeat(crate::core::limits::TEXT_LEN_MAX + 1);
    assert_eq!(alice.refusal("send", &json!({ "contact": "Bob", "text": too_long })), "text-too-long");
}

#[test]
fn calls_that_are_none_are_refused_by_name() {
    let mut alice = Desk::new(1);
    for method in ["", "Status", "delete-everything", "shutdown"] {
        assert_eq!(alice.refusal(method, &json!({})), "method-not-found", "{method}");
    }
    let wrong = [
        ("status", json!({ "extra": 1 })),
        ("status", json!("text")),
        ("contacts", json!(null)),
        ("invite", json!({})),
        ("invite", json!({ "name": 7 })),
        ("invite", json!({ "name": "Bob", "ttl_s": -1 })),
        ("send", json!({ "contact": "Bob" })),
        ("send", json!({ "contact": "Bob", "text": "x", "urgent": true })),
        ("messages", json!({ "contact": "Bob", "after": 1.5 })),
        ("message", json!({ "message": "abc" })),
        ("history", json!({ "before": "yesterday" })),
        ("history", json!({ "limit": -1 })),
        ("history", json!({ "direction": "sideways" })),
        ("history", json!({ "offset": 7 })),
        ("mark-read", json!({ "contact": "Bob", "seq": "1" })),
        ("route", json!({ "contact": 1 })),
        ("set-route", json!({ "routes": "tor" })),
        ("set-route", json!({ "routes": [] })),
        ("set-route", json!({ "routes": ["tor", "tor"] })),
        ("set-route", json!({ "routes": ["carrier pigeon"] })),
        ("tor", json!({ "run": 1 })),
        ("doctor", json!({ "run": -1 })),
        ("rename", json!({ "contact": "Bob" })),
        ("mute", json!({ "contact": "Bob", "muted": false })),
        ("delete-contact", json!({})),
        ("note", json!({ "text": 7 })),
        ("unread", json!({ "muted": "yes" })),
    ];
    for (method, params) in wrong {
        assert_eq!(alice.refusal(method, &params), "invalid-params", "{method} {params}");
    }
}

#[test]
fn the_profile_changes_its_routes_and_contacts_follow_it() {
    let mut alice = Desk::new(1);
    alice.call("invite", &json!({ "name": "Bob" })).unwrap();
    let before = alice.call("route", &json!({})).unwrap();
    assert_eq!(before["routes"], json!(["mix"]));
    assert_eq!(before["protects"], Route::Mix.protects());
    assert_eq!(
        (&before["contacts"][0]["contact"], &before["contacts"][0]["own"]),
        (&json!("Bob"), &json!(false))
    );
    let after = alice.call("set-route", &json!({ "routes": ["tor+mix", "tor"] })).unwrap();
    assert_eq!(after["routes"], json!(["tor+mix", "tor"]));
    assert_eq!(after["contacts"][0]["routes"], json!(["tor+mix", "tor"]));
    assert_eq!(alice.refusal("set-route", &json!({})), "route-plan-empty");
    assert_eq!(alice.call("route", &json!({})).unwrap(), after, "a refusal changes nothing");
}

#[test]
fn a_contact_has_routes_of_its_own_until_they_are_taken_back() {
    let mut alice = Desk::new(1);
    alice.call("invite", &json!({ "name": "Bob" })).unwrap();
    alice.call("invite", &json!({ "name": "Carol" })).unwrap();
    let set = alice.call("set-route", &json!({ "contact": "Bob", "routes": ["tor"] })).unwrap();
    assert_eq!((&set["routes"], &set["own"], &set["route"]), (&json!(["tor"]), &json!(true), &json!("tor")));
    assert_eq!(set["protects"], Route::Tor.protects());
    assert_eq!(alice.call("route", &json!({ "contact": "Carol" })).unwrap()["own"], false);
    assert_eq!(alice.call("contacts", &json!({})).unwrap()[0]["route"], "tor");
    let back = alice.call("set-route", &json!({ "contact": "Bob", "routes": null })).unwrap();
    assert_eq!((&back["routes"], &back["own"]), (&json!(["mix"]), &json!(false)));
    for method in ["route", "set-route"] {
        assert_eq!(alice.refusal(method, &json!({ "contact": "Nobody" })), "contact-unknown");
    }
}

#[test]
fn a_contact_is_changed_and_shown_as_it_is_then() {
    let mut alice = Desk::new(1);
    alice.call("invite", &json!({ "name": "Bob" })).unwrap();
    let renamed = alice.call("rename", &json!({ "contact": "Bob", "name": "Robert" })).unwrap();
    assert_eq!(renamed["name"], "Robert");
    let robert = json!({ "contact": "Robert" });
    for (method, field, expected) in [
        ("mute", "muted", true),
        ("block", "blocked", true),
        ("unblock", "blocked", false),
        ("unmute", "muted", false),
    ] {
        assert_eq!(alice.call(method, &robert).unwrap()[field], expected, "{method}");
        assert_eq!(alice.call("contacts", &json!({})).unwrap()[0][field], expected, "{method}");
        assert_eq!(alice.refusal(method, &json!({ "contact": "Bob" })), "contact-unknown");
    }
    alice.call("send", &json!({ "contact": "Robert", "text": "hello" })).unwrap();
    let deleted = alice.call("delete-contact", &robert).unwrap();
    assert_eq!(deleted, json!({ "contact": "Robert", "messages": 1, "queued": 1, "withdrawn": true }));
    assert_eq!(alice.refusal("delete-contact", &robert), "contact-unknown");
}

#[test]
fn notes_are_kept_and_belong_to_nobody() {
    let mut alice = Desk::new(1);
    let kept = alice.call("note", &json!({ "text": "buy milk" })).unwrap();
    assert_eq!((&kept["contact"], &kept["state"]), (&json!("notes"), &json!("kept")));
    let page = alice.call("messages", &json!({ "contact": "notes" })).unwrap();
    assert_eq!(page["messages"][0]["id"], kept["message"]);
    assert_eq!(alice.refusal("send", &json!({ "contact": "notes", "text": "x" })), "contact-is-notes");
    assert_eq!(alice.refusal("route", &json!({ "contact": "notes" })), "contact-is-notes");
    assert_eq!(alice.call("route", &json!({})).unwrap()["contacts"], json!([]));
    assert_eq!(alice.call("unread", &json!({})).unwrap()["messages"], json!([]));
    assert_eq!(alice.refusal("invite", &json!({ "name": "NOTES" })), "name-reserved");
}

#[test]
fn a_file_is_handed_over_in_blocks_and_no_path_is_taken() {
    let mut alice = Desk::new(1);
    alice.call("invite", &json!({ "name": "Bob" })).unwrap();
    let bytes = vec![7u8; crate::core::FILE_BLOCK_LEN + 5];
    let begin = json!({ "contact": "Bob", "name": "../../x", "size": bytes.len() });
    let begun = alice.call("file-begin", &begin).unwrap();
    let file = &begun["file"];
    let mut at = 0;
    for block in bytes.chunks(crate::core::FILE_BLOCK_LEN) {
        let base64 = data_encoding::BASE64.encode(block);
        let wrong = json!({ "file": file, "at": at + 1, "base64": base64 });
        assert_eq!(alice.refusal("file-data", &wrong), "file-data");
        assert_eq!(
            alice.refusal("file-data", &json!({ "file": file, "at": at, "base64": "?" })),
            "file-data"
        );
        assert_eq!(alice.refusal("file-offer", &json!({ "file": file })), "file-data");
        alice.call("file-data", &json!({ "file": file, "at": at, "base64": base64 })).unwrap();
        at += block.len();
    }
    let seq = alice.call("file-offer", &json!({ "file": file })).unwrap()["seq"].clone();
    let listed = alice.call("files", &json!({})).unwrap();
    let row = &listed["files"][0];
    assert_eq!((&row["seq"], &row["name"], &row["state"]), (&seq, &json!("../../x"), &json!("offered")));
    assert_eq!((&row["size"], &row["direction"]), (&json!(bytes.len()), &json!("out")));
    assert_eq!(alice.call("files", &json!({ "skip": 1 })).unwrap(), json!({ "files": [], "more": false }));
    let one = json!({ "contact": "Bob", "seq": seq });
    for method in ["file-accept", "file-decline", "file-pause", "file-resume"] {
        assert_eq!(alice.refusal(method, &one), "file-state", "{method}");
    }
    assert_eq!(alice.refusal("file-read", &json!({ "contact": "Bob", "seq": seq, "at": 0 })), "file-state");
    assert_eq!(alice.call("file-cancel", &one).unwrap()["state"], "cancelled");
    alice.call("send", &json!({ "contact": "Bob", "text": "hello" })).unwrap();
    let text = alice.call("messages", &json!({ "contact": "Bob", "after": seq })).unwrap();
    let text_seq = text["messages"].as_array().unwrap().last().unwrap()["seq"].clone();
    assert_eq!(alice.refusal("file", &json!({ "contact": "Bob", "seq": text_seq })), "no-file");
    let path = json!({ "contact": "Bob", "name": "x", "size": 1, "path": "/etc/passwd" });
    assert_eq!(alice.refusal("file-begin", &path), "invalid-params");
}

#[test]
fn introductions_are_made_listed_and_answered_by_calls() {
    let mut alice = Desk::new(1);
    alice.call("invite", &json!({ "name": "Bob" })).unwrap();
    assert_eq!(alice.call("introductions", &json!({})).unwrap(), json!([]));
    let both = json!({ "first": "Bob", "second": "Carol" });
    // Who has not been met cannot be introduced.
    assert_eq!(alice.refusal("introduce", &both), "contact-not-met");
    assert_eq!(alice.refusal("introduce", &json!({ "first": "Bob", "second": "Bob" })), "introduction-self");
    let nothing = json!({ "introduction": "00".repeat(16), "name": "Carol" });
    assert_eq!(alice.refusal("accept-introduction", &nothing), "introduction-unknown");
    let nothing = json!({ "introduction": "00".repeat(16) });
    assert_eq!(alice.refusal("reject-introduction", &nothing), "introduction-unknown");
    for (method, params) in [
        ("introduce", json!({ "first": "Bob" })),
        ("introduce", json!({ "first": "Bob", "second": "Carol", "third": "Dave" })),
        ("accept-introduction", json!({ "introduction": "00", "name": "Carol" })),
        ("introductions", json!({ "contact": "Bob" })),
    ] {
        assert!(Call::parse(method, &params).is_err(), "{method} {params}");
    }
}
