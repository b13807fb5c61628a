//! Locking a daemon and unlocking it: what is refused meanwhile, and what is left in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::{Person, dead_network};
use serde_json::json;

fn with_passphrase(person: &Person, args: &[&str], passphrase: &str) -> std::process::Output {
    let command = format!("echo {passphrase}");
    person.bare_command(args).args(["--json", "--passphrase-command", &command]).output().unwrap()
}

#[test]
fn a_locked_daemon_refuses_everything_but_status_and_unlock() {
    let person = Person::with_profile(&dead_network());
    let _daemon = person.daemon();
    person.json(&["invite", "Bob"]);
    let sent = person.json(&["send", "Bob", "hello"]);
    assert_eq!(person.json(&["status"])["locked"], false);
    assert_eq!(person.json(&["lock"]), json!({ "locked": true }));
    for args in [
        &["contacts"][..],
        &["invite", "Carol"],
        &["accept", "Carol", "sotto:invite:aaaa"],
        &["send", "Bob", "x"],
        &["recv"],
        &["route"],
        &["route", "mix"],
    ] {
        let (label, text) = person.refusal(args);
        assert_eq!(label, "locked", "{args:?}");
        assert!(text.contains("sotto unlock"), "{text}");
    }
    let status = person.json(&["status"]);
    assert_eq!((&status["locked"], &status["waiting"]), (&json!(true), &json!([])));
    let words = String::from_utf8(person.run(&["status"]).stdout).unwrap();
    assert!(words.contains("Locked") && words.contains("sotto unlock"), "{words}");
    assert_eq!(person.json(&["lock"]), json!({ "locked": true }), "locking twice is no mistake");
    assert_eq!(person.json(&["unlock"]), json!({ "locked": false }));
    assert_eq!(person.json(&["status"])["waiting"][0]["message"], sent["message"]);
    assert_eq!(person.json(&["contacts"])[0]["name"], "Bob");
}

#[test]
fn a_wrong_passphrase_leaves_it_locked() {
    let person = Person::with_profile(&dead_network());
    let mut daemon = person.daemon();
    person.json(&["lock"]);
    let refused = with_passphrase(&person, &["unlock"], "wrong");
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(common::one_value(&refused)["error"]["label"], "wrong-passphrase");
    assert_eq!(person.refusal(&["contacts"]).0, "locked");
    let none = person.bare_command(&["unlock", "--json"]).output().unwrap();
    assert_eq!(common::one_value(&none)["error"]["label"], "no-terminal");
    assert_eq!(person.json(&["unlock"]), json!({ "locked": false }));
    // Who is not asked for one gives none.
    let unlocked = person.bare_command(&["unlock", "--json"]).output().unwrap();
    assert_eq!(common::one_value(&unlocked), json!({ "locked": false }));
    person.json(&["lock"]);
    assert_eq!(person.json(&["daemon", "--stop"]), json!({ "stopped": true }), "a locked daemon ends as any");
    assert!(daemon.ended_well());
    for command in ["lock", "unlock"] {
        assert_eq!(person.refusal(&[command]).0, "daemon-not-running");
    }
}

#[test]
fn the_files_are_free_while_it_is_locked_and_what_is_done_to_them_is_seen() {
    let person = Person::with_profile(&dead_network());
    let _daemon = person.daemon();
    person.json(&["invite", "Bob"]);
    person.json(&["lock"]);
    let vault = person.data().join("vault.redb");
    let whole = std::fs::read(&vault).unwrap();
    std::fs::write(&vault, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(person.refusal(&["unlock"]).0, "vault-damaged");
    assert_eq!(person.refusal(&["contacts"]).0, "locked");
    std::fs::write(&vault, &whole).unwrap();
    assert_eq!(person.json(&["unlock"]), json!({ "locked": false }));
    assert_eq!(person.json(&["contacts"])[0]["name"], "Bob");
}

/// How often the bytes stand in the memory that a process can write to.
#[cfg(target_os = "linux")]
fn found_in_memory(pid: u32, needle: &[u8]) -> usize {
    use std::io::{Read, Seek, SeekFrom};
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut found = 0;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, mode) = (fields.next().unwrap(), fields.next().unwrap());
        if !mode.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        memory.seek(SeekFrom::Start(start)).unwrap();
        // Pages of devices cannot be read; there are no texts on them.
        if memory.read_exact(&mut bytes).is_ok() {
            found += bytes.windows(needle.len()).filter(|window| *window == needle).count();
        }
    }
    found
}

#[cfg(target_os = "linux")]
#[test]
fn texts_of_messages_leave_the_memory_when_it_is_locked() {
    let person = Person::with_profile(&dead_network());
    person.json(&["invite", "Bob"]);
    let text = "the quick brown fox 5f1c9a";
    let sent = person.run(&["send", "Bob", text, "--timeout", "1"]);
    assert_eq!(sent.status.code(), Some(3), "{sent:?}");
    // It has the text from the vault and from nowhere else, and the passphrase from a file and from the socket.
    let secret = person.data().join("passphrase");
    std::fs::write(&secret, "correct horse\n").unwrap();
    let from_file = format!("cat {}", secret.display());
    let unlock = || {
        let args = ["unlock", "--json", "--passphrase-command", &from_file];
        let unlocked = person.bare_command(&args).output().unwrap();
        assert_eq!(common::one_value(&unlocked), json!({ "locked": false }));
    };
    let args = ["daemon", "--json", "--passphrase-command", &from_file];
    let daemon = Person::daemon_by(person.bare_command(&args));
    let before = found_in_memory(daemon.id(), text.as_bytes());
    assert!(before > 0, "the search works");
    person.json(&["lock"]);
    let locked = found_in_memory(daemon.id(), text.as_bytes());
    unlock();
    let unlocked = found_in_memory(daemon.id(), text.as_bytes());
    person.json(&["lock"]);
    let again = found_in_memory(daemon.id(), text.as_bytes());
    println!(
        "copies of a text in memory: open {before}, locked {locked}, open again {unlocked}, locked again {again}"
    );
    assert_eq!((locked, again), (0, 0));
    assert!(unlocked > 0);
    // What passes through commands and their answers leaves as well.
    unlock();
    let (name, second) = ("Roderick Usher 41b7", "jumps over the lazy dog 77e02d");
    person.json(&["invite", name]);
    person.json(&["send", name, second]);
    let shown = person.json(&["recv", name, "--all"]);
    assert_eq!(shown[0]["text"], second);
    let open = [name, second].map(|text| found_in_memory(daemon.id(), text.as_bytes()));
    assert!(open.iter().all(|copies| *copies > 0), "{open:?}");
    person.json(&["lock"]);
    let locked = [name, second].map(|text| found_in_memory(daemon.id(), text.as_bytes()));
    println!("copies of a name and a text that were used: open {open:?}, locked {locked:?}");
    assert_eq!(locked, [0, 0]);
    let passphrase = found_in_memory(daemon.id(), b"correct horse");
    println!("copies of the passphrase: {passphrase}");
    assert_eq!(passphrase, 0, "nor is the passphrase left");
}
