//! Mailbox commands and replies: one encoding each, one length, everything else refused by name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use proptest::prelude::*;
use rand::RngExt;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sotto_protocol::boxes::{SealedBox, Tombstone, WriteCap};
use sotto_protocol::limits::{PAYLOAD_TEXT_LEN, SURB_LEN};
use sotto_protocol::mailbox::{Command, CommandRefusal, RefusalCode, Reply, ReplyRefusal, TtlClass};
use sotto_protocol::sphinx::Surb;

const VERSION: usize = 0;
const KIND: usize = 1;
const TTL: usize = 2;
const RESERVED: usize = 3;
const SURB: usize = 4;
const TOKEN: usize = 400;
const BODY: usize = 496;
const BOX_END: usize = 1992;

fn surb() -> Surb {
    Surb::from_bytes(&[5; SURB_LEN]).unwrap()
}

fn sealed() -> SealedBox {
    WriteCap::from_seed(&[7; 32]).seal_next(b"text", &mut ChaCha20Rng::seed_from_u64(1)).unwrap()
}

fn tombstone() -> Tombstone {
    WriteCap::from_seed(&[7; 32]).tombstone_next()
}

fn commands() -> Vec<Command> {
    vec![
        Command::Drop,
        Command::Write { surb: surb(), ttl: TtlClass::Week, sealed: sealed() },
        Command::Read { surb: surb(), id: *sealed().id() },
        Command::Tombstone { surb: surb(), tombstone: tombstone() },
    ]
}

fn replies() -> Vec<Reply> {
    vec![
        Reply::Stored,
        Reply::AlreadyStored,
        Reply::Conflict,
        Reply::Found(sealed()),
        Reply::NotFound,
        Reply::Tombstoned(tombstone()),
        Reply::Refused(RefusalCode::QuotaFull),
        Reply::Refused(RefusalCode::BadSignature),
        Reply::Refused(RefusalCode::StoreFailed),
        Reply::Refused(RefusalCode::Busy),
    ]
}

fn with(mut text: Vec<u8>, place: usize, byte: u8) -> Vec<u8> {
    text[place] = byte;
    text
}

#[test]
fn every_command_comes_back_and_fills_its_packet() {
    for (command, label) in commands().into_iter().zip(["drop", "write", "read", "tombstone"]) {
        let text = command.to_text();
        assert_eq!(text.len(), PAYLOAD_TEXT_LEN);
        assert_eq!(command.label(), label);
        assert_eq!(Command::parse(&text).unwrap(), command);
    }
    for ttl in TtlClass::ALL {
        let text = Command::Write { surb: surb(), ttl, sealed: sealed() }.to_text();
        assert!(matches!(Command::parse(&text), Ok(Command::Write { ttl: parsed, .. }) if parsed == ttl));
    }
}

#[test]
fn every_reply_comes_back_and_fills_its_packet() {
    for reply in replies() {
        let text = reply.to_text();
        assert_eq!(text.len(), PAYLOAD_TEXT_LEN);
        assert_eq!(Reply::parse(&text).unwrap(), reply);
    }
}

#[test]
fn the_fields_of_a_write_lie_where_the_layout_says() {
    let text = Command::Write { surb: surb(), ttl: TtlClass::Fortnight, sealed: sealed() }.to_text();
    assert_eq!(text[..SURB], [1, 1, 3, 0]);
    assert_eq!(text[SURB..TOKEN], [5; SURB_LEN]);
    assert_eq!(text[TOKEN..BODY], [0; 96]);
    assert_eq!(text[BODY..BOX_END], sealed().to_bytes());
    assert_eq!(text[BOX_END..], [0; 39]);
}

