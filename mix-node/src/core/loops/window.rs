//! The latest loops with their outcomes.

use std::collections::VecDeque;
use std::time::Duration;

use super::limits::{LATE_EXCESS_MAX, LATE_EXCESS_MIN, LATE_EXCESS_QUARTILES, LATE_LOOPS_MIN, LOOPS_WINDOW};
use super::route::LoopRoute;

/// What became of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Came back intact, so much later than the delays it had asked for.
    Returned { excess: Duration },
    /// Did not come back in time.
    Lost,
    /// Came back damaged.
    Tampered,
}

/// A loop of which the fate is known.
#[derive(Clone, Debug)]
pub(crate) struct PastLoop {
    pub(crate) route: LoopRoute,
    pub(crate) fate: Fate,
}

/// The last [`LOOPS_WINDOW`] loops.
#[derive(Debug, Default)]
pub(crate) struct Window {
    loops: VecDeque<PastLoop>,
}

impl Window {
    /// Adds the newest loop; the oldest leaves if there are too many.
    pub(crate) fn push(&mut self, past: PastLoop) {
        if self.loops.len() >= LOOPS_WINDOW {
            self.loops.pop_front();
        }
        self.loops.push_back(past);
    }

    /// The loops, oldest first.
    pub(crate) fn loops(&self) -> impl Iterator<Item = &PastLoop> {
        self.loops.iter()
    }

    /// The excess beyond which the next loop counts as late. It follows the lower quartile and not the
    /// upper end of what was seen, because somebody who delays loops makes the upper end themselves.
    pub(crate) fn late_limit(&self) -> Duration {
        let mut excess: Vec<Duration> = self
            .loops
            .iter()
            .filter_map(|past| match past.fate {
                Fate::Returned { excess } => Some(excess),
                Fate::Lost | Fate::Tampered => None,
            })
            .collect();
        if excess.len() < LATE_LOOPS_MIN {
            return LATE_EXCESS_MAX;
        }
        let at = excess.len() / 4;
        let (_, quartile, _) = excess.select_nth_unstable(at);
        (LATE_EXCESS_MIN + *quartile * LATE_EXCESS_QUARTILES).min(LATE_EXCESS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn returned(excess_ms: u64) -> PastLoop {
        let route = LoopRoute::new(sotto_protocol::ident::NodeId::from_bytes([1; 32]), &[]);
        PastLoop { route, fate: Fate::Returned { excess: Duration::from_millis(excess_ms) } }
    }

    #[test]
    fn the_window_is_bounded() {
        let mut window = Window::default();
        for ms in 0..3_000 {
            window.push(returned(ms));
        }
        assert_eq!(window.loops().count(), LOOPS_WINDOW);
        assert_eq!(window.loops().next().unwrap().fate, returned(3_000 - 1_024).fate);
    }

    #[test]
    fn the_limit_of_lateness_is_not_moved_by_those_who_make_half_of_the_loops_late() {
        let mut window = Window::default();
        assert_eq!(window.late_limit(), LATE_EXCESS_MAX);
        for _ in 0..500 {
            window.push(returned(100));
            window.push(returned(2_000));
        }
        assert_eq!(window.late_limit(), Duration::from_millis(250 + 3 * 100));
    }
}
