mod crashes;
mod disk;
mod failures;
mod records;
mod vectors;

use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_protocol::sphinx::Fingerprint;

use super::log::Log;
use super::{TagLogError, format};
use disk::Disk;

const EPOCH: u64 = 7;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// A fingerprint for each number, another one for another.
fn print(number: u64) -> Fingerprint {
    let [_, bytes @ ..] = number.to_be_bytes();
    Fingerprint::from_bytes(bytes)
}

fn random_print(rng: &mut ChaCha20Rng) -> Fingerprint {
    Fingerprint::from_bytes(rng.random())
}

/// A disk with an empty log.
fn empty_disk(epoch: u64) -> Disk {
    Disk::holding(format::header(epoch).to_vec())
}

fn open(epoch: u64, disk: &Disk) -> Result<Log, TagLogError> {
    Log::open(epoch, Path::new("epoch.tags"), Box::new(disk.clone()))
}

fn loaded(log: &Log) -> Vec<Fingerprint> {
    let mut found = Vec::new();
    let count = log.load(&mut |print| found.push(print)).unwrap();
    assert_eq!(count, found.len() as u64);
    found
}

fn commit(log: &mut Log, prints: &[Fingerprint]) -> Result<(), TagLogError> {
    prints.iter().for_each(|print| log.push(*print));
    log.sync()
}
