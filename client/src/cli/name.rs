//! A contact's name as it is printed: escaped, and never without what is known of its key.

use serde_json::Value;

use super::escape;
use crate::core::{MessageView, Trust};

/// The name, and whether its key was verified.
pub(super) fn with_trust(name: &str, trust: Trust) -> String {
    let mark = match trust {
        Trust::Unverified => "unverified",
        Trust::Verified => "verified",
        Trust::Changed => "KEY CHANGED, not verified",
    };
    format!("{} ({mark})", escape::line(name))
}

/// Of whom a message is, and that the contact is muted if it is.
pub(super) fn of_message(message: &MessageView) -> String {
    let name = with_trust(&message.contact, message.trust);
    if message.muted { format!("{name} (muted)") } else { name }
}

/// The name, with the field `trust` of an answer that is about it.
pub(super) fn from_json(name: &str, answer: &Value) -> String {
    let trust = answer.get("trust").and_then(|trust| serde_json::from_value(trust.clone()).ok());
    with_trust(name, trust.unwrap_or(Trust::Unverified))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_pass_for_a_verified_one() {
        assert_eq!(with_trust("Bob", Trust::Verified), "Bob (verified)");
        assert_eq!(with_trust("Bob (verified)", Trust::Unverified), "Bob (verified) (unverified)");
        assert_eq!(with_trust("Bob\u{202e}", Trust::Changed), "Bob<U+202E> (KEY CHANGED, not verified)");
    }
}
