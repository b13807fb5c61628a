//! Answers about people: meeting them, verifying them, and what a user does with them otherwise.

use rand::CryptoRng;
use serde_json::{Value, json};
use sotto_protocol::time::Timestamp;

use super::call::{AcceptParams, CompareParams};
use super::to_json;
use crate::core::{AddressLink, ContactView, Engine, EngineError, Trust};
use crate::shell::Failure;
use crate::store::Store;

/// Takes up an invitation, or asks at a contact address.
pub(super) fn accept<S: Store>(
    engine: &mut Engine<S>,
    params: &AcceptParams,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Value, Failure> {
    let contact_id = if AddressLink::is_meant(&params.link) {
        engine.ask_at(now, &params.link, &params.name, params.note.as_deref().unwrap_or_default(), rng)?
    } else if params.note.is_some() {
        return Err(Failure::new(
            "note-without-address",
            "a note goes along with a request at a contact address; with an invitation send a message instead",
        ));
    } else {
        engine.accept_invite(now, &params.link, &params.name, rng)?
    };
    Ok(json!({ "contact": params.name, "contact_id": contact_id }))
}

/// One contact. An unknown name is refused as everywhere.
pub(super) fn view<S: Store>(engine: &Engine<S>, contact: &str) -> Result<ContactView, EngineError> {
    let view = engine.contacts().into_iter().find(|view| view.name == contact);
    view.ok_or_else(|| EngineError::ContactUnknown(contact.to_owned()))
}

/// The same as an answer.
pub(super) fn contact<S: Store>(engine: &Engine<S>, contact: &str) -> Result<Value, Failure> {
    to_json(&view(engine, contact)?)
}

/// Mutes a contact, or takes that back.
pub(super) fn mute<S: Store>(
    engine: &mut Engine<S>,
    name: &str,
    muted: bool,
    now: Timestamp,
) -> Result<Value, Failure> {
    engine.set_muted(now, name, muted)?;
    contact(engine, name)
}

/// Blocks a contact, or takes that back.
pub(super) fn block<S: Store>(
    engine: &mut Engine<S>,
    name: &str,
    blocked: bool,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Value, Failure> {
    engine.set_blocked(now, name, blocked, rng)?;
    contact(engine, name)
}

/// The safety number of a contact, and whether it was verified.
pub(super) fn safety_number<S: Store>(engine: &Engine<S>, contact: &str) -> Result<Value, EngineError> {
    let number = engine.safety_number(contact)?;
    let trust = engine.contacts().into_iter().find(|view| view.name == contact).map(|view| view.trust);
    Ok(json!({
        "contact": contact,
        "trust": trust.unwrap_or(Trust::Unverified),
        "digits": number.digits(),
        "groups": number.groups(),
        "qr": number.qr_text(),
    }))
}

/// Compares what the user was given with the safety number.
pub(super) fn compare<S: Store>(
    engine: &mut Engine<S>,
    params: &CompareParams,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Value, EngineError> {
    let matches = engine.compare(now, &params.contact, &params.number, rng)?;
    let mut answer = safety_number(engine, &params.contact)?;
    if let Value::Object(answer) = &mut answer {
        answer.insert("matches".to_owned(), matches.into());
    }
    Ok(answer)
}
