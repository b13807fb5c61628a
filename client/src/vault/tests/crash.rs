//! kill -9 and power cuts at every write: what is found is the state before or the state after, never neither.

use super::*;

type Seen = (Records, Vec<(u8, String)>);

/// What somebody sees who opens with the first of these that opens.
fn seen(disk: &Disk, ways: &[&dyn Fn() -> Credentials]) -> Result<Seen, VaultError> {
    let mut last = None;
    for way in ways {
        match open(disk, way()) {
            Ok(vault) => {
                let slots = vault.slots().unwrap().into_iter().map(|s| (s.number, s.factors.to_string()));
                return Ok((records(&vault).unwrap(), slots.collect()));
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap())
}

/// Runs `change` with a stop after each of its writes in turn, and checks what is found; gives the number of writes.
/// Without `every` two stops within one transaction of the records count as one.
fn stopped_everywhere(
    base: &Disk,
    every: bool,
    change: &dyn Fn(&mut TestVault) -> Result<(), String>,
    check: &dyn Fn(&Disk, &str),
) -> u64 {
    let (mut syncs, mut seen_before) = (None, None);
    for writes in 0.. {
        let disk = base.copy();
        let mut vault = open(&disk, credentials("main")).unwrap();
        disk.stop_after(writes);
        let done = change(&mut vault);
        let stopped = disk.is_stopped();
        assert!(stopped || done.is_ok(), "{done:?}");
        let small = (disk.syncs(), disk.keys.bytes(), disk.erasure.bytes());
        let is_new = seen_before.as_ref() != Some(&small);
        seen_before = Some(small);
        if every || is_new || !stopped {
            check(&disk.after(Stop::Process), &format!("killed after {writes} writes"));
        }
        if syncs.replace(disk.syncs()) != Some(disk.syncs()) {
            check(&disk.after(Stop::Power), &format!("power cut after {writes} writes"));
        }
        if !stopped {
            return writes;
        }
    }
    unreachable!()
}

fn base() -> Disk {
    let disk = Disk::empty();
    let mut vault = create(&disk, credentials("main"));
    vault.commit(vec![put(1, SECRET), put(2, &[2; 1500])]).unwrap();
    vault
        .add_slot("paper", &mut Credentials { key_file: Some(key_file(1)), ..Credentials::default() }, 0)
        .unwrap();
    drop(vault);
    disk
}

fn main_way() -> Credentials {
    credentials("main")
}

fn new_way() -> Credentials {
    credentials("new")
}

#[test]
fn a_commit_is_there_or_not() {
    let base = base();
    let before = seen(&base.copy(), &[&main_way]).unwrap().0;
    let change = |vault: &mut TestVault| {
        vault
            .commit(vec![put(1, b"after"), Change::Delete { key: key(2) }, put(3, b"3")])
            .map_err(|e| e.to_string())
    };
    let after = [(key(1), b"after".to_vec()), (key(3), b"3".to_vec())];
    let writes = stopped_everywhere(&base, true, &change, &|disk, at| {
        let found = seen(disk, &[&main_way]).unwrap_or_else(|error| panic!("{at}: {error}")).0;
        assert!(found == before || found == after, "{at}: {found:?}");
        // And it can be used further.
        let mut vault = open(disk, main_way()).unwrap();
        vault.commit(vec![put(9, b"on")]).unwrap();
    });
    println!("a commit makes {writes} writes");
    assert!(writes > 5);
}

#[test]
fn a_changed_added_or_removed_slot_is_there_or_not() {
    let base = base();
    let old = seen(&base.copy(), &[&main_way]).unwrap();
    let text = |error: VaultError| error.to_string();
    let replace = |vault: &mut TestVault| vault.replace_slot(0, &mut new_way(), None).map_err(text);
    let writes = stopped_everywhere(&base, false, &replace, &|disk, at| {
        let both: [bool; 2] = [main_way(), new_way()].map(|given| open(&disk.copy(), given).is_ok());
        assert!(both == [true, false] || both == [false, true], "{at}: {both:?}");
        let found = seen(disk, &[&main_way, &new_way]).unwrap();
        assert_eq!(found, old, "{at}");
    });
    println!("replacing a slot makes {writes} writes");

    let add = |vault: &mut TestVault| vault.add_slot("new", &mut new_way(), 0).map(drop).map_err(text);
    let writes = stopped_everywhere(&base, false, &add, &|disk, at| {
        let opens = open(&disk.copy(), new_way()).is_ok();
        let found = seen(disk, &[&main_way]).unwrap();
        assert_eq!((found.1.len() == 3, found.0), (opens, old.0.clone()), "{at}");
    });
    println!("adding a slot makes {writes} writes");

    let remove = |vault: &mut TestVault| vault.remove_slot(1).map_err(text);
    let file = || Credentials { key_file: Some(key_file(1)), ..Credentials::default() };
    let writes = stopped_everywhere(&base, false, &remove, &|disk, at| {
        let opens = open(&disk.copy(), file()).is_ok();
        let found = seen(disk, &[&main_way]).unwrap();
        assert_eq!((found.1.len() == 2, found.0), (opens, old.0.clone()), "{at}");
    });
    println!("removing a slot makes {writes} writes");
}

#[test]
fn an_interrupted_duress_is_finished_and_nothing_else_opens_once_it_has_begun() {
    let base = base();
    let forced = || credentials("forced");
    open(&base, main_way()).unwrap().set_duress(&mut forced()).unwrap();
    let mut writes = 0;
    loop {
        let disk = base.copy();
        disk.stop_after(writes);
        let opened = open(&disk, forced());
        let stopped = disk.is_stopped();
        assert_eq!(opened.is_ok(), !stopped);
        drop(opened);
        for stop in [Stop::Process, Stop::Power] {
            let left = disk.after(stop);
            // The first write is torn, or not durable: the old vault may still be there, whole.
            if writes > 1 {
                assert!(open(&left.copy(), main_way()).is_err(), "{stop:?} after {writes} writes");
            }
            let vault =
                open(&left, forced()).unwrap_or_else(|e| panic!("{stop:?} after {writes} writes: {e}"));
            assert_eq!(records(&vault).unwrap(), []);
            assert_eq!(vault.slots().unwrap().len(), 1);
            drop(vault);
            assert_eq!(refused(&left, main_way()), "wrong-passphrase");
        }
        if !stopped {
            break;
        }
        // The records are filled with about 70 equal writes of zeros, and with about 1,000 pages.
        writes += if writes < 12 { 1 } else { 251 };
    }
    println!("duress makes at most {writes} writes");
}

#[test]
fn an_interrupted_creation_never_opens_half() {
    for writes in (0..6).chain((6..).step_by(197)) {
        let disk = Disk::empty();
        disk.stop_after(writes);
        let made = Vault::create_on(disk.media(), &mut main_way(), floor(), quick, rng(1));
        let stopped = disk.is_stopped();
        drop(made);
        if !stopped {
            break;
        }
        // The file gets its name only after all of this; even so, nothing but an error or an empty vault.
        if let Ok(vault) = open(&disk.after(Stop::Process), main_way()) {
            assert_eq!(records(&vault).unwrap(), [], "after {writes} writes");
        }
    }
}

#[test]
fn a_killed_process_loses_no_commit_that_returned() {
    use std::io::{BufRead, BufReader};
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vault.redb");
    let given = || Credentials { key_file: Some(key_file(1)), ..Credentials::default() };
    if let Some(path) = std::env::var_os("SOTTO_TEST_VAULT_TO_KILL") {
        let mut vault = Vault::open(path.as_ref(), &mut given(), rng(3)).unwrap();
        for number in 0.. {
            vault.commit(vec![put(number % 50, &number.to_be_bytes())]).unwrap();
            println!("committed {number}");
        }
    }
    drop(Vault::create(&path, &mut given(), floor(), rng(1)).unwrap());
    for round in 1..=3u16 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--nocapture",
                "vault::tests::crash::a_killed_process_loses_no_commit_that_returned",
            ])
            .env("SOTTO_TEST_VAULT_TO_KILL", &path)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let number_in = |line: String| Some(line.rsplit_once("committed ")?.1.trim().parse::<u16>().unwrap());
        let reached =
            lines.by_ref().map_while(Result::ok).filter_map(number_in).find(|n| *n >= 7 * round).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let last = lines.map_while(Result::ok).filter_map(number_in).last().unwrap_or(reached);
        let vault = Vault::open(&path, &mut given(), rng(4)).unwrap();
        let newest =
            vault.load().unwrap().iter().map(|(_, v)| u16::from_be_bytes([v[0], v[1]])).max().unwrap();
        assert!(newest == last || newest == last + 1, "{newest} is there, {last} was told");
    }
}
