//! Argon2id.

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use serde::Deserialize;

use super::{Hex, rfc};

#[derive(Deserialize)]
struct Vector {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    password: Hex,
    salt: Hex,
    secret: Hex,
    associated_data: Hex,
    tag: Hex,
}

#[test]
fn rfc_9106_argon2id() {
    let vector: Vector = rfc("argon2id");
    let params = ParamsBuilder::new()
        .m_cost(vector.memory_kib)
        .t_cost(vector.passes)
        .p_cost(vector.lanes)
        .data(AssociatedData::new(&vector.associated_data.0).unwrap())
        .build()
        .unwrap();
    let argon2 =
        Argon2::new_with_secret(&vector.secret.0, Algorithm::Argon2id, Version::V0x13, params).unwrap();
    let mut tag = [0; 32];
    argon2.hash_password_into(&vector.password.0, &vector.salt.0, &mut tag).unwrap();
    assert_eq!(tag, vector.tag.array());
}
