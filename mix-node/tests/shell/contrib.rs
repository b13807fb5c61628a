//! What is handed to operators beside the program: the unit, the container, the dashboard, the alert rules.
//!
//! They are read as their programs read them, as far as that can be done here, and may name nothing that there is
//! not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use crate::operator::documented;
use crate::program::{sotto_mix, text};

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The metrics of this program that an expression names.
fn metrics(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| word.starts_with("sotto_mix_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

/// Expects brackets that close in order and metrics that are listed in the book; returns these.
fn checked(expression: &str, documented: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut open = Vec::new();
    for c in expression.chars() {
        match c {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' => assert_eq!(open.pop(), Some(c), "{expression}"),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{expression}");
    let named = metrics(expression);
    for metric in &named {
        assert!(documented.contains_key(metric), "{metric} is not in docs/metrics.md: {expression}");
    }
    named
}

#[test]
fn every_alert_names_metrics_that_there_are_and_says_what_to_do() {
    let documented = documented();
    let files = YamlLoader::load_from_str(&read("prometheus/alerts.yml")).unwrap();
    let rules = files[0]["groups"][0]["rules"].as_vec().unwrap();
    let guide = read("../docs/guide-operator.md");
    let mut names = BTreeSet::new();
    let mut named = BTreeSet::new();
    for rule in rules {
        let field = |yaml: &Yaml, what: &str| {
            yaml.as_str().unwrap_or_else(|| panic!("no {what}: {rule:?}")).to_owned()
        };
        let name = field(&rule["alert"], "name");
        named.extend(checked(&field(&rule["expr"], "expression"), &documented));
        assert!(["warning", "critical"].contains(&field(&rule["labels"]["severity"], "severity").as_str()));
        for part in ["summary", "description"] {
            assert!(!field(&rule["annotations"][part], part).is_empty(), "{name}");
        }
        assert!(guide.contains(&format!("`{name}`")), "docs/guide-operator.md says no first step for {name}");
        assert!(names.insert(name.clone()), "{name} twice");
    }
    for wanted in [
        "sotto_mix_packets_dropped_total",
        "sotto_mix_loop_alarms",
        "sotto_mix_clock_ahead_seconds",
        "sotto_mix_consensus_age_seconds",
        "sotto_mix_disk_free_bytes",
        "sotto_mix_packets_held_max",
        "sotto_mix_tag_commits_failing",
        "sotto_mix_replay_tags_max",
        "sotto_mix_excess_delay_seconds",
        "sotto_mix_link_failures_total",
    ] {
        assert!(named.contains(wanted), "no alert looks at {wanted}");
    }
}

#[test]
fn the_dashboard_shows_metrics_that_there_are() {
    let documented = documented();
    let dashboard: Value = serde_json::from_str(&read("grafana/sotto-mix.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut named = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}", panel["title"]);
        if panel["type"] == "row" {
            continue;
        }
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty() && panel["description"].is_string(), "{}", panel["title"]);
        for target in targets {
            let found = checked(target["expr"].as_str().unwrap(), &documented);
            assert!(!found.is_empty(), "{}", panel["title"]);
            named.extend(found);
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        checked(variable["query"].as_str().unwrap(), &documented);
    }
    assert!(named.len() > 25, "only {named:?}");
}

/// The settings of a section of a unit, in order.
fn section(unit: &str, name: &str) -> Vec<(String, String)> {
    let header = format!("[{name}]");
    let lines =
        unit.lines().skip_while(|line| *line != header).skip(1).take_while(|line| !line.starts_with('['));
    let settings = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    settings
        .map(|line| {
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no setting: {line}"));
            (key.to_owned(), value.to_owned())
        })
        .collect()
}

/// Expects a command of the program that there is.
fn check_command(words: &[&str]) {
    let help = sotto_mix(&[words[0], "--help"]);
    assert!(help.status.success(), "{words:?}");
    for option in words.iter().filter(|word| word.starts_with("--")) {
        assert!(text(&help.stdout).contains(option), "{option} of {words:?}");
    }
}

#[test]
fn the_unit_confines_the_node_and_watches_it() {
    let unit = read("systemd/sotto-mix@.service");
    let service = section(&unit, "Service");
    let values = |key: &str| {
        let found = service.iter().filter(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    for (key, value) in [
        ("Type", "notify"),
        ("Restart", "on-failure"),
        ("CapabilityBoundingSet", ""),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("StateDirectoryMode", "0700"),
        ("LimitCORE", "0"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
    ] {
        assert_eq!(values(key), [value], "{key}");
    }
    assert_eq!(values("SystemCallFilter"), ["@system-service", "~@privileged"]);
    let watchdog_s: u64 = values("WatchdogSec")[0].parse().unwrap();
    assert!(watchdog_s >= 3 * 5, "a sign of life may take five seconds, and three are due");
    let files: usize = values("LimitNOFILE")[0].parse().unwrap();
    assert!(files >= 16_384 + 2 * sotto_protocol::limits::NODES_MAX);
    assert_ne!(values("User"), ["root"]);
    for (key, verb) in [("ExecStart", "run"), ("ExecReload", "reload")] {
        let command: Vec<&str> = values(key)[0].split(' ').collect();
        assert_eq!(command[1], verb, "{key}");
        check_command(&command[1..]);
    }
    let names = |key: &str| {
        let (_, value) = section(&unit, "Unit").into_iter().find(|(name, _)| name == key).unwrap();
        value.split(' ').map(str::to_owned).collect::<BTreeSet<_>>()
    };
    // An order alone starts nothing.
    assert!(names("After").is_subset(&names("Wants")));
}

#[test]
fn the_container_runs_the_program_alone_and_not_as_root() {
    let file = read("container/Containerfile").replace("\\\n", " ");
    let lines: Vec<&str> = file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let last = lines.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    assert!(last > 0, "built in a stage of its own");
    let stage = &lines[last..];
    assert!(!stage.iter().any(|line| line.starts_with("RUN ")), "there is no shell");
    let instruction = |name: &str| {
        let line = stage.iter().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}"));
        line[name.len()..].trim()
    };
    assert!(!instruction("USER").starts_with("root") && !instruction("USER").starts_with("0:"));
    // Without a shell only lists of words can be run.
    let words = |text: &str| serde_json::from_str::<Vec<String>>(text).unwrap();
    assert_eq!(words(instruction("ENTRYPOINT")), ["/usr/local/bin/sotto-mix"]);
    let command = words(instruction("CMD"));
    check_command(&command.iter().map(String::as_str).collect::<Vec<_>>());
    let (_, health) = instruction("HEALTHCHECK").split_once("CMD ").unwrap();
    let health = words(health);
    check_command(&health[1..].iter().map(String::as_str).collect::<Vec<_>>());
}
