//! What runs on one route: cover process, scheduler, decoys, round trip, awaited answers, and the way out.
//!
//! Lanes know nothing of one another: what happens on one changes no tick of another. Which contact is served by
//! which lane is decided in [`super::choice`].

use rand::CryptoRng;
use sotto_protocol::directory::{Consensus, CoverClass};
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::time::Timestamp;

use super::action::CircuitId;
use super::arq::{Outstanding, Work};
use super::choice::Fitness;
use super::circuits::{Circuits, Usage};
use super::cover::{Cover, Tick};
use super::decoys::Decoys;
use super::entry::{Profile, StickyEntry};
use super::limits::FALLBACK_PATIENCE;
use super::network::Carried;
use super::route::Route;
use super::rtt::RoundTrip;
use super::scheduler::Scheduler;

/// A session at an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) entry: NodeId,
    pub(crate) address: SessionAddress,
}

/// The entry side of a lane that leads over one.
pub(crate) struct Entrance {
    pub(crate) sticky: StickyEntry,
    pub(crate) session: Option<Session>,
    /// The session that the reply blocks on their way belong to.
    reply_address: Option<SessionAddress>,
}

/// How packets leave.
pub(crate) enum Way {
    /// By a session at an entry.
    Entry(Entrance),
    /// By circuits to the mailboxes.
    Circuits(Circuits),
}

/// Whether packets can leave, since when, and if not, why.
pub(crate) struct Health {
    pub(crate) up: bool,
    pub(crate) since: Timestamp,
    pub(crate) why: String,
}

/// One lane.
pub(crate) struct Lane {
    pub(crate) route: Route,
    pub(crate) cover: Cover,
    pub(crate) scheduler: Scheduler,
    pub(crate) decoys: Decoys,
    pub(crate) rtt: RoundTrip,
    pub(crate) outstanding: Outstanding,
    pub(crate) way: Way,
    pub(crate) health: Health,
    /// What its packets carried since counting began.
    pub(crate) carried: Carried,
    wanted: bool,
}

impl Lane {
    /// A lane that nobody wants yet, with the choices of entries that were kept. Its cover process is seeded here.
    pub(crate) fn new(route: Route, kept: &Profile, now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let (ticks, rtt, way): (&[Tick], _, _) = if route.uses_entry() {
            let sticky = StickyEntry::restored(kept);
            let entrance = Entrance { sticky, session: None, reply_address: None };
            (&[Tick::Payload, Tick::Loop, Tick::Drop], RoundTrip::of_mixes(), Way::Entry(entrance))
        } else {
            (&[Tick::Payload], RoundTrip::of_circuits(), Way::Circuits(Circuits::default()))
        };
        Self {
            route,
            cover: Cover::new(ticks, rng),
            scheduler: Scheduler::default(),
            decoys: Decoys::default(),
            rtt,
            outstanding: Outstanding::default(),
            way,
            health: Health { up: false, since: now, why: String::new() },
            carried: Carried::default(),
            wanted: false,
        }
    }

    /// Whether anything is to run here.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Starts or ends being wanted. The patience with a lane that does not work begins when it is wanted.
    pub(crate) fn set_wanted(&mut self, now: Timestamp, wanted: bool) {
        if wanted && !self.wanted && !self.health.up {
            let text =
                if self.route.uses_entry() { "no session at an entry yet" } else { "Tor is not ready yet" };
            self.health = Health { up: false, since: now, why: text.to_owned() };
        }
        self.wanted = wanted;
    }

    /// Packets can leave.
    pub(crate) fn rose(&mut self, now: Timestamp) {
        if !self.health.up {
            self.health = Health { up: true, since: now, why: String::new() };
        }
    }

    /// Packets cannot leave. If they could not before, it is still the same failure, with the newest reason.
    pub(crate) fn fell(&mut self, now: Timestamp, why: &str) {
        let since = if self.health.up { now } else { self.health.since };
        self.health = Health { up: false, since, why: why.to_owned() };
    }

    /// How it stands, for choosing among routes.
    pub(crate) fn fitness(&self, now: Timestamp) -> Fitness {
        match (self.health.up, self.fails_at()) {
            (true, _) => Fitness::Works,
            (false, Some(at)) if at <= now => Fitness::Failed,
            (false, _) => Fitness::Tried,
        }
    }

    /// When patience with it ends, if it is wanted and does not work.
    pub(crate) fn fails_at(&self) -> Option<Timestamp> {
        (self.wanted && !self.health.up).then(|| self.health.since + FALLBACK_PATIENCE)
    }

    /// Patience that should have ended at `end` or later, and did so while the machine slept, begins anew.
    pub(crate) fn slept(&mut self, now: Timestamp, end: Timestamp) {
        if self.fails_at().is_some_and(|at| at >= end) {
            self.health.since = now;
        }
    }

    /// Runs the cover process at the rates of `class`, or stops it. None without a usable consensus.
    pub(crate) fn run(&mut self, now: Timestamp, class: Option<&CoverClass>) {
        match class.filter(|_| self.wanted && self.health.up) {
            Some(class) => self.cover.start(now, class),
            None => self.cover.stop(),
        }
    }

    /// A session was opened at `entry`, or resumed: then its address is the same. Gives back the work whose
    /// answers would have come to another address.
    pub(crate) fn opened(&mut self, now: Timestamp, entry: NodeId, address: SessionAddress) -> Vec<Work> {
        let Way::Entry(entrance) = &mut self.way else { return Vec::new() };
        entrance.sticky.worked(&entry);
        entrance.session = Some(Session { entry, address });
        let same = entrance.reply_address.replace(address) == Some(address);
        self.rose(now);
        if same { Vec::new() } else { self.outstanding.abandon() }
    }

    /// The session's link is gone.
    pub(crate) fn closed(&mut self, now: Timestamp, why: &str) {
        if let Way::Entry(entrance) = &mut self.way {
            entrance.session = None;
            self.fell(now, why);
        }
    }

    /// The session, if it leads over an entry and there is one.
    pub(crate) const fn session(&self) -> Option<Session> {
        match &self.way {
            Way::Entry(entrance) => entrance.session,
            Way::Circuits(_) => None,
        }
    }

    /// The circuits, if it leads over them.
    pub(crate) const fn circuits(&self) -> Option<&Circuits> {
        match &self.way {
            Way::Entry(_) => None,
            Way::Circuits(circuits) => Some(circuits),
        }
    }

    /// The same, to change them.
    pub(crate) const fn circuits_mut(&mut self) -> Option<&mut Circuits> {
        match &mut self.way {
            Way::Entry(_) => None,
            Way::Circuits(circuits) => Some(circuits),
        }
    }

    /// All circuits are gone, with the work on them. Gives back both.
    pub(crate) fn break_circuits(&mut self) -> (Vec<CircuitId>, Vec<Work>) {
        let Way::Circuits(circuits) = &mut self.way else { return Default::default() };
        (circuits.clear(), self.outstanding.abandon())
    }

    /// Whether a packet of this use can go to this mailbox now.
    pub(crate) fn may_send(&self, now: Timestamp, consensus: &Consensus, usage: &Usage) -> bool {
        match &self.way {
            Way::Entry(_) => true,
            Way::Circuits(circuits) => {
                has_onion_service(consensus, &usage.mailbox) && circuits.may_send(now, usage)
            }
        }
    }
}

/// Whether a node can be reached by Tor.
pub(crate) fn has_onion_service(consensus: &Consensus, node: &NodeId) -> bool {
    consensus.node(node).is_some_and(|listed| listed.onion_address.is_some())
}
