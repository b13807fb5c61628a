//! What the host gives the process: open files, memory, instructions for cryptography.

use rustix::process::{Resource, getrlimit};
use sotto_protocol::limits::{NODES_MAX, REPLAY_TAGS_MAX};

use crate::shell::check::{Check, Verdict};
use crate::shell::config::{Limits, MixRole, NodeConfig};

/// Files besides links: the log, sockets, the directory, the database of names.
const FILES_OTHER: usize = 64;
/// What a held packet takes, its box and its place in a queue, in bytes.
const PACKET_LEN_HELD: u64 = 2_560;
/// What a connected session takes at most besides its packets, in bytes: its link's buffers and tasks.
const SESSION_LEN: u64 = 64 * 1_024;
/// What the program takes without packets, sessions and replay tags, in bytes.
const PROGRAM_LEN: u64 = 64 * 1_024 * 1_024;
/// What the replay tags of one key take at most, in bytes: a little more than four for each, and 9 MiB
/// (see [`ReplaySet`](sotto_protocol::sphinx::ReplaySet)).
const TAGS_LEN: u64 = REPLAY_TAGS_MAX as u64 * 33 / 8 + 9 * 1_024 * 1_024;
/// Keys that have tags: of this epoch and of the one before.
const KEYS_WITH_TAGS: u64 = 2;

/// Looks at all three.
pub(super) fn check(config: &NodeConfig) -> Vec<Check> {
    vec![
        files(getrlimit(Resource::Nofile).maximum, config.role, &config.limits),
        memory(available_memory(), config.role, &config.limits),
        processor(),
    ]
}

/// `max` is the hard limit, to which the node raises its own; without one there is no limit.
fn files(max: Option<u64>, role: MixRole, limits: &Limits) -> Check {
    let name = "open-files";
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let sessions = if role == MixRole::Entry { limits.sessions_max } else { 0 };
    // A link each way to every other node.
    let needed = number(sessions + 2 * NODES_MAX + FILES_OTHER);
    // What the listener takes on besides: handshakes, and links of those who only ask for the consensus.
    let flooded = number(limits.for_listener(role).links_max + NODES_MAX + FILES_OTHER);
    let shown = max.map_or_else(|| "no limit".to_owned(), |max| format!("{max} at most"));
    let value = format!("{shown}, {needed} needed, {flooded} under a flood");
    let remedy = format!(
        "LimitNOFILE={flooded} or more in the systemd unit, `ulimit -Hn` in a shell, or fewer `sessions_max`"
    );
    match max {
        Some(max) if max < needed => Check::wrong(
            name,
            Verdict::Fail,
            value,
            "each link takes one; beyond the limit nobody can connect",
            remedy,
        ),
        Some(max) if max < flooded => Check::wrong(
            name,
            Verdict::Warn,
            value,
            "enough for all sessions, but whoever floods the port can keep nodes out",
            remedy,
        ),
        _ => Check::ok(
            name,
            value,
            "enough for all that the node takes on. It is the limit of this shell: of a service, LimitNOFILE in its unit",
        ),
    }
}

