//! Logs of replay tags in real files, of real processes: killed at any moment, and with a disk that is full.
//!
//! A test runs itself again as a process of its own, which finds in its environment what it is to do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_protocol::sphinx::{Fingerprint, ReplaySet, ReplayTag, ReplayVerdict, TagHashKey};
use sotto_transport::node::epoch_keys::{EpochKeys, KEY_WITHOUT_TAGS};
use sotto_transport::node::tag_log::TagLogs;
use sotto_transport::rng::OsRng;

/// Set for the process that a test starts: the directory of keys and logs.
const DIR_VARIABLE: &str = "SOTTO_TEST_REPLAY_LOG";
const EPOCH: u64 = 7;

fn print(number: u64) -> Fingerprint {
    let [_, bytes @ ..] = number.to_be_bytes();
    Fingerprint::from_bytes(bytes)
}

fn loaded(logs: &TagLogs, epoch: u64) -> BTreeSet<Fingerprint> {
    let mut found = BTreeSet::new();
    logs.load(epoch, |print| {
        found.insert(print);
    })
    .unwrap();
    found
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn keys_with(dir: &Path, epochs: &[u64]) -> EpochKeys {
    let keys = EpochKeys::open(dir).unwrap();
    for epoch in epochs {
        keys.ensure(*epoch, &mut OsRng).unwrap();
    }
    keys
}

/// This test again, in a process of its own, started by way of `shell`.
fn again(test: &str, shell: &str, dir: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{shell} exec \"$0\" \"$@\"")).arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(DIR_VARIABLE, dir);
    command
}

fn child_dir() -> Option<PathBuf> {
    std::env::var_os(DIR_VARIABLE).map(PathBuf::from)
}

