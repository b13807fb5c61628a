//! `sotto vault` with the real program: factors, slots, words, duress, and what an interruption leaves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use common::{Person, dead_network, one_value};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};

const PASSPHRASE: &str = "correct horse";

/// `sotto` with this passphrase.
fn with(person: &Person, passphrase: &str, args: &[&str]) -> Command {
    let mut command = person.bare_command(args);
    command.args(["--json", "--passphrase-command", &format!("echo {passphrase}")]);
    command
}

fn refusal(output: &Output) -> (String, String) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = &one_value(output)["error"];
    (error["label"].as_str().unwrap().to_owned(), error["text"].as_str().unwrap().to_owned())
}

fn value(mut command: Command) -> Value {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    one_value(&output)
}

fn label(mut command: Command) -> String {
    refusal(&command.output().unwrap()).0
}

/// The slots that `sotto vault list` shows.
fn slots(person: &Person, passphrase: &str) -> Vec<Value> {
    let listed = value(with(person, passphrase, &["vault", "list"]));
    assert_eq!(listed["argon2"], json!({ "mib": 64, "passes": 3, "lanes": 4 }));
    listed["slots"].as_array().unwrap().clone()
}

#[test]
fn a_passphrase_and_a_key_file_are_required_together() {
    let person = Person::new();
    let root = tempfile::tempdir().unwrap();
    let key = root.path().join("stick.key");
    let key_text = key.to_str().unwrap();
    let link = dead_network().to_link().unwrap();
    let args = ["init", "--network", &link, "--argon2-mib", "64", "--key-file", key_text];
    let made = value(with(&person, PASSPHRASE, &args));
    assert_eq!(made["vault"]["factors"], json!(["passphrase", "key-file"]));
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(value(with(&person, PASSPHRASE, &["contacts", "--key-file", key_text])), json!([]));
    assert_eq!(label(with(&person, PASSPHRASE, &["contacts"])), "wrong-passphrase");
    assert_eq!(label(with(&person, "wrong", &["contacts", "--key-file", key_text])), "factors-wrong");
    let alone = ["contacts", "--json", "--no-passphrase", "--key-file", key_text];
    assert_eq!(refusal(&person.bare_command(&alone).output().unwrap()).0, "factors-wrong");
    let content = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let missing = with(&person, PASSPHRASE, &["contacts", "--key-file", key_text]).output().unwrap();
    let (missing, text) = refusal(&missing);
    assert_eq!(missing, "key-file-missing");
    assert!(text.contains(key_text) && text.contains("connect the medium"), "{text}");
    assert!(!key.exists(), "opening makes no key file");
    // What counts is the content; a change of it shows.
    let copy = root.path().join("copy");
    std::fs::write(&copy, &content).unwrap();
    let copy_text = copy.to_str().unwrap();
    assert_eq!(value(with(&person, PASSPHRASE, &["contacts", "--key-file", copy_text])), json!([]));
    let changed: Vec<u8> = content.iter().map(|byte| byte ^ 1).collect();
    std::fs::write(&copy, changed).unwrap();
    assert_eq!(label(with(&person, PASSPHRASE, &["contacts", "--key-file", copy_text])), "factors-wrong");
    // The passphrase changes, and both stay required.
    std::fs::write(&key, &content).unwrap();
    let args =
        ["vault", "change-passphrase", "--key-file", key_text, "--new-passphrase-command", "echo new one"];
    value(with(&person, PASSPHRASE, &args));
    assert_eq!(label(with(&person, PASSPHRASE, &["contacts", "--key-file", key_text])), "factors-wrong");
    assert_eq!(label(with(&person, "new one", &["contacts"])), "wrong-passphrase");
    assert_eq!(value(with(&person, "new one", &["contacts", "--key-file", key_text])), json!([]));
}