#[test]
fn commands_and_replies_of_a_wrong_length_are_refused() {
    for len in [0, 1, 4, 400, PAYLOAD_TEXT_LEN - 1, PAYLOAD_TEXT_LEN + 1, 100_000] {
        let mut text = Command::Drop.to_text();
        text.resize(len, 0);
        let refusal = Command::parse(&text).unwrap_err();
        assert_eq!(
            (refusal, refusal.label()),
            (CommandRefusal::WrongLength { actual: len }, "command-length")
        );
        let mut text = Reply::Stored.to_text();
        text.resize(len, 0);
        let refusal = Reply::parse(&text).unwrap_err();
        assert_eq!((refusal, refusal.label()), (ReplyRefusal::WrongLength { actual: len }, "reply-length"));
    }
}

#[test]
fn other_versions_are_refused() {
    for version in [0, 2, 255] {
        for command in commands() {
            let refusal = Command::parse(&with(command.to_text(), VERSION, version)).unwrap_err();
            assert_eq!(refusal, CommandRefusal::Version { actual: version });
            assert_eq!(refusal.label(), "command-version");
        }
        for reply in replies() {
            let refusal = Reply::parse(&with(reply.to_text(), VERSION, version)).unwrap_err();
            assert_eq!(refusal, ReplyRefusal::Version { actual: version });
            assert_eq!(refusal.label(), "reply-version");
        }
    }
}

#[test]
fn digest_and_tokens_are_refused_as_unsupported() {
    for kind in [4, 5] {
        let refusal = Command::parse(&with(Command::Drop.to_text(), KIND, kind)).unwrap_err();
        assert_eq!((refusal, refusal.label()), (CommandRefusal::Unsupported { kind }, "unsupported-command"));
    }
}

#[test]
fn kinds_without_a_meaning_are_refused() {
    for kind in 6..=u8::MAX {
        let refusal = Command::parse(&with(Command::Drop.to_text(), KIND, kind)).unwrap_err();
        assert_eq!((refusal, refusal.label()), (CommandRefusal::Kind { kind }, "command-kind"));
    }
    for kind in std::iter::once(0).chain(8..=u8::MAX) {
        let refusal = Reply::parse(&with(Reply::Stored.to_text(), KIND, kind)).unwrap_err();
        assert_eq!((refusal, refusal.label()), (ReplyRefusal::Kind { kind }, "reply-kind"));
    }
}

#[test]
fn a_write_with_an_unknown_time_to_live_is_refused() {
    let text = commands().swap_remove(1).to_text();
    for ttl in std::iter::once(0).chain(10..=u8::MAX) {
        let refusal = Command::parse(&with(text.clone(), TTL, ttl)).unwrap_err();
        assert_eq!((refusal, refusal.label()), (CommandRefusal::Ttl { actual: ttl }, "command-ttl"));
    }
}

#[test]
fn a_refused_reply_with_an_unknown_code_is_refused() {
    let text = Reply::Refused(RefusalCode::Busy).to_text();
    for code in std::iter::once(0).chain(5..=u8::MAX) {
        let refusal = Reply::parse(&with(text.clone(), TTL, code)).unwrap_err();
        assert_eq!((refusal, refusal.label()), (ReplyRefusal::Code { code }, "reply-code"));
    }
}

#[test]
fn reserved_bytes_that_are_not_zero_are_refused() {
    for command in commands() {
        let mut places = vec![RESERVED, TOKEN, TOKEN + 50, BODY - 1];
        if command.label() != "write" {
            places.push(TTL);
        }
        for place in places {
            let refusal = Command::parse(&with(command.to_text(), place, 1)).unwrap_err();
            assert_eq!(
                (refusal, refusal.label()),
                (CommandRefusal::Reserved, "command-reserved"),
                "byte {place}"
            );
        }
    }
    for reply in replies() {
        let refusal = Reply::parse(&with(reply.to_text(), RESERVED, 1)).unwrap_err();
        assert_eq!((refusal, refusal.label()), (ReplyRefusal::Reserved, "reply-reserved"));
    }
    assert_eq!(Reply::parse(&with(Reply::Stored.to_text(), TTL, 1)).unwrap_err(), ReplyRefusal::Reserved);
}

