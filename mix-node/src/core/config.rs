//! What a mix is told at its start, and the limits of its core.
//!
//! Rates and delays are not here: the network agrees on them in the consensus.

use std::time::Duration;

use sotto_protocol::ident::NodeId;

/// Packets that a node holds at most, delayed and queued for clients together. At about 2.5 kB each
/// this bounds them to some 160 MB.
pub const HELD_MAX: usize = 65_536;
/// Sessions that an entry keeps at most, connected and resumable together.
pub const SESSIONS_MAX: usize = 16_384;
/// Packets that wait at most for one session's downlink.
pub const DOWNLINK_QUEUE_MAX: usize = 128;
/// Packets that a client may send at once, however long it was silent. An honest client keeps no more
/// waiting for a connection that stalls.
pub const ALLOWANCE_MAX: u32 = 256;
/// Packets that a client may send at once when its session has just begun.
pub const ALLOWANCE_AT_START: u32 = 16;
/// How long a session can be resumed after its connection ended.
pub const SESSION_RESUMABLE: Duration = Duration::from_secs(300);
/// Addresses of expired sessions that are remembered, so that a late reply is counted as late and not
/// as sent to a stranger.
pub(crate) const SESSIONS_EXPIRED_MAX: usize = 4_096;
/// The mix's own loops that are awaited at most; while as many are out, none is sent.
pub const LOOPS_OUTSTANDING_MAX: usize = 1_024;
/// What is added to a loop's greatest possible delay before the loop counts as lost.
pub(crate) const LOOP_SLACK: Duration = Duration::from_secs(10);
/// Packets in one job of unwrapping at most: enough to fill the lanes of the widest X25519 four times, few enough that
/// the work spreads over the processors and takes less than a millisecond.
pub const UNWRAP_BATCH_MAX: usize = 32;
/// Replay tags that wait for the next commit at most: 2 MiB of them. A disk that hangs is what fills this; packets are
/// dropped then, and leave no tag.
pub(crate) const COMMIT_TAGS_MAX: usize = 1 << 17;
/// Commits of replay tags begin at least this far apart. A packet whose delay is shorter waits so long at most, beyond
/// what the disk takes; a disk is asked five hundred times a second at most.
pub const COMMIT_INTERVAL: Duration = Duration::from_millis(2);
/// How far apart the steps are in which the replay tags of an epoch that is over are brought into their densest form: a
/// thousand steps of a tenth of a millisecond each take ten seconds of an hour.
pub(crate) const FREEZE_INTERVAL: Duration = Duration::from_millis(10);
/// How long a node that is asked to stop keeps the packets it holds, at most.
pub const FLUSH_MAX: Duration = Duration::from_secs(2);
/// How far a Poisson process that was held up is made up for; beyond that it starts afresh.
pub(crate) const CATCH_UP_MAX: Duration = Duration::from_secs(1);
/// Random bytes in the text of a mix's own loop.
pub(crate) const LOOP_TEXT_LEN: usize = 64;

/// Packets that may wait for all downlinks together, of `held_max` that are held: half. What waits for clients that
/// are away must not keep the others' packets from passing through.
pub(crate) const fn waiting_max(held_max: usize) -> usize {
    held_max / 2
}

/// What distinguishes one mix from another. Its place in the network comes from the consensus.
#[derive(Clone, Debug)]
pub struct MixConfig {
    /// The node's name.
    pub node: NodeId,
    /// Packets held at most, delayed and queued for clients together.
    pub held_max: usize,
    /// Sessions kept at most, connected and resumable together.
    pub sessions_max: usize,
    /// Commits of replay tags begin at least this far apart.
    pub commit_interval: Duration,
}

impl MixConfig {
    /// A mix of this name with the ordinary limits, [`HELD_MAX`], [`SESSIONS_MAX`] and
    /// [`COMMIT_INTERVAL`].
    #[must_use]
    pub const fn new(node: NodeId) -> Self {
        Self { node, held_max: HELD_MAX, sessions_max: SESSIONS_MAX, commit_interval: COMMIT_INTERVAL }
    }
}
