//! A person's program is killed while it sends, and started again.

use serde_json::{Value, json};
use sotto_client::core::{Direction, MessageView, StatusView};

use super::conversation::{Conversation, Speaker};
use super::side::{ARRIVAL_WAIT_MAX, is, texts};
use super::since;
use super::steps::{Step, count};
use crate::localnet::LocalnetError;
use crate::wait::wait_for;

/// The length of the message that is interrupted, in bytes: more boxes than can leave at once.
const INTERRUPTED_LEN: usize = 12_000;

impl Conversation {
    /// The second's daemon is killed as soon as the first packet of a message has left. The message arrives, once.
    pub(super) async fn survive_kill(&mut self) -> Result<(), LocalnetError> {
        let text: String = ('0'..='9').cycle().take(INTERRUPTED_LEN).collect();
        let (first, second) = (self.first.name().to_owned(), self.second.name().to_owned());
        let message = self.second.send(&first, &text).await?;
        self.figures.sent += 1;
        let of_it = |event: &Value| is(event, "message-state") && event.get("message") == Some(&message);
        let left = self.second.hear(of_it).await?.is_some();
        let status: StatusView = self.second.ask("status", json!({})).await?;
        self.second.person.kill_daemon().await?;
        let waiting = usize::try_from(status.outbox_boxes).unwrap_or(usize::MAX);
        self.narrator.say(&format!(
            "{second} sends {INTERRUPTED_LEN} bytes. With {} not stored yet the program is killed: kill -9.",
            count(waiting, "box", "boxes")
        ));
        let begin = self.clock.now();
        self.second.start().await?;
        self.narrator.say(&format!(
            "The daemon of {second} is started again, and connected ({}).",
            since(&self.clock, begin)
        ));
        let arrived = self.first.hear_text(&text).await?;
        let took = since(&self.clock, begin);
        let stored = self.is_stored(&message).await?;
        // Messages come in order: what is there once the next has come stays as it is.
        let went_on = self.say(Speaker::Second, "Something hit my machine. Did it arrive?").await?;
        let history = self.first.history(&second).await?;
        let copies = texts(&history, Direction::In).iter().filter(|received| **received == text).count();
        self.figures.delivered += u64::from(arrived && copies == 1);
        let passed = left && waiting > 0 && arrived && stored && went_on && copies == 1;
        let found = match copies {
            1 => format!("The message arrived once, {took} after the start."),
            copies => format!("The message arrived {copies} times."),
        };
        self.record(Step::Kill, passed, found);
        Ok(())
    }

    /// Waits until a message of the second is known to be stored.
    async fn is_stored(&self, message: &Value) -> Result<bool, LocalnetError> {
        let stored = || async {
            let view = self.second.ask::<MessageView>("message", json!({ "message": message })).await.ok()?;
            view.state.is_stored().then_some(())
        };
        Ok(wait_for(&self.clock, ARRIVAL_WAIT_MAX, stored).await.is_some())
    }
}
