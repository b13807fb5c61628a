//! Two people's conversation, and how long each message takes to arrive. What they say is in [`super::script`].

use std::time::Duration;

use serde_json::{Value, json};
use sotto_client::core::Route;
use sotto_transport::clock::Clock;
use sotto_transport::rpc::{Notification, RpcClient};
use tokio::sync::mpsc;

use super::narrator::Narrator;
use super::report::Figures;
use super::script;
use crate::localnet::{LocalnetError, Person};

/// How long a message may take before it counts as lost.
const ARRIVAL_WAIT_MAX: Duration = Duration::from_secs(60);
/// The length of the long message, in bytes.
const LONG_LEN: usize = 20_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Speaker {
    /// Who invited.
    First,
    /// Who was invited.
    Second,
}

impl Speaker {
    pub(super) fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// One side: its socket and what it hears.
struct Side {
    name: String,
    rpc: RpcClient,
    heard: mpsc::Receiver<Notification>,
}

/// The conversation of two people.
pub(super) struct Conversation {
    first: Side,
    second: Side,
    clock: Clock,
    figures: Figures,
}

impl Conversation {
    /// Connects to both daemons.
    pub(super) async fn begin(first: &Person, second: &Person, clock: Clock) -> Result<Self, LocalnetError> {
        Ok(Self {
            first: Side::of(first).await?,
            second: Side::of(second).await?,
            clock,
            figures: Figures::default(),
        })
    }

    /// The first invites the second, who accepts.
    pub(super) async fn meet(&mut self, narrator: &Narrator) -> Result<(), LocalnetError> {
        let invited = self.first.call("invite", json!({ "name": self.second.name, "ttl_s": 3_600 })).await?;
        let link = invited.get("link").and_then(Value::as_str).ok_or_else(|| self.first.odd("no link"))?;
        narrator.say(&format!("{} makes an invitation, and hands it over:", self.first.name));
        narrator.say(link);
        self.second.call("accept", json!({ "name": self.first.name, "link": link })).await?;
        let met = |event: &Value| event.get("event").is_some_and(|kind| kind == "contact-established");
        self.first.hear(met).await?.ok_or_else(|| self.first.odd("the invitation was never taken up"))?;
        narrator.done(&format!("{} has taken it up. Nobody registered anywhere.", self.second.name));
        Ok(())
    }

    /// The script, and one long message.
    pub(super) async fn talk(&mut self, route: Route, narrator: &Narrator) -> Result<(), LocalnetError> {
        for (speaker, text) in script::lines(route) {
            self.say(speaker, text, narrator).await?;
        }
        let long: String = ('a'..='z').cycle().take(LONG_LEN).collect();
        self.say(Speaker::First, &long, narrator).await
    }

    /// One message, awaited at the other side and compared.
    pub(super) async fn say(
        &mut self,
        speaker: Speaker,
        text: &str,
        narrator: &Narrator,
    ) -> Result<(), LocalnetError> {
        let clock = self.clock.clone();
        let (from, to) = match speaker {
            Speaker::First => (&mut self.first, &mut self.second),
            Speaker::Second => (&mut self.second, &mut self.first),
        };
        let begin = clock.now();
        from.call("send", json!({ "contact": to.name, "text": text })).await?;
        self.figures.sent += 1;
        let received = |event: &Value| event.get("event").is_some_and(|kind| kind == "message-received");
        let arrived = to.hear(received).await?;
        let latency_ms = clock.now().since(begin).as_secs_f64() * 1000.0;
        let intact = arrived.as_ref().and_then(|event| event.pointer("/message/text"))
            == Some(&Value::String(text.to_owned()));
        if intact {
            self.figures.delivered += 1;
            self.figures.latencies_ms.push(latency_ms);
            narrator.message(&from.name, &to.name, text, latency_ms);
        } else if arrived.is_some() {
            narrator.trouble(&format!("{} received something else than {} sent.", to.name, from.name));
        } else {
            narrator.trouble(&format!("A message of {} has not arrived.", from.name));
        }
        Ok(())
    }

    pub(super) fn names(&self) -> (&str, &str) {
        (&self.first.name, &self.second.name)
    }

    pub(super) fn end(self) -> Figures {
        self.figures
    }
}

impl Side {
    async fn of(person: &Person) -> Result<Self, LocalnetError> {
        let name = person.name().to_owned();
        let rpc = person.rpc().await?;
        let heard = rpc.notifications().ok_or_else(|| LocalnetError::Answer {
            name: name.clone(),
            what: "the notifications are somebody else's".to_owned(),
        })?;
        let side = Self { name, rpc, heard };
        side.call("subscribe", json!({})).await?;
        Ok(side)
    }

    async fn call(&self, method: &str, params: Value) -> Result<Value, LocalnetError> {
        self.rpc
            .call(method, &params)
            .await
            .map_err(|source| LocalnetError::Socket { name: format!("the daemon of {}", self.name), source })
    }

    /// The next event that is wanted; `None` if it does not come in time.
    async fn hear(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Option<Value>, LocalnetError> {
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

    fn odd(&self, what: &str) -> LocalnetError {
        LocalnetError::Answer { name: format!("the daemon of {}", self.name), what: what.to_owned() }
    }
}
