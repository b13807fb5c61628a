//! What a label means to an operator, and what to do when its count grows.

/// How a label's count is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Belongs to ordinary work; no reason to act.
    Ordinary,
    /// Belongs to ordinary work in small numbers.
    Few,
    /// Should not happen in a healthy network.
    Never,
}

/// What is known of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Advice {
    pub(crate) weight: Weight,
    /// What has happened, in half a sentence.
    pub(crate) meaning: &'static str,
    /// What the operator can do.
    pub(crate) remedy: &'static str,
}

const CLOCK: &str = "check this host's clock with `sotto-mix doctor`";
const NOTHING: &str = "nothing, unless it goes on";
const SENDER: &str = "nothing here: the sender made it so; if it is many, ask the link's other side";
const OVERLOAD: &str =
    "the node is overloaded: raise the limit in [limits] if memory allows, or use a larger host";

/// What to do when an authority cannot be told of the node, or has no newer consensus, for this reason.
pub(crate) fn of_membership(label: &str) -> &'static str {
    match label {
        "unreachable" | "handshake-timeout" | "directory-timeout" | "closed" | "silent" | "stalled" => {
            "the authority cannot be reached: see whether it is up, and whether this host may open connections to it: \
             `sotto-mix doctor`"
        }
        "wrong-key" => {
            "another program answers at the authority's address: see whether `network` is its present link"
        }
        "not-admitted" => "send the authorities the name of this node, for their `admit`",
        "future-dated" | "expired" | "not-for-now" | "no-current-key" => CLOCK,
        "stale" => "see whether another host runs with this identity, and end one of the two",
        "network-full" => "the network takes no more nodes: ask the authorities",
        "wrong-network" | "epoch-length" => {
            "set `network` to the link that the authorities hand out, and restart"
        }
        "wrong-version" | "link-version" => {
            "this program and the authority's do not fit together: update the older one"
        }
        "no-consensus" => {
            "the authorities have not signed yet: a network needs enough nodes that have announced themselves"
        }
        "links-full" | "answers-exhausted" => NOTHING,
        _ => "look at `sotto-mix doctor`; if it goes on, ask the authorities, with this label",
    }
}

/// What is known of the label of a dropped packet; `None` for one that this version does not know.
pub(crate) fn of_drop(label: &str) -> Option<Advice> {
    let (weight, meaning, remedy) = match label {
        "no-consensus" => (
            Weight::Few,
            "no consensus was known, or it did not list this node",
            "wait; see above if it lasts",
        ),
        "consensus-expired" => (
            Weight::Never,
            "the newest consensus was past its grace",
            "see whether the authority is up, and the clock is right",
        ),
        "source-illegal" => (
            Weight::Few,
            "whoever sent it may not link to this node",
            "nothing as epochs change; otherwise check that this host's clock is right",
        ),
        "next-hop-unknown" => (Weight::Few, "its next hop is in no consensus that counts", NOTHING),
        "next-hop-illegal" => (Weight::Few, "its next hop is not one that this place sends to", NOTHING),
        "next-hop-unreachable" => (
            Weight::Few,
            "the link to its next hop was down or its queue full",
            "see the peers below: one that stays down needs its operator; queues that stay full need a faster line",
        ),
        "held-full" => (Weight::Never, "the node held as many packets as it may", OVERLOAD),
        "session-unknown" => (
            Weight::Few,
            "it was for a session that this node does not know",
            "nothing after a restart: clients open new sessions",
        ),
        "session-expired" => (Weight::Ordinary, "its client did not come back in time", "nothing"),
        "session-unreachable" => (Weight::Ordinary, "its client's connection took no more frames", NOTHING),
        "downlink-full" => (Weight::Ordinary, "its client was away, and enough waited already", NOTHING),
        "uplink-too-fast" => (
            Weight::Few,
            "a client sent more than its class allows",
            "nothing: the client is held to its rate",
        ),
        "loop-unknown" => (
            Weight::Few,
            "it came back to this node, which does not await it",
            "nothing after a restart or of a late loop",
        ),
        "stopped" => (Weight::Ordinary, "the node was ending", "nothing"),
        "replayed" => (
            Weight::Never,
            "it came a second time",
            "somebody records and repeats packets: it does no harm here; tell the authorities if it goes on",
        ),
        "header-mac" => (
            Weight::Few,
            "it was for a key that is gone or never was",
            "nothing if few: clients with wrong clocks, or noise; otherwise check this host's clock",
        ),
        "no-key" => (Weight::Never, "no hop key was installed for its epoch", CLOCK),
        "replay-cache-full" => (
            Weight::Never,
            "the table of replay tags was full",
            "the node is overloaded: shorter epochs or more mixes; tell the authorities",
        ),
        "payload-tag" => (
            Weight::Never,
            "its payload was altered on the way",
            "somebody tampers with packets: see the loops below, and tell the authorities",
        ),
        "wrong-length"
        | "alpha-non-contributory"
        | "version"
        | "routing-info"
        | "surb-length"
        | "surb-keys" => (Weight::Never, "it was malformed", SENDER),
        "tags-not-durable" => (
            Weight::Never,
            "its replay tag could not be written to the disk",
            "see whether the disk is full, read-only or failing: `sotto-mix doctor`",
        ),
        _ => return None,
    };
    Some(Advice { weight, meaning, remedy })
}

