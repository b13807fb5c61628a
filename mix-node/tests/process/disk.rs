//! Disks that are full, take no write, or are read-only: no packet leaves whose replay tag is not durable, and the node
//! goes on when the disk does.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sotto_mix_node::shell::MixStatus;
use sotto_mix_node::stage::{NodeProcess, Prepared};
use sotto_transport::link::LinkWriter;
use sotto_transport::node::layout;

use super::support::{Theatre, frames};

/// Set for the process that a test starts in a mount namespace of its own.
const INSIDE: &str = "SOTTO_TEST_MOUNTS";
/// Room for the keys, and for some thousand tags.
const DISK_SIZE: &str = "size=256k,mode=700";
const ROUND: usize = 200;
const ROUNDS: usize = 8;
const DELAY_MEAN: Duration = Duration::from_millis(5);

/// Runs `inside` where mounts are its own: by starting this very test again in a mount namespace.
fn within_mounts(test: &str, inside: impl AsyncFnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(inside());
    }
    // Root has the rights; anybody else gets them within a user namespace.
    let rights: &[&str] =
        if rustix::process::geteuid().is_root() { &["--mount"] } else { &["--map-root-user", "--mount"] };
    let this = std::env::current_exe().unwrap();
    let status = Command::new("unshare")
        .args(rights)
        .arg(this)
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .expect("unshare (Debian: util-linux) starts");
    assert!(status.success(), "{test} failed in its namespace ({status})");
}

fn run(program: &str, words: &[&str]) {
    let status = Command::new(program).args(words).status().unwrap();
    assert!(status.success(), "{program} {words:?}");
}

async fn send(writer: &mut LinkWriter, packets: &[Prepared]) {
    writer.send_all(&frames(packets)).await.map_err(|(_, error)| error).unwrap();
}

async fn settled(node: &NodeProcess, sent: usize) -> MixStatus {
    let sent = u64::try_from(sent).unwrap();
    let is_settled =
        |status: &MixStatus| status.report.ledger.received == sent && status.report.ledger.held == 0;
    let status = node.wait_for("every packet has its outcome", is_settled).await.unwrap();
    assert!(status.report.ledger.balanced());
    status
}

fn dropped(status: &MixStatus, label: &str) -> u64 {
    status.report.ledger.dropped.get(label).copied().unwrap_or_default()
}

