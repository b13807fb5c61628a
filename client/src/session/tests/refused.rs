//! Refusals that need a longer story than the vectors tell, and that refusing changes nothing.

use super::stolen::Stolen;
use super::*;

#[test]
fn content_that_is_too_long_is_refused_and_the_longest_fits_a_box() {
    let (mut joiner, mut inviter) = sessions(20);
    let mut rng = rng(21);
    let before = joiner.to_bytes();
    let refusal = joiner.seal(at(0), &[1; CONTENT_LEN_MAX + 1], &mut rng).unwrap_err();
    assert_eq!(refusal, SessionRefusal::ContentLength { len: 1298, len_max: 1297 });
    assert_eq!(*joiner.to_bytes(), *before);
    let sealed = joiner.seal(at(0), &[1; CONTENT_LEN_MAX], &mut rng).unwrap();
    assert_eq!(sealed.envelope.len(), 1359);
    assert_eq!(content(&mut inviter, 0, &sealed), [1; CONTENT_LEN_MAX]);
    let empty = joiner.seal(at(0), b"", &mut rng).unwrap();
    assert_eq!(empty.envelope.len(), ENVELOPE_OVERHEAD_LEN);
    assert_eq!(content(&mut inviter, 0, &empty), b"");
}

#[test]
fn the_longest_answer_fits_a_box() {
    let mut rng = rng(22);
    let offer = Offer::new(IdentitySecret::generate(&mut rng), &mut rng);
    let identity = IdentitySecret::generate(&mut rng);
    let bundle = Bundle::parse(Occasion::Address, &offer.bundle(Occasion::Address)).unwrap();
    let mut answer =
        |len: usize| initiate(&bundle, &identity, &PSK, &vec![3; len], KemPolicy::default(), at(0), &mut rng);
    assert_eq!(ANSWER_CONTENT_LEN_MAX, 143);
    assert_eq!(answer(144).unwrap_err().label(), "handshake-content-length");
    let initiated = answer(143).unwrap();
    assert_eq!(initiated.answer.len(), 1359);
    let responded =
        offer.respond(Occasion::Address, &PSK, &initiated.answer, KemPolicy::default(), at(0)).unwrap();
    assert_eq!(*responded.content, [3; 143]);
}

#[test]
fn an_answer_to_another_offer_of_the_same_person_is_refused() {
    let mut rng = rng(23);
    let inviter = IdentitySecret::generate(&mut rng);
    let (offer, other) = (Offer::new(inviter.clone(), &mut rng), Offer::new(inviter, &mut rng));
    let bundle = Bundle::parse(Occasion::Invitation, &offer.bundle(Occasion::Invitation)).unwrap();
    let joiner = IdentitySecret::generate(&mut rng);
    let answer = initiate(&bundle, &joiner, &PSK, b"", KemPolicy::default(), at(0), &mut rng).unwrap().answer;
    let respond =
        |offer: &Offer| offer.respond(Occasion::Invitation, &PSK, &answer, KemPolicy::default(), at(0));
    assert_eq!(respond(&other).unwrap_err().label(), "handshake-authentication");
    let offer = Offer::from_bytes(&offer.to_bytes()).unwrap();
    let (one, again) = (respond(&offer).unwrap(), respond(&offer).unwrap());
    assert_eq!(
        *one.session.to_bytes(),
        *again.session.to_bytes(),
        "an offer that is kept can be answered again"
    );
}

#[test]
fn a_saved_offer_is_read_or_refused() {
    let mut rng = rng(24);
    let offer = Offer::new(IdentitySecret::generate(&mut rng), &mut rng);
    let saved = offer.to_bytes();
    let read = Offer::from_bytes(&saved).unwrap();
    assert_eq!(read.bundle(Occasion::Rekey), offer.bundle(Occasion::Rekey));
    assert_eq!(*read.to_bytes(), *saved);
    for bad in [&saved[..0], &saved[..128], &[saved.as_slice(), &[0]].concat(), &[&[2], &saved[1..]].concat()]
    {
        assert_eq!(Offer::from_bytes(bad).unwrap_err().label(), "session-damaged");
    }
}

#[test]
fn a_refused_envelope_does_not_spoil_the_right_one() {
    let (mut joiner, mut inviter) = sessions(25);
    let mut rng = rng(26);
    let sealed = inviter.seal(at(0), b"right", &mut rng).unwrap();
    for place in 0..sealed.envelope.len() {
        let mut wrong = sealed.envelope.clone();
        wrong[place] ^= 0x10;
        let before = joiner.to_bytes();
        assert!(joiner.open(at(0), &wrong).is_err(), "byte {place}");
        assert_eq!(*joiner.to_bytes(), *before, "byte {place}");
    }
    assert_eq!(content(&mut joiner, 0, &sealed), b"right");
}

