//! What an operator sees of a node and tells it: metrics, reloads, signs of life.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sotto_mix_node::shell::{MixRole, NodeConfig};
use sotto_protocol::directory::{NetworkInfo, Place};
use sotto_protocol::frame::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::program::{sotto_mix, text};
use crate::support::{PATIENCE, World, authority, config, next_frame};

/// A port that is free now.
pub fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn request(address: SocketAddr, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}

async fn scrape(address: SocketAddr) -> Option<String> {
    let answer = request(address, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Type: application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    Some(body.to_owned())
}

/// Scrapes until there is an answer for which `condition` holds.
async fn scrape_until(address: SocketAddr, condition: impl Fn(&str) -> bool) -> String {
    let scraping = async {
        loop {
            match scrape(address).await {
                Some(page) if condition(&page) => return page,
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, scraping).await.expect("a page of metrics")
}

/// One line of OpenMetrics text: the name, its labels, its value.
fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (name_and_labels, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    let Some((name, labels)) = name_and_labels.split_once('{') else {
        return (name_and_labels.to_owned(), BTreeMap::new(), value);
    };
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("no end of labels: {line}"));
    let labels = labels.split(',').map(|label| {
        let (key, text) = label.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
        (key.to_owned(), text.strip_suffix('"').expect("a closing quote").to_owned())
    });
    (name.to_owned(), labels.collect(), value)
}

/// What stands below each metric: labels and value.
type Samples = Vec<(BTreeMap<String, String>, f64)>;

/// The metrics of a page by the names that samples have, checked for what the format asks.
fn parsed(page: &str) -> BTreeMap<String, Samples> {
    let mut metrics: BTreeMap<String, Samples> = BTreeMap::new();
    let mut current = String::new();
    assert!(page.ends_with("# EOF\n"));
    for line in page.lines().filter(|line| *line != "# EOF") {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, kind) = declared.split_once(' ').unwrap();
            current = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
            assert!(metrics.insert(current.clone(), Vec::new()).is_none(), "{name} is declared twice");
        } else if !line.starts_with('#') {
            let (name, labels, value) = sample(line);
            assert_eq!(name, current, "a sample stands below its metric");
            metrics.get_mut(&name).unwrap().push((labels, value));
        }
    }
    metrics
}

