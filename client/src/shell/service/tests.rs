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
    assert_eq!(alice.call("unread", &json!({})).unwrap(), json!({ "messages": [], "more": false }));
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
        ("mark-read", json!({ "contact": "Bob", "seq": "1" })),
        ("route", json!({ "contact": 1 })),
        ("set-route", json!({ "routes": "tor" })),
        ("set-route", json!({ "routes": [] })),
        ("set-route", json!({ "routes": ["tor", "tor"] })),
        ("set-route", json!({ "routes": ["carrier pigeon"] })),
        ("tor", json!({ "run": 1 })),
        ("doctor", json!({ "run": -1 })),
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
