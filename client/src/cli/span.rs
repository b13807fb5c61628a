//! Time spans as people write them: `90s`, `10m`, `12h`, `7d`, `2w`, or `off`.

/// Seconds from such a text; 0 for `off`.
///
/// # Errors
/// What is expected instead.
pub(super) fn parse_s(text: &str) -> Result<u32, String> {
    if text == "off" {
        return Ok(0);
    }
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];
    let expected =
        || "expected a number with s, m, h, d or w after it (90s, 10m, 12h, 7d, 2w), or off".to_owned();
    let last = text.chars().next_back().ok_or_else(expected)?;
    let (_, unit_s) = units.into_iter().find(|(letter, _)| *letter == last).ok_or_else(expected)?;
    let number = text.strip_suffix(last).ok_or_else(expected)?;
    if !number.chars().all(|digit| digit.is_ascii_digit()) {
        return Err(expected());
    }
    let number: u32 = number.parse().map_err(|_| expected())?;
    number.checked_mul(unit_s).filter(|span_s| *span_s > 0).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_anything_else_is_refused() {
        for (text, span_s) in
            [("90s", 90), ("10m", 600), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600), ("off", 0)]
        {
            assert_eq!(parse_s(text), Ok(span_s));
        }
        for text in ["", "s", "10", "-1h", "+1h", "1.5h", "0s", "99999999w", "1 h", "1H", "\u{661}h"] {
            assert!(parse_s(text).is_err(), "{text:?}");
        }
    }
}
