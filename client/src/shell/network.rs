//! The network's side of the engine's task: who gets a way out, and where packets go.
//!
//! After each input the engine is asked which routes it wants. The ways out, the entries and the servers of the
//! consensus follow from that and from nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::directory::{AuthoritySetError, Consensus, CoverClass, NetworkInfo};
use sotto_protocol::sphinx::Packet;
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::rng::OsRng;
use sotto_transport::tor::TorStatus;
use tokio::sync::{Notify, mpsc, watch};

use super::Failure;
use super::circuits::{CircuitRefusal, Circuits, Mailbox};
use super::directory::ConsensusKeeper;
use super::doctor::{Doctor, Scene};
use super::servers::Sources;
use super::session::{Outgoing, Report, Wanted, keep_session};
use super::traffic::Meters;
use super::trouble::{Part, Troubles};
use super::ways::{Way, WayMakers, Ways};
use crate::core::{CircuitId, Engine, Route, Via};
use crate::store::Store;

/// Reports of sessions and circuits that wait for the engine.
const REPORTS_MAX: usize = 256;
/// After so many failures in a row the consensus is fetched anew.
const FAILURES_BEFORE_REFRESH: u32 = 3;
/// An entry that sends nothing for this long is gone, in any class.
const SILENCE_MIN: Duration = Duration::from_secs(20);
/// By Tor a stream may stand still for a while and go on.
const SILENCE_MIN_TOR: Duration = Duration::from_secs(45);
/// An entry that misses this many frames of its class's mean is gone: by chance that happens once in 10^17.
const SILENCE_FRAMES: u32 = 40;

/// How to reach the network.
#[derive(Debug)]
pub struct NetworkAccess {
    /// Which network.
    pub network: NetworkInfo,
    /// Makes the ways to it.
    pub makers: WayMakers,
    /// Where the newest consensus is kept.
    pub consensus_file: PathBuf,
    /// The name of the cover class.
    pub cover_class: String,
}

/// What the network tells.
pub(super) enum FromNetwork {
    Consensus(Option<Arc<Consensus>>),
    Report(Report),
    Tor(TorStatus),
}

/// The session of one route by an entry, as this side sees it.
struct EntryLane {
    wanted: watch::Sender<Option<Wanted>>,
    packets: Option<mpsc::Sender<Outgoing>>,
    failures: u32,
}

pub(super) struct Network {
    info: NetworkInfo,
    makers: WayMakers,
    cover_class: String,
    file: PathBuf,
    consensus: watch::Receiver<Option<Arc<Consensus>>>,
    ways: watch::Sender<Ways>,
    sources: watch::Sender<Sources>,
    /// The routes that the engine wants at present.
    routes: watch::Sender<BTreeSet<Route>>,
    lanes: BTreeMap<Route, EntryLane>,
    circuits: Circuits,
    meters: Meters,
    reports: mpsc::Receiver<Report>,
    tor: Option<watch::Receiver<TorStatus>>,
    /// Starting Tor failed: it is not tried again until other routes are wanted.
    tor_failed_for: Option<BTreeSet<Way>>,
    out_of_turn: Arc<Notify>,
}

impl Network {
    pub(super) fn start(
        access: NetworkAccess,
        clock: &Clock,
        troubles: &Troubles,
    ) -> Result<Self, AuthoritySetError> {
        let (current, consensus) = watch::channel(None);
        let (ways, ways_here) = watch::channel(Ways::default());
        let (sources, sources_here) = watch::channel(Sources::default());
        let (report, reports) = mpsc::channel(REPORTS_MAX);
        let (out_of_turn, meters) = (Arc::new(Notify::new()), Meters::default());
        let keeper = ConsensusKeeper {
            ways: ways_here.clone(),
            sources: sources_here,
            authorities: access.network.authority_set()?,
            network: access.network.clone(),
            clock: clock.clone(),
            file: access.consensus_file.clone(),
            current,
            out_of_turn: Arc::clone(&out_of_turn),
            troubles: troubles.clone(),
            meter: Arc::clone(meters.consensus()),
        };
        tokio::spawn(keeper.run());
        let mut lanes = BTreeMap::new();
        for route in Route::ALL.into_iter().filter(|route| route.uses_entry()) {
            let (wanted, wanted_here) = watch::channel(None);
            let meter = Arc::clone(meters.of(route));
            let (ways, clock, report) = (ways_here.clone(), clock.clone(), report.clone());
            tokio::spawn(keep_session(route, ways, clock, wanted_here, report, meter));
            lanes.insert(route, EntryLane { wanted, packets: None, failures: 0 });
        }
        Ok(Self {
            info: access.network,
            makers: access.makers,
            cover_class: access.cover_class,
            file: access.consensus_file,
            consensus,
            ways,
            sources,
            routes: watch::Sender::default(),
            lanes,
            circuits: Circuits::new(report, clock.clone()),
            meters,
            reports,
            tor: None,
            tor_failed_for: None,
            out_of_turn,
        })
    }

