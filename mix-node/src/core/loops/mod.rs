//! The mix's own loops: packets that it sends through the network back to itself and counts.
//!
//! What does not return, comes late or comes damaged shows loss on links and active attacks that drop
//! or hold back packets (Loopix, Piotrowska et al., USENIX Security 2017, section 4.2; the n-1 attack of
//! Serjantov, Dingledine and Syverson, "From a trickle to a flood", Information Hiding 2002). This module
//! keeps time, counts, estimates and raises alarms; the packets are built by the mix, and nothing here
//! acts on an alarm.

mod alarm;
mod detector;
mod evidence;
mod limits;
mod link_counts;
mod outstanding;
mod report;
mod route;
mod standing;
mod suspect;
mod suspicion;
mod tampering;
mod tomography;
mod window;

use std::sync::Arc;
use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::SurbId;
use sotto_protocol::time::Timestamp;

use super::config::{LOOP_SLACK, LOOPS_OUTSTANDING_MAX};
use super::poisson::PoissonClock;
use super::report::LoopReport;
use detector::Detector;
use link_counts::LinkTable;
use outstanding::{Outstanding, SentLoop};
use tampering::TamperingDetector;
use window::{Fate, PastLoop, Window};

pub use alarm::{LoopAlarm, LoopAlarmKind, LoopAlarmSubject};
pub use limits::{
    CHANCE_PER_LINK, LOOP_ALARM_KEPT, LOOP_ALARMS_MAX, LOOP_LINKS_MAX, LOOPS_PER_FALSE_ALARM, LOOPS_WINDOW,
};
pub use report::{LoopEstimates, LoopEvidence};
pub(crate) use route::{Chances, LoopRoute};

#[cfg(test)]
mod tests;

/// Times, outstanding loops, counts and tests.
pub(crate) struct Loops {
    clock: Option<PoissonClock>,
    stopped: bool,
    outstanding: Outstanding,
    link_table: LinkTable,
    window: Window,
    /// Of the latest loop; loops of one epoch share them.
    chances: Arc<Chances>,
    dropping: Detector,
    delaying: Detector,
    tampering: TamperingDetector,
    counts: LoopReport,
}

impl Loops {
    /// No loops; the process starts with the first consensus.
    pub(crate) fn new() -> Self {
        Self {
            clock: None,
            stopped: false,
            outstanding: Outstanding::default(),
            link_table: LinkTable::default(),
            window: Window::default(),
            chances: Arc::default(),
            dropping: Detector::new(),
            delaying: Detector::new(),
            tampering: TamperingDetector::default(),
            counts: LoopReport::default(),
        }
    }

    /// Adopts a consensus' rate and forgets what is known of nodes that `exists` denies.
    pub(crate) fn retune(
        &mut self,
        now: Timestamp,
        interval_mean: Duration,
        exists: impl Fn(&NodeId) -> bool,
        rng: &mut impl CryptoRng,
    ) {
        match &mut self.clock {
            _ if self.stopped => {}
            Some(clock) => clock.set_interval_mean(now, interval_mean, rng),
            None => self.clock = Some(PoissonClock::new(now, interval_mean, rng)),
        }
        self.link_table.retain(&exists);
        self.dropping.retain(&exists);
        self.delaying.retain(&exists);
    }

