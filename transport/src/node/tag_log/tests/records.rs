//! What the bytes of a log say when they are cut, changed or followed by others.

use super::disk::Disk;
use super::{EPOCH, commit, empty_disk, loaded, open, print};
use crate::node::tag_log::format::{HEADER_LEN, RECORD_LEN_MAX};

/// The bytes of a log with records of these many tags, and where each ends.
fn log_of(counts: &[u64]) -> (Vec<u8>, Vec<usize>) {
    let disk = empty_disk(EPOCH);
    let mut log = open(EPOCH, &disk).unwrap();
    let (mut ends, mut number) = (vec![HEADER_LEN], 0);
    for count in counts {
        let prints: Vec<_> = (number..number + count).map(print).collect();
        commit(&mut log, &prints).unwrap();
        number += count;
        ends.push(disk.bytes().len());
    }
    (disk.bytes(), ends)
}

fn tags(bytes: Vec<u8>) -> Result<usize, &'static str> {
    open(EPOCH, &Disk::holding(bytes)).map(|log| loaded(&log).len()).map_err(|error| error.label())
}

#[test]
fn a_log_cut_anywhere_holds_its_whole_records() {
    let (bytes, ends) = log_of(&[3, 1, 20]);
    for cut in HEADER_LEN..=bytes.len() {
        let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
        let expected = [0, 3, 4, 24][whole];
        assert_eq!(tags(bytes[..cut].to_vec()), Ok(expected), "cut to {cut}");
        // Some file systems make a file longer before its bytes are there.
        let mut zeroed = bytes[..cut].to_vec();
        zeroed.resize(cut + 5000, 0);
        assert_eq!(tags(zeroed), Ok(expected), "zeros from {cut}");
        let disk = Disk::holding(bytes[..cut].to_vec());
        open(EPOCH, &disk).unwrap();
        assert_eq!(disk.bytes().len(), ends[whole], "what was cut off is gone");
    }
    for cut in 0..HEADER_LEN {
        assert_eq!(tags(bytes[..cut].to_vec()), Err("tag-log-damaged"));
    }
}

/// Whatever bit of a record is flipped, it does not pass; with a record behind it, it cannot have been a crash.
#[test]
fn a_changed_record_is_never_taken_and_is_damage_unless_it_is_the_last() {
    let (bytes, ends) = log_of(&[3, 2, 4]);
    for at in HEADER_LEN..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let expected = if at < ends[2] { Err("tag-log-damaged") } else { Ok(5) };
            assert_eq!(tags(changed), expected, "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_header_of_another_kind_epoch_or_version_is_refused() {
    let (bytes, _) = log_of(&[1]);
    for at in 0..HEADER_LEN {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let expected = if at == 13 { "tag-log-version" } else { "tag-log-damaged" };
        assert_eq!(tags(changed), Err(expected), "byte {at}");
    }
    let error = open(EPOCH + 1, &Disk::holding(bytes)).unwrap_err();
    assert_eq!(error.label(), "tag-log-damaged", "the log of another epoch");
}

#[test]
fn more_behind_the_last_record_than_a_crash_can_leave_is_damage() {
    let (bytes, _) = log_of(&[2]);
    for (behind, expected) in [(RECORD_LEN_MAX, Ok(2)), (RECORD_LEN_MAX + 1, Err("tag-log-damaged"))] {
        let mut longer = bytes.clone();
        longer.resize(bytes.len() + behind, 0xff);
        assert_eq!(tags(longer), expected, "{behind} bytes");
    }
}

/// The records that a longer commit left behind a shorter one in the same place are no part of the log.
#[test]
fn remains_of_an_earlier_commit_are_not_taken() {
    let (long, ends) = log_of(&[5, 4, 3]);
    let disk = Disk::holding(long[..HEADER_LEN].to_vec());
    commit(&mut open(EPOCH, &disk).unwrap(), &[100, 101, 102, 103, 104].map(print)).unwrap();
    let mut bytes = disk.bytes();
    assert_eq!(bytes.len(), ends[1]);
    bytes.extend_from_slice(&long[ends[1]..ends[2]]);
    assert_eq!(tags(bytes), Ok(5));
}

#[test]
fn a_log_of_many_windows_is_read_to_its_end() {
    let counts = [60_000, 1, 8192, 65_535, 2, 65_535, 300];
    let (bytes, _) = log_of(&counts);
    assert!(bytes.len() > 1 << 20);
    let disk = Disk::holding(bytes);
    let found = loaded(&open(EPOCH, &disk).unwrap());
    assert!(found.into_iter().eq((0..counts.iter().sum()).map(print)));
}
