//! The book says what is there: links resolve, labels are explained, and numbers are those of the code.
//!
//! Only what can be compared is: whether a sentence is true is for its reader.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sotto_protocol::directory::Params;
use sotto_protocol::limits;

/// Where the refusals are that people, ledgers and scripts meet.
const LABELLED: [&str; 15] = [
    "protocol/src",
    "transport/src/listen",
    "transport/src/link",
    "transport/src/node/tag_log",
    "transport/src/tor",
    "mix-node/src/core",
    "mailbox/src/core",
    "directory/src/core",
    "client/src/backup",
    "client/src/core",
    "client/src/session",
    "client/src/vault",
    "simulations/src/fidelity",
    "simulations/src/sim",
    "simulations/traffic/src",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// Every file below `dir` whose name ends so, sorted.
fn files(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, suffix));
        } else if path.to_str().unwrap().ends_with(suffix) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The chapters of the book. What mdBook has built is not among them.
fn chapters() -> Vec<PathBuf> {
    let built = root().join("docs/book");
    files(&root().join("docs"), ".md").into_iter().filter(|path| !path.starts_with(&built)).collect()
}

/// Everything that people read.
fn pages() -> Vec<PathBuf> {
    let mut pages = chapters();
    pages.extend(
        ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map(|name| root().join(name)),
    );
    pages
}

/// The lines that are not within a fenced block.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        !fenced && !is_fence
    })
}

/// The line without what stands in backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// What stands in backticks on the line.
fn code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The targets of the inline links of a page.
fn links(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in prose(text) {
        let line = without_code(line);
        let mut rest = line.as_str();
        while let Some((_, after)) = rest.split_once("](") {
            let (target, after) = after.split_once(')').expect("a link is closed on its line");
            targets.push(target.to_owned());
            rest = after;
        }
    }
    targets
}

/// The anchors that mdBook and GitHub give a page's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for line in prose(text).filter(|line| line.starts_with('#')) {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let slug: String = title
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let count = seen.entry(slug.clone()).or_default();
        anchors.insert(if *count == 0 { slug } else { format!("{slug}-{count}") });
        *count += 1;
    }
    anchors
}

