//! `sotto files save`: writes a received file into a directory that the user chose.

use std::path::Path;

use data_encoding::BASE64;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::one;
use super::place::{Place, default_name};
use crate::cli::{Common, Ended, escape};
use crate::shell::Failure;
use crate::shell::client::{Connection, Reach};

pub(super) async fn run(
    common: &Common,
    contact: &str,
    seq: u64,
    to: Option<&Path>,
    name: Option<&str>,
) -> Result<Ended, Failure> {
    let directory = to.unwrap_or(Path::new("."));
    let name = name.map_or_else(|| default_name(contact, seq), str::to_owned);
    let place = Place::open(directory, &name)?;
    let connection = common.connect(Reach::Vault).await?;
    let outcome = copy(&connection, contact, seq, place).await;
    connection.close().await;
    let len = outcome?;
    let file = directory.join(&name);
    common.output().result(&json!({ "file": file, "bytes": len }), |_| {
        format!("{len} bytes are in {}.", escape::line(&file.display().to_string()))
    })?;
    Ok(Ended::Well)
}

async fn copy(connection: &Connection, contact: &str, seq: u64, mut place: Place) -> Result<u64, Failure> {
    let size = one(connection, contact, seq).await?.size;
    let mut at = 0u64;
    loop {
        let params = json!({ "contact": contact, "seq": seq, "at": at });
        let read = connection.call("file-read", params).await?;
        let bytes = read.get("base64").and_then(Value::as_str).and_then(decode);
        let bytes = bytes.ok_or_else(|| Failure::new("internal", "a piece of the file cannot be read"))?;
        if bytes.is_empty() {
            break;
        }
        place.write(&bytes)?;
        at = at.saturating_add(bytes.len() as u64);
    }
    if at != size {
        return Err(Failure::new("internal", "the file ended before its end"));
    }
    place.finish()?;
    Ok(at)
}

fn decode(base64: &str) -> Option<Zeroizing<Vec<u8>>> {
    BASE64.decode(base64.as_bytes()).ok().map(Zeroizing::new)
}
