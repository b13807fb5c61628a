//! Backups by the real program: made with and without a daemon, restored elsewhere, refused when they are not whole;
//! exports, and the end of a profile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use common::{Person, dead_network, one_value};

const PASSPHRASE: &str = "echo a passphrase for the backup";

fn backup(person: &Person, file: &Path) -> serde_json::Value {
    let file = file.to_str().unwrap();
    person.json(&["backup", file, "--backup-passphrase-command", PASSPHRASE, "--argon2-mib", "64"])
}

fn restore<'a>(file: &'a str, passphrase: &'a str) -> Vec<&'a str> {
    vec!["restore", file, "--backup-passphrase-command", passphrase, "--argon2-mib", "64"]
}

#[test]
fn a_backup_is_made_with_and_without_a_daemon_and_restored_elsewhere() {
    let (alice, elsewhere) = (Person::with_profile(&dead_network()), tempfile::tempdir().unwrap());
    let address = alice.json(&["address", "create", "blog"])["address"].as_str().unwrap().to_owned();
    alice.json(&["invite", "Bob"]);
    let alone = elsewhere.path().join("alone");
    let made = backup(&alice, &alone);
    assert_eq!(made["bytes"].as_u64(), Some(std::fs::metadata(&alone).unwrap().len()));
    assert_eq!(std::fs::metadata(&alone).unwrap().permissions().mode() & 0o777, 0o600);
    let file = alone.to_str().unwrap();
    let again = ["backup", file, "--backup-passphrase-command", PASSPHRASE, "--argon2-mib", "64"];
    assert_eq!(alice.refusal(&again).0, "backup-exists");
    {
        let _daemon = alice.daemon();
        backup(&alice, &elsewhere.path().join("by the daemon"));
    }
    for name in ["alone", "by the daemon"] {
        let copy = Person::new();
        let file = elsewhere.path().join(name);
        let file = file.to_str().unwrap();
        let wrong = restore(file, "echo something else");
        assert_eq!(copy.refusal(&wrong).0, "backup-wrong-passphrase");
        assert!(!copy.data().join("vault.redb").exists());
        let restored = copy.json(&restore(file, PASSPHRASE));
        assert_eq!((restored["network"].as_str(), restored["contacts"].as_u64()), (Some("test"), Some(0)));
        assert_eq!(copy.json(&["address", "list"])[0]["address"], address.as_str());
        assert_eq!(
            copy.json(&["contacts"]).as_array().unwrap().len(),
            0,
            "an open invitation is not restored"
        );
        assert_eq!(copy.refusal(&restore(file, PASSPHRASE)).0, "profile-exists");
    }
}

#[test]
fn what_is_no_whole_backup_is_refused_and_makes_nothing() {
    let (alice, elsewhere) = (Person::with_profile(&dead_network()), tempfile::tempdir().unwrap());
    let whole = elsewhere.path().join("whole");
    backup(&alice, &whole);
    let bytes = std::fs::read(&whole).unwrap();
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (name, bytes, label) in [
        ("empty", &[][..], "backup-damaged"),
        ("cut", &bytes[..bytes.len() / 2], "backup-damaged"),
        ("flipped", flipped.as_slice(), "backup-damaged"),
        ("text", b"not a backup", "backup-damaged"),
    ] {
        let file = elsewhere.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let copy = Person::new();
        assert_eq!(copy.refusal(&restore(file.to_str().unwrap(), PASSPHRASE)).0, label, "{name}");
        assert!(!copy.data().join("vault.redb").exists());
    }
    let absent = elsewhere.path().join("absent");
    assert_eq!(Person::new().refusal(&restore(absent.to_str().unwrap(), PASSPHRASE)).0, "backup-io");
}

#[test]
fn a_profile_that_is_wiped_is_gone_and_its_files_were_overwritten() {
    let person = Person::with_profile(&dead_network());
    assert_eq!(person.refusal(&["wipe"]).0, "wipe-not-confirmed");
    // Another name for the same file shows what was written into it before it was removed.
    let kept = person.data().parent().unwrap().join("kept");
    std::fs::hard_link(person.data().join("vault.keys"), &kept).unwrap();
    assert!(std::fs::read(&kept).unwrap().iter().any(|byte| *byte != 0));
    let mut daemon = person.daemon();
    person.json(&["wipe", "--yes"]);
    assert!(daemon.ended_well(), "the daemon is ended first");
    assert!(!person.data().exists());
    assert!(std::fs::read(&kept).unwrap().iter().all(|byte| *byte == 0));
    assert_eq!(person.refusal(&["contacts"]).0, "profile-missing");
    assert_eq!(person.refusal(&["wipe", "--yes"]).0, "profile-missing");
}

#[test]
fn an_export_is_json_and_overwrites_nothing() {
    let (person, elsewhere) = (Person::with_profile(&dead_network()), tempfile::tempdir().unwrap());
    person.json(&["invite", "Bob"]);
    let sent =
        person.command(&["send", "Bob", "hello \u{202e}", "--timeout", "1", "--json"]).output().unwrap();
    assert_eq!(sent.status.code(), Some(3), "{sent:?}");
    let exported = one_value(&person.run(&["export"]));
    let message = &exported["conversations"][0]["messages"][0];
    assert_eq!(
        (message["text"].as_str(), message["state"].as_str()),
        (Some("hello \u{202e}"), Some("queued"))
    );
    assert_eq!(exported["conversations"][0]["trust"], "unverified");
    let file = elsewhere.path().join("mine.json");
    let file = file.to_str().unwrap();
    person.json(&["export", "Bob", "--file", file]);
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(person.refusal(&["export", "--file", file]).0, "exists");
    assert_eq!(person.refusal(&["export", "Eve"]).0, "contact-unknown");
}
