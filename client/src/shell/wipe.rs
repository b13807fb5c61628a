//! Wipes JSON in which a secret was.

use serde_json::Value;
use zeroize::Zeroize as _;

/// Wipes every text of a value: a passphrase or a message may be among them.
pub fn wipe(value: Value) {
    match value {
        Value::String(mut text) => text.zeroize(),
        Value::Array(values) => values.into_iter().for_each(wipe),
        Value::Object(fields) => fields.into_iter().for_each(|(_, value)| wipe(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
