//! What the network costs, what it was used for, and how long messages take: for a user who asks.
//!
//! Costs and delays follow from the consensus, for every cover class; what was used is counted, packets here and bytes
//! by the shell on its links. The arithmetic is in [`super::budget`] and [`super::forecast`].

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sotto_protocol::directory::{Consensus, CoverClass};
use sotto_protocol::time::Timestamp;

use super::budget::{self, FRAME_BYTES, HANDSHAKE, Volume};
use super::engine::Engine;
use super::forecast::{Delays, Forecast};
use super::lane::Lane;
use super::route::Route;
use super::view::ConsensusState;
use crate::store::Store;

/// Bytes that crossed the links of this process since [`NetworkView::since_ms`], as its shell has counted them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// By sessions of route `mix`.
    pub mix: Volume,
    /// By sessions of route `tor+mix`.
    pub tor_mix: Volume,
    /// By circuits of route `tor`.
    pub tor: Volume,
    /// For the consensus.
    pub consensus: Volume,
}

impl Traffic {
    const fn by(&self, route: Route) -> Volume {
        match route {
            Route::Mix => self.mix,
            Route::TorMix => self.tor_mix,
            Route::Tor => self.tor,
        }
    }
}

/// What the packets of one lane carried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Carried {
    /// A box for a mailbox: of a message, or keys.
    pub messages: u64,
    /// A question for a box that somebody may have written.
    pub polls: u64,
    /// Nothing: decoys, loops and drops.
    pub cover: u64,
}

impl Carried {
    /// One packet more that carried nothing.
    pub(crate) const fn covered(&mut self) {
        self.cover = self.cover.saturating_add(1);
    }
}

/// One cover class and what it means.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClassCost {
    /// Its name.
    pub class: String,
    /// Whether this profile uses it.
    pub is_used: bool,
    /// A day of a session at an entry: for each of the routes `mix` and `tor+mix` that is in use.
    pub session_per_day: Volume,
    /// The most that a day of packets and answers on route `tor` can be.
    pub circuits_per_day_max: Volume,
    /// The delays on routes with mixes, from the network's parameters alone.
    pub delays: Delays,
}

/// One route: what was used, and what is measured on it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RouteUse {
    /// Which one.
    pub route: Route,
    /// Whether it is wanted at present.
    pub is_wanted: bool,
    /// Whether a tick with nothing to carry is filled: always but on route `tor`, where it is a setting.
    pub has_decoys: bool,
    /// Bytes on its links.
    pub bytes: Volume,
    /// Packets that were handed to them.
    pub packets: Carried,
    /// The mean round trip that the network's parameters give, in milliseconds; none on route `tor`.
    pub round_trip_ms_expected: Option<u64>,
    /// The mean of the latest round trips, in milliseconds, once there were 64.
    pub round_trip_ms_measured: Option<u64>,
    /// The delays of the class in use with the round trips that were measured.
    pub delays: Option<Delays>,
}

/// The network and its price.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NetworkView {
    /// The network's name, once a consensus is known.
    pub network: Option<String>,
    /// The epoch of the consensus.
    pub epoch: Option<u64>,
    /// The state of the consensus that everything here follows from.
    pub consensus: ConsensusState,
    /// The cover class that this profile uses.
    pub class: String,
    /// One frame on a link, in bytes, as it is counted here: a TLS record with its header.
    pub frame_bytes: u64,
    /// The handshake of one link.
    pub handshake: Volume,
    /// Every class of the consensus; empty without one.
    pub classes: Vec<ClassCost>,
    /// A day of fetching the consensus; none without one.
    pub consensus_per_day: Option<Volume>,
    /// So many contacts on each side the delays are for: those of this profile, and one at least.
    pub contacts: u64,
    /// When counting began, in milliseconds since the Unix epoch: the start, or the last lock or unlock.
    pub since_ms: u64,
    /// How long that is, in milliseconds.
    pub counted_ms: u64,
    /// Every route.
    pub routes: Vec<RouteUse>,
    /// What was used for the consensus.
    pub consensus_bytes: Volume,
}

impl<S: Store> Engine<S> {
    /// What the network costs, and what was used of it. An engine that has been given no consensus goes by the one that
    /// `kept` finds, whatever its age.
    #[must_use]
    pub fn network(
        &self,
        now: Timestamp,
        kept: impl FnOnce() -> Option<Consensus>,
        traffic: &Traffic,
    ) -> NetworkView {
        let consensus = self.consensus.clone().or_else(|| kept().map(Arc::new));
        let consensus = consensus.as_deref();
        let contacts = self.book.people.values().filter(|person| person.contact.is_live(now)).count();
        NetworkView {
            network: consensus.map(|consensus| consensus.network.clone()),
            epoch: consensus.map(|consensus| consensus.epoch),
            consensus: consensus.map(|consensus| consensus.freshness(now)).into(),
            class: self.settings.class.clone(),
            frame_bytes: FRAME_BYTES,
            handshake: HANDSHAKE,
            classes: consensus.map_or_else(Vec::new, |consensus| {
                let cost = |class| self.class_cost(consensus, class, contacts);
                consensus.params.classes.iter().map(cost).collect()
            }),
            consensus_per_day: consensus.map(budget::consensus_per_day),
            contacts: u64::try_from(contacts.max(1)).unwrap_or(u64::MAX),
            since_ms: self.since.as_millis(),
            counted_ms: millis(now.since(self.since)),
            routes: self
                .lanes
                .iter()
                .map(|lane| self.route_use(lane, consensus, contacts, traffic))
                .collect(),
            consensus_bytes: traffic.consensus,
        }
    }

    fn class_cost(&self, consensus: &Consensus, class: &CoverClass, contacts: usize) -> ClassCost {
        let forecast = Forecast::by_mixes(&consensus.params, class, replicas(consensus), contacts, None);
        ClassCost {
            class: class.name.clone(),
            is_used: class.name == self.settings.class,
            session_per_day: budget::session_per_day(class),
            circuits_per_day_max: budget::circuits_per_day_max(class),
            delays: forecast.delays(),
        }
    }

    fn route_use(
        &self,
        lane: &Lane,
        consensus: Option<&Consensus>,
        contacts: usize,
        traffic: &Traffic,
    ) -> RouteUse {
        let class =
            consensus.and_then(|consensus| Some((consensus, consensus.class(&self.settings.class)?.1)));
        let measured = lane.rtt.mean();
        let by_mixes = |measured| {
            let (consensus, class) = class.filter(|_| lane.route.uses_entry())?;
            Some(Forecast::by_mixes(&consensus.params, class, replicas(consensus), contacts, measured))
        };
        let by_circuits = |measured| {
            let (consensus, class) = class.filter(|_| !lane.route.uses_entry())?;
            Some(Forecast::by_circuits(class, replicas(consensus), contacts, measured))
        };
        let forecast =
            measured.and_then(|measured| by_mixes(Some(measured)).or_else(|| by_circuits(measured)));
        RouteUse {
            route: lane.route,
            is_wanted: lane.is_wanted(),
            has_decoys: self.has_decoys(lane.route),
            bytes: traffic.by(lane.route),
            packets: lane.carried,
            round_trip_ms_expected: by_mixes(None).map(|forecast| forecast.round_trip_ms()),
            round_trip_ms_measured: measured.map(millis),
            delays: forecast.map(|forecast| forecast.delays()),
        }
    }
}

/// Mailboxes that hold a copy of each box.
pub(super) fn replicas(consensus: &Consensus) -> usize {
    usize::from(consensus.params.replicas).min(consensus.mailboxes().count()).max(1)
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
