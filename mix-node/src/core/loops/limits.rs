//! What bounds the memory and the work of the loops' measuring, and what counts as chance.

use std::time::Duration;

/// The latest loops from which loss and delay are estimated.
pub const LOOPS_WINDOW: usize = 1_024;
/// Links whose loops are counted, and links between other nodes that are watched for alarms. Beyond it
/// the link over which no loop went for longest is forgotten.
pub const LOOP_LINKS_MAX: usize = 1_024;
/// Alarms that stand at the same time at most. Beyond it no further one is raised.
pub const LOOP_ALARMS_MAX: usize = 64;
/// Visits of lost loops' links or nodes that one set of estimates may take.
pub(super) const ESTIMATE_VISITS_MAX: usize = 1_000_000;
/// Steps of the expectation-maximization for one set of estimates.
pub(super) const ESTIMATE_STEPS_MAX: usize = 300;
/// Halvings of the range in which one end of an interval is looked for.
pub(super) const INTERVAL_HALVINGS: usize = 12;

/// The share of loops that a sound link may lose, and that it may make late: links break and are made
/// again.
pub const CHANCE_PER_LINK: f64 = 0.01;
/// Loops, over the whole network, for one false alarm at most: 463 days at the default rate of a loop
/// in ten seconds.
pub const LOOPS_PER_FALSE_ALARM: f64 = 4_000_000.0;
/// What one loop tests: three nodes, two links between them, everything; each for loss and for delay.
pub(super) const TESTS_PER_LOOP: f64 = 12.0;
/// By what factor the loops have to speak for recovery before an alarm is cleared.
pub(super) const RECOVERY_RATIO: f64 = 10_000.0;
/// An alarm is cleared when for so long no loop went over what it is about, or when a loop was last
/// tampered with so long ago.
pub const LOOP_ALARM_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// What every loop may take beyond the delays that it asked for, before it can be late.
pub(super) const LATE_EXCESS_MIN: Duration = Duration::from_millis(250);
/// Multiples of the lower quartile of the window's excess times that a loop may take on top of that.
pub(super) const LATE_EXCESS_QUARTILES: u32 = 3;
/// An excess that is late in any network, and the limit until enough loops have returned.
pub(super) const LATE_EXCESS_MAX: Duration = Duration::from_secs(5);
/// Loops that must have returned before the quartile is trusted.
pub(super) const LATE_LOOPS_MIN: usize = 16;
