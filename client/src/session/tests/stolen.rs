//! What a thief of a saved session holds: the layout in `docs/spec/sessions.md`, read independently of the
//! code that writes it.

use super::*;

/// Ratchet secret, chain key, next number, length of the chain before, epoch.
pub(super) type Sending = ([u8; 32], [u8; 32], u32, u32, u32);

/// The secrets of a saved session, by their names in the specification.
pub(super) struct Stolen {
    pub(super) associated: [u8; 32],
    pub(super) root: [u8; 32],
    pub(super) local_key: [u8; 32],
    pub(super) remote_key: [u8; 32],
    pub(super) sending: Option<Sending>,
    pub(super) receiving: Option<([u8; 32], u32)>,
    /// The secret part of the exchange that is going on.
    pub(super) kem: Vec<u8>,
    /// Ratchet key, number, message key.
    pub(super) skipped: Vec<([u8; 32], u32, [u8; 32])>,
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_first_chunk().unwrap();
        self.0 = rest;
        *taken
    }

    fn number(&mut self) -> u32 {
        u32::from_be_bytes(self.take())
    }
}

impl Stolen {
    pub(super) fn from(session: &Session) -> Self {
        let saved = session.to_bytes();
        let mut rest = Rest(&saved);
        let [version, _role] = rest.take();
        assert_eq!(version, 1);
        let _identities: [u8; 64] = rest.take();
        let (associated, root, local_key, remote_key) = (rest.take(), rest.take(), rest.take(), rest.take());
        let sending = match rest.take() {
            [1] => {
                rest.number();
                None
            }
            [2] => Some((rest.take(), rest.take(), rest.number(), rest.number(), rest.number())),
            other => panic!("turn {other:?}"),
        };
        let receiving = (rest.take() == [1]).then(|| (rest.take(), rest.number()));
        let _counts: [u8; 16] = rest.take();
        let kem = match rest.take() {
            [0] => Vec::new(),
            [1] => {
                let seed = rest.take::<64>().to_vec();
                rest.take::<8>();
                seed
            }
            [2] => rest.take::<32>().to_vec(),
            [3] => {
                rest.take::<1184>();
                Vec::new()
            }
            [4] => {
                let _hash_and_ciphertext: [u8; 32 + 1088] = rest.take();
                let shared = rest.take::<32>().to_vec();
                rest.take::<1>();
                shared
            }
            other => panic!("exchange {other:?}"),
        };
        rest.number();
        let skipped = (0..rest.number())
            .map(|_| {
                let key = (rest.take(), rest.number(), rest.take());
                rest.take::<8>();
                key
            })
            .collect();
        assert!(rest.0.is_empty());
        Self { associated, root, local_key, remote_key, sending, receiving, kem, skipped }
    }
}
