//! Waiting for files, and showing how far they are.

use serde_json::json;

use super::bar::FileBar;
use super::{all, one};
use crate::cli::{Common, Ended, Wait, escape, output, stored};
use crate::core::{Direction, FileState, FileView};
use crate::shell::Failure;
use crate::shell::client::{Connection, Reach};

/// Waits until a file is over on this side: whole here, or whole at its receiver.
pub(super) async fn one_file(
    common: &Common,
    connection: &mut Connection,
    wait: &Wait,
    contact: &str,
    seq: u64,
) -> Result<Ended, Failure> {
    let mut bar = FileBar::new(common.output().is_json());
    let ended = stored::until(connection, wait, async |connection| {
        let file = one(connection, contact, seq).await?;
        bar.show(&file);
        Ok(file.state.is_over())
    })
    .await?;
    drop(bar);
    let file = one(connection, contact, seq).await?;
    if file.direction == Direction::In && ended == Ended::Well && file.state != FileState::Done {
        return Ok(Ended::Trouble);
    }
    Ok(ended)
}

/// `sotto files watch`: until no file is on its way.
pub(super) async fn run(common: &Common, wait: &Wait) -> Result<Ended, Failure> {
    let mut connection = common.connect(Reach::Network).await?;
    if connection.is_alone() {
        common.output().note(stored::ALONE_NOTE);
    }
    let is_json = common.output().is_json();
    let (mut bar, mut shown) = (FileBar::new(is_json), Vec::<FileView>::new());
    let outcome = stored::until(&mut connection, wait, async |connection| {
        let mut files = all(connection).await?;
        files.retain(|file| matches!(file.state, FileState::Running | FileState::Checking));
        if is_json {
            for file in files.iter().filter(|file| !shown.contains(file)) {
                output::print(&escape::json(&json!(file).to_string()))?;
            }
        } else if let Some(file) = files.first() {
            bar.show(file);
        }
        shown.clone_from(&files);
        Ok(files.is_empty())
    })
    .await;
    drop(bar);
    connection.close().await;
    outcome
}
