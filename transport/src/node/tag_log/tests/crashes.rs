//! Commits, failing disks, power cuts and kills in random order. What was reported durable is loaded again, and
//! nothing is that was never handed in.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use rand_chacha::ChaCha20Rng;
use sotto_protocol::sphinx::Fingerprint;

use super::disk::{Counts, Disk, Trouble};
use super::{empty_disk, loaded, open, random_print, rng};
use crate::node::tag_log::table::Table;

const EPOCHS: [u64; 2] = [7, 8];

struct World {
    disks: BTreeMap<u64, Disk>,
    table: Table,
    offered: BTreeSet<(u64, Fingerprint)>,
    /// Handed in since the last start, and not reported durable yet.
    waiting: BTreeSet<(u64, Fingerprint)>,
    /// Reported durable, or found by the opening of a log.
    durable: BTreeSet<(u64, Fingerprint)>,
}

impl World {
    fn new() -> Self {
        let disks = EPOCHS.map(|epoch| (epoch, empty_disk(epoch))).into();
        let mut world = Self {
            disks,
            table: Table::default(),
            offered: BTreeSet::new(),
            waiting: BTreeSet::new(),
            durable: BTreeSet::new(),
        };
        world.start(0);
        world
    }

    /// Opens the logs, and checks what they hold.
    fn start(&mut self, seed: u64) {
        self.table = Table::default();
        let mut found = BTreeSet::new();
        for (epoch, disk) in &self.disks {
            let log = open(*epoch, disk).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            found.extend(loaded(&log).into_iter().map(|print| (*epoch, print)));
            self.table.insert(*epoch, log);
        }
        let lost = self.durable.difference(&found).count();
        assert_eq!(lost, 0, "seed {seed}: {lost} durable tags are gone");
        let strange = found.difference(&self.offered).count();
        assert_eq!(strange, 0, "seed {seed}: {strange} tags came from nowhere");
        self.durable = found;
    }

    fn commit(&mut self, tags: usize, rng: &mut ChaCha20Rng) -> bool {
        let batch: Vec<(u64, Fingerprint)> =
            (0..tags).map(|_| (EPOCHS[rng.random_range(0..EPOCHS.len())], random_print(rng))).collect();
        self.offered.extend(&batch);
        self.waiting.extend(&batch);
        match self.table.commit(&batch) {
            Ok(()) => {
                assert_eq!(self.table.kept(), 0);
                self.durable.append(&mut self.waiting);
                true
            }
            Err(error) => {
                assert_eq!(error.label(), "tags-not-durable");
                assert!(error.keeps_tags() && self.table.kept() > 0);
                false
            }
        }
    }

    fn crash(&mut self, rng: &mut ChaCha20Rng) {
        let is_power_cut = rng.random_ratio(2, 3);
        for disk in self.disks.values_mut() {
            disk.give_trouble(Trouble::default(), 0);
            if is_power_cut {
                *disk = disk.after_power_cut(rng);
            }
        }
        // What is not on a disk is forgotten with the process; its packets have not left.
        self.waiting.clear();
    }

    fn counts(&self) -> Vec<Counts> {
        self.disks.values().map(Disk::counts).collect()
    }
}

fn trouble(rng: &mut ChaCha20Rng) -> Trouble {
    let mut percent = |max: u32| if rng.random_ratio(1, 2) { rng.random_range(0..=max) } else { 0 };
    Trouble {
        short_write: percent(60),
        interrupted: percent(30),
        full: percent(40),
        write: percent(40),
        sync: percent(50),
        set_len: percent(100),
        read: 0,
    }
}

#[test]
fn what_was_reported_durable_outlives_failing_disks_power_cuts_and_kills() {
    let (mut failed_writes, mut failed_syncs, mut failed_cuts) = (0, 0, 0);
    let (mut recovered, mut torn) = (0, 0);
    for seed in 0..2000 {
        let mut rng = rng(seed);
        let mut world = World::new();
        for _ in 0..rng.random_range(1..6) {
            let trouble = trouble(&mut rng);
            for disk in world.disks.values() {
                disk.give_trouble(trouble, rng.random());
            }
            let mut has_failed = false;
            for _ in 0..rng.random_range(1..12) {
                let tags = rng.random_range(0..30);
                let has_committed = world.commit(tags, &mut rng);
                recovered += u32::from(has_failed && has_committed && tags > 0);
                has_failed = !has_committed;
            }
            for counts in world.counts() {
                failed_writes += counts.failed_writes;
                failed_syncs += counts.failed_syncs;
                failed_cuts += counts.failed_cuts;
            }
            world.crash(&mut rng);
            let before: usize = world.disks.values().map(|disk| disk.bytes().len()).sum();
            world.start(seed);
            let after: u64 = world.table.sizes().iter().map(|size| size.bytes).sum();
            torn += u32::from(after < before as u64);
        }
    }
    // Each kind of accident has happened often enough to be a test.
    assert!(failed_writes > 500 && failed_syncs > 500 && failed_cuts > 500);
    assert!(recovered > 500, "{recovered}");
    assert!(torn > 500, "{torn}");
}

/// A commit of more tags than a record takes is cut off anywhere: a record of it is there whole or not at all, and
/// none without those before.
#[test]
fn a_commit_of_several_records_is_kept_in_order() {
    let mut lens = BTreeSet::new();
    for seed in 0..12 {
        let mut rng = rng(seed);
        let disk = empty_disk(7);
        let mut log = open(7, &disk).unwrap();
        let prints: Vec<Fingerprint> = (0..20_000).map(|_| random_print(&mut rng)).collect();
        disk.give_trouble(Trouble { sync: 40, ..Trouble::default() }, seed);
        let result = super::commit(&mut log, &prints);
        let disk = disk.after_power_cut(&mut rng);
        let found = loaded(&open(7, &disk).unwrap());
        assert_eq!(found, prints[..found.len()], "seed {seed}");
        if result.is_ok() {
            assert_eq!(found.len(), prints.len());
        }
        lens.insert(found.len());
    }
    assert!(lens.len() > 2, "{lens:?}");
    assert!(lens.iter().all(|len| [0, 8192, 16_384, 20_000].contains(len)), "{lens:?}");
}
