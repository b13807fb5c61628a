//! Our key blinding against an implementation by other people: `tor-llcrypto`, on an older curve library.

use data_encoding::HEXLOWER;
use rand::Rng;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tor_llcrypto::pk::ed25519::{ExpandedKeypair, Keypair, PublicKey, Signature};
use tor_llcrypto::pk::keymanip::{blind_keypair, blind_pubkey};

use super::blind::{BlindedSecret, RootPublic, RootSecret, verify};

const KEYS: usize = 1000;

#[test]
fn blinded_keys_and_signatures_equal_those_of_tor_llcrypto() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for _ in 0..KEYS {
        let (mut seed, mut h, mut message) = ([0; 32], [0; 32], [0; 77]);
        rng.fill_bytes(&mut seed);
        rng.fill_bytes(&mut h);
        rng.fill_bytes(&mut message);

        let ours = RootSecret::from_seed(&seed);
        let theirs = Keypair::from_bytes(&seed);
        assert_eq!(ours.public().to_bytes(), theirs.verifying_key().to_bytes());

        let our_secret = ours.blind(&h);
        let their_secret = blind_keypair(&ExpandedKeypair::from(&theirs), h).unwrap();
        let their_public = blind_pubkey(&theirs.verifying_key(), h).unwrap();
        let our_public = RootPublic::from_bytes(&theirs.verifying_key().to_bytes()).unwrap().blind(&h);
        assert_eq!(our_secret.id(), our_public);
        assert_eq!(our_public.as_bytes(), &their_public.to_bytes());
        assert_eq!(our_public.as_bytes(), their_secret.public().as_bytes());
        let (scalar, prefix) = our_secret.parts();
        assert_eq!([*scalar, *prefix].concat(), their_secret.to_secret_key_bytes());

        // Each side accepts the other's signature, and the two are the same bytes.
        let our_signature = our_secret.sign(b"domain:", &message).to_bytes();
        let signed = [b"domain:".as_slice(), &message].concat();
        let their_signature = their_secret.sign(&signed).to_bytes();
        assert_eq!(our_signature, their_signature);
        verify(&our_public, b"domain:", &message, &their_signature).unwrap();
        their_public.verify(&signed, &Signature::from_bytes(&our_signature)).unwrap();
    }
}

/// Vectors of C Tor's `ed25519_exts_ref.py`, as published with `tor-llcrypto`: seed, `h`, blinded public
/// key, blinded scalar and nonce prefix.
const TOR_VECTORS: [[&str; 4]; 2] = [
    [
        "26c76712d89d906e6672dafa614c42e5cb1caac8c6568e4d2493087db51f0d36",
        "54a513898b471d1d448a2f3c55c1de2c0ef718c447b04497eeb999ed32027823",
        "1fc1fa4465bd9d4956fdbdc9d3acb3c7019bb8d5606b951c2e1dfe0b42eaeb41",
        "293c3acff4e902f6f63ddc5d5caa2a57e771db4f24de65d4c28df3232f47fa01171d43f24e3f53e70ec7ac280044ac77d4942dee5d6807118a59bdf3ee647e89",
    ],
    [
        "fba7a5366b5cb98c2667a18783f5cf8f4f8d1a2ce939ad22a6e685edde85128d",
        "831e9b5325b5d31b7ae6197e9c7a7baf2ec361e08248bce055908971047a2347",
        "1cbbd4a88ce8f165447f159d9f628ada18674158c4f7c5ead44ce8eb0fa6eb7e",
        "38b88f9f9440358da544504ee152fb475528f7c51c285bd1c68b14ade8e29a07b8ceff20dfcf53eb52b891fc078c934efbf0353af7242e7dc51bb32a093afa29",
    ],
];

#[test]
fn blinded_keys_equal_the_published_vectors() {
    for [seed, h, public, secret] in TOR_VECTORS {
        let [seed, h] = [seed, h].map(|hex| HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap());
        let blinded = RootSecret::from_seed(&seed).blind(&h);
        let (scalar, prefix) = blinded.parts();
        assert_eq!(HEXLOWER.encode(blinded.id().as_bytes()), public);
        assert_eq!(HEXLOWER.encode(&[*scalar, *prefix].concat()), secret);
    }
}

#[test]
fn a_blinded_secret_survives_saving_and_still_signs_alike() {
    let blinded = RootSecret::from_seed(&[1; 32]).blind(&[2; 32]);
    let (scalar, prefix) = blinded.parts();
    let again = BlindedSecret::from_parts(&scalar, &prefix).unwrap();
    assert_eq!(again.id(), blinded.id());
    assert_eq!(again.sign(b"d:", b"m").to_bytes(), blinded.sign(b"d:", b"m").to_bytes());
}

#[test]
fn tor_llcrypto_reads_our_blinded_ids_as_public_keys() {
    let id = RootSecret::from_seed(&[1; 32]).public().blind(&[2; 32]);
    assert_eq!(&PublicKey::from_bytes(id.as_bytes()).unwrap().to_bytes(), id.as_bytes());
}