/// A node whose disk breaks and is mended, and what it says meanwhile.
async fn survives(
    mut theatre: Theatre,
    mut fail: impl FnMut(&NodeProcess),
    mut mend: impl FnMut(&NodeProcess),
) -> String {
    let round = u64::try_from(ROUND).unwrap();
    let (node, address) = theatre.start().await;
    let packets = theatre.packets(ROUNDS * ROUND, DELAY_MEAN).await;
    let mut rounds = packets.chunks(ROUND);
    let mut sent = 0;
    let (reader, mut writer) = theatre.link(&address).await.split();
    send(&mut writer, rounds.next().unwrap()).await;
    sent += ROUND;
    assert_eq!(settled(&node, sent).await.report.ledger.forwarded, round);

    fail(&node);
    // The page that is in use may have room left.
    let failing = loop {
        send(&mut writer, rounds.next().expect("the disk fails")).await;
        sent += ROUND;
        let status = settled(&node, sent).await;
        if status.report.pipeline.commits_failing {
            break status;
        }
    };
    // The disk takes nothing now, so neither does the node: half of a round goes before, half while the status looks.
    let (first, second) = rounds.next().unwrap().split_at(ROUND / 2);
    send(&mut writer, first).await;
    let status = settled(&node, sent + ROUND / 2).await;
    assert_eq!(status.report.ledger.forwarded, failing.report.ledger.forwarded);
    assert_eq!(
        dropped(&status, "tags-not-durable"),
        dropped(&failing, "tags-not-durable") + round / 2,
        "{:?}",
        status.report.ledger
    );
    let (second, mut writer) = {
        let second = second.to_vec();
        let sending = tokio::spawn(async move {
            for packet in second.chunks(2) {
                send(&mut writer, packet).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            writer
        });
        let said = tokio::task::block_in_place(|| theatre.command(&["status"]).1);
        assert!(said.contains("tags-not-durable"), "{said}");
        assert!(said.contains("see whether the disk is full, read-only or failing"), "{said}");
        (ROUND / 2, sending.await.unwrap())
    };
    sent += ROUND / 2 + second;
    let status = settled(&node, sent).await;
    assert!(status.report.pipeline.commits_failing && status.report.pipeline.commits_failed > 1);
    theatre.came(status.report.ledger.forwarded).await;
    let not_durable = dropped(&status, "tags-not-durable");
    assert_eq!(status.report.ledger.forwarded + not_durable, u64::try_from(sent).unwrap());

    mend(&node);
    send(&mut writer, rounds.next().unwrap()).await;
    sent += ROUND;
    let after = settled(&node, sent).await;
    assert_eq!(after.report.ledger.forwarded, status.report.ledger.forwarded + round, "without a restart");
    assert!(!after.report.pipeline.commits_failing);
    theatre.came(after.report.ledger.forwarded).await;
    let figures = format!(
        "of {sent} packets {} forwarded, {not_durable} dropped while the disk took nothing",
        after.report.ledger.forwarded
    );

    // What waited for the disk is durable with the rest: after kill -9 nothing passes, whether it had left or not.
    drop((reader, writer));
    node.kill().unwrap();
    let (node, address) = theatre.start().await;
    let (_reader, mut writer) = theatre.link(&address).await.split();
    send(&mut writer, &packets[..sent]).await;
    let status = settled(&node, sent).await;
    assert_eq!(dropped(&status, "replayed"), u64::try_from(sent).unwrap(), "{:?}", status.report.ledger);
    node.stop().unwrap();
    figures
}

#[test]
fn a_full_disk_lets_nothing_leave_and_the_node_recovers_without_a_restart() {
    within_mounts(
        "disk::a_full_disk_lets_nothing_leave_and_the_node_recovers_without_a_restart",
        async || {
            let theatre = Theatre::open(1, 5).await;
            let keys = layout::hop_keys_dir(&theatre.config.dir);
            fs::create_dir(&keys).unwrap();
            run("mount", &["-t", "tmpfs", "-o", DISK_SIZE, "tmpfs", keys.to_str().unwrap()]);
            let filler = keys.join("filler");
            let figures = survives(theatre, |_| fill(&filler), |_| fs::remove_file(&filler).unwrap()).await;
            println!("{figures}");
        },
    );
}

/// Takes all the room there is.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    loop {
        match file.write_all(&[1; 512]) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return,
            Err(error) => panic!("{error}"),
        }
    }
}

/// As a file system that the system makes read-only after an error: no file takes a byte more.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_no_write_lets_nothing_leave_and_the_node_recovers_without_a_restart() {
    let mut theatre = Theatre::open(1, 5).await;
    // The limit is told by an error only if its signal is ignored.
    let script = theatre.config.dir.join("start");
    fs::write(&script, format!("#!/bin/sh\ntrap '' XFSZ\nexec {} \"$@\"\n", theatre.program.display()))
        .unwrap();
    run("chmod", &["700", script.to_str().unwrap()]);
    theatre.program = script;
    let limit = |node: &NodeProcess, bytes: &str| {
        run("prlimit", &["--pid", &node.id().to_string(), &format!("--fsize={bytes}:")]);
    };
    let figures = survives(theatre, |node| limit(node, "1"), |node| limit(node, "unlimited")).await;
    println!("{figures}");
}

#[test]
fn a_node_on_a_read_only_disk_does_not_start_and_says_why() {
    within_mounts("disk::a_node_on_a_read_only_disk_does_not_start_and_says_why", async || {
        let theatre = Theatre::open(1, 5).await;
        let (node, _) = theatre.start().await;
        node.stop().unwrap();
        let dir: PathBuf = theatre.config.dir.clone();
        let path = dir.to_str().unwrap();
        run("mount", &["--bind", path, path]);
        run("mount", &["-o", "remount,bind,ro", path]);
        let (went_well, said) = theatre.command(&["run"]);
        println!("{said}");
        assert!(!went_well && said.contains("Read-only file system"), "{said}");
        run("mount", &["-o", "remount,bind,rw", path]);
        let (node, _) = theatre.start().await;
        node.stop().unwrap();
    });
}
