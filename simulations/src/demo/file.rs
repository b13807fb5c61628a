//! A file goes over, while first the sender's and then the receiver's program is killed.

use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};
use sotto_client::core::{FILE_BLOCK_LEN, FileState, FileView, StatusView};

use super::conversation::Conversation;
use super::report::FileFigures;
use super::side::{Side, is};
use super::steps::Step;
use crate::localnet::LocalnetError;
use crate::wait::wait_for;

/// The length of the file, in bytes.
const FILE_LEN: usize = 300_000;
/// How long it may take.
const FILE_WAIT_MAX: Duration = Duration::from_secs(600);
/// What its sender calls it. Whatever it is called, it is no path.
const FILE_NAME: &str = "../../holiday.jpg";

impl Conversation {
    /// The first sends a file to the second.
    pub(super) async fn send_file(&mut self) -> Result<(), LocalnetError> {
        let (first, second) = (self.first.name().to_owned(), self.second.name().to_owned());
        let bytes: Vec<u8> = (0..FILE_LEN).map(|at| (at % 251).to_le_bytes()[0]).collect();
        let begin = self.clock.now();
        offer(&self.first, &second, &bytes).await?;
        self.narrator.say(&format!("{first} sends a file of {FILE_LEN} bytes."));
        let came = self.second.hear(|event| is(event, "message-received") && is_file(event)).await?;
        let Some(seq) = came.as_ref().and_then(|event| event.pointer("/message/seq")).and_then(Value::as_u64)
        else {
            self.record(Step::File, false, "The offer has not come.".to_owned());
            return Ok(());
        };
        self.reaches_share(&first, seq, 3).await;
        self.first.person.kill_daemon().await?;
        self.first.start().await?;
        self.narrator
            .say(&format!("With a third of it there, the program of {first} is killed and started again."));
        self.reaches_share(&first, seq, 2).await;
        self.second.person.kill_daemon().await?;
        self.second.start().await?;
        self.narrator.say(&format!("With half of it there, that of {second}."));
        let done = || async {
            let file = file(&self.second, &first, seq).await?;
            (file.state == FileState::Done).then_some(())
        };
        let is_done = wait_for(&self.clock, FILE_WAIT_MAX, done).await.is_some();
        let seconds = self.clock.now().since(begin).as_secs_f64();
        let share = used_share(&self.first.ask::<StatusView>("status", json!({})).await?);
        let is_same = is_done && read(&self.second, &first, seq).await? == bytes;
        let found = format!(
            "The file is there, byte for byte, after {seconds:.1} s: {:.0} bytes/s. {:.0} % of the slots of {first} carried \
             boxes since its start.",
            FILE_LEN as f64 / seconds,
            share * 100.0
        );
        let rounded = |figure: f64, places: f64| (figure * places).round() / places;
        self.figures.file = is_same.then(|| FileFigures {
            bytes_per_s: rounded(FILE_LEN as f64 / seconds, 10.0),
            slots_used: rounded(share, 1000.0),
        });
        self.record(Step::File, is_same, found);
        Ok(())
    }

    /// Waits until the second has this share of the file: one half, one third.
    async fn reaches_share(&self, from: &str, seq: u64, divisor: u64) {
        let there = || async {
            let file = file(&self.second, from, seq).await?;
            (file.done_bytes >= file.size / divisor).then_some(())
        };
        wait_for(&self.clock, FILE_WAIT_MAX, there).await;
    }
}

fn is_file(event: &Value) -> bool {
    event.pointer("/message/kind").is_some_and(|kind| kind == "file")
}

/// Hands the bytes over to the daemon, and offers the file.
async fn offer(side: &Side, to: &str, bytes: &[u8]) -> Result<(), LocalnetError> {
    let params = json!({ "contact": to, "name": FILE_NAME, "size": bytes.len() });
    let begun = side.call("file-begin", params).await?;
    let file = begun.get("file").cloned().unwrap_or_default();
    for (number, block) in bytes.chunks(FILE_BLOCK_LEN).enumerate() {
        let at = number * FILE_BLOCK_LEN;
        let params = json!({ "file": file, "at": at, "base64": BASE64.encode(block) });
        side.call("file-data", params).await?;
    }
    side.call("file-offer", json!({ "file": file })).await?;
    Ok(())
}

/// How far a file is.
async fn file(side: &Side, with: &str, seq: u64) -> Option<FileView> {
    side.ask::<FileView>("file", json!({ "contact": with, "seq": seq })).await.ok()
}

/// What a file holds that has come.
async fn read(side: &Side, with: &str, seq: u64) -> Result<Vec<u8>, LocalnetError> {
    let mut bytes = Vec::new();
    loop {
        let params = json!({ "contact": with, "seq": seq, "at": bytes.len() });
        let answer = side.call("file-read", params).await?;
        let text = answer.get("base64").and_then(Value::as_str).unwrap_or_default();
        let block =
            BASE64.decode(text.as_bytes()).map_err(|error| side.odd(&format!("file-read: {error}")))?;
        if block.is_empty() {
            return Ok(bytes);
        }
        bytes.extend(block);
    }
}

/// The share of the payload slots that carried a box.
fn used_share(status: &StatusView) -> f64 {
    let counters = &status.counters;
    let slots = counters.sent_write + counters.sent_read + counters.sent_decoy;
    counters.sent_write as f64 / slots.max(1) as f64
}
