//! The derivation of boxes once more, written from the specification with other tools than the library's
//! own: arithmetic on points and scalars in the open, nothing wiped, nothing shared with the code under test.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use hkdf::Hkdf;
use sha2::{Digest, Sha512};

/// Everything that is derived for one box.
pub(crate) struct Derived {
    pub(crate) root_seed: [u8; 32],
    pub(crate) root_public: [u8; 32],
    pub(crate) chain_state: [u8; 32],
    pub(crate) encryption_secret: [u8; 32],
    pub(crate) blinding_secret: [u8; 32],
    pub(crate) blinding_factor: [u8; 32],
    pub(crate) id: [u8; 32],
    pub(crate) box_key: [u8; 32],
    scalar: Scalar,
    hash_prefix: [u8; 32],
}

fn hkdf(salt: &str, key: &[u8; 32], info: &[u8], output: &mut [u8]) {
    Hkdf::<Sha512>::new(Some(salt.as_bytes()), key).expand(info, output).unwrap();
}

fn hkdf_key(salt: &str, key: &[u8; 32], info: &[u8]) -> [u8; 32] {
    let mut output = [0; 32];
    hkdf(salt, key, info, &mut output);
    output
}

fn clamped(bytes: [u8; 32]) -> Scalar {
    Scalar::from_bytes_mod_order(clamp_integer(bytes))
}

fn half(bytes: &[u8], place: usize) -> [u8; 32] {
    bytes[place * 32..][..32].try_into().unwrap()
}

impl Derived {
    /// The box at `index` of the stream that `seed` stands for.
    pub(crate) fn new(seed: &[u8; 32], index: u64) -> Self {
        let root_seed = hkdf_key("sotto-stream-root-v1", seed, b"");
        let expanded = Sha512::digest(root_seed);
        let secret = clamped(half(&expanded, 0));
        let public = EdwardsPoint::mul_base(&secret);
        let root_public = public.compress().to_bytes();

        let mut chain_state = hkdf_key("sotto-stream-chain-v1", seed, b"");
        let mut output = [0; 96];
        for i in 0..=index {
            if i > 0 {
                chain_state = half(&output, 0);
            }
            hkdf("sotto-chain-v1", &chain_state, &i.to_be_bytes(), &mut output);
        }
        let (encryption_secret, blinding_secret) = (half(&output, 1), half(&output, 2));

        let blinding_factor = hkdf_key("sotto-mailbox-v1", &blinding_secret, &root_public);
        let id = (clamped(blinding_factor) * public).compress().to_bytes();
        let prefix =
            Sha512::digest([b"Derive temporary signing key hash input".as_slice(), &expanded[32..]].concat());
        Self {
            root_seed,
            root_public,
            chain_state,
            encryption_secret,
            blinding_secret,
            blinding_factor,
            id,
            box_key: hkdf_key("sotto-box-key-v1", &encryption_secret, &id),
            scalar: clamped(blinding_factor) * secret,
            hash_prefix: half(&prefix, 0),
        }
    }

    pub(crate) fn write_capability(&self, index: u64) -> Vec<u8> {
        [[1, 1].as_slice(), &index.to_be_bytes(), &self.chain_state, &self.root_seed].concat()
    }

    pub(crate) fn read_capability(&self, index: u64) -> Vec<u8> {
        [[1, 2].as_slice(), &index.to_be_bytes(), &self.chain_state, &self.root_public].concat()
    }

    pub(crate) fn tombstone_key(&self) -> Vec<u8> {
        [[1, 3].as_slice(), self.scalar.as_bytes(), &self.hash_prefix].concat()
    }

    /// Ed25519 (RFC 8032, section 5.1.6) from step 2 on.
    fn sign(&self, domain: &str, message: &[u8]) -> [u8; 64] {
        let hash =
            |parts: &[&[u8]]| Scalar::from_bytes_mod_order_wide(&Sha512::digest(parts.concat()).into());
        let nonce = hash(&[&self.hash_prefix, domain.as_bytes(), message]);
        let commitment = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
        let challenge = hash(&[&commitment, &self.id, domain.as_bytes(), message]);
        let answer = nonce + challenge * self.scalar;
        [commitment, answer.to_bytes()].concat().try_into().unwrap()
    }

    /// The box around any 1,360 bytes, under any key.
    pub(crate) fn seal_padded(&self, key: &[u8; 32], nonce: [u8; 24], padded: &[u8]) -> Vec<u8> {
        let payload = Payload { msg: padded, aad: &self.id };
        let sealed = XChaCha20Poly1305::new(key.into()).encrypt(&XNonce::from(nonce), payload).unwrap();
        let ciphertext = [nonce.as_slice(), &sealed].concat();
        let signature = self.sign("sotto-box-v1:", &ciphertext);
        [self.id.as_slice(), &signature, &ciphertext].concat()
    }

    /// The box that holds `text`.
    pub(crate) fn seal(&self, nonce: [u8; 24], text: &[u8]) -> Vec<u8> {
        let mut padded = [text, &[0x80]].concat();
        padded.resize(1360, 0);
        self.seal_padded(&self.box_key, nonce, &padded)
    }

    pub(crate) fn tombstone(&self) -> Vec<u8> {
        let signature = self.sign("sotto-tombstone-v1:", &self.id);
        [self.id.as_slice(), &signature].concat()
    }
}
