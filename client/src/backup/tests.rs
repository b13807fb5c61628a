//! Backup files: whole, damaged, of another passphrase, and how much they show.

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::store::{RecordKey, RecordKind};
use crate::vault::ARGON2_MIB_MIN;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

fn content(texts: &[&str]) -> Content {
    let record = |(number, text): (u8, &&str)| {
        let key = RecordKey { kind: RecordKind::Message, id: [number; 16] };
        (key, Zeroizing::new(text.as_bytes().to_vec()))
    };
    Content {
        made_ms: 7,
        network: "sotto:network:x".to_owned(),
        config: "version = 1".to_owned(),
        records: (0..).zip(texts).map(record).collect(),
    }
}

fn sealed(content: &Content) -> Vec<u8> {
    let cost = Argon2Cost::with_mib(ARGON2_MIB_MIN).unwrap();
    seal(content, &passphrase("one two"), cost, &mut ChaCha20Rng::seed_from_u64(1)).unwrap()
}

#[test]
fn a_backup_round_trips_and_another_passphrase_is_told_from_damage() {
    let file = sealed(&content(&["the cat is under the stair", ""]));
    let opened = open(&file, &passphrase("one two")).unwrap();
    assert_eq!(
        (opened.made_ms, opened.network.as_str(), opened.config.as_str()),
        (7, "sotto:network:x", "version = 1")
    );
    assert_eq!(opened.records[0].1.as_slice(), b"the cat is under the stair");
    assert_eq!(opened.records.len(), 2);
    assert_eq!(open(&file, &passphrase("one twо")).unwrap_err().label(), "backup-wrong-passphrase");
    assert!(!file.windows(7).any(|bytes| bytes == b"the cat"));
    insta::assert_snapshot!(format!("{opened:?}"), @"Content(2 records)");
}

#[test]
fn backups_of_one_size_class_have_one_size() {
    let long = "x".repeat(50_000);
    let lens: Vec<usize> =
        [&[][..], &["a"], &[long.as_str()]].map(|texts| sealed(&content(texts)).len()).to_vec();
    assert_eq!(lens, [HEADER_LEN + NONCE_LEN + PADDED_LEN_MIN + TAG_LEN; 3]);
}

#[test]
fn a_byte_changed_anywhere_or_cut_off_is_refused() {
    let (file, right) = (sealed(&content(&["text"])), passphrase("one two"));
    // Every byte of the header, of which none gets as far as the derivation.
    for at in 0..HEADER_LEN {
        let mut changed = file.clone();
        changed[at] ^= 1;
        assert_eq!(open(&changed, &right).unwrap_err().label(), "backup-damaged", "byte {at}");
    }
    for at in [HEADER_LEN, HEADER_LEN + NONCE_LEN, file.len() / 2, file.len() - 1] {
        let mut changed = file.clone();
        changed[at] ^= 0x80;
        assert_eq!(open(&changed, &right).unwrap_err().label(), "backup-damaged", "byte {at}");
    }
    for len in [0, 11, HEADER_LEN - 1, HEADER_LEN, HEADER_LEN + 30, file.len() - 1] {
        assert_eq!(open(&file[..len], &right).unwrap_err().label(), "backup-damaged", "length {len}");
    }
    let longer = [file.as_slice(), &[0]].concat();
    assert_eq!(open(&longer, &right).unwrap_err().label(), "backup-damaged");
}

#[test]
fn a_later_version_and_an_absurd_cost_are_named() {
    let file = sealed(&content(&[]));
    let altered = |at: usize, bytes: &[u8]| {
        let mut changed = file.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        let check = check_of(&changed[..WRAPPED_END]);
        changed[WRAPPED_END..HEADER_LEN].copy_from_slice(&check);
        open(&changed, &passphrase("one two")).unwrap_err().label()
    };
    assert_eq!(altered(12, &[2]), "backup-version");
    assert_eq!(altered(16, &u32::MAX.to_be_bytes()), "argon2-cost");
    assert_eq!(altered(16, &1u32.to_be_bytes()), "argon2-cost");
}

proptest::proptest! {
    #[test]
    fn no_content_makes_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _refused = Content::decode(&bytes);
        let _short = open(&bytes, &passphrase("x"));
    }
}
