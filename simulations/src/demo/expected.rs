//! What people expect of messages: a reply, a reaction, an edit, receipts, and one that disappears on both sides.
//!
//! A file is sent in [`super::file`].

use std::time::Duration;

use serde_json::{Value, json};
use sotto_client::core::{MessageKind, MessageState, MessageView};

use super::conversation::{Conversation, Speaker};
use super::side::{ARRIVAL_WAIT_MAX, Side, is};
use super::steps::Step;
use crate::localnet::LocalnetError;
use crate::wait::wait_for;

/// How long the message that disappears is visible, in seconds.
const VISIBLE_FOR_S: u64 = 5;
/// How late it may go: the machine does much else besides.
const VANISH_LATENESS_MAX: Duration = Duration::from_secs(5);
const QUESTION: &str = "Do we meet at noon?";
const ANSWER: &str = "Noon is fine.";
const SLIP: &str = "At the wrong place.";
const CORRECTION: &str = "At the right place.";
const FLEETING: &str = "Read this and forget it.";
const REACTION: &str = "\u{1f44d}";

impl Conversation {
    /// Reply, reaction, edit, receipts and a message that disappears.
    pub(super) async fn expect(&mut self) -> Result<(), LocalnetError> {
        self.reply().await?;
        self.react().await?;
        self.edit().await?;
        self.receive_receipts().await?;
        self.disappear().await
    }

    /// The second answers a message of the first.
    async fn reply(&mut self) -> Result<(), LocalnetError> {
        let asked = self.say(Speaker::First, QUESTION).await?;
        let (first, second) = (self.first.name().to_owned(), self.second.name().to_owned());
        let Some(question) = last(&mut self.second, &first, QUESTION).await? else {
            self.record(Step::Reply, false, "The question is not there.".to_owned());
            return Ok(());
        };
        let params = json!({ "contact": first, "text": ANSWER, "reply_to": question.seq });
        self.second.call("send", params).await?;
        self.figures.sent += 1;
        let heard = self.first.hear_text(ANSWER).await?;
        self.figures.delivered += u64::from(heard);
        let own = last(&mut self.first, &second, QUESTION).await?.map(|message| message.seq);
        let answer = last(&mut self.first, &second, ANSWER).await?;
        let refers = answer.is_some_and(|answer| answer.is_reply && answer.refers_to == own && own.is_some());
        let found = format!("{second} answers, and {first} sees to which message.");
        self.record(Step::Reply, asked && heard && refers, found);
        Ok(())
    }

    /// The first reacts to the answer.
    async fn react(&mut self) -> Result<(), LocalnetError> {
        let (first, second) = (self.first.name().to_owned(), self.second.name().to_owned());
        let mut passed = false;
        if let Some(answer) = last(&mut self.first, &second, ANSWER).await? {
            let params = json!({ "contact": second, "seq": answer.seq, "emoji": REACTION });
            self.first.call("react", params).await?;
            let changed = |event: &Value| {
                is(event, "message-changed")
                    && event.pointer("/message/reactions/theirs").is_some_and(|emoji| emoji == REACTION)
            };
            passed = self.second.hear(changed).await?.is_some();
        }
        self.record(Step::React, passed, format!("{first} reacts with {REACTION}, and {second} sees it."));
        Ok(())
    }

    /// The second corrects a text.
    async fn edit(&mut self) -> Result<(), LocalnetError> {
        let said = self.say(Speaker::Second, SLIP).await?;
        let (first, second) = (self.first.name().to_owned(), self.second.name().to_owned());
        let mut passed = false;
        if let Some(slip) = last(&mut self.second, &first, SLIP).await? {
            let params = json!({ "contact": first, "seq": slip.seq, "text": CORRECTION });
            self.second.call("edit", params).await?;
            let changed = |event: &Value| {
                is(event, "message-changed")
                    && event.pointer("/message/text").is_some_and(|text| text == CORRECTION)
            };
            let is_told = self.first.hear(changed).await?.is_some();
            let is_gone = last(&mut self.first, &second, SLIP).await?.is_none();
            passed = said && is_told && is_gone;
        }
        self.record(
            Step::Edit,
            passed,
            format!("{second} corrects a message, and {first} has the new text only."),
        );
        Ok(())
    }

    /// A message of the first is delivered, and read once the second has seen it, not before.
    async fn receive_receipts(&mut self) -> Result<(), LocalnetError> {
        let text = "Tell me when you have read this.";
        let said = self.say(Speaker::First, text).await?;
        let (first, second) = (self.first.name().to_owned(), self.second.name().to_owned());
        let own = last(&mut self.first, &second, text).await?;
        let theirs = last(&mut self.second, &first, text).await?;
        let mut passed = false;
        if let (Some(own), Some(theirs)) = (own, theirs) {
            let delivered = self.reaches(&own, MessageState::Delivered).await;
            self.second.call("mark-read", json!({ "contact": first, "seq": theirs.seq })).await?;
            passed = said && delivered && self.reaches(&own, MessageState::Read).await;
        }
        let found = format!("{first} is told that the message was delivered, and that {second} has read it.");
        self.record(Step::Receipts, passed, found);
        Ok(())
    }

    /// Whether a message of the first is in this state in time.
    async fn reaches(&self, message: &MessageView, state: MessageState) -> bool {
        let asked = || async {
            let params = json!({ "message": message.id });
            let view = self.first.ask::<MessageView>("message", params).await.ok()?;
            (view.state == state).then_some(())
        };
        wait_for(&self.clock, ARRIVAL_WAIT_MAX, asked).await.is_some()
    }

    /// A message that is visible for some seconds goes on both sides, at its time.
    async fn disappear(&mut self) -> Result<(), LocalnetError> {
        let (first, second) = (self.first.name().to_owned(), self.second.name().to_owned());
        let limits = json!({ "read_once": false, "visible_for_s": VISIBLE_FOR_S, "exists_for_s": 0 });
        let params = json!({ "contact": second, "text": FLEETING, "disappearing": limits });
        let written = self.clock.now();
        self.first.call("send", params).await?;
        self.figures.sent += 1;
        let heard = self.second.hear_text(FLEETING).await?;
        self.figures.delivered += u64::from(heard);
        let mut passed = false;
        if let Some(message) = last(&mut self.second, &first, FLEETING).await? {
            let read = self.clock.now();
            self.second.call("mark-read", json!({ "contact": first, "seq": message.seq })).await?;
            let gone = |event: &Value| is(event, "message-vanished");
            let (there, here) = (self.second.hear(gone).await?, self.first.hear(gone).await?);
            let visible = Duration::from_secs(VISIBLE_FOR_S);
            let lasted = self.clock.now().since(read);
            let on_time = lasted >= visible && lasted < visible + VANISH_LATENESS_MAX;
            let is_nowhere = last(&mut self.first, &second, FLEETING).await?.is_none()
                && last(&mut self.second, &first, FLEETING).await?.is_none();
            let whole = self.clock.now().since(written) >= visible;
            passed = heard && there.is_some() && here.is_some() && on_time && is_nowhere && whole;
        }
        let found = format!(
            "A message that is visible for {VISIBLE_FOR_S} s is gone on both sides, {VISIBLE_FOR_S} s after it was read."
        );
        self.record(Step::Disappear, passed, found);
        Ok(())
    }
}

/// The last message with this text, if it is there.
async fn last(side: &mut Side, with: &str, text: &str) -> Result<Option<MessageView>, LocalnetError> {
    let history = side.history(with).await?;
    let mut those = history.into_iter().filter(|message| message.kind == MessageKind::Text);
    Ok(those.rfind(|message| message.text == text))
}
