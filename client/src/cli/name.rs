//! A contact's name as it is printed: escaped, and never without what is known of its key.

use super::escape;
use crate::core::Trust;

/// The name, and whether its key was verified.
pub(super) fn with_trust(name: &str, trust: Trust) -> String {
    let mark = match trust {
        Trust::Unverified => "unverified",
        Trust::Verified => "verified",
        Trust::Changed => "KEY CHANGED, not verified",
    };
    format!("{} ({mark})", escape::line(name))
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