/// The metrics that the book lists: in the first column of the tables.
pub fn documented() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let name = cells.next()?.trim().strip_suffix('`')?.to_owned();
        Some((name, cells.next()?.trim().to_owned()))
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_the_book_is_shown_and_no_other() {
    let mut world = World::entry_showing_metrics(free_address()).await;
    let address = world.config.metrics.unwrap();
    let mut client = world.client().await;
    client.send(&Frame::SessionOpen { class: 0, resume: None }).await.unwrap();
    assert!(matches!(next_frame(&mut client).await.unwrap(), Frame::SessionOpened { .. }));
    // Only now is there a peer that is up.
    let _link = world.layer_1.next_link().await;
    let page = scrape_until(address, |page| page.contains("sotto_mix_sessions{state=\"connected\"} 1")).await;
    let shown = parsed(&page);
    let documented = documented();
    let names = |map: BTreeMap<String, String>| map.into_keys().collect::<BTreeSet<_>>();
    assert_eq!(shown.keys().cloned().collect::<BTreeSet<_>>(), names(documented.clone()));
    for (name, samples) in &shown {
        let keys: BTreeSet<&str> = documented[name].split('`').skip(1).step_by(2).collect();
        for (labels, _) in samples {
            assert_eq!(labels.keys().map(String::as_str).collect::<BTreeSet<_>>(), keys, "{name}");
        }
    }
    let one = |name: &str| shown[name][0].1;
    assert_eq!(one("sotto_mix_listed"), 1.0);
    assert_eq!(one("sotto_mix_ledger_balanced"), 1.0);
    assert_eq!(one("sotto_mix_consensus_epoch"), one("sotto_mix_present_epoch"));
    assert!(one("process_resident_memory_bytes") > 1e6);
    assert!(one("sotto_mix_disk_free_bytes") > 0.0);
    assert!(!page.contains("127.0.0.1"), "no address of anybody");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_something_else_gets_no_metrics_and_harms_nobody() {
    let world = World::entry_showing_metrics(free_address()).await;
    let address = world.config.metrics.unwrap();
    scrape_until(address, |_| true).await;
    let starts = async |text: &str| request(address, text).await.unwrap()[..12].to_owned();
    assert_eq!(starts("GET / HTTP/1.1\r\n\r\n").await, "HTTP/1.1 404");
    assert_eq!(starts("DELETE /metrics HTTP/1.1\r\n\r\n").await, "HTTP/1.1 405");
    assert_eq!(starts("hello\r\n\r\n").await, "HTTP/1.1 400");
    // Connections that say nothing take places, fewer than all, until their time is over.
    let mut silent = Vec::new();
    for _ in 0..7 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    scrape_until(address, |_| true).await;
    world.stop().await;
}

/// A node as a process of its own.
struct Process {
    child: Child,
    config: String,
    _dir: tempfile::TempDir,
}

impl Process {
    /// Starts one with these lines instead of those that `init` writes.
    fn start(network: &NetworkInfo, replaced: &[(&str, String)], notify: Option<&Path>) -> Self {
        Self::start_logging(network, replaced, notify, None)
    }

    /// As [`Process::start`], with this `SOTTO_LOG`.
    fn start_logging(
        network: &NetworkInfo,
        replaced: &[(&str, String)],
        notify: Option<&Path>,
        log: Option<&str>,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = NodeConfig {
            metrics: None,
            listen: "127.0.0.1:0".to_owned(),
            ..config(&dir.path().join("node"), MixRole::Entry, network.clone())
        };
        let (_, path) = made.set_up().unwrap();
        let process = |config: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_sotto-mix"));
            command
                .args(["run", "--config", config])
                .stderr(Stdio::null())
                .env_remove("NOTIFY_SOCKET")
                .env_remove("SOTTO_LOG");
            if let Some(socket) = notify {
                command.env("NOTIFY_SOCKET", socket).env("WATCHDOG_USEC", "300000");
            }
            if let Some(filter) = log {
                command.env("SOTTO_LOG", filter);
            }
            command.spawn().unwrap()
        };
        let config = path.to_str().unwrap().to_owned();
        rewrite(&config, replaced);
        Self { child: process(&config), config, _dir: dir }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), signal).unwrap();
    }

    /// Asks until the node's status is such.
    async fn wait_for(&self, condition: impl Fn(&Value) -> bool) {
        let waiting = async {
            loop {
                let status = sotto_mix(&["status", "--json", "--config", &self.config]);
                if status.status.success() && condition(&serde_json::from_slice(&status.stdout).unwrap()) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the status comes true");
    }

    fn reload(&self) -> Result<Value, String> {
        let reloaded = sotto_mix(&["reload", "--json", "--config", &self.config]);
        if reloaded.status.success() {
            return Ok(serde_json::from_slice(&reloaded.stdout).unwrap());
        }
        Err(text(&reloaded.stderr).to_owned())
    }

    async fn end(mut self) {
        self.signal(Signal::TERM);
        let mut child = tokio::task::spawn_blocking(move || {
            let ended = self.child.wait().unwrap();
            (self, ended)
        });
        let (_, ended) = tokio::time::timeout(PATIENCE, &mut child).await.unwrap().unwrap();
        assert_eq!(ended.code(), Some(0));
    }
}

/// Replaces lines of a configuration by their beginnings.
pub fn rewrite(path: &str, replaced: &[(&str, String)]) {
    let mut lines: Vec<String> = std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    for (beginning, line) in replaced {
        let place = lines.iter_mut().find(|old| old.starts_with(beginning));
        *place.unwrap_or_else(|| panic!("no line {beginning}")) = line.clone();
    }
    std::fs::write(path, lines.join("\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_applies_what_it_can_tells_what_waits_and_refuses_a_bad_file_whole() {
    let (network, authority) = authority(Place::Entry, "127.0.0.1:9").await;
    let node = Process::start(&network, &[("x25519 = ", "x25519 = \"dalek\"".to_owned())], None);
    node.wait_for(|status| status["pipeline"]["x25519"] == "dalek").await;

    let metrics = free_address();
    let changes = [
        ("metrics = ", format!("metrics = \"{metrics}\"")),
        ("sessions_max = ", "sessions_max = 77".to_owned()),
        ("workers = ", "workers = 5".to_owned()),
        ("# log_filter = ", "log_filter = \"warn\"".to_owned()),
        ("x25519 = ", "x25519 = \"auto\"".to_owned()),
    ];
    rewrite(&node.config, &changes);
    let outcome = node.reload().unwrap();
    assert_eq!(outcome["applied"], serde_json::json!(["log_filter", "metrics", "limits.sessions_max"]));
    assert_eq!(outcome["restart"], serde_json::json!(["x25519", "limits.workers"]));
    node.wait_for(|status| status["limits"]["sessions_max"] == 77).await;
    scrape_until(metrics, |page| page.contains("sotto_mix_sessions_max 77")).await;

    // A file that is wrong in its last line changes nothing of what stands above.
    rewrite(&node.config, &[("sessions_max = ", "sessions_max = 78".to_owned())]);
    rewrite(&node.config, &[("workers = ", "workers = 999".to_owned())]);
    let line = 1 + std::fs::read_to_string(&node.config)
        .unwrap()
        .lines()
        .position(|l| l == "workers = 999")
        .unwrap();
    let error = node.reload().unwrap_err();
    assert!(error.contains("(reload-refused); nothing was changed"), "{error}");
    assert!(error.contains(&format!("mix.toml:{line}: ")), "{error}");
    // The file does not keep its operator from the node; that it is wrong is told.
    let status = sotto_mix(&["status", "--json", "--config", &node.config]);
    assert!(text(&status.stderr).contains(&format!("not valid: {}:{line}: ", node.config)), "{status:?}");
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["limits"]["sessions_max"], 77);
    assert!(status["trouble"].is_array());
    let unlisted = sotto_mix(&["status", "--check", "--json", "--config", &node.config]);
    let trouble = serde_json::from_slice::<Value>(&unlisted.stdout).unwrap()["trouble"].clone();
    assert_eq!(unlisted.status.code(), Some(i32::from(trouble != serde_json::json!([]))), "{trouble}");

    // A port that another program has is no port that was applied.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_address = format!("metrics = \"{}\"", taken.local_addr().unwrap());
    rewrite(&node.config, &[("workers = ", "workers = 0".to_owned()), ("metrics = ", taken_address)]);
    let people = sotto_mix(&["reload", "--config", &node.config]);
    assert_eq!(people.status.code(), Some(1));
    assert!(text(&people.stdout).contains("failed: metrics: cannot listen on "), "{}", text(&people.stdout));
    node.wait_for(|status| {
        status["trouble"][0]["what"].as_str().is_some_and(|what| what.contains("metrics"))
    })
    .await;

    // Another file that leads to the same socket is not the one that the node reads.
    let copy = format!("{}.copy", node.config);
    std::fs::copy(&node.config, &copy).unwrap();
    let other = sotto_mix(&["reload", "--config", &copy]);
    assert!(text(&other.stderr).contains("runs with"), "{}", text(&other.stderr));
    rewrite(&node.config, &[("sessions_max = ", "sessions_max = 79".to_owned())]);

    // SIGHUP does the same as `reload`.
    node.signal(Signal::HUP);
    node.wait_for(|status| status["limits"]["sessions_max"] == 79).await;
    node.end().await;
    authority.trigger();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_tells_that_the_environment_goes_before_the_filter() {
    let (network, authority) = authority(Place::Entry, "127.0.0.1:9").await;
    let node = Process::start_logging(&network, &[], None, Some("warn"));
    node.wait_for(|_| true).await;
    rewrite(&node.config, &[("# log_filter = ", "log_filter = \"debug\"".to_owned())]);
    let outcome = node.reload().unwrap();
    assert_eq!(
        (&outcome["applied"], &outcome["overridden"][0]),
        (&serde_json::json!([]), &Value::from("log_filter"))
    );
    node.end().await;
    authority.trigger();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_hears_of_readiness_life_reload_and_end() {
    let (network, authority) = authority(Place::Entry, "127.0.0.1:9").await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let node = Process::start(&network, &[], Some(&path));
    let until = |wanted: &str| {
        let mut heard = Vec::new();
        while !heard.iter().any(|text: &String| text.lines().any(|line| line == wanted)) {
            let mut message = [0; 4_096];
            let len = socket.recv(&mut message).unwrap_or_else(|_| panic!("no {wanted} after {heard:?}"));
            heard.push(text(&message[..len]).to_owned());
        }
        heard
    };
    until("READY=1");
    until("WATCHDOG=1");
    node.signal(Signal::HUP);
    let heard = until("RELOADING=1");
    assert!(heard.last().unwrap().contains("MONOTONIC_USEC="), "{heard:?}");
    until("READY=1");
    node.signal(Signal::TERM);
    until("STOPPING=1");
    node.end_after_signal().await;
    authority.trigger();
}

impl Process {
    async fn end_after_signal(mut self) {
        let ended = tokio::task::spawn_blocking(move || self.child.wait().unwrap());
        assert_eq!(tokio::time::timeout(PATIENCE, ended).await.unwrap().unwrap().code(), Some(0));
    }
}

#[test]
fn completions_and_the_manual_name_every_command() {
    let manual = sotto_mix(&["man"]);
    let script = sotto_mix(&["completions", "bash"]);
    for command in ["init", "run", "check-config", "doctor", "status", "reload", "bench", "completions"] {
        // The manual escapes hyphens.
        assert!(text(&manual.stdout).replace('\\', "").contains(command), "{command}");
        assert!(text(&script.stdout).contains(command), "{command}");
    }
    for words in ["EXIT STATUS", "FILES", "SOTTO_LOG", "SIGHUP", "--watch", "--cancel", "--crypto-only"] {
        assert!(text(&manual.stdout).replace('\\', "").contains(words), "{words}");
    }
    assert!(text(&sotto_mix(&["--help"]).stdout).contains("Print the manual page"));
}
