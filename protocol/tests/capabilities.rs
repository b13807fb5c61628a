//! What capabilities can do and cannot: write, read, look ahead, forget, withdraw.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sotto_protocol::boxes::{
    BoxId, BoxRefusal, CAPABILITY_LEN, CapabilityRefusal, READ_AHEAD_MAX, ReadCap, SealedBox,
    TOMBSTONE_KEY_LEN, TOMBSTONE_LEN, Tombstone, TombstoneKey, WriteCap,
};

const SIGNATURE: usize = 32;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn stream() -> (WriteCap, ReadCap) {
    let writer = WriteCap::from_seed(&[7; 32]);
    let reader = writer.read_cap();
    (writer, reader)
}

#[test]
fn a_read_capability_cannot_be_used_to_write() {
    let (writer, reader) = stream();
    let as_reader = reader.to_bytes();
    let refusal = WriteCap::from_bytes(as_reader.as_slice()).unwrap_err();
    assert_eq!(refusal, CapabilityRefusal::Kind { expected: 1, actual: 2 });

    // A reader who pretends that his bytes are a write capability gets another stream: neither the id nor
    // the signature is the one that other readers look for.
    let mut forged = *as_reader;
    forged[1] = 1;
    let mut forger = WriteCap::from_bytes(&forged).unwrap();
    assert_ne!(forger.next_id(), writer.next_id());
    let sealed = forger.seal_next(b"forged", &mut rng()).unwrap();
    assert_eq!(reader.next_box().open(&sealed).unwrap_err(), BoxRefusal::OtherId);
    let mut renamed = sealed.to_bytes();
    renamed[..32].copy_from_slice(writer.next_id().as_bytes());
    let renamed = SealedBox::from_bytes(&renamed).unwrap();
    assert_eq!(reader.next_box().open(&renamed).unwrap_err(), BoxRefusal::Signature);
}

#[test]
fn a_read_capability_does_not_hold_the_writers_secret() {
    let (writer, reader) = stream();
    let (write, read) = (writer.to_bytes(), reader.to_bytes());
    assert_eq!(write[2..42], read[2..42], "both are at the same place of the same chain");
    assert!(read.windows(8).all(|run| !write[42..].windows(8).any(|secret| secret == run)));
}

#[test]
fn looking_ahead_finds_what_advancing_finds_and_ends_at_the_limit() {
    let (_, mut reader) = stream();
    let ahead: Vec<BoxId> = (0..READ_AHEAD_MAX).map(|offset| *reader.peek(offset).unwrap().id()).collect();
    for offset in [READ_AHEAD_MAX, READ_AHEAD_MAX + 1, u64::MAX] {
        let refusal = reader.peek(offset).unwrap_err();
        assert_eq!(refusal, BoxRefusal::TooFarAhead { max: 64, offset });
        assert_eq!(refusal.label(), "box-read-ahead");
    }
    for (index, id) in (0_u64..).zip(ahead) {
        assert_eq!((reader.next_id(), reader.next_box().index()), (id, index));
        reader.advance();
    }
}

#[test]
fn a_capability_that_has_moved_on_cannot_open_or_rewrite_what_it_has_passed() {
    let (mut writer, mut reader) = stream();
    let (old_write, old_read) = (writer.to_bytes(), reader.to_bytes());
    let old_key = reader.next_box();
    let sealed = writer.seal_next(b"yesterday's secret", &mut rng()).unwrap();
    reader.advance();
    let (new_write, new_read) = (writer.to_bytes(), reader.to_bytes());

    // The erased chain secret is not in what a thief finds, nor in anything that it was derived from.
    let old_state = &old_read[10..42];
    assert!(!new_read.windows(32).any(|run| run == old_state));
    assert!(!new_write.windows(32).any(|run| run == old_state));
    assert!(!new_write.windows(32).any(|run| run == [7; 32]), "the stream's seed would give every key back");

    let thief = ReadCap::from_bytes(new_read.as_slice()).unwrap();
    for offset in 0..READ_AHEAD_MAX {
        let key = thief.peek(offset).unwrap();
        assert_eq!(key.open(&sealed), Err(BoxRefusal::OtherId));
    }
    // Naming the old position does not help without its secret.
    let mut turned_back = *new_read;
    turned_back[2..10].copy_from_slice(&0_u64.to_be_bytes());
    let turned_back = ReadCap::from_bytes(&turned_back).unwrap();
    assert_eq!(turned_back.index(), 0);
    for offset in 0..READ_AHEAD_MAX {
        assert_eq!(turned_back.peek(offset).unwrap().open(&sealed), Err(BoxRefusal::OtherId));
    }
    // Whoever kept the old secret still can: it is the secret that counts.
    assert_eq!(old_key.open(&sealed).unwrap(), b"yesterday's secret");
    assert_eq!(WriteCap::from_bytes(old_write.as_slice()).unwrap().next_id(), *sealed.id());
}

#[test]
fn capabilities_come_back_from_the_vault_as_they_were() {
    let (mut writer, mut reader) = stream();
    for _ in 0..3 {
        writer.seal_next(b"", &mut rng()).unwrap();
        reader.advance();
    }
    let mut writer = WriteCap::from_bytes(writer.to_bytes().as_slice()).unwrap();
    let reader = ReadCap::from_bytes(reader.to_bytes().as_slice()).unwrap();
    assert_eq!((writer.index(), reader.index()), (3, 3));
    assert_eq!(*writer.read_cap().to_bytes(), *reader.to_bytes());
    let sealed = writer.seal_next(b"after a restart", &mut rng()).unwrap();
    assert_eq!(reader.next_box().open(&sealed).unwrap(), b"after a restart");
}

