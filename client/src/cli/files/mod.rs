//! `sotto files`: files that are sent and received, and what is decided about them.

mod bar;
mod place;
mod save;
mod send;
mod watch;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Common, Ended, Wait, escape, stored};
use crate::core::{Direction, FileState, FileView};
use crate::shell::Failure;
use crate::shell::client::{Connection, Reach};

/// Send and receive files. Without a command, list them.
///
/// A file is offered like a message. What is longer than a mebibyte waits until its receiver says `accept`. Files have at
/// most 16 MiB; they are slow, as they go by the same packets as everything, at the same times.
#[derive(Args, Debug)]
pub(super) struct FilesArgs {
    #[command(subcommand)]
    command: Option<FilesCommand>,
}

#[derive(Subcommand, Debug)]
enum FilesCommand {
    /// Offer a file to somebody.
    ///
    /// The bytes are copied into the vault at once: what becomes of the file itself afterwards does not matter. The receiver is
    /// told its name, without directories.
    Send {
        /// Whom to send it to.
        contact: String,
        /// The file.
        path: PathBuf,
        /// What the receiver is told that it is called.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        wait: Wait,
    },
    /// Ask for a file, or again for what is missing of it.
    Accept(Decided),
    /// Say that you do not want a file.
    Decline(Decided),
    /// Let a file rest.
    Pause(Decided),
    /// Go on with a file that rests.
    Resume(Decided),
    /// End a file that is sent or received. What is kept of it is deleted on both sides.
    Cancel(Decided),
    /// Write a file that has come into a directory.
    ///
    /// The name is one that sotto makes, or the one that you give: what the sender calls the file is never used for it. No file
    /// is replaced and no link is followed.
    Save {
        /// Who sent it.
        contact: String,
        /// The number of its message.
        seq: u64,
        /// The directory; the current one without this.
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
        /// What to call it: a name, no path.
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
    },
    /// Show how far files are until none is on its way.
    Watch {
        #[command(flatten)]
        wait: Wait,
    },
}

/// A file that something is decided about.
#[derive(Args, Debug)]
struct Decided {
    /// With whom.
    contact: String,
    /// The number of its message, as `sotto files` shows it.
    seq: u64,
    #[command(flatten)]
    wait: Wait,
}

pub(super) async fn run(common: &Common, args: &FilesArgs) -> Result<Ended, Failure> {
    match &args.command {
        None => list(common).await,
        Some(FilesCommand::Send { contact, path, name, wait }) => {
            send::run(common, contact, path, name.as_deref(), wait).await
        }
        Some(FilesCommand::Accept(decided)) => decide(common, "file-accept", decided, true).await,
        Some(FilesCommand::Decline(decided)) => decide(common, "file-decline", decided, false).await,
        Some(FilesCommand::Pause(decided)) => decide(common, "file-pause", decided, false).await,
        Some(FilesCommand::Resume(decided)) => decide(common, "file-resume", decided, true).await,
        Some(FilesCommand::Cancel(decided)) => decide(common, "file-cancel", decided, false).await,
        Some(FilesCommand::Save { contact, seq, to, name }) => {
            save::run(common, contact, *seq, to.as_deref(), name.as_deref()).await
        }
        Some(FilesCommand::Watch { wait }) => watch::run(common, wait).await,
    }
}

async fn list(common: &Common) -> Result<Ended, Failure> {
    let connection = common.connect(Reach::Vault).await?;
    let files = all(&connection).await;
    connection.close().await;
    let files = files?;
    let rows = serde_json::to_value(&files).unwrap_or_default();
    common.output().result(&rows, |_| {
        if files.is_empty() {
            return "No files. `sotto files send NAME PATH` sends one.".to_owned();
        }
        files.iter().map(row).collect::<Vec<_>>().join("\n")
    })?;
    Ok(Ended::Well)
}

/// Every file, in one piece.
async fn all(connection: &Connection) -> Result<Vec<FileView>, Failure> {
    let mut files: Vec<FileView> = Vec::new();
    loop {
        let mut page = connection.call("files", json!({ "skip": files.len() })).await?;
        let more = page.get("more").and_then(Value::as_bool).unwrap_or_default();
        let rows: Vec<FileView> = parsed(page.get_mut("files").map(Value::take).unwrap_or_default())?;
        let is_last = rows.is_empty() || !more;
        files.extend(rows);
        if is_last {
            return Ok(files);
        }
    }
}

async fn one(connection: &Connection, contact: &str, seq: u64) -> Result<FileView, Failure> {
    parsed(connection.call("file", json!({ "contact": contact, "seq": seq })).await?)
}

fn parsed<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Failure> {
    serde_json::from_value(value)
        .map_err(|error| Failure::new("internal", format!("a file cannot be read: {error}")))
}

/// Decides, and waits for what follows if nobody else does.
async fn decide(
    common: &Common,
    method: &str,
    Decided { contact, seq, wait }: &Decided,
    has_bytes_to_come: bool,
) -> Result<Ended, Failure> {
    let mut connection = common.connect(Reach::Network).await?;
    let outcome = async {
        connection.call(method, json!({ "contact": contact, "seq": seq })).await?;
        let mut ended = Ended::Well;
        if connection.is_alone() {
            common.output().note(stored::ALONE_NOTE);
        }
        if has_bytes_to_come && (connection.is_alone() || wait.wait) {
            ended = watch::one_file(common, &mut connection, wait, contact, *seq).await?;
        } else if connection.is_alone() || wait.wait {
            ended = stored::contact(&mut connection, wait, contact).await?;
        }
        Ok::<_, Failure>((one(&connection, contact, *seq).await?, ended))
    }
    .await;
    connection.close().await;
    let (file, ended) = outcome?;
    common.output().result(&serde_json::to_value(&file).unwrap_or_default(), |_| row(&file))?;
    Ok(ended)
}

/// One file in one line.
fn row(file: &FileView) -> String {
    let way = if file.direction == Direction::In { "from" } else { "to" };
    let name = escape::line(&file.name);
    let state = match file.state {
        FileState::Running => {
            let percent = file.done_bytes.saturating_mul(100).checked_div(file.size).unwrap_or(0);
            let left = file.eta_s.map(|eta_s| format!(", {} left", bar::span(eta_s))).unwrap_or_default();
            format!("{percent} %{left}")
        }
        FileState::Offered if file.direction == Direction::In => {
            format!("offered; `sotto files accept {} {}` asks for it", escape::line(&file.contact), file.seq)
        }
        state => state.label().to_owned(),
    };
    format!("{} {way} {}  {name:?}  {} bytes  {state}", file.seq, escape::line(&file.contact), file.size)
}
