//! What makes two runs the same: a hash of everything that they are told.
//!
//! JSON with sorted keys and without blanks, in SHA-256. A file stands in it with its content, not with its name: a plan
//! that has moved is the same plan.

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The hash of a value, in hexadecimal.
pub(super) fn of(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(&mut text, value);
    let mut hasher = Hasher::default();
    hasher.update(text.as_bytes());
    hasher.finish()
}

/// Hashes what comes in pieces.
#[derive(Default)]
pub(super) struct Hasher(Sha256);

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash, in hexadecimal.
    pub(super) fn finish(self) -> String {
        HEXLOWER.encode(&self.0.finalize())
    }
}

/// serde_json sorts keys unless some other crate asks it to keep their order: here they are sorted whatever that is.
fn write_canonical(text: &mut String, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (number, (key, value)) in sorted.into_iter().enumerate() {
                let comma = if number > 0 { "," } else { "" };
                // Writing to a string does not fail.
                let _ = write!(text, "{comma}{}:", Value::from(key.as_str()));
                write_canonical(text, value);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (number, value) in items.iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                write_canonical(text, value);
            }
            text.push(']');
        }
        other => {
            let _ = write!(text, "{other}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_is_sorted_at_every_depth() {
        let value: Value =
            serde_json::from_str(r#"{"b": [ {"z": 1.5, "a": "\u0001"} ], "a": true}"#).unwrap();
        let mut text = String::new();
        write_canonical(&mut text, &value);
        assert_eq!(text, r#"{"a":true,"b":[{"a":"\u0001","z":1.5}]}"#);
        // `printf '%s' '{}' | sha256sum`
        assert_eq!(
            of(&serde_json::json!({})),
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
    }
}
