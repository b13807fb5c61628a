//! What a mix tells about itself: counts only, never an address, a key or a byte of a packet.

use serde::{Deserialize, Serialize};
use sotto_protocol::ledger::LedgerReport;

use super::histogram::TimesReport;
use super::loops::LoopAlarm;

/// A snapshot of one mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixReport {
    /// The place in the newest consensus: `entry`, `mix-1`, `mix-2`, `mix-3`, or none if not listed.
    pub place: Option<String>,
    /// The epoch of the newest consensus.
    pub consensus_epoch: Option<u64>,
    /// The epochs whose Sphinx keys are installed.
    pub key_epochs: Vec<u64>,
    /// What became of every packet.
    pub ledger: LedgerReport,
    /// Where the held packets are.
    pub held: HeldReport,
    /// Packets whose sender asked for more than the greatest delay and which were held for that.
    pub delays_clamped: u64,
    /// The clients' sessions, all zero at a node that is not an entry.
    pub sessions: SessionReport,
    /// The node's own loops.
    pub loops: LoopReport,
    /// Dummy frames asked for on links to other nodes.
    pub dummies: u64,
    /// What the way of a packet through the node takes beyond its delay.
    pub pipeline: PipelineReport,
    /// Whether the node still originates loops and dummies.
    pub quiesced: bool,
    /// How much it holds at most.
    pub limits: LimitsReport,
    /// Set while the node is leaving the network.
    #[serde(default)]
    pub drain: Option<DrainReport>,
}

/// How a node leaves the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainReport {
    /// When it ends, in seconds since 1970, by what is known so far. `None` while the network may still list it.
    pub ends_s: Option<u64>,
}

/// How much a mix holds at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsReport {
    /// Packets, delayed and queued for clients together.
    pub held_max: usize,
    /// Sessions, connected and resumable together.
    pub sessions_max: usize,
}

/// What the way of a packet through the node takes beyond its delay, since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PipelineReport {
    /// From the end of a packet's delay to its handing over to the next hop's link.
    pub excess: TimesReport,
    /// From the moment at which a frame for a client was due to its handing over to the client's link.
    #[serde(default)]
    pub downlink: TimesReport,
    /// From the beginning of a commit of replay tags to its end.
    pub commit: TimesReport,
    /// Commits that failed; the packets that waited for them were dropped.
    pub commits_failed: u64,
    /// Whether the last commit failed.
    pub commits_failing: bool,
    /// Replay tags remembered under the keys in use.
    pub tags: u64,
    /// Memory that they take, in bytes.
    #[serde(default)]
    pub tags_bytes: u64,
    /// Replay tags that one key can have.
    pub tags_max: u64,
    /// Replay tags of the key that has the most.
    pub tags_fullest_key: u64,
    /// The X25519 in use, if the caller tells.
    #[serde(default)]
    pub x25519: String,
    /// Threads that unwrap packets, if the caller tells.
    #[serde(default)]
    pub workers: usize,
}

/// Where the held packets are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldReport {
    /// Being unwrapped.
    pub unwrapping: usize,
    /// Waiting until their replay tag is durable.
    pub committing: usize,
    /// Waiting for the end of their delay.
    pub delayed: usize,
    /// Waiting for their session's downlink.
    pub downlink: usize,
    /// Handed out for sending, outcome not known yet.
    pub sending: usize,
}

/// The clients' sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionReport {
    /// With a connection.
    pub connected: usize,
    /// Without, but resumable.
    pub resumable: usize,
    /// Opened since the start.
    pub opened: u64,
    /// Resumed since the start.
    pub resumed: u64,
    /// Expired since the start.
    pub expired: u64,
    /// Addresses of expired sessions that are remembered, so that a late packet is told from a stranger's.
    #[serde(default)]
    pub expired_remembered: usize,
    /// Attempts refused since the start.
    pub refused: u64,
    /// Dummies sent down for want of a packet.
    pub downlink_dummies: u64,
}

/// The node's own loops since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoopReport {
    /// Sent.
    pub sent: u64,
    /// Come back intact.
    pub returned: u64,
    /// Not come back in time.
    pub lost: u64,
    /// Come back with a damaged payload.
    pub tampered: u64,
    /// Due, but without a route, room or first link.
    pub unsent: u64,
    /// On their way.
    pub outstanding: u64,
    /// By link, for the links of the present network that loops went over latest,
    /// [`LOOP_LINKS_MAX`](super::LOOP_LINKS_MAX) at most.
    pub links: Vec<LinkLoopReport>,
    /// By node, for the nodes that loops of the window visited.
    pub nodes: Vec<NodeLoopReport>,
    /// What loops show beyond chance at present, the oldest first.
    pub alarms: Vec<LoopAlarm>,
    /// Alarms raised since the start, those cleared included.
    pub alarms_raised: u64,
}

/// What this node's loops tell about one link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkLoopReport {
    /// The sending node, in hexadecimal.
    pub from: String,
    /// The receiving node, in hexadecimal.
    pub to: String,
    /// Loops whose route has this link.
    pub sent: u64,
    /// Of these, come back.
    pub returned: u64,
    /// Of these, lost or tampered with, on this link or another.
    pub lost: u64,
    /// What this link itself loses.
    #[serde(flatten)]
    pub loss: LossReport,
    /// Of the loops over this link; `None` if none of the window returned.
    pub excess: Option<ExcessReport>,
}

/// What this node's loops tell about one other node, with all of its links.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeLoopReport {
    /// The node, in hexadecimal.
    pub node: String,
    /// What is lost at the node or on its links.
    #[serde(flatten)]
    pub loss: LossReport,
    /// Of the loops over this node; `None` if none of the window returned.
    pub excess: Option<ExcessReport>,
}

/// A share of packets that is lost, from the latest [`LOOPS_WINDOW`](super::LOOPS_WINDOW) loops.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossReport {
    /// The most likely share, from 0 to 1.
    pub loss: f64,
    /// The lower end of the 95 % confidence interval.
    pub loss_low: f64,
    /// The upper end; 1 when no loop says anything.
    pub loss_high: f64,
}

/// By how much loops took longer than the delays that they had asked for, in milliseconds, over the
/// whole of their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcessReport {
    /// Half of the loops took no more.
    pub excess_ms_p50: u64,
    /// 99 % of the loops took no more.
    pub excess_ms_p99: u64,
}
