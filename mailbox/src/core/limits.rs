//! Every bound and period of a mailbox that the network does not agree on.

use std::time::Duration;

/// Operations in one batch, which is one durable commit.
pub const BATCH_OPS_MAX: usize = 256;

/// Commands that wait for the store, the batch in flight included. At about 3 KiB a command this is
/// 6 MiB. Packets beyond are dropped as `busy`, unopened.
pub const PENDING_MAX: usize = 2048;

/// Of the commands that wait for the store, those from direct links. Beyond, their packets are dropped as `busy`, so
/// that people who send nothing through the mixnet leave room for those who do.
pub const DIRECT_PENDING_MAX: usize = PENDING_MAX / 2;

/// Records that one step of garbage collection forgets. Small, so that a waiting batch waits for
/// milliseconds.
pub const GC_BATCH_MAX: usize = 256;

/// From one step to the next while there is more to collect.
pub const GC_PAUSE: Duration = Duration::from_millis(50);

/// From the end of one sweep for expired records to the beginning of the next. A record is gone so long after it has
/// expired at the latest, and what the sweep takes: a pause and a step for each [`GC_BATCH_MAX`] records.
pub const GC_INTERVAL: Duration = Duration::from_secs(60);

/// Expiry times are rounded down to this, so that a stolen disk does not tell when, within an hour, a
/// box was written. A box lives its class's time less up to one hour.
pub const EXPIRY_GRAIN_MAX: Duration = Duration::from_secs(3600);

/// The part of a short class's time that rounding may take at most is one of so many: what is left has to be worth
/// writing.
pub const EXPIRY_GRAIN_SHARE: u32 = 5;

/// A dummy that is this late is not made up for: after a pause the link starts afresh.
pub const DUMMY_LAG_MAX: Duration = Duration::from_secs(1);