#[test]
fn ways_in_are_added_listed_and_removed() {
    let person = Person::with_profile(&dead_network());
    person.json(&["invite", "Bob"]);
    let root = tempfile::tempdir().unwrap();
    let key = root.path().join("key");
    let key_text = key.to_str().unwrap();
    let args = ["vault", "add-factor", "--label", "stick", "--new-key-file", key_text];
    let added = value(with(&person, PASSPHRASE, &args));
    assert_eq!(added["factors"], json!(["key-file"]));
    let by_key = |args: &[&str]| {
        let mut command = person.bare_command(args);
        command.args(["--json", "--no-passphrase", "--key-file", key_text]);
        command
    };
    assert_eq!(value(by_key(&["contacts"]))[0]["name"], "Bob");
    let args = ["vault", "add-factor", "--label", "spare", "--new-passphrase-command", "echo second"];
    let spare = value(with(&person, PASSPHRASE, &args))["slot"].to_string();
    assert_eq!(value(with(&person, "second", &["contacts"]))[0]["name"], "Bob");
    let listed = slots(&person, "second");
    let rows: Vec<(&str, &Value, bool)> = listed
        .iter()
        .map(|row| (row["label"].as_str().unwrap(), &row["factors"], row["current"].as_bool().unwrap()))
        .collect();
    assert_eq!(rows.len(), 3, "{listed:?}");
    assert!(rows.contains(&("stick", &json!(["key-file"]), false)), "{rows:?}");
    assert!(rows.contains(&("spare", &json!(["passphrase"]), true)), "{rows:?}");
    let words = String::from_utf8(person.run(&["vault", "list"]).stdout).unwrap();
    assert!(words.contains("stick: a key file") && words.contains("64 MiB"), "{words}");
    let first = listed.iter().find(|row| row["label"] != "stick" && row["label"] != "spare").unwrap();
    value(with(&person, "second", &["vault", "remove-factor", &first["slot"].to_string()]));
    assert_eq!(label(with(&person, PASSPHRASE, &["contacts"])), "wrong-passphrase");
    value(by_key(&["vault", "remove-factor", &spare]));
    assert_eq!(label(with(&person, "second", &["contacts"])), "wrong-passphrase");
    let last = added["slot"].to_string();
    assert_eq!(label(by_key(&["vault", "remove-factor", &last])), "slot-last");
    assert_eq!(label(by_key(&["vault", "remove-factor", "7"])), "slot-missing");
    assert_eq!(
        label(by_key(&["vault", "change-passphrase", "--new-passphrase-command", "echo x"])),
        "slot-no-passphrase"
    );
    assert_eq!(value(by_key(&["contacts"]))[0]["name"], "Bob");
}

#[test]
fn recovery_words_are_shown_once_and_open_the_vault() {
    let person = Person::with_profile(&dead_network());
    person.json(&["invite", "Bob"]);
    let made = value(with(&person, PASSPHRASE, &["vault", "recovery-words"]));
    let words = made["words"].as_str().unwrap();
    assert_eq!(words.split(' ').count(), 24);
    let args = ["contacts", "--json", "--recovery-words-fd", "0"];
    let opened = person.run_with_input(&args, &format!("{}\n", words.to_uppercase()));
    assert_eq!(one_value(&opened)[0]["name"], "Bob");
    let (first, rest) = words.split_once(' ').unwrap();
    let other = if first == "zoo" { "zone" } else { "zoo" };
    for wrong in [format!("{other} {rest}\n"), format!("{rest}\n"), format!("notaword {rest}\n")] {
        let (label, text) = refusal(&person.run_with_input(&args, &wrong));
        assert!(label == "recovery-words" || label == "factors-wrong", "{label}");
        assert!(!text.contains(rest), "no word is repeated: {text}");
    }
    let listed = slots(&person, PASSPHRASE);
    assert!(listed.iter().any(|row| row["factors"] == json!(["words"])), "{listed:?}");
    // On a pipe they are shown as a table, and nobody is asked to type any.
    let shown = with(&person, PASSPHRASE, &["vault", "recovery-words", "--label", "second paper"]);
    let mut args: Vec<_> = shown.get_args().map(|arg| arg.to_str().unwrap().to_owned()).collect();
    args.retain(|arg| arg != "--json");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let table = String::from_utf8(person.bare_command(&args).output().unwrap().stdout).unwrap();
    assert!(table.contains(" 1 ") && table.contains("24 ") && table.contains("--recovery-words"), "{table}");
}

