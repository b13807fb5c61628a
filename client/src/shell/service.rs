//! What can be asked of the process that owns a profile, and its answers as JSON.
//!
//! The daemon answers these calls over its socket, and a command that runs alone answers them to itself, with
//! the same code. Parameters are objects; unknown fields and methods are refused. `subscribe` and `shutdown`
//! concern the connection and the process, not the engine, and are answered by [`super::daemon`].

use std::time::Duration;

use rand::CryptoRng;
use serde::Deserialize;
use serde_json::{Value, json};
use sotto_protocol::time::Timestamp;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::Failure;
use crate::core::{Direction, Engine, Event, MessageId, MessageView};
use crate::store::Store;

/// How long an invitation holds unless asked otherwise, in seconds: a week.
pub const INVITE_TTL_S_DEFAULT: u64 = 7 * 24 * 3600;
/// The JSON text of the messages in one answer, in bytes, unless a single message is longer. Below the longest line
/// of the RPC, so that a long conversation comes in several answers.
const PAGE_LEN_MAX: usize = 512 * 1024;
/// Calls that wait for the engine.
pub(super) const REQUESTS_MAX: usize = 64;
/// Events that a subscriber may be behind before it is told that it missed some.
pub(super) const EVENTS_BEHIND_MAX: usize = 1024;

/// Why a call is not one.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No such method.
    #[error("there is no method {0:?}")]
    Method(String),
    /// The parameters do not fit.
    #[error("wrong parameters for {method}: {reason}")]
    Params {
        /// The method.
        method: &'static str,
        /// What is wrong.
        reason: serde_json::Error,
    },
}

impl CallError {
    /// The stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Method(_) => "method-not-found",
            Self::Params { .. } => "invalid-params",
        }
    }
}

/// Parameters of `invite`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteParams {
    name: String,
    ttl_s: Option<u64>,
}

/// Parameters of `accept`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptParams {
    name: String,
    link: String,
}

/// Parameters of `send`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendParams {
    contact: String,
    text: String,
}

/// Parameters of `messages`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessagesParams {
    contact: String,
    after: Option<u64>,
}

/// Parameters of `message`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageParams {
    message: MessageId,
}

/// Parameters of `unread`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnreadParams {
    contact: Option<String>,
    skip: Option<usize>,
}

/// Parameters of `mark-read`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkReadParams {
    contact: String,
    seq: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParams {}

/// One call, parsed.
pub enum Call {
    /// `status {}`: the state of everything.
    Status,
    /// `contacts {}`: `[contact]`.
    Contacts,
    /// `invite {name, ttl_s?}`: `{contact, link, expires_ms}`.
    Invite(InviteParams),
    /// `accept {name, link}`: `{contact, contact_id}`.
    Accept(AcceptParams),
    /// `send {contact, text}`: `{message, contact, state}`.
    Send(SendParams),
    /// `messages {contact, after?}`: `{messages: [message], more}`, oldest first, both directions.
    Messages(MessagesParams),
    /// `message {message}`: one message, or null.
    Message(MessageParams),
    /// `unread {contact?, skip?}`: `{messages: [message], more}`, received and not marked read, by contact and age,
    /// without the first `skip`.
    Unread(UnreadParams),
    /// `mark-read {contact, seq}`: `{}`.
    MarkRead(MarkReadParams),
}

impl Call {
    /// Parses a method and its parameters.
    ///
    /// # Errors
    /// [`CallError`] for an unknown method and for parameters that do not fit.
    pub fn parse(method: &str, params: &Value) -> Result<Self, CallError> {
        fn fit<'a, T: Deserialize<'a>>(method: &'static str, params: &'a Value) -> Result<T, CallError> {
            T::deserialize(params).map_err(|reason| CallError::Params { method, reason })
        }
        Ok(match method {
            "status" => fit("status", params).map(|NoParams {}| Self::Status)?,
            "contacts" => fit("contacts", params).map(|NoParams {}| Self::Contacts)?,
            "invite" => Self::Invite(fit("invite", params)?),
            "accept" => Self::Accept(fit("accept", params)?),
            "send" => Self::Send(fit("send", params)?),
            "messages" => Self::Messages(fit("messages", params)?),
            "message" => Self::Message(fit("message", params)?),
            "unread" => Self::Unread(fit("unread", params)?),
            "mark-read" => Self::MarkRead(fit("mark-read", params)?),
            _ => return Err(CallError::Method(method.to_owned())),
        })
    }
}

