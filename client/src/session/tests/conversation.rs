//! Two sides in step: handshake, chains, streams, KEM exchanges, what is saved.

use super::*;

#[test]
fn a_handshake_gives_both_sides_the_same_keys() {
    let (initiated, responded) = pair(1, KemPolicy::default());
    assert_eq!(*responded.content, b"hello");
    assert_eq!(initiated.write.as_bytes(), responded.read.as_bytes());
    assert_eq!(initiated.read.as_bytes(), responded.write.as_bytes());
    assert_ne!(initiated.read.as_bytes(), initiated.write.as_bytes());
    assert_eq!(*initiated.rekey_secret, *responded.rekey_secret);
    assert_eq!(responded.remote_identity, initiated.session.local_identity());
    assert_eq!(initiated.session.remote_identity(), responded.session.local_identity());
}

#[test]
fn chains_alternate_and_each_brings_a_stream() {
    let (mut joiner, mut inviter) = sessions(2);
    let mut rng = rng(3);
    let second = joiner.seal(at(1), b"second", &mut rng).unwrap();
    assert!(second.next_stream.is_none(), "the chain of the answer goes on");
    assert_eq!(content(&mut inviter, 1, &second), b"second");
    for round in 0..6 {
        let (from, to) =
            if round % 2 == 0 { (&mut inviter, &mut joiner) } else { (&mut joiner, &mut inviter) };
        let first = from.seal(at(2), b"first", &mut rng).unwrap();
        let opened = to.open(at(2), &first.envelope).unwrap();
        assert_eq!(
            first.next_stream.unwrap().as_bytes(),
            opened.next_stream.unwrap().as_bytes(),
            "both know where the chain goes on"
        );
        let more = from.seal(at(2), b"more", &mut rng).unwrap();
        assert!(more.next_stream.is_none());
        assert_eq!(content(to, 2, &more), b"more");
    }
}

#[test]
fn a_saved_session_goes_on_where_it_was() {
    let (mut joiner, mut inviter) = sessions(4);
    let mut rng = rng(5);
    for round in 0..20u8 {
        let saved = joiner.to_bytes();
        joiner = Session::from_bytes(&saved, KemPolicy::default()).unwrap();
        assert_eq!(*joiner.to_bytes(), *saved);
        let lost = joiner.seal(at(61), &[round], &mut rng).unwrap();
        if round % 3 == 0 {
            drop(lost);
        } else {
            assert_eq!(content(&mut inviter, 61, &lost), [round]);
        }
        if let Some(control) = joiner.seal_control(at(61), &mut rng).unwrap() {
            assert!(inviter.open(at(61), &control.envelope).unwrap().content.is_none());
        }
        let saved = inviter.to_bytes();
        inviter = Session::from_bytes(&saved, KemPolicy::default()).unwrap();
        assert_eq!(*inviter.to_bytes(), *saved);
        if let Some(control) = inviter.seal_control(at(61), &mut rng).unwrap() {
            assert!(joiner.open(at(61), &control.envelope).unwrap().content.is_none());
        }
        let reply = inviter.seal(at(61), &[round], &mut rng).unwrap();
        assert_eq!(content(&mut joiner, 61, &reply), [round]);
    }
    assert_eq!(joiner.kem_epoch(), 1);
    assert_eq!(inviter.kem_epoch(), 1);
}

#[test]
fn exchanges_follow_each_other_and_the_roles_alternate() {
    let policy = KemPolicy { interval_min: HOUR, messages: u32::MAX, retry: 6 * HOUR };
    let (initiated, responded) = pair(6, policy);
    let (mut joiner, mut inviter) = (initiated.session, responded.session);
    let mut rng = rng(7);
    let mut asked = Vec::new();
    for round in 0..24 {
        let now = 61 * (round + 1);
        for turn in 0..2 {
            let (from, to, name) =
                if turn == 0 { (&mut inviter, &mut joiner, 'r') } else { (&mut joiner, &mut inviter, 'i') };
            if from.control_due(at(now)) {
                let control = from.seal_control(at(now), &mut rng).unwrap().unwrap();
                if control.envelope.len() == 45 + 1 + 4 + 1184 + 16 {
                    asked.push(name);
                }
                assert!(to.open(at(now), &control.envelope).unwrap().content.is_none());
            }
            let sealed = from.seal(at(now), b"x", &mut rng).unwrap();
            assert_eq!(content(to, now, &sealed), b"x");
        }
    }
    assert!(asked.len() >= 8, "{asked:?}");
    assert!(asked.chunks(2).all(|two| two == ['i', 'r'] || two == ['i']), "{asked:?}");
    assert!(joiner.kem_epoch() >= 8 && joiner.kem_epoch().abs_diff(inviter.kem_epoch()) <= 1);
}

