//! Answers about introductions of one contact to another.

use rand::CryptoRng;
use serde_json::{Value, json};
use sotto_protocol::time::Timestamp;

use super::call::{AcceptIntroductionParams, IntroduceParams};
use crate::core::{Engine, EngineError, IntroduceOptions};
use crate::store::Store;

/// Asks both whether they want to meet, and says what each is told that the other one is called.
pub(super) fn introduce<S: Store>(
    engine: &mut Engine<S>,
    params: &IntroduceParams,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Value, EngineError> {
    let options = IntroduceOptions {
        as_first: params.as_first.clone(),
        as_second: params.as_second.clone(),
        note: params.note.clone().unwrap_or_default(),
    };
    let introduction = engine.introduce(now, &params.first, &params.second, &options, rng)?;
    Ok(json!({
        "introduction": introduction,
        "first": params.first,
        "second": params.second,
        "as_first": params.as_first.as_deref().unwrap_or(&params.first),
        "as_second": params.as_second.as_deref().unwrap_or(&params.second),
    }))
}

/// Agrees to meet somebody, and says whether there is a contact already.
pub(super) fn accept<S: Store>(
    engine: &mut Engine<S>,
    params: &AcceptIntroductionParams,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Value, EngineError> {
    let is_contact = engine.accept_introduction(now, &params.introduction, &params.name, rng)?;
    Ok(json!({ "name": params.name, "is_contact": is_contact }))
}
