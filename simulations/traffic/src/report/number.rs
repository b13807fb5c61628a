//! Numbers and words as people read them.

/// Stands where there is no number.
pub(super) const NOTHING: &str = "–";

/// Four significant digits without trailing zeros: M, G or T from a million on, an exponent beyond and below a thousandth.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let size = value.abs();
    if size < 1e6 && value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    for (unit, suffix) in [(1e12, "T"), (1e9, "G"), (1e6, "M")] {
        if size >= unit && size < 999.95 * unit {
            return format!("{}{suffix}", number(value / unit));
        }
    }
    if !(1e-3..1e6).contains(&size) {
        let text = format!("{value:.3e}");
        return match text.split_once('e') {
            Some((digits, exponent)) => format!("{}e{exponent}", trim(digits)),
            None => text,
        };
    }
    let decimals = match size {
        size if size >= 1000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        size if size >= 1.0 => 3,
        size if size >= 0.1 => 4,
        _ => 5,
    };
    trim(&format!("{value:.decimals$}")).to_owned()
}

/// A tick of an axis whose ticks are `step` apart: as many decimals as tell neighbours apart, large numbers with k, M or G.
pub(super) fn tick(value: f64, step: f64) -> String {
    if !value.is_finite() || !step.is_finite() || step <= 0.0 {
        return NOTHING.to_owned();
    }
    let size = value.abs().max(step);
    if !(1e-4..1e12).contains(&size) {
        return number(value);
    }
    if (value / step).round() == 0.0 {
        return "0".to_owned();
    }
    let (unit, suffix) = match size {
        size if size >= 1e9 => (1e9, "G"),
        size if size >= 1e6 => (1e6, "M"),
        size if size >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let shown = (value / step).round() * step / unit;
    let decimals = (0..9).find(|decimals| is_whole(step / unit * 10_f64.powi(*decimals))).unwrap_or(9);
    let decimals = usize::try_from(decimals).unwrap_or(0);
    format!("{}{suffix}", trim(&format!("{shown:.decimals$}")))
}

fn is_whole(value: f64) -> bool {
    value.round() >= 1.0 && (value - value.round()).abs() < 1e-6
}

fn trim(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// `1 point`, `3 points`.
pub(super) fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// Words of a plan with what XML does not allow replaced, and cut to so many characters.
pub(super) fn clean(text: &str, characters_max: usize) -> String {
    let refused = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || is_misleading(c);
    let mut shown: String =
        text.chars().take(characters_max).map(|c| if refused(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(characters_max).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// No character of XML, or one that turns the direction of writing, so that a name could pretend to be another.
const fn is_misleading(c: char) -> bool {
    matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Escapes for HTML and XML, in text and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