#[test]
fn the_duress_passphrase_shows_an_empty_vault_and_leaves_no_other_way_in() {
    let person = Person::with_profile(&dead_network());
    person.json(&["invite", "Bob"]);
    assert_eq!(label(with(&person, PASSPHRASE, &["vault", "duress", "--clear"])), "duress-missing");
    let set = ["vault", "duress", "--new-passphrase-command", "echo let go"];
    value(with(&person, PASSPHRASE, &set));
    value(with(&person, PASSPHRASE, &["vault", "duress", "--clear"]));
    assert_eq!(label(with(&person, "let go", &["contacts"])), "wrong-passphrase");
    value(with(&person, PASSPHRASE, &set));
    assert_eq!(slots(&person, PASSPHRASE).iter().filter(|row| row["duress"] == true).count(), 1);
    assert_eq!(person.json(&["contacts"])[0]["name"], "Bob", "until it is used nothing changes");
    assert_eq!(value(with(&person, "let go", &["contacts"])), json!([]));
    assert_eq!(label(with(&person, PASSPHRASE, &["contacts"])), "wrong-passphrase");
    assert_eq!(slots(&person, "let go").iter().filter(|row| row["duress"] == true).count(), 0);
    value(with(&person, "let go", &["invite", "Carol"]));
    assert_eq!(value(with(&person, "let go", &["contacts"]))[0]["name"], "Carol");
}

#[test]
fn unlocking_with_the_duress_passphrase_destroys_as_well() {
    let person = Person::with_profile(&dead_network());
    person.json(&["invite", "Bob"]);
    value(with(&person, PASSPHRASE, &["vault", "duress", "--new-passphrase-command", "echo let go"]));
    let _daemon = person.daemon();
    person.json(&["lock"]);
    assert_eq!(value(with(&person, "let go", &["unlock"])), json!({ "locked": false }));
    assert_eq!(person.json(&["contacts"]), json!([]));
    person.json(&["lock"]);
    assert_eq!(label(with(&person, PASSPHRASE, &["unlock"])), "wrong-passphrase");
}

#[test]
fn a_daemon_is_unlocked_by_a_key_file_in_the_directory_of_the_command() {
    let person = Person::with_profile(&dead_network());
    let root = tempfile::tempdir().unwrap();
    let key = root.path().join("key");
    let args = ["vault", "add-factor", "--label", "stick", "--new-key-file", key.to_str().unwrap()];
    value(with(&person, PASSPHRASE, &args));
    let _daemon = person.daemon();
    assert_eq!(label(with(&person, PASSPHRASE, &["vault", "list"])), "daemon-running");
    person.json(&["lock"]);
    assert_eq!(label(with(&person, PASSPHRASE, &["vault", "list"])), "daemon-running", "locked or not");
    let mut unlock = person.bare_command(&["unlock", "--json", "--no-passphrase", "--key-file", "key"]);
    unlock.current_dir(root.path());
    assert_eq!(value(unlock), json!({ "locked": false }));
}