    /// Examines this network when it is asked to.
    pub(super) fn doctor(&self, clock: &Clock) -> Doctor {
        let entries = self.lanes.iter().map(|(route, lane)| (*route, lane.wanted.subscribe())).collect();
        Doctor::new(Scene {
            network: self.info.clone(),
            clock: clock.clone(),
            file: self.file.clone(),
            consensus: self.consensus.clone(),
            ways: self.ways.subscribe(),
            sources: self.sources.subscribe(),
            routes: self.routes.subscribe(),
            entries,
        })
    }

    /// The next thing that happens. Cancelled, it loses none.
    pub(super) async fn next(&mut self) -> FromNetwork {
        let tor = async {
            if let Some(tor) = &mut self.tor
                && tor.changed().await.is_ok()
            {
                return tor.borrow_and_update().clone();
            }
            std::future::pending().await
        };
        tokio::select! {
            Some(report) = self.reports.recv() => FromNetwork::Report(report),
            Ok(()) = self.consensus.changed() => {
                FromNetwork::Consensus(self.consensus.borrow_and_update().clone())
            }
            status = tor => FromNetwork::Tor(status),
            else => std::future::pending().await,
        }
    }

    /// How far Tor is, if it was started.
    pub(super) fn tor_status(&self) -> Option<TorStatus> {
        self.tor.as_ref().map(|tor| tor.borrow().clone())
    }

    /// What has crossed the links.
    pub(super) const fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Whoever waits for Tor need not wait for its turn.
    pub(super) fn tor_is_ready(&self) {
        if self.consensus.borrow().is_none() {
            self.out_of_turn.notify_one();
        }
    }

    /// There is a session, and this is where its packets go.
    pub(super) fn opened(&mut self, route: Route, packets: mpsc::Sender<Outgoing>) {
        if let Some(lane) = self.lanes.get_mut(&route) {
            lane.packets = Some(packets);
            lane.failures = 0;
        }
    }

    /// The session's link is gone.
    pub(super) fn closed(&mut self, route: Route) {
        if let Some(lane) = self.lanes.get_mut(&route) {
            lane.packets = None;
        }
    }

    /// The entry could not be reached.
    pub(super) fn failed(&mut self, route: Route) {
        let Some(lane) = self.lanes.get_mut(&route) else { return };
        lane.failures = lane.failures.saturating_add(1);
        if lane.failures.is_multiple_of(FAILURES_BEFORE_REFRESH) {
            self.out_of_turn.notify_one();
        }
    }

    /// Sends a packet on its way.
    ///
    /// # Errors
    /// The circuit that cannot be opened, and why. A packet that finds no session, or a link that takes nothing, is
    /// lost as it would be in the network.
    pub(super) fn send(
        &mut self,
        via: Via,
        due: Timestamp,
        packet: Packet,
    ) -> Result<(), (CircuitId, Failure)> {
        let packet = Outgoing { due, packet };
        let (circuit, mailbox) = match via {
            Via::Circuit { circuit, mailbox } => (circuit, mailbox),
            Via::Entry(route) => {
                let packets = self.lanes.get(&route).and_then(|lane| lane.packets.as_ref());
                if packets.is_none_or(|packets| packets.try_send(packet).is_err()) {
                    tracing::debug!(%route, "no room for a packet");
                }
                return Ok(());
            }
        };
        let consensus = self.consensus.borrow().clone();
        let address = || consensus?.node(&mailbox)?.onion_address.clone();
        let mailbox = || Some(Mailbox { node: mailbox, address: address()? });
        let connector = || {
            let connector = self.ways.borrow().connector(Way::Tor)?;
            Some(connector.with_meter(self.meters.of(Route::Tor)))
        };
        match self.circuits.send(circuit, packet, mailbox, connector) {
            Ok(()) => Ok(()),
            Err(CircuitRefusal::Behind) => {
                tracing::debug!("no room for a packet on a circuit");
                Ok(())
            }
            Err(refusal) => Err((circuit, Failure::new(refusal.label(), refusal.to_string()))),
        }
    }

