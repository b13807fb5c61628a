//! One person of the virtual network: the production engine over a store that survives crashes.

use std::fmt;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use sotto_client::core::{Engine, EngineError, EngineSettings, Event};
use sotto_client::store::MemoryStore;
use sotto_protocol::frame::ResumeToken;
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::time::Timestamp;

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
    pub(super) class: String,
    pub(super) rng: ChaCha20Rng,
    pub(super) engine: Option<Engine<MemoryStore>>,
    /// What the disk holds while the program is down.
    disk: Option<MemoryStore>,
    pub(super) session: Option<Session>,
    pub(super) wake: Timestamp,
    pub(super) reconnect_scheduled: bool,
    /// When each packet entered the uplink.
    pub(super) uplink: Vec<Timestamp>,
    /// What the engine told, with the time.
    pub(super) events: Vec<(Timestamp, Event)>,
}

impl Person {
    pub(super) fn new(
        name: &str,
        class: &str,
        rng: ChaCha20Rng,
        now: Timestamp,
    ) -> Result<Self, EngineError> {
        let mut person = Self {
            name: name.to_owned(),
            class: class.to_owned(),
            rng,
            engine: None,
            disk: Some(MemoryStore::new()),
            session: None,
            wake: Timestamp::NEVER,
            reconnect_scheduled: false,
            uplink: Vec::new(),
            events: Vec::new(),
        };
        person.start(now)?;
        Ok(person)
    }

    /// Starts the program with what the disk holds.
    pub(super) fn start(&mut self, now: Timestamp) -> Result<(), EngineError> {
        if let Some(store) = self.disk.take() {
            let settings = EngineSettings::new(&self.class);
            self.engine = Some(Engine::open(store, settings, now, &mut self.rng)?);
        }
        Ok(())
    }

    /// The program vanishes; what it had committed stays.
    pub(super) fn crash(&mut self) {
        if let Some(engine) = self.engine.take() {
            self.disk = Some(engine.into_store());
        }
        self.session = None;
        self.wake = Timestamp::NEVER;
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({}, {})", self.name, if self.engine.is_some() { "up" } else { "down" })
    }
}
