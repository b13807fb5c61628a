//! The program `sotto-mix` from the outside.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sotto_protocol::directory::{AuthorityEntry, NetworkInfo, Place, is_onion_address};

use crate::support::{AUTHORITY, PATIENCE, authority, id};

pub fn sotto_mix(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sotto-mix")).args(arguments).output().unwrap()
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn init(dir: &Path, link: &str) -> Output {
    let dir = dir.to_str().unwrap();
    sotto_mix(&["init", "--dir", dir, "--role", "entry", "--listen", "127.0.0.1:0", "--network", link])
}

#[tokio::test(flavor = "multi_thread")]
async fn init_run_status_and_sigterm() {
    let (network, authority) = authority(Place::Entry, "127.0.0.1:9").await;
    let dir = tempfile::tempdir().unwrap();
    let node_dir = dir.path().join("node");
    let made = init(&node_dir, &network.to_link().unwrap());
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert!(text(&made.stdout).starts_with("node "));
    let again = init(&node_dir, &network.to_link().unwrap());
    assert!(!again.status.success());
    assert!(text(&again.stderr).contains("holds a node already"), "{}", text(&again.stderr));

    let other = dir.path().join("other");
    let named = [
        "init",
        "--dir",
        other.to_str().unwrap(),
        "--role",
        "mix",
        "--listen",
        "localhost:9000",
        "--network",
    ];
    let link = network.to_link().unwrap();
    let named = sotto_mix(&[&named[..], &[&link]].concat());
    let said = text(&named.stderr);
    assert!(
        !named.status.success() && said.contains("`listen` is \"localhost:9000\": expected ip:port"),
        "{said}"
    );
    assert!(!other.exists());

    let config = node_dir.join("mix.toml");
    let config = config.to_str().unwrap();
    let idle = sotto_mix(&["status", "--config", config]);
    assert!(!idle.status.success());
    assert!(text(&idle.stderr).contains("is the process running?"), "{}", text(&idle.stderr));

    let mut running = Command::new(env!("CARGO_BIN_EXE_sotto-mix"))
        .args(["run", "--config", config])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let waiting = async {
        loop {
            let status = sotto_mix(&["status", "--json", "--config", config]);
            if status.status.success() {
                let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
                if status["place"] == "entry" {
                    return status;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let status = tokio::time::timeout(PATIENCE, waiting).await.expect("the node takes its place");
    assert_eq!(status["role"], "entry");
    assert_eq!(status["ledger"]["received"], 0);
    assert!(status["rss_kib"].as_u64().unwrap() > 0);
    let people = sotto_mix(&["status", "--config", config]);
    assert!(text(&people.stdout).contains("packets   0 received"), "{}", text(&people.stdout));

    let pid = Pid::from_raw(i32::try_from(running.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let ended = tokio::task::spawn_blocking(move || running.wait().unwrap()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
    authority.trigger();
}

#[test]
fn init_tells_the_address_of_an_entrys_onion_service_and_refuses_a_mixs() {
    let dir = tempfile::tempdir().unwrap();
    let authorities =
        vec![AuthorityEntry { key: id(AUTHORITY), address: "127.0.0.1:1".to_owned(), onion_address: None }];
    let network = NetworkInfo { network: "test".to_owned(), authorities, threshold: 1, epoch_s: 60 };
    let link = network.to_link().unwrap();
    let arti = dir.path().join("arti.toml");
    std::fs::write(&arti, "").unwrap();
    let init = |role: &str, arti: &Path| {
        let node = dir.path().join(role);
        let node = node.to_str().unwrap();
        let arguments =
            ["init", "--dir", node, "--role", role, "--listen", "127.0.0.1:0", "--network", &link];
        let onion = ["--onion", "--tor-arti-config", arti.to_str().unwrap()];
        sotto_mix(&[arguments.as_slice(), onion.as_slice()].concat())
    };
    let made = init("entry", &arti);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let lines: Vec<&str> = text(&made.stdout).lines().collect();
    let address = lines[1].strip_prefix("onion ").expect("the line after the node's name");
    assert!(is_onion_address(address), "{address}");
    let written = std::fs::read_to_string(dir.path().join("entry/mix.toml")).unwrap();
    assert!(written.contains("onion = true") && written.contains("[tor]\narti_config = "), "{written}");

    let refused = init("mix", &arti);
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("only entries serve clients"), "{}", text(&refused.stderr));
    assert!(!dir.path().join("mix").exists(), "nothing was made");
    let refused = init("entry", Path::new("/nonexistent/arti.toml"));
    assert!(text(&refused.stderr).contains("/nonexistent/arti.toml"), "{}", text(&refused.stderr));
}
