//! Each way in which a disk can fail, by itself.

use super::disk::Trouble;
use super::{EPOCH, commit, empty_disk, loaded, open, print, rng};
use crate::node::tag_log::table::Table;
use crate::node::tag_log::{KEPT_TAGS_MAX, TagLogError};

const ALWAYS: u32 = 100;
const FULL: Trouble =
    Trouble { full: ALWAYS, short_write: 0, interrupted: 0, write: 0, sync: 0, set_len: 0, read: 0 };
const FINE: Trouble = Trouble { full: 0, ..FULL };

#[test]
fn a_full_disk_is_said_to_be_and_the_log_goes_on_when_there_is_room() {
    for set_len in [0, ALWAYS] {
        let disk = empty_disk(EPOCH);
        let mut log = open(EPOCH, &disk).unwrap();
        commit(&mut log, &[print(1)]).unwrap();
        let before = disk.bytes();
        disk.give_trouble(Trouble { set_len, ..FULL }, 3);
        let error = commit(&mut log, &[print(2), print(3)]).unwrap_err();
        assert_eq!(error.label(), "tags-not-durable");
        assert!(error.to_string().contains("cannot write epoch.tags: no storage space"), "{error}");
        assert_eq!((log.kept(), log.size().0), (2, 1));
        if set_len == 0 {
            assert_eq!(disk.bytes(), before, "nothing half written is left");
        }
        disk.give_trouble(FINE, 0);
        commit(&mut log, &[print(4)]).unwrap();
        let expected = [1, 2, 3, 4].map(print);
        let found = loaded(&open(EPOCH, &disk.after_power_cut(&mut rng(1))).unwrap());
        assert_eq!(found, expected);
    }
}

/// What a failed synchronisation has lost, the next successful one does not bring back.
#[test]
fn after_a_failed_synchronisation_everything_is_written_anew() {
    let disk = empty_disk(EPOCH);
    let mut log = open(EPOCH, &disk).unwrap();
    disk.give_trouble(Trouble { sync: ALWAYS, ..FINE }, 1);
    for number in 1..4 {
        let error = commit(&mut log, &[print(number)]).unwrap_err();
        assert!(error.to_string().contains("cannot synchronise"), "{error}");
        assert_eq!(log.kept() as u64, number);
    }
    disk.give_trouble(FINE, 0);
    let writes = disk.counts().writes;
    log.sync().unwrap();
    assert_eq!(disk.counts().writes, writes + 1);
    for seed in 0..20 {
        let found = loaded(&open(EPOCH, &disk.after_power_cut(&mut rng(seed))).unwrap());
        assert_eq!(found, [1, 2, 3].map(print));
    }
}

#[test]
fn a_commit_waits_once_for_each_log_that_it_concerns_and_for_no_other() {
    let disks = [7, 8, 9].map(empty_disk);
    let mut table = Table::default();
    for (epoch, disk) in (7..).zip(&disks) {
        table.insert(epoch, open(epoch, disk).unwrap());
    }
    let batch: Vec<_> = (0..1000).map(|number| (7 + number % 2, print(number))).collect();
    table.commit(&batch).unwrap();
    assert_eq!(disks.each_ref().map(|disk| disk.counts().syncs), [1, 1, 0]);
    assert_eq!(disks.each_ref().map(|disk| disk.counts().writes), [1, 1, 0]);
    table.commit(&[]).unwrap();
    assert_eq!(disks.each_ref().map(|disk| disk.counts().syncs), [1, 1, 0]);
    assert_eq!(table.sizes().iter().map(|size| size.tags).collect::<Vec<_>>(), [500, 500, 0]);
}

#[test]
fn the_log_of_one_epoch_goes_on_while_that_of_another_fails() {
    let disks = [7, 8].map(empty_disk);
    let mut table = Table::default();
    for (epoch, disk) in (7..).zip(&disks) {
        table.insert(epoch, open(epoch, disk).unwrap());
    }
    disks[0].give_trouble(FULL, 1);
    assert!(table.commit(&[(7, print(1)), (8, print(2))]).is_err());
    assert_eq!(loaded(&open(8, &disks[1].after_power_cut(&mut rng(1))).unwrap()), [print(2)]);
    assert_eq!(table.kept(), 1);
    assert!(table.commit(&[]).is_err(), "an empty commit tells whether the last one is durable");
    // When the key is wiped, nothing of its epoch has to be durable any more.
    table.retire_before(8);
    table.commit(&[(7, print(3)), (8, print(4))]).unwrap();
    assert_eq!(loaded(table.get(8).unwrap()), [print(2), print(4)]);
}

#[test]
fn an_epoch_without_a_log_takes_nothing_of_the_commit() {
    let disk = empty_disk(7);
    let mut table = Table::default();
    table.insert(7, open(7, &disk).unwrap());
    let error = table.commit(&[(7, print(1)), (8, print(2))]).unwrap_err();
    assert_eq!(error.label(), "no-tag-log");
    assert!(!error.keeps_tags());
    assert_eq!((table.kept(), disk.counts().writes), (0, 0));
}

#[test]
fn what_waits_for_a_dead_disk_is_bounded() {
    let disk = empty_disk(7);
    let mut table = Table::default();
    table.insert(7, open(7, &disk).unwrap());
    disk.give_trouble(Trouble { write: ALWAYS, ..FINE }, 1);
    let batch: Vec<_> = (0..KEPT_TAGS_MAX as u64 / 4).map(|number| (7, print(number))).collect();
    let labels: Vec<&str> = (0..5).map(|_| table.commit(&batch).unwrap_err().label()).collect();
    assert_eq!(labels[..4], ["tags-not-durable"; 4]);
    assert_eq!(labels[4], "too-many-tags-kept");
    assert_eq!(table.kept(), KEPT_TAGS_MAX);
    disk.give_trouble(FINE, 0);
    table.commit(&batch).unwrap();
    assert_eq!(table.sizes()[0].tags, 5 * KEPT_TAGS_MAX as u64 / 4);
}

/// A disk that cannot be read is no torn tail: nothing is cut off.
#[test]
fn a_read_error_is_an_error_and_changes_nothing() {
    let disk = empty_disk(EPOCH);
    commit(&mut open(EPOCH, &disk).unwrap(), &[print(1)]).unwrap();
    let before = disk.bytes();
    disk.give_trouble(Trouble { read: ALWAYS, ..FINE }, 1);
    let error = open(EPOCH, &disk).unwrap_err();
    assert!(matches!(&error, TagLogError::File(_)) && error.label() == "io", "{error}");
    assert_eq!(disk.bytes(), before);
}
