//! `sotto note`: keeps a note to oneself.

use clap::Args;
use serde_json::json;

use super::{Common, Ended, send};
use crate::core::NOTES_NAME;
use crate::core::limits::TEXT_LEN_MAX;
use crate::shell::Failure;
use crate::shell::client::Reach;

/// Keep a note to yourself. It never leaves this device.
///
/// The notes are a conversation named `notes`: `sotto recv notes --all` shows them, `sotto contacts delete notes` removes them.
/// Give `-` to read the text from standard input: arguments are visible to other users of this computer.
#[derive(Args, Debug)]
pub(super) struct NoteArgs {
    /// The text, or `-` to read it from standard input (as it is, its last line feed removed).
    text: String,
}

pub(super) async fn run(common: &Common, args: &NoteArgs) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let outcome = async {
        let text = common.text(&connection, &args.text, TEXT_LEN_MAX)?;
        if text.is_empty() {
            return Err(send::nothing_to_send());
        }
        connection.call("note", json!({ "text": text.as_str() })).await
    }
    .await;
    connection.close().await;
    common
        .output()
        .result(&outcome?, |_| format!("Kept. `sotto recv {NOTES_NAME} --all` shows your notes."))?;
    Ok(Ended::Well)
}