fn available_memory() -> Option<u64> {
    parse_memory(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse_memory(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

fn memory(available: Option<u64>, role: MixRole, limits: &Limits) -> Check {
    let name = "memory";
    let held = u64::try_from(limits.held_packets_max).unwrap_or(u64::MAX).saturating_mul(PACKET_LEN_HELD);
    let sessions = if role == MixRole::Entry { limits.sessions_max } else { 0 };
    let sessions = u64::try_from(sessions).unwrap_or(u64::MAX).saturating_mul(SESSION_LEN);
    let fixed = PROGRAM_LEN + KEYS_WITH_TAGS * TAGS_LEN;
    let needed = fixed.saturating_add(held).saturating_add(sessions);
    let needed_text = format!("{} MB if every limit is reached", needed / 1_000_000);
    match available {
        None => Check::wrong(
            name,
            Verdict::Warn,
            format!("not known; {needed_text}"),
            "the system does not tell how much memory there is",
            "see that there is as much",
        ),
        Some(available) if available < needed => Check::wrong(
            name,
            Verdict::Warn,
            format!("{} MB available; {needed_text}", available / 1_000_000),
            "under an attack or at its limits the node could be killed for want of memory",
            "lower `held_packets_max` or `sessions_max` in [limits], or add memory",
        ),
        Some(available) => {
            Check::ok(name, format!("{} MB available; {needed_text}", available / 1_000_000), "enough")
        }
    }
}

/// The instructions that make a node fast, and whether the processor has them.
fn features() -> Vec<(&'static str, bool)> {
    #[cfg(target_arch = "x86_64")]
    return vec![
        ("aes", std::is_x86_feature_detected!("aes")),
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("sha", std::is_x86_feature_detected!("sha")),
        ("avx512ifma", std::is_x86_feature_detected!("avx512ifma")),
    ];
    #[cfg(target_arch = "aarch64")]
    return vec![
        ("aes", std::arch::is_aarch64_feature_detected!("aes")),
        ("sha2", std::arch::is_aarch64_feature_detected!("sha2")),
    ];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    Vec::new()
}

fn processor() -> Check {
    judge_features(&features())
}

fn judge_features(features: &[(&'static str, bool)]) -> Check {
    let name = "processor";
    let list = |has: bool| {
        let names: Vec<&str> =
            features.iter().filter(|(_, there)| *there == has).map(|(name, _)| *name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    let value = format!("has {}; lacks {}", list(true), list(false));
    if features.iter().any(|(name, there)| *name == "aes" && *there) {
        return Check::ok(name, value, "AES in hardware: ciphers take little of the time of a packet");
    }
    Check::wrong(
        name,
        Verdict::Warn,
        value,
        "AES is computed without instructions for it: the node works, at a lower rate",
        "if this is a virtual machine, give it the processor of its host; see `capacity`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_needs_a_file_for_each_session() {
        let limits = Limits { sessions_max: 1_000, ..Limits::default() };
        let needed = u64::try_from(1_000 + 2 * NODES_MAX + FILES_OTHER).unwrap();
        let verdict = |max, role| files(max, role, &limits).verdict;
        let flooded = limits.for_listener(MixRole::Entry).links_max + NODES_MAX + FILES_OTHER;
        let flooded = u64::try_from(flooded).unwrap();
        assert_eq!(verdict(Some(flooded), MixRole::Entry), Verdict::Ok);
        assert_eq!(verdict(Some(flooded - 1), MixRole::Entry), Verdict::Warn);
        assert_eq!(verdict(Some(needed), MixRole::Entry), Verdict::Warn);
        assert_eq!(verdict(Some(needed - 1), MixRole::Entry), Verdict::Fail);
        assert_eq!(verdict(Some(needed - 1), MixRole::Mix), Verdict::Warn);
        assert_eq!(verdict(None, MixRole::Entry), Verdict::Ok);
    }

    #[test]
    fn memory_is_compared_with_what_the_limits_allow() {
        let text = "MemTotal:  100 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(parse_memory(text), Some(2_048 * 1_024));
        assert_eq!(parse_memory("MemTotal: 1 kB\n"), None);
        let limits = Limits { held_packets_max: 1_024, sessions_max: 10, ..Limits::default() };
        let verdict = |available| memory(available, MixRole::Entry, &limits).verdict;
        let needed = PROGRAM_LEN + 2 * TAGS_LEN + 1_024 * PACKET_LEN_HELD + 10 * SESSION_LEN;
        assert_eq!((verdict(Some(needed)), verdict(Some(needed - 1))), (Verdict::Ok, Verdict::Warn));
        assert_eq!(verdict(None), Verdict::Warn);
    }

    #[test]
    fn a_processor_without_aes_is_a_warning() {
        assert_eq!(judge_features(&[("aes", true), ("avx2", false)]).verdict, Verdict::Ok);
        let without = judge_features(&[("aes", false), ("avx2", true)]);
        assert_eq!((without.verdict, without.value.as_str()), (Verdict::Warn, "has avx2; lacks aes"));
    }
}
