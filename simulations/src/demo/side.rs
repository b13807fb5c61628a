//! One side of the conversation: a person, their daemon's socket, and what it tells.
//!
//! What is said, and whether it is what it should be, is decided by who uses it.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sotto_client::core::{ContactView, Direction, MessageKind, MessageView};
use sotto_transport::rpc::{Notification, RpcClient};
use tokio::sync::mpsc;

use crate::localnet::{LocalnetError, Person};

/// How long anything may take that has to come from the other side, before it counts as lost. A machine that does much
/// else besides needs it.
pub(super) const ARRIVAL_WAIT_MAX: Duration = Duration::from_secs(120);

/// A person and the connection to their daemon.
pub(super) struct Side {
    pub(super) person: Person,
    rpc: RpcClient,
    heard: mpsc::Receiver<Notification>,
    /// The place in the conversation of the last received message that was looked at.
    seen_seq: u64,
}

impl Side {
    /// Connects to the daemon of a person.
    pub(super) async fn of(person: Person) -> Result<Self, LocalnetError> {
        let (rpc, heard) = listen(&person).await?;
        Ok(Self { person, rpc, heard, seen_seq: 0 })
    }

    pub(super) fn name(&self) -> &str {
        self.person.name()
    }

    pub(super) async fn call(&self, method: &str, params: Value) -> Result<Value, LocalnetError> {
        let name = || format!("the daemon of {}", self.name());
        self.rpc.call(method, &params).await.map_err(|source| LocalnetError::Socket { name: name(), source })
    }

    /// A call whose answer has a known form.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
    ) -> Result<T, LocalnetError> {
        let answer = self.call(method, params).await?;
        serde_json::from_value(answer).map_err(|error| self.odd(&format!("{method}: {error}")))
    }

    /// Sends a text and returns the message's name.
    pub(super) async fn send(&self, to: &str, text: &str) -> Result<Value, LocalnetError> {
        let sent = self.call("send", json!({ "contact": to, "text": text })).await?;
        sent.get("message").cloned().ok_or_else(|| self.odd("send: no message"))
    }

    /// What is known of a contact.
    pub(super) async fn contact(&self, name: &str) -> Result<ContactView, LocalnetError> {
        let contacts: Vec<ContactView> = self.ask("contacts", json!({})).await?;
        let found = contacts.into_iter().find(|view| view.name == name);
        found.ok_or_else(|| self.odd(&format!("no contact {name}")))
    }

    /// The conversation as this side has it. Messages that came before count as looked at.
    pub(super) async fn history(&mut self, with: &str) -> Result<Vec<MessageView>, LocalnetError> {
        let mut history: Vec<MessageView> = Vec::new();
        loop {
            let after = history.last().map(|message| message.seq);
            let mut page = self.call("messages", json!({ "contact": with, "after": after })).await?;
            let messages = page.get_mut("messages").map(Value::take).unwrap_or_default();
            let messages: Vec<MessageView> =
                serde_json::from_value(messages).map_err(|error| self.odd(&format!("messages: {error}")))?;
            let is_last = messages.is_empty() || page.get("more") != Some(&Value::Bool(true));
            history.extend(messages);
            if is_last {
                break;
            }
        }
        let received = history.iter().filter(|message| message.direction == Direction::In);
        self.seen_seq = received.map(|message| message.seq).max().unwrap_or(0).max(self.seen_seq);
        Ok(history)
    }

    /// The next event that is wanted; `None` if it does not come in time.
    pub(super) async fn hear(
        &mut self,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Option<Value>, LocalnetError> {
        let listening = async {
            while let Some(notification) = self.heard.recv().await {
                if notification.method == "event" && wanted(&notification.params) {
                    return Some(notification.params);
                }
            }
            None
        };
        match tokio::time::timeout(ARRIVAL_WAIT_MAX, listening).await {
            Ok(Some(event)) => Ok(Some(event)),
            Ok(None) => Err(self.odd("it closed the connection")),
            Err(_) => Ok(None),
        }
    }

    /// Whether a message with this text comes in time, after those that were looked at. Others that come before it were
    /// given up, and are late.
    pub(super) async fn hear_text(&mut self, text: &str) -> Result<bool, LocalnetError> {
        let seen = self.seen_seq;
        let seq_of = |event: &Value| event.pointer("/message/seq").and_then(Value::as_u64).unwrap_or(0);
        let wanted = |event: &Value| {
            is(event, "message-received")
                && seq_of(event) > seen
                && event.pointer("/message/text").is_some_and(|found| found == text)
        };
        let event = self.hear(wanted).await?;
        self.seen_seq = event.as_ref().map_or(seen, seq_of);
        Ok(event.is_some())
    }

    /// Starts the daemon, which must not run, and listens to it from its first answer on.
    pub(super) async fn start(&mut self) -> Result<(), LocalnetError> {
        self.person.start_daemon_only().await?;
        (self.rpc, self.heard) = listen(&self.person).await?;
        self.person.wait_connected().await
    }

    /// The profile is another one from here on.
    pub(super) fn forget_seen(&mut self) {
        self.seen_seq = 0;
    }

    pub(super) fn odd(&self, what: &str) -> LocalnetError {
        LocalnetError::Answer { name: format!("the daemon of {}", self.name()), what: what.to_owned() }
    }
}

async fn listen(person: &Person) -> Result<(RpcClient, mpsc::Receiver<Notification>), LocalnetError> {
    let name = || format!("the daemon of {}", person.name());
    let rpc = person.rpc().await?;
    let heard = rpc.notifications().ok_or_else(|| LocalnetError::Answer {
        name: name(),
        what: "the notifications are somebody else's".to_owned(),
    })?;
    rpc.call("subscribe", &json!({}))
        .await
        .map_err(|source| LocalnetError::Socket { name: name(), source })?;
    Ok((rpc, heard))
}

/// Whether an event is of this kind.
pub(super) fn is(event: &Value, kind: &str) -> bool {
    event.get("event").is_some_and(|found| found == kind)
}

/// The texts of one direction, in order.
pub(super) fn texts(history: &[MessageView], direction: Direction) -> Vec<&str> {
    let those =
        history.iter().filter(|message| message.kind == MessageKind::Text && message.direction == direction);
    those.map(|message| message.text.as_str()).collect()
}
