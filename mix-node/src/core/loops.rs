//! The mix's own loops: packets that it sends through the network back to itself and counts.
//!
//! What does not return shows loss on links and active attacks that drop or hold back packets
//! (Loopix, Piotrowska et al., USENIX Security 2017, section 4.2). This module counts and keeps time;
//! the packets are built by the mix.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::SurbId;
use sotto_protocol::time::Timestamp;

use super::config::{LOOP_SLACK, LOOPS_OUTSTANDING_MAX};
use super::poisson::PoissonClock;
use super::report::{LinkLoopReport, LoopReport};

/// A directed link between two nodes.
type Link = (NodeId, NodeId);

/// A loop that is out.
struct Outstanding {
    deadline: Timestamp,
    links: Vec<Link>,
}

#[derive(Clone, Copy, Default)]
struct LinkCounts {
    sent: u64,
    returned: u64,
    lost: u64,
}

/// Times, outstanding loops and counts.
pub(crate) struct Loops {
    clock: Option<PoissonClock>,
    stopped: bool,
    outstanding: BTreeMap<SurbId, Outstanding>,
    deadlines: BTreeSet<(Timestamp, SurbId)>,
    links: BTreeMap<Link, LinkCounts>,
    counts: LoopReport,
}

impl Loops {
    /// No loops; the process starts with the first consensus.
    pub(crate) fn new() -> Self {
        Self {
            clock: None,
            stopped: false,
            outstanding: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            links: BTreeMap::new(),
            counts: LoopReport::default(),
        }
    }

    /// Adopts a consensus' rate and forgets the counts of links that `exists` denies.
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
        self.links.retain(|(from, to), _| exists(from) && exists(to));
    }

    /// Ends the process for good; loops that are out are still awaited.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
        self.clock = None;
    }

    /// When to look again: the next loop to send, or the next to give up.
    pub(crate) fn deadline(&self) -> Timestamp {
        let send = self.clock.as_ref().map_or(Timestamp::NEVER, PoissonClock::due);
        let give_up = self.deadlines.first().map_or(Timestamp::NEVER, |(deadline, _)| *deadline);
        send.min(give_up)
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

    /// Notes a loop on its way from `node` over `route`, which ends with `node` again, and which can
    /// take `delay_max` at each of its hops.
    pub(crate) fn sent(
        &mut self,
        now: Timestamp,
        id: SurbId,
        node: NodeId,
        route: &[NodeId],
        delay_max: Duration,
    ) {
        let links: Vec<Link> =
            std::iter::once(&node).chain(route).copied().zip(route.iter().copied()).collect();
        for link in &links {
            self.links.entry(*link).or_default().sent += 1;
        }
        let hops = u32::try_from(links.len()).unwrap_or(u32::MAX);
        let deadline = now + delay_max.saturating_mul(hops) + LOOP_SLACK;
        self.deadlines.insert((deadline, id));
        self.outstanding.insert(id, Outstanding { deadline, links });
        self.counts.sent += 1;
    }

    /// Notes that a loop could not be sent, for want of a route or of room.
    pub(crate) const fn not_sent(&mut self) {
        self.counts.unsent += 1;
    }

    /// Notes that the first link refused a loop, so that it never was on its way.
    pub(crate) fn send_failed(&mut self, id: &SurbId) {
        if let Some(outstanding) = self.take(id) {
            for link in &outstanding.links {
                if let Some(counts) = self.links.get_mut(link) {
                    counts.sent = counts.sent.saturating_sub(1);
                }
            }
            self.counts.sent = self.counts.sent.saturating_sub(1);
            self.counts.unsent += 1;
        }
    }

    /// Whether this loop is awaited.
    pub(crate) fn awaits(&self, id: &SurbId) -> bool {
        self.outstanding.contains_key(id)
    }

    /// Notes a loop's return.
    pub(crate) fn returned(&mut self, id: &SurbId) {
        if let Some(outstanding) = self.take(id) {
            self.counts.returned += 1;
            self.count_links(&outstanding, |counts| counts.returned += 1);
        }
    }

    /// Notes a loop that came back with a damaged payload: somebody on its way marked it.
    pub(crate) fn tampered(&mut self, id: &SurbId) {
        if let Some(outstanding) = self.take(id) {
            self.counts.tampered += 1;
            self.count_links(&outstanding, |counts| counts.lost += 1);
        }
    }

    /// Gives up the loops whose time is over.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        while let Some(&(deadline, id)) = self.deadlines.first()
            && deadline <= now
        {
            if let Some(outstanding) = self.take(&id) {
                self.counts.lost += 1;
                self.count_links(&outstanding, |counts| counts.lost += 1);
            }
        }
    }

    /// The counts so far.
    pub(crate) fn report(&self) -> LoopReport {
        let links = self.links.iter().map(|((from, to), counts)| LinkLoopReport {
            from: from.to_string(),
            to: to.to_string(),
            sent: counts.sent,
            returned: counts.returned,
            lost: counts.lost,
        });
        let outstanding = u64::try_from(self.outstanding.len()).unwrap_or(u64::MAX);
        LoopReport { outstanding, links: links.collect(), ..self.counts.clone() }
    }

    fn take(&mut self, id: &SurbId) -> Option<Outstanding> {
        let outstanding = self.outstanding.remove(id)?;
        self.deadlines.remove(&(outstanding.deadline, *id));
        Some(outstanding)
    }

    fn count_links(&mut self, outstanding: &Outstanding, count: impl Fn(&mut LinkCounts)) {
        for link in &outstanding.links {
            if let Some(counts) = self.links.get_mut(link) {
                count(counts);
            }
        }
    }
}
