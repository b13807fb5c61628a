//! The command line without a daemon and without a network: what it makes, refuses and says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;
mod played;

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use common::{Person, dead_network, one_value};
use serde_json::json;
use sotto_client::cli::escape;

#[test]
fn init_makes_a_profile_once() {
    let person = Person::new();
    let link = dead_network().to_link().unwrap();
    let made = person.json(&["init", "--network", &link, "--argon2-mib", "64"]);
    assert_eq!(made["profile"], "default");
    assert_eq!(made["cover_class"], "standard");
    assert_eq!(made["directory"], person.data().to_str().unwrap());
    let before = std::fs::read(person.data().join("vault.redb")).unwrap();
    assert_eq!(person.refusal(&["init", "--network", &link]).0, "profile-exists");
    assert_eq!(std::fs::read(person.data().join("vault.redb")).unwrap(), before);
    let other = person.json(&["init", "--network", &link, "--argon2-mib", "64", "--profile", "other"]);
    assert_eq!(other["profile"], "other");
}

#[test]
fn init_takes_the_network_from_a_file_and_refuses_what_is_none() {
    let person = Person::new();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{}", dead_network().to_link().unwrap()).unwrap();
    let path = file.path().to_str().unwrap();
    assert_eq!(person.refusal(&["init", "--network", "sotto:network:abc"]).0, "link-mistyped");
    assert_eq!(person.refusal(&["init", "--network", "/no/such/file"]).0, "network-file");
    assert_eq!(person.refusal(&["init", "--network", path, "--profile", "A/b"]).0, "profile-name");
    assert_eq!(person.run(&["init", "--network", path, "--argon2-mib", "63"]).status.code(), Some(2));
    assert_eq!(person.run(&["init"]).status.code(), Some(2));
    assert!(!person.data().join("vault.redb").exists());
    assert_eq!(person.json(&["init", "--network", path, "--argon2-mib", "64"])["network"], "test");
}