#[test]
fn anything_after_the_last_field_is_refused() {
    for (command, end) in commands().into_iter().zip([SURB, BOX_END, BODY + 32, BODY + 96]) {
        for place in [end, PAYLOAD_TEXT_LEN - 1] {
            let refusal = Command::parse(&with(command.to_text(), place, 1)).unwrap_err();
            assert_eq!(
                (refusal, refusal.label()),
                (CommandRefusal::Padding, "command-padding"),
                "byte {place}"
            );
        }
    }
    let ends = [4, 4, 4, 1500, 4, 100, 4, 4, 4, 4];
    for (reply, end) in replies().into_iter().zip(ends) {
        for place in [end, PAYLOAD_TEXT_LEN - 1] {
            let refusal = Reply::parse(&with(reply.to_text(), place, 1)).unwrap_err();
            assert_eq!((refusal, refusal.label()), (ReplyRefusal::Padding, "reply-padding"), "byte {place}");
        }
    }
}

#[test]
fn a_command_without_a_reply_block_is_refused() {
    for command in commands().into_iter().skip(1) {
        let mut text = command.to_text();
        text[SURB..TOKEN].fill(0);
        let refusal = Command::parse(&text).unwrap_err();
        assert_eq!((refusal, refusal.label()), (CommandRefusal::Surb, "command-surb"));
    }
}

#[test]
fn refusal_codes_have_stable_names() {
    let labels =
        [RefusalCode::QuotaFull, RefusalCode::BadSignature, RefusalCode::StoreFailed, RefusalCode::Busy]
            .map(RefusalCode::label);
    assert_eq!(labels, ["quota-full", "bad-signature", "store-failed", "busy"]);
}

#[test]
fn debug_shows_no_content() {
    insta::assert_snapshot!(format!("{:?}", commands()), @"[Command(drop, [scrubbed]), Command(write, [scrubbed]), Command(read, [scrubbed]), Command(tombstone, [scrubbed])]");
    insta::assert_snapshot!(format!("{:?}", Reply::Found(sealed())), @"Found(SealedBox([scrubbed]))");
    insta::assert_snapshot!(format!("{:?}", Reply::Tombstoned(tombstone())), @"Tombstoned(Tombstone([scrubbed]))");
}

/// Whatever is accepted has the one encoding that `to_text` gives it.
fn check_one_encoding(text: &[u8]) {
    match Command::parse(text) {
        Ok(command) => assert!(command.to_text() == text, "{command:?} has two encodings"),
        Err(refusal) => assert!(!refusal.label().is_empty()),
    }
    match Reply::parse(text) {
        Ok(reply) => assert!(reply.to_text() == text, "{reply:?} has two encodings"),
        Err(refusal) => assert!(!refusal.label().is_empty()),
    }
}

#[test]
fn mutated_commands_and_replies_are_refused_or_have_one_encoding() {
    const MUTANTS: usize = 100_000;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let texts: Vec<Vec<u8>> =
        commands().iter().map(Command::to_text).chain(replies().iter().map(Reply::to_text)).collect();
    for round in 0..MUTANTS {
        let mut text = texts[round % texts.len()].clone();
        for _ in 0..rng.random_range(1..4) {
            // Half of the changes hit the header, where they decide most.
            let place =
                if rng.random() { rng.random_range(0..SURB) } else { rng.random_range(0..text.len()) };
            text[place] = if rng.random() { rng.random_range(0..8) } else { rng.random() };
        }
        if rng.random_range(0..20) == 0 {
            text.truncate(rng.random_range(0..PAYLOAD_TEXT_LEN));
        }
        check_one_encoding(&text);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_or_have_one_encoding(
        bytes in proptest::collection::vec(any::<u8>(), 0..2 * PAYLOAD_TEXT_LEN)
    ) {
        check_one_encoding(&bytes);
    }

    #[test]
    fn arbitrary_texts_with_a_valid_header_are_refused_or_have_one_encoding(
        kind in 0..8_u8, ttl in 0..11_u8, body in proptest::collection::vec(any::<u8>(), PAYLOAD_TEXT_LEN - 4)
    ) {
        check_one_encoding(&[[1, kind, ttl, 0].as_slice(), &body].concat());
    }
}