#[test]
fn a_lost_kem_message_is_repeated_and_no_chain_becomes_unreadable() {
    let (mut joiner, mut inviter) = sessions(8);
    let mut rng = rng(9);
    let now = 61;
    let lost = joiner.seal_control(at(now), &mut rng).unwrap().unwrap();
    assert!(!joiner.control_due(at(now + 359)));
    let again = joiner.seal_control(at(now + 360), &mut rng).unwrap().unwrap();
    assert_ne!(lost.envelope, again.envelope);
    inviter.open(at(now + 360), &again.envelope).unwrap();
    let lost_answer = inviter.seal_control(at(now + 360), &mut rng).unwrap().unwrap();
    assert!(!inviter.control_due(at(now + 1000)));
    let reply = inviter.seal(at(now + 361), b"one", &mut rng).unwrap();
    assert_eq!(content(&mut joiner, now + 361, &reply), b"one");
    let unmixed = joiner.seal(at(now + 362), b"two", &mut rng).unwrap();
    assert_eq!(unmixed.envelope[41..45], [0; 4]);
    assert_eq!(content(&mut inviter, now + 362, &unmixed), b"two");
    let third = joiner.seal_control(at(now + 720), &mut rng).unwrap().unwrap();
    inviter.open(at(now + 720), &third.envelope).unwrap();
    assert!(inviter.control_due(at(now + 720)));
    let answer = inviter.seal_control(at(now + 720), &mut rng).unwrap().unwrap();
    joiner.open(at(now + 720), &answer.envelope).unwrap();
    assert!(
        joiner.open(at(now + 720), &lost_answer.envelope).unwrap().content.is_none(),
        "late, but no harm"
    );
    let mixed = joiner.seal(at(now + 721), b"three", &mut rng).unwrap();
    assert_eq!(mixed.envelope[41..45], [0, 0, 0, 1]);
    assert_eq!(content(&mut inviter, now + 721, &mixed), b"three");
    assert_eq!((joiner.kem_epoch(), inviter.kem_epoch()), (1, 1));
}

#[test]
fn skipped_messages_open_later_but_not_after_14_days() {
    let (mut joiner, mut inviter) = sessions(10);
    let mut rng = rng(11);
    let sealed: Vec<Sealed> = (0..4u8).map(|n| joiner.seal(at(0), &[n], &mut rng).unwrap()).collect();
    assert_eq!(content(&mut inviter, 0, &sealed[3]), [3]);
    assert_eq!(content(&mut inviter, 1, &sealed[1]), [1]);
    let days = 14 * 24 * 60;
    assert_eq!(content(&mut inviter, days, &sealed[0]), [0]);
    assert_eq!(inviter.open(at(days + 1), &sealed[2].envelope).unwrap_err().label(), "envelope-repeated");
    assert_eq!(inviter.expire(at(days)), 0);
    assert_eq!(inviter.expire(at(days + 1)), 1);
    assert_eq!(inviter.expire(at(days + 1)), 0);
}

#[test]
fn the_oldest_skipped_keys_are_pushed_out_and_counted() {
    let (mut joiner, mut inviter) = sessions(12);
    let mut rng = rng(13);
    let mut first = Vec::new();
    for round in 0..3u8 {
        let sealed: Vec<Sealed> = (0..101).map(|_| joiner.seal(at(0), &[round], &mut rng).unwrap()).collect();
        assert_eq!(content(&mut inviter, 0, &sealed[100]), [round]);
        first.push(sealed[0].envelope.clone());
    }
    assert_eq!(inviter.expire(at(0)), 300 - 256);
    assert_eq!(inviter.open(at(0), &first[0]).unwrap_err().label(), "envelope-repeated");
    assert_eq!(*inviter.open(at(0), &first[1]).unwrap().content.unwrap(), [1]);
}
