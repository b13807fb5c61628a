//! The section `[limits]`: how much a node holds and lets others ask of it.
//!
//! Every key may be left out. A value out of its range is refused when the file is read, with its line.

use std::fmt::Write;

use serde::{Deserialize, Deserializer, Serialize};
use sotto_protocol::ident::NodeId;
use sotto_transport::listen::ListenLimits;
use sotto_transport::node::config::within;

use super::MixRole;
use crate::core::{HELD_MAX, MixConfig, SESSIONS_MAX};

/// Packets held at least: below that an ordinary burst is dropped.
const HELD_PACKETS_MIN: u64 = 1_024;
/// Packets held at most: at about 2.5 kB each some 2.6 GB.
const HELD_PACKETS_MAX: u64 = 1_048_576;
/// More sessions than the ports and file descriptors of one process are good for.
const SESSIONS_MAX_MAX: u64 = 65_536;
/// As many as there may be sessions: then an address alone can take all of them.
const CONNECTIONS_PER_ADDRESS_MAX: u64 = 65_536;
/// More handshakes than a large machine computes.
const HANDSHAKES_PER_S_MAX: u64 = 100_000;
/// More workers than machines have cores.
pub(crate) const WORKERS_MAX: u64 = 256;

/// The limits of one mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Packets that the node holds at most, delayed and queued for clients together; 1,024 to 1,048,576.
    #[serde(deserialize_with = "held_packets")]
    pub held_packets_max: usize,
    /// Sessions that an entry keeps at most, connected and resumable together; 1 to 65,536.
    #[serde(deserialize_with = "sessions")]
    pub sessions_max: usize,
    /// Connections from one address at once, an IPv4 address or an IPv6 network of 64 bits; 1 to 65,536.
    #[serde(deserialize_with = "connections_per_address")]
    pub connections_per_address_max: usize,
    /// Handshakes that are begun in a second, from all addresses together; 1 to 100,000.
    #[serde(deserialize_with = "handshakes_per_s")]
    pub handshakes_per_s_max: usize,
    /// Whether callers on this host are left out of the limits of one address, which a proxy in front of the node
    /// needs.
    pub loopback_exempt: bool,
    /// Threads that unwrap packets, at most 256; 0 is one for each core.
    #[serde(deserialize_with = "workers")]
    pub workers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            held_packets_max: HELD_MAX,
            sessions_max: SESSIONS_MAX,
            connections_per_address_max: ListenLimits::default().connections_per_address_max,
            handshakes_per_s_max: 500,
            loopback_exempt: ListenLimits::default().loopback_exempt,
            workers: 0,
        }
    }
}

impl Limits {
    /// What the listener of a node of this role is told.
    #[must_use]
    pub fn for_listener(&self, role: MixRole) -> ListenLimits {
        let limits = match role {
            MixRole::Entry => ListenLimits::for_clients(self.sessions_max),
            MixRole::Mix => ListenLimits::without_clients(),
        };
        ListenLimits {
            connections_per_address_max: self.connections_per_address_max,
            handshakes_per_s_max: u32::try_from(self.handshakes_per_s_max).unwrap_or(u32::MAX),
            loopback_exempt: self.loopback_exempt,
            ..limits
        }
    }

    /// What the core of `node` is told.
    #[must_use]
    pub const fn for_core(&self, node: NodeId) -> MixConfig {
        MixConfig { held_max: self.held_packets_max, sessions_max: self.sessions_max, ..MixConfig::new(node) }
    }