#[test]
fn damaged_capabilities_are_refused() {
    let (writer, reader) = stream();
    let (write, read) = (*writer.to_bytes(), *reader.to_bytes());
    let key = *writer.next_tombstone_key().to_bytes();
    let with = |mut bytes: [u8; CAPABILITY_LEN], place: usize, value: u8| {
        bytes[place] = value;
        bytes
    };
    for len in [0, 1, 2, 10, 42, CAPABILITY_LEN - 1] {
        let refusal = CapabilityRefusal::WrongLength { expected: CAPABILITY_LEN, actual: len };
        assert_eq!(WriteCap::from_bytes(&write[..len]).unwrap_err(), refusal);
        assert_eq!(ReadCap::from_bytes(&read[..len]).unwrap_err(), refusal);
        assert_eq!(refusal.label(), "capability-length");
    }
    assert_eq!(
        ReadCap::from_bytes(&[read.as_slice(), &[0]].concat()).unwrap_err(),
        CapabilityRefusal::WrongLength { expected: 74, actual: 75 }
    );
    let refusal = WriteCap::from_bytes(&with(write, 0, 2)).unwrap_err();
    assert_eq!((refusal, refusal.label()), (CapabilityRefusal::Version { actual: 2 }, "capability-version"));
    let refusal = ReadCap::from_bytes(&write).unwrap_err();
    assert_eq!(
        (refusal, refusal.label()),
        (CapabilityRefusal::Kind { expected: 2, actual: 1 }, "capability-kind")
    );
    assert_eq!(
        TombstoneKey::from_bytes(&key[..65]).unwrap_err(),
        CapabilityRefusal::WrongLength { expected: TOMBSTONE_KEY_LEN, actual: 65 }
    );
    let mut zero_scalar = key;
    zero_scalar[2..34].fill(0);
    let mut unreduced_scalar = key;
    unreduced_scalar[2..34].fill(0xff);
    for bytes in [zero_scalar, unreduced_scalar] {
        let refusal = TombstoneKey::from_bytes(&bytes).unwrap_err();
        assert_eq!((refusal, refusal.label()), (CapabilityRefusal::Scalar, "capability-scalar"));
    }
}

#[test]
fn a_read_capability_with_a_key_outside_the_prime_order_group_is_refused() {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};

    let (_, reader) = stream();
    let mixed = ED25519_BASEPOINT_POINT + EIGHT_TORSION[1];
    let mut keys: Vec<[u8; 32]> = EIGHT_TORSION.iter().map(|point| point.compress().to_bytes()).collect();
    keys.push(mixed.compress().to_bytes());
    keys.push([0xff; 32]);
    for key in keys {
        let mut bytes = *reader.to_bytes();
        bytes[42..].copy_from_slice(&key);
        let refusal = ReadCap::from_bytes(&bytes).unwrap_err();
        assert_eq!((refusal, refusal.label()), (CapabilityRefusal::RootKey, "capability-root-key"));
    }
}

#[test]
fn a_tombstone_key_kept_aside_withdraws_its_box_after_the_stream_has_moved_on() {
    let (mut writer, reader) = stream();
    let key = writer.next_tombstone_key();
    let sealed = writer.seal_next(b"regretted", &mut rng()).unwrap();
    writer.seal_next(b"later", &mut rng()).unwrap();
    let key = TombstoneKey::from_bytes(key.to_bytes().as_slice()).unwrap();
    let tombstone = key.tombstone();
    assert_eq!((tombstone.id(), key.id()), (sealed.id(), *sealed.id()));
    let tombstone = Tombstone::from_bytes(&tombstone.to_bytes()).unwrap();
    tombstone.verify().unwrap();
    reader.next_box().check_tombstone(&tombstone).unwrap();
    assert_eq!(tombstone, key.tombstone());
}

#[test]
fn a_tombstone_may_stand_where_no_box_was() {
    let (mut writer, mut reader) = stream();
    let tombstone = writer.tombstone_next();
    reader.next_box().check_tombstone(&tombstone).unwrap();
    assert_eq!(writer.index(), 1);
    reader.advance();
    assert_eq!(reader.next_id(), writer.next_id());
}

#[test]
fn a_forged_tombstone_or_one_for_another_box_is_refused() {
    let (mut writer, reader) = stream();
    let (first, second) = (writer.tombstone_next(), writer.tombstone_next());
    assert_eq!(reader.next_box().check_tombstone(&second), Err(BoxRefusal::OtherId));

    let mut renamed = second.to_bytes();
    renamed[..32].copy_from_slice(first.id().as_bytes());
    let renamed = Tombstone::from_bytes(&renamed).unwrap();
    assert_eq!(reader.next_box().check_tombstone(&renamed), Err(BoxRefusal::Signature));

    for place in SIGNATURE..TOMBSTONE_LEN {
        let mut forged = first.to_bytes();
        forged[place] ^= 1;
        assert_eq!(Tombstone::from_bytes(&forged).unwrap().verify(), Err(BoxRefusal::Signature));
    }
}

#[test]
fn the_signature_of_a_box_is_no_tombstone() {
    let (mut writer, _) = stream();
    let sealed = writer.seal_next(b"text", &mut rng()).unwrap();
    let tombstone = Tombstone::from_bytes(&sealed.to_bytes()[..TOMBSTONE_LEN]).unwrap();
    assert_eq!(tombstone.id(), sealed.id());
    assert_eq!(tombstone.verify(), Err(BoxRefusal::Signature));
}
