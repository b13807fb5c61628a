//! The daemon as other programs of the same user meet it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use common::{Person, dead_network};
use serde_json::{Value, json};

/// A connection that speaks lines.
struct Wire {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Wire {
    fn open(person: &Person) -> Self {
        let writer = UnixStream::connect(person.socket()).unwrap();
        writer.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { reader: BufReader::new(writer.try_clone().unwrap()), writer }
    }

    fn send(&mut self, line: &str) {
        self.writer.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn ask(&mut self, line: &str) -> Value {
        self.send(line);
        self.receive()
    }
}

/// What is said of a message that waits; the keys of its invitation wait as well.
fn waiting(status: &Value, sent: &Value) -> Value {
    let waiting = status["waiting"].as_array().unwrap();
    waiting.iter().find(|row| row["message"] == sent["message"]).unwrap().clone()
}

#[test]
fn the_socket_is_for_its_owner_only_and_goes_with_the_daemon() {
    let person = Person::with_profile(&dead_network());
    let mut daemon = person.daemon();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&person.socket()), 0o600);
    assert_eq!(mode(person.socket().parent().unwrap()), 0o700);
    assert_eq!(mode(&person.data()), 0o700);
    for entry in std::fs::read_dir(person.data()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!(person.json(&["daemon", "--stop"]), json!({ "stopped": true }));
    assert!(daemon.ended_well());
    assert!(!person.socket().exists());
    assert_eq!(person.refusal(&["daemon", "--stop"]).0, "daemon-not-running");
}

#[test]
fn a_second_daemon_is_refused_and_the_first_goes_on() {
    let person = Person::with_profile(&dead_network());
    let daemon = person.daemon();
    let (label, text) = person.refusal(&["daemon"]);
    assert_eq!(label, "daemon-running");
    assert!(text.contains(&daemon.id().to_string()) && text.contains("already"), "{text}");
    assert_eq!(person.json(&["status"])["daemon"]["running"], true);
}

#[test]
fn commands_talk_to_the_daemon_and_need_no_passphrase() {
    let person = Person::with_profile(&dead_network());
    let daemon = person.daemon();
    let ask = |args: &[&str]| {
        let output = person.bare_command(args).arg("--json").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        common::one_value(&output)
    };
    let invited = ask(&["invite", "Bob"]);
    let sent = ask(&["send", "Bob", "hello"]);
    assert_eq!((sent["contact"].as_str(), sent["state"].as_str()), (Some("Bob"), Some("queued")));
    assert_eq!(ask(&["contacts"])[0]["queued"], 1);
    assert_eq!(ask(&["recv"]), json!([]));
    let status = ask(&["status"]);
    assert_eq!(status["daemon"]["pid"], daemon.id());
    let waiting = waiting(&status, &sent);
    assert_eq!(waiting["why"], "no consensus of the network has been fetched yet");
    assert!(invited["link"].as_str().unwrap().starts_with("sotto:invite:"));
    let history = ask(&["recv", "Bob", "--all"]);
    assert_eq!((history[0]["text"].as_str(), history[0]["direction"].as_str()), (Some("hello"), Some("out")));
}

#[test]
fn status_says_what_stands_in_the_way() {
    let person = Person::with_profile(&dead_network());
    let _daemon = person.daemon();
    let mut wire = Wire::open(&person);
    let troubles = loop {
        let status = wire.ask(r#"{"jsonrpc":"2.0","id":1,"method":"status"}"#);
        let troubles = status["result"]["troubles"].as_array().unwrap().clone();
        if !troubles.is_empty() {
            break troubles;
        }
    };
    assert_eq!(troubles[0]["part"], "consensus");
    assert_eq!(troubles[0]["label"], "unreachable");
    let output = person.run(&["status"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Trouble") && text.contains("127.0.0.1:1"), "{text}");
}

#[test]
fn input_that_is_no_request_is_refused_by_name_and_harms_nobody() {
    let person = Person::with_profile(&dead_network());
    let _daemon = person.daemon();
    let mut wire = Wire::open(&person);
    let lines = [
        ("not json", "parse"),
        ("[]", "batch"),
        ("7", "invalid-request"),
        ("{}", "invalid-request"),
        (r#"{"jsonrpc":"1.0","id":1,"method":"status"}"#, "invalid-request"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"no-such"}"#, "method-not-found"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"send","params":{"contact":"Bob"}}"#, "invalid-params"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"send","params":["Bob","x"]}"#, "invalid-params"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"status","params":{"x":1}}"#, "invalid-params"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"send","params":{"contact":"Nobody","text":"x"}}"#,
            "contact-unknown",
        ),
    ];
    for (line, label) in lines {
        assert_eq!(wire.ask(line)["error"]["data"]["label"], label, "{line}");
    }
    let mut binary = Wire::open(&person);
    binary.writer.write_all(&[0xff, 0xfe, 0, b'\n']).unwrap();
    assert_eq!(binary.receive()["error"]["data"]["label"], "parse");
    let mut endless = Wire::open(&person);
    let chunk = vec![b'x'; 64 * 1024];
    while endless.writer.write_all(&chunk).is_ok() {}
    let answer = wire.ask(r#"{"jsonrpc":"2.0","id":"still here","method":"contacts"}"#);
    assert_eq!(answer, json!({ "jsonrpc": "2.0", "id": "still here", "result": [] }));
}

#[test]
fn a_killed_daemon_leaves_nothing_in_the_way_and_loses_nothing() {
    let person = Person::with_profile(&dead_network());
    let mut daemon = person.daemon();
    person.json(&["invite", "Bob"]);
    let sent = person.json(&["send", "Bob", "hello"]);
    daemon.kill();
    let status = person.json(&["status"]);
    assert_eq!(status["daemon"]["running"], false);
    waiting(&status, &sent);
    let _next = person.daemon();
    waiting(&person.json(&["status"]), &sent);
}

#[test]
fn a_passphrase_before_a_text_on_standard_input_never_becomes_part_of_the_text() {
    let person = Person::with_profile(&dead_network());
    person.json(&["invite", "bob"]);
    let _daemon = person.daemon();
    let args = ["send", "bob", "-", "--json", "--passphrase-fd", "0"];
    let sent = person.run_with_input(&args, "correct horse\nthe text\n");
    assert!(sent.status.success(), "{sent:?}");
    let shown = person.json(&["recv", "bob", "--all"]);
    let texts: Vec<&str> =
        shown.as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["the text"]);
}

#[test]
fn a_daemon_waits_for_a_command_that_is_about_to_finish() {
    let person = Person::with_profile(&dead_network());
    let mut command = person
        .command(&["recv", "--json", "--for", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Its lock is taken once the file names it.
    let lock = person.data().join("lock");
    while !std::fs::read_to_string(&lock).is_ok_and(|text| text.contains(&command.id().to_string())) {
        assert!(command.try_wait().unwrap().is_none(), "it ended before it took the lock");
        std::thread::yield_now();
    }
    let _daemon = person.daemon();
    assert!(command.wait().unwrap().code().is_some());
}

#[test]
fn routes_change_while_the_daemon_runs_and_the_doctor_asks_it() {
    let person = Person::new();
    let link = dead_network().to_link().unwrap();
    // A proxy that is not there: whatever comes, no test reaches for the Tor network.
    person.json(&[
        "init",
        "--network",
        &link,
        "--argon2-mib",
        "64",
        "--route",
        "mix",
        "--tor-socks",
        "127.0.0.1:1",
    ]);
    let mut daemon = person.daemon();
    person.json(&["invite", "Bob"]);
    assert_eq!(person.refusal(&["route", "tor"]).0, "network-no-onion");
    let ask = |args: &[&str]| person.bare_command(args).arg("--json").output().unwrap();
    let set = common::one_value(&ask(&["route", "mix", "--fallback", "tor+mix"]));
    assert_eq!(set["routes"], json!(["mix", "tor+mix"]));
    let found = ask(&["doctor"]);
    assert_eq!(found.status.code(), Some(1), "{found:?}");
    let found = common::one_value(&found);
    let labels: Vec<&Value> =
        found["checks"].as_array().unwrap().iter().map(|check| &check["label"]).collect();
    assert_eq!(labels, [&Value::Null, &json!("unreachable"), &Value::Null, &json!("entry-none")], "{found}");
    daemon.kill();
    assert_eq!(person.json(&["route"])["routes"], json!(["mix", "tor+mix"]), "kept in config.toml");
}
