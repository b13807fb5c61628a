//! Answers about letters: writing them, and how a conversation treats them.

use rand::CryptoRng;
use serde_json::{Value, json};
use sotto_protocol::time::Timestamp;

use super::call::{Call, DisappearingParams, ReceiptsParams};
use crate::core::{Engine, EngineError, MessageId, Receipts, SendOptions};
use crate::shell::Failure;
use crate::store::Store;

/// Queues what the call says.
pub(super) fn write<S: Store>(
    engine: &mut Engine<S>,
    call: &Call,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Value, Failure> {
    let (contact, message) = match call {
        Call::Send(params) => {
            let options = SendOptions { reply_to: params.reply_to, disappearing: params.disappearing };
            (&params.contact, engine.send(now, &params.contact, &params.text, options, rng)?)
        }
        Call::React(params) => {
            let emoji = params.emoji.as_deref();
            (&params.contact, engine.react(now, &params.contact, params.seq, emoji, rng)?)
        }
        Call::Edit(params) => {
            (&params.contact, engine.edit(now, &params.contact, params.seq, &params.text, rng)?)
        }
        Call::Delete(params) if !params.here_only => {
            (&params.contact, engine.delete_for_both(now, &params.contact, params.seq, rng)?)
        }
        Call::Delete(params) => {
            engine.delete_here(now, &params.contact, params.seq)?;
            return Ok(json!({}));
        }
        _ => return Ok(Value::Null),
    };
    Ok(written(engine, contact, message))
}

/// How far what was written is, and by which route it goes.
fn written<S: Store>(engine: &Engine<S>, contact: &str, message: MessageId) -> Value {
    let view = engine.message(&message);
    let contacts = engine.contacts();
    let to = contacts.iter().find(|view| view.name == contact);
    json!({
        "message": message,
        "contact": contact,
        "seq": view.as_ref().map(|view| view.seq),
        "trust": to.map(|to| to.trust),
        "state": view.map(|view| view.state),
        "route": to.map(|to| to.route),
    })
}

/// The limits that letters of a conversation have.
pub(super) fn disappearing<S: Store>(
    engine: &mut Engine<S>,
    params: &DisappearingParams,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Value, EngineError> {
    if let Some(limits) = params.limits {
        engine.set_disappearing(now, &params.contact, limits, rng)?;
    }
    let limits = engine.disappearing(&params.contact)?;
    Ok(json!({ "contact": params.contact, "limits": limits, "in_words": limits.in_words() }))
}

/// The receipts that a contact is sent.
pub(super) fn receipts<S: Store>(
    engine: &mut Engine<S>,
    params: &ReceiptsParams,
    now: Timestamp,
) -> Result<Value, EngineError> {
    let before = engine.receipts(&params.contact)?;
    let after = Receipts {
        delivered: params.delivered.unwrap_or(before.delivered),
        read: params.read.unwrap_or(before.read),
    };
    if after != before {
        engine.set_receipts(now, &params.contact, after)?;
    }
    Ok(json!({ "contact": params.contact, "delivered": after.delivered, "read": after.read }))
}