    /// Ends the process for good; loops that are out are still awaited.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
        self.clock = None;
    }

    /// When to look again: the next loop to send, or the next to give up.
    pub(crate) fn deadline(&self) -> Timestamp {
        let send = self.clock.as_ref().map_or(Timestamp::NEVER, PoissonClock::due);
        send.min(self.outstanding.deadline())
    }

    /// Whether a loop is to be sent now; if so, the next time is drawn.
    pub(crate) fn tick(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> bool {
        match &mut self.clock {
            Some(clock) if clock.due() <= now => {
                clock.advance(now, rng);
                true
            }
            _ => false,
        }
    }

    /// Whether one more loop may be out.
    pub(crate) fn has_room(&self) -> bool {
        self.outstanding.len() < LOOPS_OUTSTANDING_MAX
    }

    /// Notes a loop on its way over `route`, which was drawn with `chances`. It asks for `delay_asked` at
    /// all hops together, and can take `delay_max` at each of them.
    pub(crate) fn sent(
        &mut self,
        now: Timestamp,
        id: SurbId,
        route: LoopRoute,
        chances: Chances,
        delay_asked: Duration,
        delay_max: Duration,
    ) {
        if *self.chances != chances {
            self.chances = Arc::new(chances);
        }
        self.link_table.sent(&route);
        let hops = u32::try_from(route.links().count()).unwrap_or(u32::MAX);
        let deadline = now + delay_max.saturating_mul(hops) + LOOP_SLACK;
        let chances = Arc::clone(&self.chances);
        self.outstanding.insert(id, SentLoop { sent_at: now, deadline, delay_asked, route, chances });
        self.counts.sent += 1;
    }

    /// Notes that a loop could not be sent, for want of a route or of room.
    pub(crate) const fn not_sent(&mut self) {
        self.counts.unsent += 1;
    }

    /// Notes that the first link refused a loop, so that it never was on its way.
    pub(crate) fn send_failed(&mut self, now: Timestamp, id: &SurbId) {
        if let Some(sent) = self.outstanding.settle(id, |_| None) {
            self.link_table.count(&sent.route, |counts| counts.sent = counts.sent.saturating_sub(1));
            self.counts.sent = self.counts.sent.saturating_sub(1);
            self.counts.unsent += 1;
            self.take_settled(now);
        }
    }

    /// Whether this loop is awaited.
    pub(crate) fn awaits(&self, id: &SurbId) -> bool {
        self.outstanding.contains(id)
    }

    /// Notes a loop's return.
    pub(crate) fn returned(&mut self, now: Timestamp, id: &SurbId) {
        let excess = |sent: &SentLoop| Fate::Returned { excess: now.since(sent.sent_at + sent.delay_asked) };
        if let Some(sent) = self.outstanding.settle(id, |sent| Some(excess(sent))) {
            self.counts.returned += 1;
            self.link_table.count(&sent.route, |counts| counts.returned += 1);
            self.take_settled(now);
        }
    }

    /// Notes a loop that came back with a damaged payload: somebody on its way marked it.
    pub(crate) fn tampered(&mut self, now: Timestamp, id: &SurbId) {
        if let Some(sent) = self.outstanding.settle(id, |_| Some(Fate::Tampered)) {
            self.counts.tampered += 1;
            self.link_table.count(&sent.route, |counts| counts.lost += 1);
            self.tampering.observe(now, &sent.route);
            self.take_settled(now);
        }
    }

    /// Gives up the loops whose time is over, and clears alarms of which nothing is heard any more.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        while let Some(id) = self.outstanding.overdue(now)
            && let Some(sent) = self.outstanding.settle(&id, |_| Some(Fate::Lost))
        {
            self.counts.lost += 1;
            self.link_table.count(&sent.route, |counts| counts.lost += 1);
        }
        self.take_settled(now);
        self.dropping.expire(now);
        self.delaying.expire(now);
        self.tampering.expire(now);
    }

    /// Tests and remembers the loops whose fate, and that of all before them, is known.
    fn take_settled(&mut self, now: Timestamp) {
        while let Some((SentLoop { route, chances, .. }, fate)) = self.outstanding.pop_settled() {
            match fate {
                Fate::Lost => self.dropping.observe(now, &route, &chances, true),
                Fate::Returned { excess } => {
                    self.dropping.observe(now, &route, &chances, false);
                    let late = excess > self.window.late_limit();
                    self.delaying.observe(now, &route, &chances, late);
                }
                // It did come. To leave it out would make a node that marks all loops one that lost all others.
                Fate::Tampered => self.dropping.observe(now, &route, &chances, false),
            }
            self.window.push(PastLoop { route, fate });
        }
    }
}
