//! `sotto files send`: hands a file over, block by block, and offers it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use data_encoding::BASE64;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{one, row, watch};
use crate::cli::{Common, Ended, Wait, stored};
use crate::core::FILE_BLOCK_LEN;
use crate::core::limits::FILE_NAME_LEN_MAX;
use crate::shell::Failure;
use crate::shell::client::{Connection, Reach};

pub(super) async fn run(
    common: &Common,
    contact: &str,
    path: &Path,
    name: Option<&str>,
    wait: &Wait,
) -> Result<Ended, Failure> {
    let (file, size) = open(path)?;
    let name = name.map_or_else(|| name_of(path), str::to_owned);
    let mut connection = common.connect(Reach::Network).await?;
    let outcome = async {
        let seq = hand_over(&connection, contact, &name, (file, size)).await?;
        let mut ended = Ended::Well;
        if connection.is_alone() || wait.wait {
            if connection.is_alone() {
                common.output().note(stored::ALONE_NOTE);
            }
            ended = watch::one_file(common, &mut connection, wait, contact, seq).await?;
        }
        Ok::<_, Failure>((one(&connection, contact, seq).await?, ended))
    }
    .await;
    connection.close().await;
    let (view, ended) = outcome?;
    common.output().result(&serde_json::to_value(&view).unwrap_or_default(), |_| row(&view))?;
    Ok(ended)
}

fn failed(what: impl std::fmt::Display) -> Failure {
    Failure::new("file-read", format!("the file cannot be read: {what}; nothing was sent"))
}

fn open(path: &Path) -> Result<(File, u64), Failure> {
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed("it is no ordinary file"));
    }
    Ok((file, metadata.len()))
}

/// What the receiver is told: the last component of the path, as much of it as is allowed.
fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut told = String::new();
    for character in name.chars() {
        if told.len().saturating_add(character.len_utf8()) > FILE_NAME_LEN_MAX {
            break;
        }
        told.push(character);
    }
    told
}

async fn hand_over(
    connection: &Connection,
    contact: &str,
    name: &str,
    (mut file, size): (File, u64),
) -> Result<u64, Failure> {
    let begun =
        connection.call("file-begin", json!({ "contact": contact, "name": name, "size": size })).await?;
    let id = begun.get("file").cloned().unwrap_or_default();
    let (mut at, mut block) = (0u64, Zeroizing::new(vec![0u8; FILE_BLOCK_LEN]));
    while at < size {
        let len = usize::try_from(size.saturating_sub(at)).unwrap_or(usize::MAX).min(FILE_BLOCK_LEN);
        let bytes = block.get_mut(..len).unwrap_or_default();
        file.read_exact(bytes).map_err(|_| failed("it has become shorter meanwhile"))?;
        let base64 = BASE64.encode(bytes);
        connection.call("file-data", json!({ "file": id, "at": at, "base64": base64 })).await?;
        at = at.saturating_add(len as u64);
    }
    let offered = connection.call("file-offer", json!({ "file": id })).await?;
    offered
        .get("seq")
        .and_then(Value::as_u64)
        .ok_or_else(|| Failure::new("internal", "the file has no number".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_receiver_is_told_the_last_component_only() {
        assert_eq!(name_of(Path::new("/home/alice/secret/photo.jpg")), "photo.jpg");
        assert_eq!(name_of(Path::new("..")), "");
        let long = name_of(Path::new(&"ä".repeat(200)));
        assert_eq!((long.len(), long.chars().count()), (254, 127));
    }
}
