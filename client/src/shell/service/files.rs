//! Calls about files.
//!
//! Bytes of files go in and out in blocks, and no path does: whoever asks reads and writes with its own rights, and the
//! process that owns the profile opens nothing that it is told to.

use data_encoding::BASE64;
use rand::CryptoRng;
use serde::Deserialize;
use serde_json::{Value, json};
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::{PAGE_LEN_MAX, to_json};
use crate::core::{Engine, EngineError, MessageId};
use crate::shell::Failure;
use crate::store::Store;

/// Parameters of `files`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesParams {
    skip: Option<usize>,
}

/// Parameters of calls about one file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileParams {
    contact: String,
    seq: u64,
}

/// Parameters of `file-begin`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeginParams {
    contact: String,
    name: String,
    size: u64,
}

/// Parameters of `file-data`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataParams {
    file: MessageId,
    at: u64,
    base64: String,
}

/// Parameters of `file-offer`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferParams {
    file: MessageId,
}

/// Parameters of `file-read`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadParams {
    contact: String,
    seq: u64,
    at: u64,
}

/// What is decided about one file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It is wanted.
    Accept,
    /// It is not.
    Decline,
    /// It rests.
    Pause,
    /// It goes on.
    Resume,
    /// It ends.
    Cancel,
}

/// One call.
pub enum FileCall {
    /// `files {skip?}`: `{files: [file], more}`, without the first `skip`.
    List(FilesParams),
    /// `file {contact, seq}`: one file.
    One(FileParams),
    /// `file-begin {contact, name, size}`: `{file}`, by which its bytes are handed over.
    Begin(BeginParams),
    /// `file-data {file, at, base64}`: `{}`, the next block of bytes.
    Data(DataParams),
    /// `file-offer {file}`: `{seq}`, once all bytes are there.
    Offer(OfferParams),
    /// `file-read {contact, seq, at}`: `{base64}`, the bytes from there on, one block at most; none at the end.
    Read(ReadParams),
    /// `file-accept`, `file-decline`, `file-pause`, `file-resume`, `file-cancel {contact, seq}`: the file, after it.
    Decide(Decision, FileParams),
}

impl FileCall {
    /// Whether somebody at the keyboard does something.
    pub(in crate::shell) const fn is_by_hand(&self) -> bool {
        !matches!(self, Self::List(_) | Self::One(_))
    }
}

/// Does what the call asks for.
pub(super) fn answer<S: Store>(
    engine: &mut Engine<S>,
    call: &FileCall,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Value, Failure> {
    Ok(match call {
        FileCall::List(params) => list(engine, params.skip.unwrap_or(0), now)?,
        FileCall::One(params) => to_json(&engine.file(now, &params.contact, params.seq)?)?,
        FileCall::Begin(params) => {
            let file = engine.begin_file(now, &params.contact, &params.name, params.size, None, rng)?;
            json!({ "file": file })
        }
        FileCall::Data(params) => {
            let bytes = BASE64.decode(params.base64.as_bytes()).map(Zeroizing::new);
            let bytes = bytes.map_err(|_| EngineError::FileData)?;
            engine.fill_file(now, &params.file, params.at, &bytes)?;
            json!({})
        }
        FileCall::Offer(params) => json!({ "seq": engine.offer_file(now, &params.file, rng)? }),
        FileCall::Read(params) => {
            let bytes = engine.read_file(&params.contact, params.seq, params.at)?;
            json!({ "base64": BASE64.encode(&bytes) })
        }
        FileCall::Decide(decision, FileParams { contact, seq }) => {
            match decision {
                Decision::Accept => engine.accept_file(now, contact, *seq, rng)?,
                Decision::Decline => engine.decline_file(now, contact, *seq, rng)?,
                Decision::Pause => engine.pause_file(now, contact, *seq, rng)?,
                Decision::Resume => engine.resume_file(now, contact, *seq, rng)?,
                Decision::Cancel => engine.cancel_file(now, contact, *seq, rng)?,
            }
            to_json(&engine.file(now, contact, *seq)?)?
        }
    })
}

/// As many of the files as one answer holds.
fn list<S: Store>(engine: &Engine<S>, skip: usize, now: Timestamp) -> Result<Value, Failure> {
    let files = engine.files(now);
    let (mut len, mut rows) = (0usize, Vec::new());
    for file in files.iter().skip(skip) {
        let row = to_json(file)?;
        len = len.saturating_add(row.to_string().len());
        if len > PAGE_LEN_MAX && !rows.is_empty() {
            break;
        }
        rows.push(row);
    }
    let more = skip.saturating_add(rows.len()) < files.len();
    Ok(json!({ "files": rows, "more": more }))
}
