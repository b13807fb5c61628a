//! What can be asked of the process that owns a profile, and its answers as JSON.
//!
//! The daemon answers these calls over its socket, and a command that runs alone answers them to itself, with
//! the same code. Parameters are objects; unknown fields and methods are refused. `subscribe` and `shutdown`
//! concern the connection and the process, not the engine, and are answered by [`super::daemon`].

mod call;
mod files;
mod introductions;
mod letters;
mod past;
mod people;

use std::sync::Arc;
use std::time::Duration;

use rand::CryptoRng;
use serde_json::{Value, json};
use sotto_protocol::time::Timestamp;
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};

use super::Failure;
use super::doctor::Doctor;
use super::locking::locked;
use crate::core::{
    ContactState, ContactView, Engine, EngineError, Event, MessageState, MessageView, NOTES_NAME,
};
use crate::store::Store;
pub use call::{Call, CallError};
pub use files::FileCall;

/// How long an invitation holds unless asked otherwise, in seconds: a week.
pub const INVITE_TTL_S_DEFAULT: u64 = 7 * 24 * 3600;
/// The JSON text of the messages in one answer, in bytes, unless a single message is longer. Below the longest line
/// of the RPC, so that a long conversation comes in several answers.
const PAGE_LEN_MAX: usize = 512 * 1024;
/// Calls that wait for the engine.
pub(super) const REQUESTS_MAX: usize = 64;
/// Events that a subscriber may be behind before it is told that it missed some.
pub(super) const EVENTS_BEHIND_MAX: usize = 1024;

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
        Call::Rename(params) => {
            engine.rename(now, &params.contact, &params.name)?;
            people::contact(engine, &params.name)?
        }
        Call::Mute(params) => people::mute(engine, &params.contact, true, now)?,
        Call::Unmute(params) => people::mute(engine, &params.contact, false, now)?,
        Call::Block(params) => people::block(engine, &params.contact, true, now, rng)?,
        Call::Unblock(params) => people::block(engine, &params.contact, false, now, rng)?,
        Call::DeleteContact(params) => to_json(&engine.delete_contact(now, &params.contact)?)?,
        Call::Invite(params) => {
            let ttl = Duration::from_secs(params.ttl_s.unwrap_or(INVITE_TTL_S_DEFAULT));
            let invite = engine.create_invite(now, &params.name, ttl, rng)?;
            json!({
                "contact": params.name,
                "link": invite.link().as_str(),
                "expires_ms": invite.expires().as_millis(),
            })
        }
        Call::Accept(params) => people::accept(engine, params, now, rng)?,
        Call::Revoke(params) => {
            engine.revoke_invite(now, &params.contact)?;
            json!({})
        }
        Call::Verify(params) => people::safety_number(engine, &params.contact)?,
        Call::SetVerified(params) => {
            engine.set_verified(now, &params.contact, params.verified, rng)?;
            people::safety_number(engine, &params.contact)?
        }
        Call::Compare(params) => people::compare(engine, params, now, rng)?,
        Call::Rekey(params) => {
            engine.renew(now, &params.contact, params.new_identity, rng)?;
            json!({})
        }
        Call::Addresses => to_json(&engine.addresses())?,
        Call::CreateAddress(params) => {
            let address = engine.create_address(now, &params.label, rng)?;
            json!({ "label": params.label, "address": address.to_string() })
        }
        Call::RemoveAddress(params) => {
            engine.remove_address(now, &params.label, rng)?;
            json!({})
        }
        Call::Requests => to_json(&engine.requests())?,
        Call::AcceptRequest(params) => {
            engine.accept_request(now, &params.request, &params.name, rng)?;
            json!({ "contact": params.name })
        }
        Call::RejectRequest(params) => {
            engine.reject_request(now, &params.request)?;
            json!({})
        }
        Call::Introduce(params) => introductions::introduce(engine, params, now, rng)?,
        Call::Introductions => to_json(&engine.introductions())?,
        Call::AcceptIntroduction(params) => introductions::accept(engine, params, now, rng)?,
        Call::RejectIntroduction(params) => {
            engine.reject_introduction(now, &params.introduction, rng)?;
            json!({})
        }
        Call::Send(_) | Call::React(_) | Call::Edit(_) | Call::Delete(_) => {
            letters::write(engine, call, now, rng)?
        }
        Call::Disappearing(params) => letters::disappearing(engine, params, now, rng)?,
        Call::Receipts(params) => letters::receipts(engine, params, now)?,
        Call::Note(params) => {
            let message = engine.add_note(now, &params.text, rng)?;
            json!({ "message": message, "contact": NOTES_NAME, "state": MessageState::Kept })
        }
        Call::Messages(params) => page(engine.messages_after(&params.contact, params.after)?)?,
        Call::History(params) => past::history(engine, params)?,
        Call::Message(params) => to_json(&engine.message(&params.message))?,
        Call::Unread(params) => {
            let (contact, wants_muted) = (params.contact.as_deref(), params.muted.unwrap_or(true));
            let mut answer = page(engine.unread(contact, wants_muted, params.skip.unwrap_or(0))?)?;
            if let Value::Object(answer) = &mut answer {
                answer.insert("muted_left_out".to_owned(), left_out(engine, contact, wants_muted).into());
            }
            answer
        }
        Call::MarkRead(params) => {
            engine.mark_read(now, &params.contact, params.seq)?;
            json!({})
        }
        Call::Route(params) => routes(engine, params.contact.as_deref(), now)?,
        Call::SetRoute(params) => {
            match (&params.contact, call.profile_plan()?) {
                (Some(contact), _) => engine.set_contact_routes(now, contact, params.routes.clone())?,
                (None, Some(plan)) => engine.set_routes(now, plan),
                (None, None) => {}
            }
            routes(engine, params.contact.as_deref(), now)?
        }
        Call::File(call) => files::answer(engine, call, now, rng)?,
        // Tor, links and examinations are the network's, the lock is the process's: there is neither here.
        Call::Tor | Call::Network | Call::Doctor(_) | Call::Lock | Call::Unlock(_) | Call::Backup(_) => {
            Value::Null
        }
    })
}

