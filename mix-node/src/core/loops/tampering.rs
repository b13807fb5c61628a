//! Loops that came back damaged. Links are authenticated, so chance damages none: one is enough.
//!
//! Who marked a loop cannot be told from one: the suspects are the nodes of its route. Each further
//! one leaves those that it passed, too.

use sotto_protocol::ident::NodeId;
use sotto_protocol::time::Timestamp;

use super::limits::LOOP_ALARM_KEPT;
use super::route::LoopRoute;

/// An alarm that stands because of damaged loops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tampering {
    pub(crate) raised_at: Timestamp,
    last_at: Timestamp,
    /// Damaged loops since then.
    pub(crate) loops: u64,
    /// The nodes that all of these loops passed, or those of the last one if no node was on all.
    pub(crate) suspects: Vec<NodeId>,
}

/// The test for tampering.
#[derive(Debug, Default)]
pub(crate) struct TamperingDetector {
    standing: Option<Tampering>,
    raised: u64,
}

impl TamperingDetector {
    /// Takes a loop that came back damaged.
    pub(crate) fn observe(&mut self, now: Timestamp, route: &LoopRoute) {
        let Some(standing) = &mut self.standing else {
            self.raised += 1;
            let suspects = route.nodes().to_vec();
            self.standing = Some(Tampering { raised_at: now, last_at: now, loops: 1, suspects });
            return;
        };
        standing.last_at = now;
        standing.loops += 1;
        standing.suspects.retain(|suspect| route.nodes().contains(suspect));
        if standing.suspects.is_empty() {
            standing.suspects = route.nodes().to_vec();
        }
    }

    /// Clears the alarm if no loop was damaged for long enough.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        self.standing.take_if(|standing| now.since(standing.last_at) > LOOP_ALARM_KEPT);
    }

    /// The alarm, if it stands.
    pub(crate) const fn standing(&self) -> Option<&Tampering> {
        self.standing.as_ref()
    }

    /// Alarms raised since the start.
    pub(crate) const fn raised(&self) -> u64 {
        self.raised
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn route(others: [u8; 3]) -> LoopRoute {
        let node = |byte| NodeId::from_bytes([byte; 32]);
        LoopRoute::new(node(1), &[others.map(node).as_slice(), &[node(1)]].concat())
    }

    #[test]
    fn each_further_damaged_loop_leaves_fewer_suspects() {
        let now = Timestamp::from_millis(1);
        let suspects = |detector: &TamperingDetector| -> Vec<u8> {
            detector.standing().unwrap().suspects.iter().map(|node| node.as_bytes()[0]).collect()
        };
        let mut detector = TamperingDetector::default();
        assert!(detector.standing().is_none());
        detector.observe(now, &route([11, 21, 31]));
        assert_eq!(suspects(&detector), [11, 21, 31]);
        detector.observe(now, &route([12, 21, 31]));
        assert_eq!(suspects(&detector), [21, 31]);
        detector.observe(now, &route([11, 21, 32]));
        assert_eq!(suspects(&detector), [21]);
        detector.observe(now, &route([11, 22, 32]));
        assert_eq!(suspects(&detector), [11, 22, 32], "somebody else, then");
        assert_eq!((detector.standing().unwrap().loops, detector.raised()), (4, 1));
        detector.expire(now + LOOP_ALARM_KEPT);
        assert!(detector.standing().is_some());
        detector.expire(now + LOOP_ALARM_KEPT + Duration::from_millis(1));
        assert!(detector.standing().is_none());
        assert_eq!(detector.raised(), 1);
    }
}
