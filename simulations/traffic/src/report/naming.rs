//! What a measure is called on an axis or in a table, with its unit, and what its name says.

use std::collections::BTreeMap;

/// How a measure is called: with its unit; by its own name if it is not known here.
pub(super) fn title(measure: &str) -> String {
    let known = match measure {
        "messages.written" => "Messages written",
        "messages.released" => "Messages released",
        "messages.stored" => "Messages stored",
        "messages.received" => "Messages received",
        "latency_ms.mean" => "Mean latency (ms)",
        "latency_ms.variance" => "Variance of latency (ms²)",
        "latency_ms.q50" => "Median latency (ms)",
        "traffic.up_bytes_per_user_day" => "Upload (bytes per user and day)",
        "traffic.down_bytes_per_user_day" => "Download (bytes per user and day)",
        "traffic.packets_per_message" => "Packets per message",
        "entropy_bits.shannon" => "Shannon entropy (bits)",
        "entropy_bits.min" => "Min-entropy (bits)",
        "entropy_bits.guessing" => "Guessing entropy (bits)",
        "entropy_bits.packet" => "Shannon entropy over packets (bits)",
        "entropy_bits.packet_error" => "Standard error of the entropy over packets (bits)",
        "entropy_bits.traced" => "Messages traced",
        "entropy_bits.asked" => "Messages chosen to be traced",
        "anonymity_set" => "Anonymity-set size",
        "unlinkability.epsilon" => "Unlinkability: epsilon, exceeded by 5 % of trials",
        "unlinkability.excluded" => "Unlinkability: a sender excluded (share of trials)",
        "downlink.load_max" => "Largest load of a downlink",
        "model.events" => "Events of a run",
        "model.in_flight_max" => "Packets under way at once, at most",
        "ways.ended" => "Ways that ended",
        "ways.compromised" => "Compromised ways (share)",
        "ways.first_compromised_s" => "Until the first compromised way (s)",
        "mixes.forwarded_per_s" => "Packets forwarded by a mix (1/s)",
        "mixes.held_mean" => "Packets held by a mix, mean",
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
        (".success_low", "success, from"),
        (".success_high", "success, to"),
        (".top10", "among the ten first"),
        (".rank_mean", "mean rank of the right answer"),
        (".brier", "Brier score"),
        (".baseline", "success of guessing"),
        (".trials", "trials"),
        (".hits", "hits"),
        (".decoy_hits", "hits on decoys"),
        (".decoy_success", "success on decoys"),
        (".calibration", "calibration"),
        (".disclosed", "users disclosed (share)"),
        (".disclosed_after_s", "until a user is disclosed (s)"),
        (".disclosed_packets", "packets until a user is disclosed"),
    ] {
        if let Some(name) = measure.strip_prefix("attack.").and_then(|rest| rest.strip_suffix(ending)) {
            return format!("{}: {what}", attack_title(name));
        }
    }
    measure.to_owned()
}

/// The attack whose advantage this measure is: its name, or name and kind of question with a dot between.
pub(super) fn attack_of(measure: &str) -> Option<&str> {
    measure.strip_prefix("attack.")?.strip_suffix(".advantage")
}

/// The name of an attack without the kind of question.
pub(super) fn attack_name(attack: &str) -> &str {
    attack.split_once('.').map_or(attack, |(name, _)| name)
}

/// An attack as it is shown: the kind of question in brackets, if it is of one kind alone.
pub(super) fn attack_title(attack: &str) -> String {
    match attack.split_once('.') {
        Some((name, kind)) => format!("{name} ({kind})"),
        None => attack.to_owned(),
    }
}

/// Of all measures that are advantages, those that tell attacks apart. An attack that was asked several kinds of questions
/// counts by kind, because its worst is not the mean of all; of a single kind both are the same.
pub(super) fn advantages<'a>(measures: impl Iterator<Item = &'a str> + Clone) -> Vec<&'a str> {
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    for (name, _) in measures.clone().filter_map(attack_of).filter_map(|attack| attack.split_once('.')) {
        *kinds.entry(name).or_default() += 1;
    }
    let several = |name: &str| kinds.get(name).is_some_and(|kinds| *kinds > 1);
    let counts = |measure: &&str| match attack_of(measure) {
        None => false,
        Some(attack) => match attack.split_once('.') {
            Some((name, _)) => several(name),
            None => !several(attack),
        },
    };
    measures.filter(counts).collect()
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