/// Does what the call asks for.
///
/// # Errors
/// The engine's refusal.
pub fn answer<S: Store>(
    engine: &mut Engine<S>,
    call: &Call,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Value, Failure> {
    Ok(match call {
        Call::Status => to_json(&engine.status(now))?,
        Call::Contacts => to_json(&engine.contacts())?,
        Call::Invite(params) => {
            let ttl = Duration::from_secs(params.ttl_s.unwrap_or(INVITE_TTL_S_DEFAULT));
            let invite = engine.create_invite(now, &params.name, ttl, rng)?;
            json!({
                "contact": params.name,
                "link": invite.link().as_str(),
                "expires_ms": invite.expires().as_millis(),
            })
        }
        Call::Accept(params) => {
            let contact_id = engine.accept_invite(now, &params.link, &params.name, rng)?;
            json!({ "contact": params.name, "contact_id": contact_id })
        }
        Call::Send(params) => {
            let message = engine.send_text(now, &params.contact, &params.text, rng)?;
            let state = engine.message(&message).map(|message| message.state);
            json!({ "message": message, "contact": params.contact, "state": state })
        }
        Call::Messages(params) => page(engine.messages(&params.contact, params.after)?)?,
        Call::Message(params) => to_json(&engine.message(&params.message))?,
        Call::Unread(params) => {
            let mut unread = unread(engine, params.contact.as_deref())?;
            unread.drain(..params.skip.unwrap_or(0).min(unread.len()));
            page(unread)?
        }
        Call::MarkRead(params) => {
            engine.mark_read(now, &params.contact, params.seq)?;
            json!({})
        }
    })
}

/// The received messages that nobody has marked read.
fn unread<S: Store>(engine: &Engine<S>, contact: Option<&str>) -> Result<Vec<MessageView>, Failure> {
    if let Some(contact) = contact {
        // An unknown name is an error, not a contact without messages.
        engine.messages(contact, Some(u64::MAX))?;
    }
    let mut unread = Vec::new();
    for view in engine.contacts() {
        if view.unread == 0 || contact.is_some_and(|contact| contact != view.name) {
            continue;
        }
        let mut received = engine.messages(&view.name, None)?;
        received.retain(|message| message.direction == Direction::In);
        let count = usize::try_from(view.unread).unwrap_or(usize::MAX);
        unread.extend(received.drain(received.len().saturating_sub(count)..));
    }
    Ok(unread)
}

/// As many of the messages as one answer holds.
fn page(messages: Vec<MessageView>) -> Result<Value, Failure> {
    let (mut len, mut rows) = (0usize, Vec::new());
    let count = messages.len();
    for message in messages {
        let row = to_json(&message)?;
        len = len.saturating_add(row.to_string().len());
        if len > PAGE_LEN_MAX && !rows.is_empty() {
            break;
        }
        rows.push(row);
    }
    let more = rows.len() < count;
    Ok(json!({ "messages": rows, "more": more }))
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<Value, Failure> {
    serde_json::to_value(value)
        .map_err(|error| Failure::new("internal", format!("an answer cannot be written as JSON: {error}")))
}

/// A call on its way to the engine.
pub(super) struct Request {
    pub(super) call: Call,
    pub(super) answer: oneshot::Sender<Result<Value, Failure>>,
}

/// The engine's counter: calls in, events out. Clones are the same counter.
#[derive(Clone, Debug)]
pub struct Service {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) events: broadcast::Sender<Event>,
}

impl Service {
    /// Asks the engine.
    ///
    /// # Errors
    /// The engine's refusal, or `shutting-down` if it has ended.
    pub async fn call(&self, call: Call) -> Result<Value, Failure> {
        let ended = || Failure::new("shutting-down", "the process is ending: try again");
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request { call, answer }).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }

    /// Every event from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}

#[cfg(test)]
mod tests;
