//! Any bytes, and any order of events.

use proptest::prelude::*;

use super::*;

/// One event of a conversation.
#[derive(Clone, Debug)]
enum Event {
    /// A side seals content, or the KEM message that is due.
    Seal { by: usize, control: bool },
    /// A side opens one of the envelopes that wait for it, which may stay.
    Open { by: usize, at: prop::sample::Index, keep: bool },
    /// One of the waiting envelopes is lost.
    Lose { by: usize, at: prop::sample::Index },
    /// A side is saved and read back.
    Save { by: usize },
    /// Minutes go by.
    Wait { minutes: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..2usize, any::<bool>()).prop_map(|(by, control)| Event::Seal { by, control }),
        5 => (0..2usize, any::<prop::sample::Index>(), prop::bool::weighted(0.2))
            .prop_map(|(by, at, keep)| Event::Open { by, at, keep }),
        1 => (0..2usize, any::<prop::sample::Index>()).prop_map(|(by, at)| Event::Lose { by, at }),
        1 => (0..2usize).prop_map(|by| Event::Save { by }),
        1 => (0..400u64).prop_map(|minutes| Event::Wait { minutes }),
    ]
}

/// A waiting envelope: its content unless it is a KEM message, and whether it was opened.
struct Waiting {
    envelope: Vec<u8>,
    content: Option<[u8; 2]>,
    opened: bool,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sides_stay_in_step_whatever_happens(events in prop::collection::vec(event(), 1..80)) {
        let policy = KemPolicy { interval_min: HOUR, messages: 8, retry: 2 * HOUR };
        let (initiated, responded) = pair(1000, policy);
        let mut sides = [initiated.session, responded.session];
        let mut waiting: [Vec<Waiting>; 2] = [Vec::new(), Vec::new()];
        let (mut rng, mut now, mut sent) = (rng(1001), 0, 0u16);
        for event in events {
            match event {
                Event::Seal { by, control } => {
                    let content = sent.to_be_bytes();
                    sent += 1;
                    let (sealed, content) = match control.then(|| sides[by].seal_control(at(now), &mut rng).unwrap()).flatten() {
                        Some(sealed) => (sealed, None),
                        None => (sides[by].seal(at(now), &content, &mut rng).unwrap(), Some(content)),
                    };
                    waiting[1 - by].push(Waiting { envelope: sealed.envelope, content, opened: false });
                }
                Event::Open { by, at: which, keep } if !waiting[by].is_empty() => {
                    let which = which.index(waiting[by].len());
                    let next = &mut waiting[by][which];
                    match sides[by].open(at(now), &next.envelope) {
                        Ok(opened) => {
                            prop_assert!(!next.opened, "an envelope opens once");
                            prop_assert_eq!(opened.content.map(|content| content.to_vec()), next.content.map(|content| content.to_vec()));
                            next.opened = true;
                        }
                        Err(refusal) => prop_assert!(next.opened, "{}", refusal),
                    }
                    if !keep {
                        waiting[by].remove(which);
                    }
                }
                Event::Lose { by, at: which } if !waiting[by].is_empty() => {
                    let which = which.index(waiting[by].len());
                    waiting[by].remove(which);
                }
                Event::Save { by } => {
                    let saved = sides[by].to_bytes();
                    sides[by] = Session::from_bytes(&saved, policy).unwrap();
                    prop_assert_eq!(&*sides[by].to_bytes(), &*saved);
                }
                Event::Wait { minutes } => now += minutes,
                Event::Open { .. } | Event::Lose { .. } => {}
            }
        }
        prop_assert!(sides[0].kem_epoch().abs_diff(sides[1].kem_epoch()) <= 1);
    }

    #[test]
    fn any_bytes_are_a_bundle_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..1300), kind in 0x10..0x24u8) {
        let mut bytes = bytes;
        for occasion in [Occasion::Invitation, Occasion::Address, Occasion::Rekey] {
            prop_assert!(!Bundle::parse(occasion, &bytes).map_or_else(|refusal| refusal.label().is_empty(), |_| false));
        }
        bytes.splice(..bytes.len().min(2), [1, kind]);
        bytes.resize(BUNDLE_LEN, 0);
        prop_assert!(!Bundle::parse(Occasion::Invitation, &bytes).map_or_else(|refusal| refusal.label().is_empty(), |_| false));
    }

    #[test]
    fn any_bytes_are_refused_as_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..1400)) {
        let mut rng = rng(1002);
        let offer = Offer::new(IdentitySecret::generate(&mut rng), &mut rng);
        let respond = |bytes: &[u8]| offer.respond(Occasion::Invitation, &PSK, bytes, KemPolicy::default(), at(0));
        prop_assert!(respond(&bytes).is_err());
        let formed: Vec<u8> = [1, 0x21].into_iter().chain(bytes).collect();
        prop_assert!(respond(&formed).is_err());
    }

    #[test]
    fn any_bytes_are_refused_as_an_envelope_and_change_nothing(bytes in prop::collection::vec(any::<u8>(), 0..1400), n in any::<u8>()) {
        let (mut joiner, mut inviter) = sessions(1003);
        let formed = [[1].as_slice(), &BASE_POINT, &[0; 7], &[n], &[0; 4], &bytes].concat();
        for side in [&mut joiner, &mut inviter] {
            let before = side.to_bytes();
            prop_assert!(side.open(at(0), &bytes).is_err());
            prop_assert!(side.open(at(0), &formed).is_err());
            prop_assert_eq!(&*side.to_bytes(), &*before);
        }
    }

    #[test]
    fn any_bytes_are_refused_as_a_saved_state_or_have_one_form(
        cut in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), flip in 1..=255u8
    ) {
        let (joiner, _) = sessions(1004);
        let saved = joiner.to_bytes();
        prop_assert_eq!(Session::from_bytes(&saved[..cut.index(saved.len())], KemPolicy::default()).unwrap_err().label(), "session-damaged");
        let mut changed = saved.to_vec();
        let place = at.index(saved.len());
        changed[place] ^= flip;
        if let Ok(session) = Session::from_bytes(&changed, KemPolicy::default()) {
            prop_assert_eq!(&*session.to_bytes(), &changed);
        }
    }
}

/// The base point of X25519: a key that is fine and that nobody made.
const BASE_POINT: [u8; 32] = {
    let mut point = [0; 32];
    point[0] = 9;
    point
};