#[test]
fn exactly_256_can_be_skipped() {
    let (mut joiner, mut inviter) = sessions(27);
    let mut rng = rng(28);
    let sealed: Vec<Sealed> = (0..258).map(|_| joiner.seal(at(0), b"x", &mut rng).unwrap()).collect();
    let refusal = inviter.open(at(0), &sealed[257].envelope).unwrap_err();
    assert_eq!(refusal, SessionRefusal::SkippedTooMany { skipped: 257 });
    assert_eq!(content(&mut inviter, 0, &sealed[256]), b"x");
    assert_eq!(Stolen::from(&inviter).skipped.len(), 256);
    assert_eq!(content(&mut inviter, 0, &sealed[257]), b"x");
    assert!(sealed[..256].iter().all(|sealed| content(&mut inviter, 0, sealed) == b"x"));
    assert!(Stolen::from(&inviter).skipped.is_empty());
}

#[test]
fn a_chain_ends_before_its_numbers_wrap() {
    let (joiner, _) = sessions(29);
    let mut saved = joiner.to_bytes().to_vec();
    // Turn 2 at 194, ratchet secret and chain key after it: the next number.
    saved[259..263].copy_from_slice(&u32::MAX.to_be_bytes());
    let mut joiner = Session::from_bytes(&saved, KemPolicy::default()).unwrap();
    assert_eq!(joiner.seal(at(0), b"", &mut rng(30)).unwrap_err().label(), "chain-exhausted");
    assert_eq!(joiner.seal_control(at(61), &mut rng(30)).unwrap_err().label(), "chain-exhausted");
    assert_eq!(*joiner.to_bytes(), saved);
}

#[test]
fn a_request_that_is_repeated_with_another_key_is_refused() {
    let (mut joiner, mut inviter) = sessions(31);
    let mut twin = joiner.clone();
    let mut rng = rng(32);
    let first = joiner.seal_control(at(61), &mut rng).unwrap().unwrap();
    // A state that was used twice, which nobody must do: the other key comes under the next number.
    twin.seal(at(61), b"", &mut rng).unwrap();
    let other = twin.seal_control(at(61), &mut rng).unwrap().unwrap();
    inviter.open(at(61), &first.envelope).unwrap();
    let refusal = inviter.open(at(61), &other.envelope).unwrap_err();
    assert_eq!(refusal, SessionRefusal::KemKeyChanged { number: 1 });
    inviter.seal_control(at(61), &mut rng).unwrap().unwrap();
    assert_eq!(inviter.open(at(61), &other.envelope).unwrap_err().label(), "kem-key-changed");
}

#[test]
fn every_low_order_point_agrees_on_zero_and_is_refused_by_what_comes_out_too() {
    use x25519_dalek::{PublicKey, StaticSecret};
    let secret = StaticSecret::from([0x5a; 32]);
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for point in points {
        let bytes: [u8; 32] = data_encoding::HEXLOWER.decode(point.as_bytes()).unwrap().try_into().unwrap();
        assert_eq!(secret.diffie_hellman(&PublicKey::from(bytes)).to_bytes(), [0; 32], "{point}");
        assert_eq!(IdentityPublic::from_bytes(&bytes).unwrap_err().label(), "point-low-order");
    }
}

#[test]
fn secrets_are_not_shown() {
    let (initiated, responded) = pair(33, KemPolicy::default());
    let mut session = initiated.session.clone();
    let mut other = responded.session.clone();
    let mut rng = rng(34);
    let identity = IdentitySecret::generate(&mut rng);
    let offer = Offer::new(identity.clone(), &mut rng);
    let sealed = session.seal(at(0), b"x", &mut rng).unwrap();
    let opened = other.open(at(0), &sealed.envelope).unwrap();
    let shown = format!(
        "{identity:?}\n{offer:?}\n{:?}\n{initiated:?}\n{responded:?}\n{session:?}\n{sealed:?}\n{opened:?}\n{:?}\n{:?}\n{:?}",
        initiated.write,
        secret::Secret::<32>::zeros(),
        dh::Scalar::random(&mut rng),
        kem::KemSecret::random(&mut rng),
    );
    insta::assert_snapshot!(shown, @r"
    IdentitySecret([scrubbed])
    Offer([scrubbed])
    StreamSeed([scrubbed])
    Initiated(Session(Initiator, KEM epoch 0, 0 skipped, [scrubbed]), [scrubbed])
    Responded(Session(Responder, KEM epoch 0, 0 skipped, [scrubbed]), [scrubbed])
    Session(Initiator, KEM epoch 0, 0 skipped, [scrubbed])
    Sealed(63 bytes, [scrubbed])
    Opened(content, [scrubbed])
    Secret([scrubbed])
    Scalar(Secret([scrubbed]))
    KemSecret(Secret([scrubbed]))
    ");
}
