//! Opening a vault that has the least memory for Argon2id that there can be: the cheapest case, in which everything
//! else weighs most.

use argon2::{Algorithm, Argon2, Params, Version};
use sotto_client::vault::{ARGON2_MIB_MIN, Argon2Cost, Credentials, Passphrase, Vault};
use zeroize::Zeroizing;

use super::{Pair, rng, side};

const PASSPHRASE: &[u8] = b"correct horse battery staple";

pub(super) fn pair() -> Pair {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vault.redb");
    let cost = Argon2Cost::with_mib(ARGON2_MIB_MIN).unwrap();
    drop(Vault::create(&path, &mut credentials(), cost, rng()).unwrap());
    Pair {
        name: "unlock",
        primitives: "Argon2id, 64 MiB, 3 passes, 4 lanes",
        // One at a time: an open vault locks its file.
        whole: side(1, credentials, move |mut credentials| {
            // The directory is removed when this side is dropped.
            let _ = &dir;
            Vault::open(&path, &mut credentials, rng()).unwrap()
        }),
        bare: side(
            1,
            || [0u8; 32],
            move |salt| {
                let params = Params::new(cost.mib() * 1024, cost.passes(), cost.lanes(), Some(32)).unwrap();
                let mut key = [0u8; 32];
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into(PASSPHRASE, &salt, &mut key)
                    .unwrap();
                key
            },
        ),
    }
}

fn credentials() -> Credentials {
    Passphrase::new(Zeroizing::new(PASSPHRASE.to_vec())).unwrap().into()
}