/// The cells of each row of a page's tables, heads and rules left out.
fn rows(text: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = prose(text).collect();
    let is_rule = |line: &str| line.starts_with("|--") || line.starts_with("| --");
    lines
        .iter()
        .enumerate()
        .filter(|(at, line)| {
            line.starts_with('|') && !is_rule(line) && !lines.get(at + 1).is_some_and(|next| is_rule(next))
        })
        .map(|(_, line)| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// A number as people write it, with commas.
fn number(cell: &str) -> Option<u64> {
    cell.replace(',', "").parse().ok()
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let mut checked = 0;
    for page in pages() {
        for target in links(&read(&page)) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let linked = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(linked.exists(), "{}: there is no {target}", page.display());
            assert!(
                anchor.is_empty() || anchors(&read(&linked)).contains(anchor),
                "{}: no heading gives {target}",
                page.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 50, "only {checked} links were found");
}

#[test]
fn the_summary_lists_every_chapter_once() {
    let docs = root().join("docs");
    let summary = docs.join("SUMMARY.md");
    let mut listed: Vec<PathBuf> = links(&read(&summary)).into_iter().map(|link| docs.join(link)).collect();
    listed.sort();
    let there: Vec<PathBuf> = chapters().into_iter().filter(|path| *path != summary).collect();
    assert_eq!(listed, there);
}

/// The labels of all negative cases of a vector file.
fn vector_labels(value: &Value, labels: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(label) if name.starts_with("label") || name == "refusal" => {
                        labels.insert(label.clone());
                    }
                    field => vector_labels(field, labels),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| vector_labels(item, labels)),
        _ => {}
    }
}

/// What the functions named `label` of the sources below `dir` can return.
fn source_labels(dir: &str) -> BTreeSet<String> {
    let mut labels = BTreeSet::new();
    for path in files(&root().join(dir), ".rs") {
        let text = read(&path);
        for function in text.split("fn label(").skip(1) {
            let body = function.split_once("\n    }\n").map_or(function, |(body, _)| body);
            labels.extend(body.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
    labels
}

#[test]
fn every_label_is_explained_somewhere() {
    let mut labels = BTreeSet::new();
    for path in files(&root().join("docs/vectors"), ".json") {
        vector_labels(&serde_json::from_str(&read(&path)).unwrap(), &mut labels);
    }
    assert!(labels.len() > 60, "only {} labels were found in the vectors", labels.len());
    for dir in LABELLED {
        let found = source_labels(dir);
        assert!(!found.is_empty(), "no labels were found in {dir}");
        labels.extend(found);
    }
    let book: Vec<String> = chapters().iter().map(|path| read(path)).collect();
    let named: BTreeSet<&str> = book.iter().flat_map(|text| prose(text)).flat_map(code).collect();
    let missing: Vec<&String> = labels.iter().filter(|label| !named.contains(label.as_str())).collect();
    assert!(missing.is_empty(), "no chapter explains {missing:?}");
}

#[test]
fn sizes_and_limits_are_those_of_the_code() {
    macro_rules! constants {
        ($($name:ident),+ $(,)?) => {
            BTreeMap::from([$((stringify!($name).to_owned(), u64::try_from(limits::$name).unwrap())),+])
        };
    }
    let constants: BTreeMap<String, u64> = constants![
        PACKET_LEN,
        SPHINX_HEADER_LEN,
        PAYLOAD_LEN,
        PAYLOAD_TEXT_LEN,
        HOPS_MAX,
        SURB_LEN,
        FRAME_LEN,
        FRAME_HEADER_LEN,
        FRAME_BODY_LEN,
        BOX_TEXT_LEN,
        BOX_CIPHERTEXT_LEN,
        BOX_LEN,
        DOCUMENT_LEN_MAX,
        DESCRIPTOR_LEN_MAX,
        NODES_MAX,
        AUTHORITIES_MAX,
        CLASSES_MAX,
        EPOCH_KEYS_MAX,
        ADDRESS_LEN_MAX,
        REPLAY_TAGS_MAX,
    ];
    let source = read(&root().join("protocol/src/limits.rs"));
    let declared: BTreeSet<&str> = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split_once(':').map(|(name, _)| name))
        .collect();
    let compared: BTreeSet<&str> = constants.keys().map(String::as_str).collect();
    assert_eq!(compared, declared, "this test compares every constant");
    let stated: BTreeMap<String, u64> = rows(&read(&root().join("docs/spec/conventions.md")))
        .iter()
        .filter_map(|row| {
            let name = row.last()?.strip_prefix('`')?.strip_suffix('`')?;
            Some((name.to_owned(), number(&row[1])?))
        })
        .collect();
    assert_eq!(stated, constants);
}

#[test]
fn default_parameters_are_those_of_the_code() {
    let mut parameters = json!(Params::default()).as_object().unwrap().clone();
    let classes = parameters.remove("classes").unwrap();
    let rows = rows(&read(&root().join("docs/spec/directory.md")));
    let stated = |name: &str| {
        let row = rows.iter().find(|row| row[0] == name).unwrap_or_else(|| panic!("no row for {name}"));
        row[1..].iter().map_while(|cell| number(cell)).collect::<Vec<u64>>()
    };
    for (name, value) in &parameters {
        assert_eq!(stated(name).first().copied(), value.as_u64(), "{name}");
    }
    for class in classes.as_array().unwrap() {
        let rates = ["payload", "loop", "drop", "downlink"];
        let rates = rates.map(|name| class[format!("{name}_interval_ms_mean")].as_u64().unwrap());
        assert_eq!(stated(class["name"].as_str().unwrap()), rates);
    }
}

#[test]
fn what_the_readme_says_is_where_is_there() {
    let rows = rows(&read(&root().join("README.md")));
    let named: Vec<&str> = rows.iter().filter_map(|row| code(&row[0]).next()).collect();
    assert!(named.len() >= 8, "{named:?}");
    for name in named {
        assert!(root().join(name).is_dir(), "there is no directory {name}");
    }
}