/// The routes of the profile and of every contact, or of one contact.
fn routes<S: Store>(engine: &Engine<S>, contact: Option<&str>, now: Timestamp) -> Result<Value, Failure> {
    let row = |view: &ContactView| {
        json!({
            "contact": view.name,
            "trust": view.trust,
            "routes": view.routes,
            "own": view.routes_own,
            "route": view.route,
            "protects": view.protects,
        })
    };
    if let Some(contact) = contact {
        let view = people::view(engine, contact)?;
        if view.state == ContactState::Notes {
            return Err(EngineError::NotAPerson.into());
        }
        return Ok(row(&view));
    }
    let (contacts, plan) = (engine.contacts(), engine.status(now).plan);
    let protects = plan.wanted().protects();
    let people = contacts.iter().filter(|view| view.state != ContactState::Notes);
    let contacts: Vec<Value> = people.map(row).collect();
    Ok(json!({ "routes": plan, "protects": protects, "contacts": contacts }))
}

/// How many unread messages of muted contacts are left out, because only what is not muted is wanted.
fn left_out<S: Store>(engine: &Engine<S>, contact: Option<&str>, wants_muted: bool) -> u64 {
    if contact.is_some() || wants_muted {
        return 0;
    }
    let contacts = engine.contacts();
    contacts.iter().filter(|view| view.muted).map(|view| view.unread).fold(0, u64::saturating_add)
}

/// As many of the messages as one answer holds.
fn page(messages: impl Iterator<Item = MessageView>) -> Result<Value, Failure> {
    let (mut len, mut rows, mut more) = (0usize, Vec::new(), false);
    for message in messages {
        let row = to_json(&message)?;
        len = len.saturating_add(row.to_string().len());
        if len > PAGE_LEN_MAX && !rows.is_empty() {
            more = true;
            break;
        }
        rows.push(row);
    }
    Ok(json!({ "messages": rows, "more": more }))
}

/// An answer as JSON.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<Value, Failure> {
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
    /// None where there is no network to examine.
    pub(super) doctor: Option<Doctor>,
    pub(super) is_locked: watch::Receiver<bool>,
    /// Somebody has come.
    pub(super) arrivals: Arc<Notify>,
}

impl Service {
    /// Asks the engine.
    ///
    /// # Errors
    /// The engine's refusal, or `shutting-down` if it has ended.
    pub async fn call(&self, call: Call) -> Result<Value, Failure> {
        let ended = || Failure::new("shutting-down", "the process is ending: try again");
        if let Call::Doctor(params) = &call {
            if *self.is_locked.borrow() {
                return Err(locked());
            }
            // Beside the engine, which has no time to wait.
            let none =
                || Failure::new("no-network", "this process has no network to examine: start `sotto daemon`");
            return self.doctor.as_ref().ok_or_else(none)?.examine(params.run);
        }
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request { call, answer }).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }

    /// A command of the user has connected: that puts off locking.
    pub fn arrived(&self) {
        self.arrivals.notify_one();
    }

    /// Every event from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}

#[cfg(test)]
mod tests;