/// What is known of the label of an incoming link that failed or was refused.
pub(crate) fn of_link(label: &str) -> Option<Advice> {
    let (weight, meaning, remedy) = match label {
        "links-full" => (
            Weight::Never,
            "as many connections were open as the node takes",
            "raise `sessions_max` and LimitNOFILE if they are clients; otherwise somebody floods the port",
        ),
        "anonymous-full" => (
            Weight::Never,
            "as many links of clients were open as the node takes",
            "raise `sessions_max` and LimitNOFILE if memory allows, or run a second entry",
        ),
        "address-full" => (
            Weight::Few,
            "one address had as many connections as it may",
            "raise `connections_per_address_max` if many share an address; of a proxy on this host set `loopback_exempt`",
        ),
        "address-too-fast" => (
            Weight::Few,
            "handshakes of one address followed one another too fast",
            "nothing if it passes: it is held to its rate; of a proxy on this host set `loopback_exempt`",
        ),
        "handshakes-too-fast" => (
            Weight::Few,
            "more handshakes came than the node begins in a second",
            "raise `handshakes_per_s_max` if there are cores to spare; otherwise somebody floods from many addresses",
        ),
        "handshake-evicted" => (
            Weight::Few,
            "a handshake that took long made room for another",
            "nothing if it passes: somebody opens connections and lets them hang",
        ),
        "uplink-too-fast" => (
            Weight::Few,
            "a client that sent far more than its class, for long, lost its session",
            "nothing: it is held to its rate",
        ),
        "accept" => (
            Weight::Never,
            "the system could not accept a connection",
            "raise the limit of open files: LimitNOFILE in the unit, or `ulimit -n`",
        ),
        "task-panicked" => {
            (Weight::Never, "a link's task failed by a mistake in the program", "report it with the log")
        }
        _ => return None,
    };
    Some(Advice { weight, meaning, remedy })
}

#[cfg(test)]
mod tests {
    use sotto_protocol::sphinx::Refusal;
    use sotto_transport::link::LinkError;
    use sotto_transport::listen::Denial;

    use super::*;
    use crate::core::DropLabel;

    #[test]
    fn every_label_of_a_caller_turned_away_has_advice() {
        let denials = [
            Denial::LinksFull(1),
            Denial::AddressFull(1),
            Denial::AddressTooFast(1),
            Denial::HandshakesTooFast(1),
            Denial::AnonymousFull(1),
        ];
        let evicted = LinkError::HandshakeEvicted;
        for label in denials.iter().map(Denial::label).chain([evicted.label()]) {
            let advice = of_link(label).unwrap_or_else(|| panic!("no advice on {label}"));
            assert!(!advice.meaning.is_empty() && !advice.remedy.is_empty(), "{label}");
        }
        assert_eq!(of_link("closed"), None);
    }

    #[test]
    fn every_label_of_a_dropped_packet_has_advice() {
        let own = [
            DropLabel::NoConsensus,
            DropLabel::ConsensusExpired,
            DropLabel::SourceIllegal,
            DropLabel::NextHopUnknown,
            DropLabel::NextHopIllegal,
            DropLabel::NextHopUnreachable,
            DropLabel::HeldFull,
            DropLabel::SessionUnknown,
            DropLabel::SessionExpired,
            DropLabel::UplinkTooFast,
            DropLabel::DownlinkFull,
            DropLabel::SessionUnreachable,
            DropLabel::LoopUnknown,
            DropLabel::Stopped,
        ]
        .map(DropLabel::label);
        let packet = [
            Refusal::AlphaNonContributory,
            Refusal::HeaderMac,
            Refusal::NoKey,
            Refusal::RoutingFlag,
            Refusal::Replayed,
            Refusal::ReplayCacheFull,
            Refusal::PayloadTag,
        ]
        .map(|refusal| refusal.label());
        for label in own.into_iter().chain(packet) {
            let advice = of_drop(label).unwrap_or_else(|| panic!("no advice on {label}"));
            assert!(!advice.meaning.is_empty() && !advice.remedy.is_empty(), "{label}");
        }
        assert_eq!(of_drop("made-up"), None);
    }
}