#[test]
fn a_vault_is_made_anew_for_a_profile_that_lost_its_own() {
    let person = Person::with_profile(&dead_network());
    let create = ["vault", "create", "--argon2-mib", "64"];
    assert_eq!(label(with(&person, "other", &create)), "profile-exists");
    for file in ["vault.redb", "vault.keys", "vault.erasure"] {
        std::fs::remove_file(person.data().join(file)).unwrap();
    }
    assert_eq!(label(with(&person, "other", &["contacts"])), "profile-missing");
    let made = value(with(&person, "other", &create));
    assert_eq!(made["factors"], json!(["passphrase"]));
    assert_eq!(value(with(&person, "other", &["contacts"])), json!([]));
    assert_eq!(label(with(&Person::new(), "other", &create)), "profile-missing");
}

#[test]
fn factors_that_are_not_there_are_refused_by_name() {
    let person = Person::with_profile(&dead_network());
    if cfg!(not(feature = "fido2")) {
        let (label, text) = person.refusal(&["contacts", "--token"]);
        assert_eq!(label, "token-unsupported");
        assert!(text.contains("--features fido2"), "{text}");
    }
    assert_eq!(person.refusal(&["contacts", "--key-file", "/no/such/key"]).0, "key-file-missing");
    let none = person.bare_command(&["contacts", "--json", "--no-passphrase"]).output().unwrap();
    assert_eq!(refusal(&none).0, "factors-none");
    for wrong in [
        &["contacts", "--no-passphrase", "--passphrase-fd", "0"][..],
        &["contacts", "--token-pin-fd", "3"],
        &["contacts", "--recovery-words", "--recovery-words-fd", "0"],
        &["vault", "add-factor", "--new-token"],
        &["vault"],
    ] {
        assert_eq!(person.bare_command(wrong).output().unwrap().status.code(), Some(2), "{wrong:?}");
    }
}

/// How often this process gave way until the other was done. None if it is stopped before, after so many times or by
/// what it sees.
fn wait(child: &mut std::process::Child, at_most: u64, mut stops: impl FnMut() -> bool) -> Option<u64> {
    for turn in 0..at_most {
        if child.try_wait().unwrap().is_some() {
            return Some(turn);
        }
        if stops() {
            return None;
        }
        std::thread::yield_now();
    }
    None
}

#[test]
fn a_change_of_the_passphrase_that_is_killed_leaves_the_old_or_the_new_one() {
    const KILLS: u64 = 10;
    let person = Person::with_profile(&dead_network());
    person.json(&["invite", "Bob"]);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let change = |from: &str, to: &str| {
        let args = ["vault", "change-passphrase", "--new-passphrase-command", &format!("echo {to}")];
        with(&person, from, &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let (mut now, mut next) = (PASSPHRASE.to_owned(), "passphrase 0".to_owned());
    let mut child = change(&now, &next);
    let keys = person.data().join("vault.keys");
    let whole = wait(&mut child, u64::MAX, || std::fs::read(&keys).is_err()).unwrap();
    std::mem::swap(&mut now, &mut next);
    let (mut killed, mut changed) = (0, 0);
    for round in 1..=KILLS {
        next = format!("passphrase {round}");
        let mut child = change(&now, &next);
        let before = std::fs::read(&keys).unwrap();
        // At a random moment, or as soon as the slots begin to change: most of the time goes into opening.
        let at_most = if round % 2 == 0 { rng.random_range(whole / 2..=whole) } else { u64::MAX };
        let stops = || std::fs::read(&keys).unwrap() != before && round % 2 == 1;
        let done = wait(&mut child, at_most, stops).is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        killed += u64::from(!done);
        let opens = |passphrase: &str| {
            let output = with(&person, passphrase, &["contacts"]).output().unwrap();
            if output.status.success() {
                assert_eq!(one_value(&output)[0]["name"], "Bob");
                return true;
            }
            assert_eq!(refusal(&output).0, "wrong-passphrase");
            false
        };
        let (old, new) = (opens(&now), opens(&next));
        assert!(old != new, "round {round}: the old one {old}, the new one {new}");
        if new {
            changed += 1;
            std::mem::swap(&mut now, &mut next);
        }
    }
    println!("{KILLS} changes, {killed} killed before their end, {changed} of all took place");
}