#[test]
fn a_wrong_or_missing_passphrase_is_refused_in_words() {
    let person = Person::with_profile(&dead_network());
    let wrong =
        person.bare_command(&["contacts", "--json", "--passphrase-command", "echo wrong"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    assert_eq!(one_value(&wrong)["error"]["label"], "wrong-passphrase");
    let none = person.bare_command(&["contacts"]).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(none.status.code(), Some(1));
    let text = String::from_utf8(none.stderr).unwrap();
    assert!(text.contains("--passphrase-fd") && text.contains("no-terminal"), "{text}");
    assert_eq!(person.json(&["contacts"]), json!([]));
}

#[test]
fn a_closed_standard_error_changes_no_exit_code() {
    let person = Person::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let failed = person.bare_command(&["contacts"]).stderr(writer).status().unwrap();
    assert_eq!(failed.code(), Some(1));
}

#[test]
fn the_passphrase_and_the_text_can_share_standard_input() {
    let person = Person::with_profile(&dead_network());
    person.json(&["invite", "Bob"]);
    let args = ["send", "Bob", "-", "--passphrase-fd", "0", "--timeout", "1", "--json"];
    let sent = person.run_with_input(&args, "correct horse\nfirst line\nsecond line\n");
    assert_eq!(sent.status.code(), Some(3), "{sent:?}");
    let history = person.json(&["recv", "Bob", "--all"]);
    assert_eq!(history[0]["text"], "first line\nsecond line");
    let long = format!("correct horse\n{}", "x".repeat(65_537));
    let refused = person.run_with_input(&args, &long);
    assert_eq!(one_value(&refused)["error"]["label"], "stdin");
}

#[test]
fn an_invitation_passes_through_json() {
    let (alice, bob) = (Person::with_profile(&dead_network()), Person::with_profile(&dead_network()));
    let invited = alice.json(&["invite", "Bob", "--hours", "1"]);
    let link = invited["link"].as_str().unwrap();
    assert!(link.len() < 100);
    // Nobody answers, so the answer stays queued, and the exit code says that time ran out.
    let accepted = bob.command(&["accept", "Alice", link, "--timeout", "1", "--json"]).output().unwrap();
    assert_eq!(accepted.status.code(), Some(3), "{accepted:?}");
    let accepted = one_value(&accepted);
    assert_eq!((accepted["contact"].as_str(), accepted["state"].as_str()), (Some("Alice"), Some("queued")));
    let contacts = bob.json(&["contacts"]);
    assert_eq!(
        (contacts[0]["name"].as_str(), contacts[0]["state"].as_str()),
        (Some("Alice"), Some("pending"))
    );
    assert_eq!(bob.refusal(&["accept", "Again", link]).0, "invite-used");
    assert_eq!(alice.refusal(&["accept", "Me", link]).0, "invite-own");
    assert_eq!(bob.refusal(&["accept", "X", &link[..link.len() - 1]]).0, "invite-mistyped");
    let args = ["accept", "Y", "-", "--passphrase-fd", "0", "--json"];
    let from_stdin = bob.run_with_input(&args, &format!("correct horse\n{link}\n"));
    assert_eq!(one_value(&from_stdin)["error"]["label"], "invite-used");
}

#[test]
fn an_invitation_is_shown_and_written_as_a_qr_code() {
    let person = Person::with_profile(&dead_network());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bob.png");
    let file = path.to_str().unwrap();
    let invited = person.run(&["invite", "Bob", "--qr", "--qr-file", file]);
    assert_eq!(invited.status.code(), Some(0), "{invited:?}");
    let said = String::from_utf8(invited.stdout).unwrap();
    let (link, code) = said.trim_end().split_once('\n').unwrap();
    assert!(link.starts_with("sotto:invite:"), "{link}");
    assert!(code.lines().count() == 21 && code.contains('▀'), "{code}");
    assert!(std::fs::read(&path).unwrap().starts_with(b"\x89PNG"));
    // What is refused before there is an invitation leaves none.
    assert_eq!(person.refusal(&["invite", "Carol", "--qr-file", file]).0, "exists");
    assert_eq!(person.run(&["invite", "Carol", "--qr-file", "carol.jpg"]).status.code(), Some(2));
    assert_eq!(person.json(&["contacts"]).as_array().unwrap().len(), 1);
    // One that fails later does not lose the link.
    let nowhere = directory.path().join("none").join("carol.svg");
    let args = ["invite", "Carol", "--qr-file", nowhere.to_str().unwrap(), "--json"];
    let invited = person.run(&args);
    assert_eq!(invited.status.code(), Some(1));
    let invited = one_value(&invited);
    assert!(invited["link"].as_str().unwrap().starts_with("sotto:invite:"));
    assert_eq!(invited["qr_error"]["label"], "io");
}

#[test]
fn a_message_that_finds_no_network_stays_queued() {
    let person = Person::with_profile(&dead_network());
    person.json(&["invite", "Bob"]);
    let sent = person.run(&["send", "Bob", "hello", "--timeout", "1"]);
    assert_eq!(sent.status.code(), Some(3), "{sent:?}");
    let said = String::from_utf8(sent.stdout).unwrap();
    assert!(said.contains("queued"), "{said}");
    let noted = String::from_utf8(sent.stderr).unwrap();
    assert!(noted.contains("No daemon is running"), "{noted}");
    let status = person.json(&["status"]);
    assert_eq!(status["waiting"][0]["state"], "queued");
    assert_eq!(status["daemon"]["running"], false);
    let words = String::from_utf8(person.run(&["status"]).stdout).unwrap();
    assert!(words.contains("not running") && words.contains("give away when"), "{words}");
}

/// The command after this word on standard error, as a shell runs it.
fn told_command(output: &std::process::Output, word: &str) -> Option<Vec<String>> {
    let noted = String::from_utf8(output.stderr.clone()).unwrap();
    let command = noted.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(": sotto "))?;
    let script = format!("for word in {command}; do printf '%s\\0' \"$word\"; done");
    let words = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap().stdout;
    Some(String::from_utf8(words).unwrap().split_terminator('\0').map(str::to_owned).collect())
}

#[test]
fn the_past_is_shown_and_searched_a_page_at_a_time() {
    let person = Person::with_profile(&dead_network());
    let daemon = person.daemon();
    let name = "Bob's friend";
    person.json(&["invite", name]);
    for text in ["Über den Wolken", "it's noon\u{1b}[2J", "UBER ALLES", "ü"] {
        person.json(&["send", name, text]);
    }
    let page = person.json(&["history", name, "--limit", "3"]);
    let texts = |page: &serde_json::Value| -> Vec<String> {
        let rows = page["messages"].as_array().unwrap();
        rows.iter().map(|row| row["text"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(texts(&page), ["ü", "UBER ALLES", "it's noon\u{1b}[2J"]);
    let shown = person.run(&["history", name, "--limit", "3"]);
    let words = String::from_utf8(shown.stdout.clone()).unwrap();
    assert_eq!(words.lines().count(), 3, "{words}");
    assert!(words.lines().next().unwrap().ends_with("(queued): it's noon<U+001B>[2J"), "{words}");
    assert!(words.contains("to Bob's friend (unverified)"), "{words}");

    // The commands that are told are taken as they are.
    let older = told_command(&shown, "Older").unwrap();
    let older: Vec<&str> = older.iter().map(String::as_str).collect();
    assert_eq!(texts(&person.json(&older)), ["Über den Wolken"]);
    let newer = told_command(&person.run(&older), "Newer").unwrap();
    assert_eq!(
        texts(&person.json(&newer.iter().map(String::as_str).collect::<Vec<_>>())),
        ["it's noon\u{1b}[2J", "UBER ALLES", "ü"]
    );

    let found = person.run(&["search", "U\u{308}", "--limit", "1"]);
    assert!(String::from_utf8(found.stdout.clone()).unwrap().ends_with(": ü\n"), "{found:?}");
    let more = told_command(&found, "More").unwrap();
    assert_eq!(
        texts(&person.json(&more.iter().map(String::as_str).collect::<Vec<_>>())),
        ["Über den Wolken"]
    );
    let from_stdin = person.run_with_input(&["search", "-", "--json", "--contact", name], "IT'S\n");
    assert_eq!(texts(&one_value(&from_stdin)), ["it's noon\u{1b}[2J"]);
    let nothing = person.run(&["search", "nowhere", "--since", "1h"]);
    assert_eq!(String::from_utf8(nothing.stdout).unwrap(), "No messages.\n");
    assert_eq!(person.refusal(&["search", ""]).0, "search-length");
    assert_eq!(person.refusal(&["history", "Nobody"]).0, "contact-unknown");
    drop(daemon);

    // Without a daemon it is the same.
    assert_eq!(texts(&person.json(&["history"])).len(), 4);
    let args = ["search", "-", "--json", "--passphrase-fd", "0"];
    assert_eq!(texts(&one_value(&person.run_with_input(&args, "correct horse\nUBER\n"))), ["UBER ALLES"]);
}

#[test]
fn the_price_of_the_network_is_told_without_a_daemon_once_a_consensus_was_kept() {
    let person = Person::with_profile(&dead_network());
    let unknown = person.json(&["status", "--network"]);
    assert_eq!((&unknown["classes"], &unknown["consensus"]), (&json!([]), &json!("missing")));
    assert_eq!(unknown["daemon"]["running"], false);
    let words = String::from_utf8(person.run(&["status", "--network"]).stdout).unwrap();
    assert!(words.contains("known once a consensus has come"), "{words}");

    let mut consensus = played::consensus("127.0.0.1:1");
    consensus.params.classes = sotto_protocol::directory::Params::default().classes;
    let signed = consensus.sign(&[&played::secret(3)]).unwrap().to_bytes().unwrap();
    sotto_transport::private::replace(&person.data().join("consensus.bin"), &signed).unwrap();
    let known = person.json(&["status", "--network"]);
    assert_eq!((&known["epoch"], &known["class"]), (&json!(consensus.epoch), &json!("standard")));
    assert_eq!(known["classes"][0]["is_used"], true);
    assert_eq!(known["classes"][0]["session_per_day"]["up_bytes"], 120_960 * 2_422);
    assert_eq!(known["routes"][0]["bytes"], json!({ "up_bytes": 0, "down_bytes": 0 }));
    let words = String::from_utf8(person.run(&["status", "--network"]).stdout).unwrap();
    for expected in [
        "Cover       standard (in use): 292.9 MB up, 418.5 MB down a day on each of the routes mix and tor+mix",
        "Cover       frugal: 55.8 MB up, 83.7 MB down a day",
        "2422 bytes a frame",
        "TCP and IP, and Tor where it is used, add to that",
        "1 contact on each side",
        "Used        counted while `sotto daemon` runs",
    ] {
        assert!(words.contains(expected), "{expected} is not in {words}");
    }
    // Nobody but the authorities is believed.
    let forged = consensus.sign(&[&played::secret(4)]).unwrap().to_bytes().unwrap();
    sotto_transport::private::replace(&person.data().join("consensus.bin"), &forged).unwrap();
    assert_eq!(person.json(&["status", "--network"])["classes"], json!([]));
}

#[test]
fn a_file_is_kept_at_once_and_shown_by_its_name_alone() {
    let person = Person::with_profile(&dead_network());
    person.json(&["invite", "Bob"]);
    assert_eq!(person.json(&["files"]), json!([]));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("holiday\u{1b}.jpg");
    std::fs::write(&path, vec![7u8; 50_000]).unwrap();
    let sent = person.run(&["files", "send", "Bob", path.to_str().unwrap(), "--timeout", "1"]);
    assert_eq!(sent.status.code(), Some(3), "{sent:?}");
    std::fs::remove_file(&path).unwrap();
    let listed = person.json(&["files"]);
    assert_eq!((&listed[0]["size"], &listed[0]["state"]), (&json!(50_000), &json!("offered")));
    assert_eq!(listed[0]["name"], "holiday\u{1b}.jpg");
    let words = String::from_utf8(person.run(&["files"]).stdout).unwrap();
    assert!(words.contains("holiday<U+001B>.jpg") && !words.contains('\u{1b}'), "{words}");
    let to = directory.path().to_str().unwrap();
    assert_eq!(person.refusal(&["files", "save", "Bob", "1", "--to", to, "--as", "../x"]).0, "file-name");
    assert_eq!(person.refusal(&["files", "save", "Bob", "1", "--to", to]).0, "file-state");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left behind");
    assert_eq!(person.refusal(&["files", "send", "Bob", to]).0, "file-read");
    assert_eq!(person.refusal(&["files", "accept", "Bob", "1"]).0, "file-state");
}

#[test]
fn receiving_without_a_network_ends_in_time_with_an_empty_array() {
    let person = Person::with_profile(&dead_network());
    assert_eq!(person.json(&["recv", "--for", "1"]), json!([]));
    let counted = person.run(&["recv", "--for", "1", "--count", "1", "--json"]);
    assert_eq!((counted.status.code(), one_value(&counted)), (Some(3), json!([])));
    assert_eq!(person.refusal(&["recv", "Nobody", "--for", "1"]).0, "contact-unknown");
    assert_eq!(person.run(&["recv", "--all"]).status.code(), Some(2));
}

#[test]
fn following_goes_on_until_it_is_interrupted_and_then_ends_well() {
    let person = Person::with_profile(&dead_network());
    let mut child =
        person.command(&["recv", "--follow"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It says so once the vault is open and it listens.
    let mut noted = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut noted).unwrap();
    assert!(noted.contains("No daemon is running"), "{noted}");
    assert!(child.try_wait().unwrap().is_none());
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn without_a_profile_every_command_says_what_to_do() {
    let person = Person::new();
    for args in
        [&["contacts"][..], &["status"], &["recv"], &["daemon"], &["send", "Bob", "x"], &["invite", "Bob"]]
    {
        let (label, text) = person.refusal(args);
        assert_eq!(label, "profile-missing", "{args:?}");
        assert!(text.contains("sotto init"), "{text}");
    }
}

#[test]
fn a_damaged_vault_is_named_and_left_as_it_is() {
    let person = Person::with_profile(&dead_network());
    let path = person.data().join("vault.redb");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(person.refusal(&["contacts"]).0, "vault-damaged");
    assert_eq!(std::fs::read(&path).unwrap().len(), whole.len() / 2);
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(person.json(&["contacts"]), json!([]));
}

#[test]
fn completions_and_man_pages_come_from_the_definition() {
    let person = Person::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = person.bare_command(&["completions", shell]).output().unwrap();
        assert!(script.status.success() && script.stdout.len() > 1000);
    }
    let directory = tempfile::tempdir().unwrap();
    let made = person.bare_command(&["man", directory.path().to_str().unwrap()]).output().unwrap();
    assert!(made.status.success());
    assert!(std::fs::read_to_string(directory.path().join("sotto.1")).unwrap().contains("mixnet"));
}

#[test]
fn wrong_usage_is_told_in_the_form_that_was_asked_for() {
    let person = Person::new();
    let json = person.bare_command(&["send", "--json"]).output().unwrap();
    assert_eq!(json.status.code(), Some(2));
    assert_eq!(one_value(&json)["error"]["label"], "usage");
    let text = person.bare_command(&["send"]).output().unwrap();
    assert_eq!(text.status.code(), Some(2));
    assert!(text.stdout.is_empty() && String::from_utf8_lossy(&text.stderr).contains("Usage:"));
    assert_eq!(person.bare_command(&["--help", "--json"]).output().unwrap().status.code(), Some(0));
}

#[test]
fn without_a_daemon_a_message_waits_for_a_process_that_would_send_it() {
    let person = Person::with_profile(&dead_network());
    person.json(&["invite", "bob"]);
    let sent = person.command(&["send", "bob", "x", "--json", "--timeout", "1"]).output().unwrap();
    assert_eq!(sent.status.code(), Some(3), "{sent:?}");
    let status = person.json(&["status"]);
    let why = status["waiting"][0]["why"].as_str().unwrap();
    assert!(why.contains("sotto daemon"), "{why}");
}

/// A network whose authority has an onion service too, which nobody hosts.
fn dead_onion_network() -> sotto_protocol::directory::NetworkInfo {
    let mut network = dead_network();
    let key = sotto_transport::tor::OnionKey::from_seed(&zeroize::Zeroizing::new([7; 32]));
    network.authorities[0].onion_address = Some(key.address());
    network
}

#[test]
fn init_keeps_the_routes_and_how_tor_is_reached() {
    let person = Person::new();
    let link = dead_onion_network().to_link().unwrap();
    let made = person.json(&[
        "init",
        "--network",
        &link,
        "--argon2-mib",
        "64",
        "--route",
        "tor+mix",
        "--fallback",
        "tor",
        "--tor-cover",
        "--tor-socks",
        "127.0.0.1:1",
    ]);
    assert_eq!(made["routes"], json!(["tor+mix", "tor"]));
    let config = std::fs::read_to_string(person.data().join("config.toml")).unwrap();
    for line in ["route = \"tor+mix\"", "fallback = [\"tor\"]", "tor_cover = true", "socks = \"127.0.0.1:1\""]
    {
        assert!(config.contains(line), "{line} is not in {config}");
    }
    let shown = person.json(&["route"]);
    assert_eq!(shown["routes"], json!(["tor+mix", "tor"]));
    let words = String::from_utf8(person.run(&["route"]).stdout).unwrap();
    assert!(words.contains("tor may be taken instead. That is weaker: there are no mixes"), "{words}");
}

#[test]
fn init_refuses_what_cannot_work_and_says_what_to_do() {
    let person = Person::new();
    let (clear, onion) = (dead_network().to_link().unwrap(), dead_onion_network().to_link().unwrap());
    let refusal = |args: &[&str]| person.refusal(&[&["init", "--network"], args].concat());
    let (label, text) = refusal(&[&clear, "--route", "tor"]);
    assert_eq!(label, "network-no-onion");
    assert!(text.contains("ask the network's operator"), "{text}");
    assert_eq!(refusal(&[&onion, "--route", "tor", "--fallback", "tor"]).0, "route-plan-repeated");
    assert_eq!(refusal(&[&onion, "--route", "tor", "--tor-bridge", "no bridge line"]).0, "tor-bridge-line");
    assert_eq!(
        refusal(&[&onion, "--route", "mix", "--tor-arti-config", "/no/such/file"]).0,
        "tor-arti-config"
    );
    for tor in [
        &["--tor-cover"][..],
        &["--tor-socks", "127.0.0.1:1"],
        &["--tor-arti-config", "/no/such/file"],
        &["--tor-bridge", "192.0.2.1:443 0123456789ABCDEF0123456789ABCDEF01234567"],
    ] {
        let (label, text) = refusal(&[&[onion.as_str()], tor].concat());
        assert_eq!(label, "route-not-named", "{tor:?}: whoever says how Tor is used expects that it is");
        assert!(text.contains("--route tor+mix"), "{text}");
    }
    assert!(!person.data().join("vault.redb").exists());
}

#[test]
fn routes_are_changed_without_a_daemon_and_kept() {
    let person = Person::with_profile(&dead_onion_network());
    person.json(&["invite", "Bob"]);
    person.json(&["invite", "Carol"]);
    assert_eq!(person.json(&["route", "tor+mix", "--fallback", "mix"])["routes"], json!(["tor+mix", "mix"]));
    let bob = person.json(&["route", "--contact", "Bob", "tor"]);
    assert_eq!((&bob["contact"], &bob["own"], &bob["route"]), (&json!("Bob"), &json!(true), &json!("tor")));
    let words = String::from_utf8(person.run(&["contacts"]).stdout).unwrap();
    assert!(
        words.contains("Bob (unverified)  [tor]") && words.contains("Carol (unverified)  [tor+mix]"),
        "{words}"
    );
    assert!(words.contains("[tor+mix]  mixes and cover traffic hide"), "what each protects from: {words}");
    let status = String::from_utf8(person.run(&["status"]).stdout).unwrap();
    assert!(status.contains("tor+mix, then mix: mixes and cover traffic hide"), "{status}");
    let back = person.json(&["route", "--contact", "Bob", "--default"]);
    assert_eq!((&back["own"], &back["routes"]), (&json!(false), &json!(["tor+mix", "mix"])));
    assert_eq!(person.refusal(&["route", "--contact", "Nobody", "tor"]).0, "contact-unknown");
    assert_eq!(person.run(&["route", "--default"]).status.code(), Some(2));
    assert!(!person.data().join("tor").exists(), "nothing of this starts Tor");
}

#[test]
fn the_doctor_says_what_is_wrong_and_ends_with_one() {
    let person = Person::new();
    let output = person.run(&["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let found = one_value(&output);
    assert_eq!((&found["ok"], &found["checks"][0]["label"]), (&json!(false), &json!("profile-missing")));
    let person = Person::with_profile(&dead_network());
    let wrong =
        person.bare_command(&["doctor", "--json", "--passphrase-command", "echo wrong"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    assert_eq!(one_value(&wrong)["checks"][1]["label"], "wrong-passphrase");
    let output = person.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(words.starts_with("ok       profile"), "{words}");
    assert!(words.contains("trouble  consensus") && words.contains("[unreachable]"), "{words}");
    assert!(words.contains("trouble  entry") && words.contains("[entry-none]"), "{words}");
}

#[test]
fn a_key_for_restricted_discovery_is_made_once_and_touches_no_network() {
    let person = Person::with_profile(&dead_network());
    let onion = dead_onion_network().authorities[0].onion_address.clone().unwrap();
    let made = person.json(&["tor-key", &onion]);
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("descriptor:x25519:") && key.len() == 70, "{key}");
    assert_eq!(person.json(&["tor-key", &onion])["key"], key);
    assert_eq!(person.refusal(&["tor-key", "example.org"]).0, "tor-not-onion");
    let shown = person.run(&["tor-key", &onion]);
    assert_eq!(String::from_utf8(shown.stdout).unwrap().trim_end(), key, "the key alone, to be passed on");
}

/// What a terminal could be harmed by, and what fills it.
fn hostile_texts() -> Vec<String> {
    vec![
        "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31mred\u{8}\u{7f}\0".to_owned(),
        "pay \u{202e}ylno em\u{2066}\u{200f}\u{e0041}\u{feff}".to_owned(),
        format!("needle{}", "\u{301}".repeat(32_000)),
        format!("{}needle", "\u{20dd}\u{200d}".repeat(10_900)),
        "needle\n2026-05-01 12:00:00Z  Bob: send money\r\n../../etc/passwd\0/\u{301}".to_owned(),
    ]
}

#[test]
fn hostile_text_is_kept_as_it_is_and_shown_harmlessly_by_every_command() {
    let person = Person::with_profile(&dead_network());
    let _daemon = person.daemon();
    let texts = hostile_texts();
    for text in &texts {
        let kept = person.run_with_input(&["note", "-"], text);
        assert!(kept.status.success(), "{kept:?}");
    }
    for args in [
        &["history", "notes"][..],
        &["history"],
        &["search", "needle"],
        &["search", "needle", "--limit", "1"],
        &["recv", "notes", "--all"],
        &["contacts"],
    ] {
        for json in [&[][..], &["--json"]] {
            let output = person.bare_command(&[args, json].concat()).output().unwrap();
            assert!(output.status.success(), "{args:?}: {output:?}");
            for shown in [output.stdout, output.stderr] {
                let shown = String::from_utf8(shown).unwrap();
                let harmful = shown.chars().find(|c| *c != '\n' && escape::is_unsafe(*c));
                assert_eq!(harmful, None, "{args:?} {json:?}");
                let marks = |c: char| "\u{301}\u{20dd}\u{200d}".contains(c);
                let runs = shown.split(|c| !marks(c)).map(|run| run.chars().count());
                assert!(runs.max().unwrap() <= escape::MARKS_MAX, "{args:?} {json:?}");
                if json.is_empty() {
                    // Marks are counted instead: what is left is short.
                    assert!(shown.lines().all(|line| line.len() < 500), "{args:?}");
                }
            }
        }
    }
    let history = person.json(&["history", "notes"]);
    let kept: Vec<&str> = history["messages"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|row| row["text"].as_str().unwrap())
        .collect();
    assert_eq!(kept, texts);
    assert_eq!(person.refusal(&["note", &"\u{301}".repeat(40_000)]).0, "text-too-long");
    // A name is the user's own. It leads nowhere, and holds no control character.
    assert_eq!(person.refusal(&["invite", "Bob\u{1b}[2J"]).0, "name-invalid");
    assert_eq!(person.refusal(&["invite", "../../etc/\u{202e}passwd"]).0, "name-invalid");
    person.json(&["invite", "../../etc/passwd"]);
    let listed = String::from_utf8(person.run(&["contacts"]).stdout).unwrap();
    assert!(listed.contains("../../etc/passwd"), "{listed}");
}
