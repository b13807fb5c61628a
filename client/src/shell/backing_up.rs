//! A backup made by the process that owns the profile: what goes into it is read at once, the rest takes a while and is
//! done on a thread of its own.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};
use sotto_transport::rng::OsRng;
use zeroize::Zeroizing;

use super::Failure;
use super::factors::secret_bytes;
use super::locking::Answer;
use crate::backup::{self, Content};
use crate::vault::{Argon2Cost, Passphrase, VaultError};

/// Parameters of `backup`. `Debug` would show a passphrase: there is none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupParams {
    file: PathBuf,
    #[serde(default, deserialize_with = "secret_bytes")]
    passphrase: Option<Zeroizing<Vec<u8>>>,
    argon2_mib: u32,
    argon2_passes: u32,
    argon2_lanes: u32,
}

/// Encrypts and writes a backup, and answers when it is durable.
pub(super) fn write(params: BackupParams, content: Content, answer: Answer) {
    tokio::task::spawn_blocking(move || {
        // Who asked may have gone; the file is there all the same.
        let _heard = answer.send(made(&params, &content));
    });
}

fn made(params: &BackupParams, content: &Content) -> Result<Value, Failure> {
    let given = params.passphrase.clone().ok_or(VaultError::FactorsNone)?;
    let passphrase = Passphrase::new(given)?;
    if params.file.is_relative() {
        return Err(Failure::new("backup-relative", "the path of a backup has to be absolute"));
    }
    let cost = Argon2Cost::from_parts(params.argon2_mib, params.argon2_passes, params.argon2_lanes)?;
    let bytes = backup::seal(content, &passphrase, cost, &mut OsRng)?;
    backup::write(&params.file, &bytes)?;
    Ok(json!({ "file": params.file, "bytes": bytes.len(), "records": content.records.len() }))
}
