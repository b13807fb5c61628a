//! One person of the virtual network: the production engine over a store that survives crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use sotto_client::core::{CircuitId, Engine, EngineError, EngineSettings, Event, Route};
use sotto_client::store::MemoryStore;
use sotto_protocol::frame::ResumeToken;
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::time::Timestamp;

use super::direct::Circuit;

/// How long a person's program waits before it tries an entry again.
pub(super) const RECONNECT_DELAY: Duration = Duration::from_millis(500);

/// An open session at an entry.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) entry: NodeId,
    pub(super) address: SessionAddress,
    pub(super) token: ResumeToken,
    pub(super) connected: bool,
}

/// A person with their device. The engine is gone while the program is down.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) settings: EngineSettings,
    pub(super) rng: ChaCha20Rng,
    pub(super) engine: Option<Engine<MemoryStore>>,
    /// What the disk holds while the program is down.
    disk: Option<MemoryStore>,
    /// By their routes.
    pub(super) sessions: BTreeMap<Route, Session>,
    /// Routes on which an attempt to reach an entry is scheduled.
    pub(super) reconnecting: BTreeSet<Route>,
    /// Whether the engine was told that Tor works.
    pub(super) tor_ready: bool,
    pub(super) circuits: BTreeMap<CircuitId, Circuit>,
    pub(super) wake: Timestamp,
    /// When each packet left, by route.
    pub(super) uplink: BTreeMap<Route, Vec<Timestamp>>,
    /// Frames that came, by route, dummies included.
    pub(super) downlink: BTreeMap<Route, u64>,
    /// What the engine told, with the time.
    pub(super) events: Vec<(Timestamp, Event)>,
}

impl Person {
    pub(super) fn new(
        name: &str,
        settings: EngineSettings,
        rng: ChaCha20Rng,
        now: Timestamp,
    ) -> Result<Self, EngineError> {
        let mut person = Self {
            name: name.to_owned(),
            settings,
            rng,
            engine: None,
            disk: Some(MemoryStore::new()),
            sessions: BTreeMap::new(),
            reconnecting: BTreeSet::new(),
            tor_ready: false,
            circuits: BTreeMap::new(),
            wake: Timestamp::NEVER,
            uplink: BTreeMap::new(),
            downlink: BTreeMap::new(),
            events: Vec::new(),
        };
        person.start(now)?;
        Ok(person)
    }

    /// Starts the program with what the disk holds.
    pub(super) fn start(&mut self, now: Timestamp) -> Result<(), EngineError> {
        if let Some(store) = self.disk.take() {
            self.engine = Some(Engine::open(store, self.settings.clone(), now, &mut self.rng)?);
        }
        Ok(())
    }

    /// The program vanishes; what it had committed stays.
    pub(super) fn crash(&mut self) {
        if let Some(engine) = self.engine.take() {
            self.disk = Some(engine.into_store());
        }
        self.sessions.clear();
        self.circuits.clear();
        self.tor_ready = false;
        self.wake = Timestamp::NEVER;
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({}, {})", self.name, if self.engine.is_some() { "up" } else { "down" })
    }
}