    /// Closes a circuit.
    pub(super) fn close(&mut self, circuit: CircuitId) {
        self.circuits.close(circuit);
    }

    /// Gives the engine's routes their ways, entries and sources of the consensus, and takes away what none needs.
    pub(super) fn follow<S: Store>(&mut self, engine: &mut Engine<S>, now: Timestamp, troubles: &Troubles) {
        let routes: BTreeSet<Route> =
            Route::ALL.into_iter().filter(|route| engine.is_wanted(*route)).collect();
        let consensus = self.consensus.borrow().clone();
        let mut own = BTreeMap::new();
        for (route, lane) in &self.lanes {
            let wanted = if routes.contains(route) {
                consensus.as_deref().and_then(|consensus| {
                    let entry = engine.wanted_entry(now, *route, &mut OsRng)?;
                    own.insert(Way::of(*route), entry);
                    let address = Way::of(*route).to(consensus.node(&entry)?)?.to_owned();
                    let Some((class, cover)) = consensus.class(&self.cover_class) else {
                        let text = unknown_class(&self.cover_class, consensus);
                        troubles.set(Part::Session(*route), "cover-class", &text);
                        return None;
                    };
                    Some(Wanted { entry, address, class, silence_max: silence_max(Way::of(*route), cover) })
                })
            } else {
                troubles.clear(Part::Session(*route));
                None
            };
            lane.wanted.send_if_modified(|current| replace(current, wanted));
        }
        let sources = Sources::of(engine.plan(), |route| routes.contains(&route), own);
        if let Some(why) = self.provide(&routes, &sources, troubles) {
            engine.handle_session_lost(now, Route::TorMix, &why);
            engine.handle_tor_lost(now, &why);
        }
        self.sources.send_if_modified(|current| replace(current, sources));
        self.routes.send_if_modified(|current| replace(current, routes));
    }

    /// Makes the ways that are needed, and says why Tor cannot be started, once.
    fn provide(
        &mut self,
        routes: &BTreeSet<Route>,
        sources: &Sources,
        troubles: &Troubles,
    ) -> Option<String> {
        let needed: BTreeSet<Way> =
            routes.iter().map(|route| Way::of(*route)).chain(sources.ways().iter().copied()).collect();
        if self.tor_failed_for.as_ref() == Some(&needed) {
            return None;
        }
        let mut failed = None;
        self.ways.send_if_modified(|ways| match ways.provide(&needed, &self.makers) {
            Ok(changed) => changed,
            Err(error) => {
                failed = Some(error);
                true
            }
        });
        self.tor_failed_for = failed.as_ref().map(|_| needed);
        if let Some(error) = &failed {
            tracing::warn!(label = error.label(), "Tor cannot be started");
            troubles.set(Part::Tor, error.label(), &error.to_string());
        }
        if self.tor.is_none()
            && let Some(tor) = self.ways.borrow().tor()
        {
            let mut status = tor.status();
            // How far it is at the start is news as well.
            status.mark_changed();
            self.tor = Some(status);
        }
        failed.map(|error| error.to_string())
    }
}

fn replace<T: PartialEq>(current: &mut T, new: T) -> bool {
    let changed = *current != new;
    *current = new;
    changed
}

fn silence_max(way: Way, class: &CoverClass) -> Duration {
    let mean = Duration::from_millis(class.downlink_interval_ms_mean.into());
    let least = if way == Way::Tor { SILENCE_MIN_TOR } else { SILENCE_MIN };
    mean.saturating_mul(SILENCE_FRAMES).max(least)
}

fn unknown_class(name: &str, consensus: &Consensus) -> String {
    let names: Vec<&str> = consensus.params.classes.iter().map(|class| class.name.as_str()).collect();
    format!(
        "this network has no cover class {name:?}, only {}: change cover_class in config.toml",
        names.join(", ")
    )
}
