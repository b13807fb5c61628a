//! What a measure is called on an axis or in a table, with its unit.

/// How a measure is read: its title with unit, and which direction is good for users.
pub(super) fn title(measure: &str) -> String {
    let known = match measure {
        "messages.written" => "Messages written",
        "messages.released" => "Messages released",
        "messages.stored" => "Messages stored",
        "messages.received" => "Messages received",
        "latency_ms.mean" => "Mean latency (ms)",
        "latency_ms.q50" => "Median latency (ms)",
        "traffic.up_bytes_per_user_day" => "Upload (bytes per user and day)",
        "traffic.down_bytes_per_user_day" => "Download (bytes per user and day)",
        "traffic.packets_per_message" => "Packets per message",
        "entropy_bits.shannon" => "Shannon entropy (bits)",
        "entropy_bits.min" => "Min-entropy (bits)",
        "entropy_bits.guessing" => "Guessing entropy (bits)",
        "anonymity_set" => "Anonymity-set size",
        "worst.advantage" => "Largest advantage of all attacks",
        "valid" => "Valid (share of runs)",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    if let Some(quantile) = measure.strip_prefix("latency_ms.q") {
        return format!("{quantile} % latency quantile (ms)");
    }
    for (ending, what) in [
        (".advantage", "advantage over guessing"),
        (".success", "success"),
        (".baseline", "success of guessing"),
        (".trials", "trials"),
        (".hits", "hits"),
        (".decoy_hits", "hits on decoys"),
        (".decoy_success", "success on decoys"),
        (".calibration", "calibration"),
    ] {
        if let Some(name) = measure.strip_prefix("attack.").and_then(|rest| rest.strip_suffix(ending)) {
            return format!("{name}: {what}");
        }
    }
    measure.to_owned()
}

/// The name of the attack whose advantage this measure is.
pub(super) fn attack_of(measure: &str) -> Option<&str> {
    measure.strip_prefix("attack.")?.strip_suffix(".advantage")
}

/// The name of the closed form of which this measure is the expected value.
pub(super) fn closed_form_of(measure: &str) -> Option<&str> {
    measure.strip_prefix("theory.")?.strip_suffix(".expected")
}

/// The probability of a quantile of the latency.
pub(super) fn quantile_of(measure: &str) -> Option<f64> {
    let percent: u32 = measure.strip_prefix("latency_ms.q")?.parse().ok()?;
    (percent <= 100).then(|| f64::from(percent) / 100.0)
}
