//! `sotto-mix doctor` and `sotto-mix check-config`, on fresh nodes and running ones.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use sotto_mix_node::shell::{MixRole, NodeConfig};
use sotto_protocol::directory::{NetworkInfo, Place};

use crate::operator::{free_address, rewrite};
use crate::program::{sotto_mix, text};
use crate::support::{World, authority, config};

/// A fresh directory with a node in it, and the text of its configuration's path.
fn fresh(dir: &Path, network: NetworkInfo) -> String {
    let made = NodeConfig { metrics: None, ..config(&dir.join("node"), MixRole::Entry, network) };
    made.set_up().unwrap().1.to_str().unwrap().to_owned()
}

fn verdicts(output: &[u8]) -> BTreeMap<String, String> {
    let report: Value = serde_json::from_slice(output).unwrap();
    let check = |check: &Value| {
        assert_ne!(check["value"], "", "{check}");
        assert_ne!(check["explanation"], "", "{check}");
        assert_eq!(check["remedy"].is_null(), check["verdict"] == "ok", "{check}");
        let text = |key: &str| check[key].as_str().unwrap().to_owned();
        (text("name"), text("verdict"))
    };
    report["checks"].as_array().unwrap().iter().map(check).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_examines_a_fresh_node() {
    let (network, authority) = authority(Place::Entry, "127.0.0.1:9").await;
    let dir = tempfile::tempdir().unwrap();
    let config = fresh(dir.path(), network);
    rewrite(&config, &[("listen = ", format!("listen = \"{}\"", free_address()))]);
    let run = |arguments: &[&str]| sotto_mix(&[&["doctor", "--config", &config], arguments].concat());
    let examined = run(&["--json"]);
    let verdicts = verdicts(&examined.stdout);
    for name in ["config", "directory", "identity", "hop-keys", "control", "port", "reachable", "metrics"] {
        assert_eq!(verdicts[name], "ok", "{name}");
    }
    for name in [
        "disk-room",
        "disk-kind",
        "disk-sync",
        "capacity",
        "tag-logs",
        "memory",
        "open-files",
        "processor",
        "ntp",
    ] {
        assert!(verdicts.contains_key(name), "{name}");
    }
    // The authority answers, and has signed nothing, since nobody has announced a node.
    assert_eq!((verdicts["authority"].as_str(), verdicts["consensus"].as_str()), ("warn", "fail"));
    assert_eq!(examined.status.code(), Some(1));
    let people = run(&[]);
    assert_eq!(people.status.code(), Some(1));
    let people = text(&people.stdout);
    assert!(people.contains("FAIL consensus") && people.contains("packets/s on one core"), "{people}");
    assert!(people.contains("commits/s are enough for") && people.contains("MB a day at"), "{people}");
    authority.trigger();
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_does_not_blame_the_node_for_an_authority_that_is_away() {
    let (mut network, authority) = authority(Place::Entry, "127.0.0.1:9").await;
    authority.trigger();
    network.authorities[0].address = free_address().to_string();
    let dir = tempfile::tempdir().unwrap();
    let config = fresh(dir.path(), network);
    let examined = sotto_mix(&["doctor", "--json", "--config", &config]);
    let report: Value = serde_json::from_slice(&examined.stdout).unwrap();
    let admitted =
        report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "admitted").unwrap();
    assert_eq!(admitted["value"], "not known: the authority cannot be reached");
    assert_eq!(admitted["remedy"], "see `authority` above");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_a_running_node_in_order() {
    let world = World::entry_listening(free_address()).await;
    let config = world.config.dir.join("mix.toml");
    let examined = tokio::task::spawn_blocking(move || {
        sotto_mix(&["doctor", "--json", "--config", config.to_str().unwrap()])
    });
    let verdicts = verdicts(&examined.await.unwrap().stdout);
    for name in ["port", "reachable", "authority", "consensus", "clock", "admitted"] {
        assert_eq!(verdicts[name], "ok", "{name}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_config_shows_what_holds_and_where_it_does_not() {
    let (network, authority) = authority(Place::Entry, "127.0.0.1:9").await;
    let dir = tempfile::tempdir().unwrap();
    let config = fresh(dir.path(), network);
    let run = |arguments: &[&str]| sotto_mix(&[&["check-config", "--config", &config], arguments].concat());

    // What is left out is shown with its default.
    let written = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, written.split("[limits]").next().unwrap()).unwrap();
    let good = run(&["--json"]);
    assert_eq!(good.status.code(), Some(0), "{}", text(&good.stdout));
    let shown: Value = serde_json::from_slice(&good.stdout).unwrap();
    assert_eq!(
        (&shown["config"]["limits"]["workers"], &shown["verdict"]),
        (&Value::from(0), &Value::from("warn")),
        "the port is another one each time"
    );
    let people = run(&[]);
    assert!(text(&people.stdout).contains("sessions_max = "), "{}", text(&people.stdout));

    std::fs::write(&config, format!("{written}\nworkers = 1\n")).unwrap();
    let twice = run(&[]);
    assert_eq!(twice.status.code(), Some(1));
    assert!(text(&twice.stderr).contains("mix.toml:"), "{}", text(&twice.stderr));
    let twice: Value = serde_json::from_slice(&run(&["--json"]).stdout).unwrap();
    assert_eq!(twice["error"]["label"], "config-wrong");
    let doctor = sotto_mix(&["doctor", "--json", "--config", &config]);
    assert_eq!((doctor.status.code(), serde_json::from_slice(&doctor.stdout).ok()), (Some(1), Some(twice)));
    let doctor = sotto_mix(&["doctor", "--config", &config]);
    assert!(text(&doctor.stdout).starts_with("FAIL config "), "{}", text(&doctor.stdout));

    std::fs::write(&config, written).unwrap();
    std::fs::remove_file(dir.path().join("node/identity.key")).unwrap();
    let without = run(&["--json"]);
    assert_eq!((without.status.code(), verdicts(&without.stdout)["identity"].as_str()), (Some(1), "fail"));
    authority.trigger();
}
