//! What a mix tells about itself: counts only, never an address, a key or a byte of a packet.

use serde::{Deserialize, Serialize};
use sotto_protocol::ledger::LedgerReport;

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
    /// Whether the node still originates loops and dummies.
    pub quiesced: bool,
    /// How much it holds at most.
    pub limits: LimitsReport,
}

/// How much a mix holds at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsReport {
    /// Packets, delayed and queued for clients together.
    pub held_max: usize,
    /// Sessions, connected and resumable together.
    pub sessions_max: usize,
}

/// Where the held packets are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldReport {
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
    /// Attempts refused since the start.
    pub refused: u64,
    /// Dummies sent down for want of a packet.
    pub downlink_dummies: u64,
}

/// The node's own loops since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// By link, for every link of the present network that a loop went over.
    pub links: Vec<LinkLoopReport>,
}

/// What this node's loops tell about one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}
