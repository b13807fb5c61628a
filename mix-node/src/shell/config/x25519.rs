//! The setting `x25519`: which implementation of X25519 unwraps packets.
//!
//! All of them give the same bytes. One that this processor has no instructions for is refused when the file is read,
//! so that a node does not start slower than its operator thinks.

use serde::{Deserialize, Deserializer};
use sotto_protocol::sphinx::fast::X25519;

/// The word for the fastest that works on this processor.
pub(super) const AUTO: &str = "auto";

/// The implementations that there are for some processor.
const KNOWN: [&str; 3] = ["ifma", "graviola", "dalek"];

/// The implementation that `text` names, `None` for the fastest.
pub(crate) fn parse(text: &str) -> Result<Option<X25519>, String> {
    if text == AUTO {
        return Ok(None);
    }
    let wrong = || {
        let words = |names: &[&str]| names.join(", ");
        if !KNOWN.contains(&text) {
            return format!("unknown X25519 `{text}`: expected one of {AUTO}, {}", words(&KNOWN));
        }
        let works: Vec<&str> = X25519::available().map(X25519::name).collect();
        format!(
            "X25519 `{text}` does not work on this processor: expected {AUTO} for the fastest, or one of {}",
            words(&works)
        )
    };
    X25519::named(text).map(Some).ok_or_else(wrong)
}

/// For `#[serde(deserialize_with)]`.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<X25519>, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// What stands in the file.
pub(super) fn text(x25519: Option<X25519>) -> &'static str {
    x25519.map_or(AUTO, X25519::name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_works_here_is_taken_by_its_name_and_nothing_else() {
        assert_eq!(parse("auto"), Ok(None));
        for x25519 in X25519::available().map(Some).chain([None]) {
            assert_eq!(parse(text(x25519)), Ok(x25519));
        }
        let error = parse("fast").unwrap_err();
        assert_eq!(error, "unknown X25519 `fast`: expected one of auto, ifma, graviola, dalek");
        for works in X25519::available() {
            assert!(KNOWN.contains(&works.name()), "{}", works.name());
        }
        for name in KNOWN.into_iter().filter(|name| X25519::named(name).is_none()) {
            let error = parse(name).unwrap_err();
            assert!(error.contains("does not work on this processor"), "{error}");
        }
    }
}