    /// Each limit under its explanation, with the range of its values.
    pub(super) fn to_toml(self) -> String {
        let lines = [
            (
                "Packets held, delayed and queued for clients together; about 2.5 kB each.",
                "held_packets_max",
                self.held_packets_max,
                (HELD_PACKETS_MIN, HELD_PACKETS_MAX),
            ),
            (
                "Clients' sessions of an entry, connected and resumable together.",
                "sessions_max",
                self.sessions_max,
                (1, SESSIONS_MAX_MAX),
            ),
            (
                "Connections from one address at once (IPv4 address, IPv6 /64).",
                "connections_per_address_max",
                self.connections_per_address_max,
                (1, CONNECTIONS_PER_ADDRESS_MAX),
            ),
            (
                "Handshakes begun in a second, from all addresses together.",
                "handshakes_per_s_max",
                self.handshakes_per_s_max,
                (1, HANDSHAKES_PER_S_MAX),
            ),
            (
                "Threads that unwrap packets; 0 is one for each core. Read at the start only.",
                "workers",
                self.workers,
                (0, WORKERS_MAX),
            ),
        ];
        let mut text = "[limits]\n".to_owned();
        for (comment, key, value, (min, max)) in lines {
            // Writing to a string cannot fail.
            let _written = writeln!(text, "# {comment} From {min} to {max}.\n{key} = {value}");
        }
        let comment =
            "Whether callers on this host are left out of the limits of one address: for a proxy in front.";
        let _written = writeln!(text, "# {comment}\nloopback_exempt = {}", self.loopback_exempt);
        text
    }
}

macro_rules! readers {
    ($($name:ident: $min:expr, $max:expr;)+) => {
        $(fn $name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
            let number = within::<_, { $min }, { $max }>(deserializer)?;
            usize::try_from(number).map_err(serde::de::Error::custom)
        })+
    };
}

readers! {
    held_packets: HELD_PACKETS_MIN, HELD_PACKETS_MAX;
    sessions: 1, SESSIONS_MAX_MAX;
    connections_per_address: 1, CONNECTIONS_PER_ADDRESS_MAX;
    handshakes_per_s: 1, HANDSHAKES_PER_S_MAX;
    workers: 0, WORKERS_MAX;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        limits: Limits,
    }

    #[test]
    fn the_defaults_are_written_out_with_their_ranges_and_read_back() {
        assert_eq!(
            Limits::default().for_listener(MixRole::Entry).handshakes_per_s_max,
            ListenLimits::default().handshakes_per_s_max
        );
        let limits = Limits {
            held_packets_max: 65_536,
            sessions_max: 16_384,
            connections_per_address_max: 64,
            handshakes_per_s_max: 500,
            loopback_exempt: false,
            workers: 0,
        };
        let text = limits.to_toml();
        insta::assert_snapshot!(text, @"
        [limits]
        # Packets held, delayed and queued for clients together; about 2.5 kB each. From 1024 to 1048576.
        held_packets_max = 65536
        # Clients' sessions of an entry, connected and resumable together. From 1 to 65536.
        sessions_max = 16384
        # Connections from one address at once (IPv4 address, IPv6 /64). From 1 to 65536.
        connections_per_address_max = 64
        # Handshakes begun in a second, from all addresses together. From 1 to 100000.
        handshakes_per_s_max = 500
        # Threads that unwrap packets; 0 is one for each core. Read at the start only. From 0 to 256.
        workers = 0
        # Whether callers on this host are left out of the limits of one address: for a proxy in front.
        loopback_exempt = false
        ");
        assert_eq!(toml::from_str::<File>(&text).unwrap().limits, limits);
        assert_eq!(toml::from_str::<File>("[limits]\n").unwrap().limits, Limits::default());
    }

    #[test]
    fn what_is_out_of_range_or_unknown_is_refused() {
        let refused =
            |line: &str| toml::from_str::<File>(&format!("[limits]\n{line}\n")).err().unwrap().to_string();
        let error = refused("held_packets_max = 1023");
        assert!(error.contains("expected a whole number from 1024 to 1048576"), "{error}");
        let error = refused("workers = 257");
        assert!(error.contains("from 0 to 256"), "{error}");
        assert!(refused("sessions_max = 0").contains("from 1 to 65536"));
        assert!(refused("session_max = 5").contains("unknown field `session_max`"));
    }
}