/// kill -9 at a random moment, restart, replay everything, several times over: nothing passes twice.
#[test]
fn nothing_passes_twice_whenever_the_process_is_killed() {
    if let Some(dir) = child_dir() {
        return pass_packets(&dir);
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("hop-keys");
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut passed = BTreeSet::new();
    for _ in 0..6 {
        let mut child = again("nothing_passes_twice_whenever_the_process_is_killed", "", &dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let wanted = rng.random_range(1..40);
        let mut seen = 0;
        // What was said before the kill counts, also what is still in the pipe.
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            let Some(number) = line.strip_prefix("passed ") else { continue };
            assert!(passed.insert(number.parse::<u64>().unwrap()), "{number} has passed twice");
            seen += 1;
            if seen == wanted {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= wanted);
    }
    let logs = EpochKeys::open(&dir).unwrap().tag_logs();
    assert!(loaded(&logs, EPOCH).len() >= passed.len());
}

/// As a node does, for the same packets after each start: from the first on, a few at a time.
fn pass_packets(dir: &Path) {
    let keys = EpochKeys::open(dir).unwrap();
    let secret = keys.ensure(EPOCH, &mut OsRng).unwrap();
    let mut set = ReplaySet::new(TagHashKey::derive(&secret), 1_000_000);
    let mut logs = keys.tag_logs();
    logs.restore(EPOCH, &mut set).unwrap();
    for first in (0..1_000_000u64).step_by(3) {
        let fresh: Vec<(u64, Fingerprint)> = (first..first + 3)
            .filter_map(|number| {
                let mut tag = [0; 32];
                tag[24..].copy_from_slice(&number.to_be_bytes());
                let (verdict, print) = set.insert(&ReplayTag::from_bytes(tag));
                (verdict == ReplayVerdict::Fresh).then_some((number, print))
            })
            .collect();
        let batch: Vec<(u64, Fingerprint)> = fresh.iter().map(|(_, print)| (EPOCH, *print)).collect();
        logs.commit(&batch).unwrap();
        // One write each, so that a kill leaves whole lines.
        for (number, _) in fresh {
            std::io::stdout().write_all(format!("passed {number}\n").as_bytes()).unwrap();
        }
    }
}

/// The system refuses to let the file grow, as on a full disk, and later lets it.
#[test]
fn a_file_that_cannot_grow_loses_nothing_and_goes_on() {
    if let Some(dir) = child_dir() {
        return fill(&dir);
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("hop-keys");
    drop(keys_with(&dir, &[EPOCH]));
    // 8 blocks of 512 or 1,024 bytes; without the signal, a write behind them is an error.
    let shell = "trap '' XFSZ; ulimit -S -f 8;";
    let output = again("a_file_that_cannot_grow_loses_nothing_and_goes_on", shell, &dir).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let logs = EpochKeys::open(&dir).unwrap().tag_logs();
    assert_eq!(loaded(&logs, EPOCH), (0..3000).map(print).collect());
    assert_eq!(logs.sizes()[0].tags, 3000, "nothing twice");
}

fn fill(dir: &Path) {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut logs = EpochKeys::open(dir).unwrap().tag_logs();
    let batch = |from: u64| (from..from + 100).map(|number| (EPOCH, print(number))).collect::<Vec<_>>();
    let mut refused = 0;
    for from in (0..2000).step_by(100) {
        if let Err(error) = logs.commit(&batch(from)) {
            assert_eq!(error.label(), "tags-not-durable");
            refused += 1;
        }
    }
    assert!(refused > 0 && logs.kept() > 0);
    let mut limit = getrlimit(Resource::Fsize);
    limit.current = limit.maximum;
    setrlimit(Resource::Fsize, limit).unwrap();
    for from in (2000..3000).step_by(100) {
        logs.commit(&batch(from)).unwrap();
    }
    assert_eq!(logs.kept(), 0);
}

#[test]
fn a_key_and_its_log_come_and_go_together() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("hop-keys");
    let keys = keys_with(&dir, &[5, 6, 7]);
    let mut logs = keys.tag_logs();
    logs.commit(&[(5, print(1)), (6, print(2)), (7, print(3))]).unwrap();
    assert_eq!(fs::metadata(dir.join("epoch-5.tags")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(keys.retire_before(6).unwrap(), [5]);
    assert_eq!(names(&dir), ["epoch-6.key", "epoch-6.tags", "epoch-7.key", "epoch-7.tags"]);
    assert_eq!(logs.load(5, |_| ()).unwrap_err().label(), "no-tag-log");
    logs.commit(&[(5, print(4)), (6, print(5))]).expect("what nothing opens again need not be durable");
    drop((keys, logs));
    let keys = EpochKeys::open(&dir).unwrap();
    assert!(keys.distrusted().is_empty());
    assert_eq!(loaded(&keys.tag_logs(), 6), BTreeSet::from([print(2), print(5)]));
    assert_eq!(loaded(&keys.tag_logs(), 7), BTreeSet::from([print(3)]));
}

#[test]
fn a_key_without_its_log_is_wiped_and_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("hop-keys");
    let before = keys_with(&dir, &[5, 6]).load().unwrap();
    let witness = dir.join("witness");
    fs::hard_link(dir.join("epoch-5.key"), &witness).unwrap();
    fs::remove_file(dir.join("epoch-5.tags")).unwrap();
    let keys = EpochKeys::open(&dir).unwrap();
    let told: Vec<_> = keys.distrusted().iter().map(|key| (key.epoch, key.label)).collect();
    assert_eq!(told, [(5, KEY_WITHOUT_TAGS)]);
    assert!(fs::read(&witness).unwrap().iter().all(|byte| *byte == 0));
    let loaded = keys.load().unwrap();
    assert_eq!(loaded.len(), 1);
    assert_eq!(loaded[0].1.public(), before[1].1.public());
    let anew = keys.ensure(5, &mut OsRng).unwrap();
    assert_ne!(anew.public(), before[0].1.public());
    drop(keys);
    assert!(EpochKeys::open(&dir).unwrap().distrusted().is_empty());
}

#[test]
fn a_key_with_a_damaged_log_is_wiped_and_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("hop-keys");
    let mut logs = keys_with(&dir, &[5, 6]).tag_logs();
    logs.commit(&[(5, print(1)), (6, print(2))]).unwrap();
    logs.commit(&[(5, print(3)), (6, print(4))]).unwrap();
    drop(logs);
    let path = dir.join("epoch-5.tags");
    let mut bytes = fs::read(&path).unwrap();
    bytes[36] ^= 1;
    fs::write(&path, bytes).unwrap();
    let keys = EpochKeys::open(&dir).unwrap();
    let told: Vec<_> = keys.distrusted().iter().map(|key| (key.epoch, key.label)).collect();
    assert_eq!(told, [(5, "tag-log-damaged")]);
    assert_eq!(names(&dir), ["epoch-6.key", "epoch-6.tags"]);
    assert_eq!(loaded(&keys.tag_logs(), 6).len(), 2);
}

#[test]
fn a_log_without_a_key_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("hop-keys");
    drop(keys_with(&dir, &[5, 6]));
    fs::remove_file(dir.join("epoch-5.key")).unwrap();
    assert!(EpochKeys::open(&dir).unwrap().distrusted().is_empty());
    assert_eq!(names(&dir), ["epoch-6.key", "epoch-6.tags"]);
}

/// As after a crash between the two steps of each change.
#[test]
fn a_log_is_there_before_its_key_and_until_the_key_is_wiped() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("hop-keys");
    let keys = keys_with(&dir, &[5]);
    // A directory in the place of the unfinished file: the key cannot be written.
    fs::create_dir(dir.join("epoch-6.key.unfinished")).unwrap();
    keys.ensure(6, &mut OsRng).unwrap_err();
    assert_eq!(names(&dir), ["epoch-5.key", "epoch-5.tags", "epoch-6.key.unfinished", "epoch-6.tags"]);
    fs::remove_dir(dir.join("epoch-6.key.unfinished")).unwrap();
    keys.ensure(6, &mut OsRng).expect("the log of the failed attempt is there, and empty");
    // A directory in the place of the key: it cannot be wiped.
    let key = fs::read(dir.join("epoch-5.key")).unwrap();
    fs::remove_file(dir.join("epoch-5.key")).unwrap();
    fs::create_dir(dir.join("epoch-5.key")).unwrap();
    keys.retire_before(7).unwrap_err();
    assert!(dir.join("epoch-5.tags").exists());
    assert!(dir.join("epoch-6.key").exists());
    fs::remove_dir(dir.join("epoch-5.key")).unwrap();
    fs::write(dir.join("epoch-5.key"), key).unwrap();
    fs::set_permissions(dir.join("epoch-5.key"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(keys.retire_before(7).unwrap(), [5, 6]);
    assert!(names(&dir).is_empty());
}

#[test]
fn a_key_whose_wiping_was_cut_off_is_removed_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("hop-keys");
    drop(keys_with(&dir, &[5, 6]));
    let len = fs::read(dir.join("epoch-5.key")).unwrap().len();
    fs::write(dir.join("epoch-5.key"), vec![0; len]).unwrap();
    let keys = EpochKeys::open(&dir).unwrap();
    assert_eq!(keys.load().unwrap().len(), 1);
    assert_eq!(names(&dir), ["epoch-6.key", "epoch-6.tags"]);
}

#[test]
fn a_log_of_another_version_stops_the_start_and_nothing_is_wiped() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("hop-keys");
    drop(keys_with(&dir, &[5]));
    let path = dir.join("epoch-5.tags");
    let mut bytes = fs::read(&path).unwrap();
    bytes[13] = 2;
    fs::write(&path, bytes).unwrap();
    let error = EpochKeys::open(&dir).unwrap_err();
    assert_eq!(error.label(), "tag-log-version");
    assert!(error.to_string().contains("has version 2, this program knows version 1"), "{error}");
    assert_eq!(names(&dir), ["epoch-5.key", "epoch-5.tags"]);
}

#[test]
fn a_log_open_to_others_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("hop-keys");
    drop(keys_with(&dir, &[5]));
    fs::set_permissions(dir.join("epoch-5.tags"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(EpochKeys::open(&dir).unwrap_err().label(), "open-to-others");
}
