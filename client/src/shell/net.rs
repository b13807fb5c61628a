//! The task that owns the engine, and with it the profile: calls, network and time meet here.
//!
//! Around it run one task for the link to an entry of each of the two routes that have one (`session`), one for each
//! circuit of the route `tor` (`circuits`) and one for the consensus (`directory`). They exchange messages over
//! bounded channels, so the engine has one owner and needs no lock. Which of them have a way out is in `network`.

use std::sync::Arc;

use sotto_protocol::directory::{AuthoritySetError, Consensus};
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rng::OsRng;
use sotto_transport::tor::TorStatus;
use tokio::sync::{Notify, broadcast, mpsc};
use tokio::task::JoinHandle;

use super::Failure;
use super::backing_up::{self, BackupParams};
use super::home::Home;
use super::locking::{Answer, LockAccess, Locking, Reopened, locked};
pub use super::network::NetworkAccess;
use super::network::{FromNetwork, Network};
use super::service::{self, Call, EVENTS_BEHIND_MAX, REQUESTS_MAX, Request, Service};
use super::session::Report;
use super::trouble::{Part, Troubles};
use super::ways::{Way, in_words};
use crate::backup::Content;
use crate::core::{Action, Engine, Event};
use crate::store::{Lockable, Store};

/// The running tasks.
#[derive(Debug)]
pub struct Running {
    service: Service,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Running {
    /// What to ask questions of.
    #[must_use]
    pub const fn service(&self) -> &Service {
        &self.service
    }

    /// Ends the tasks, and returns when the store is closed.
    pub async fn stop(self) {
        self.shutdown.trigger();
        // A panic of the task has been reported where it happened; the store is closed either way.
        let _ended = self.task.await;
    }
}

/// Starts the tasks. Without a network the engine only answers; without a home, changed routes are not kept; without
/// `lock` the process cannot be locked.
///
/// # Errors
/// When the network's authorities do not make sense.
pub fn start<S: Store + Send + 'static>(
    engine: Engine<Lockable<S>>,
    clock: Clock,
    home: Option<Home>,
    access: Option<NetworkAccess>,
    lock: Option<LockAccess<S>>,
    shutdown: Shutdown,
) -> Result<Running, AuthoritySetError> {
    let (requests, calls) = mpsc::channel(REQUESTS_MAX);
    let (events, _) = broadcast::channel(EVENTS_BEHIND_MAX);
    let troubles = Troubles::default();
    let network = access.map(|access| Network::start(access, &clock, &troubles)).transpose()?;
    let doctor = network.as_ref().map(|network| network.doctor(&clock));
    let locking = Locking::new(lock, clock.now());
    let arrivals = Arc::new(Notify::new());
    let service = Service {
        requests,
        events: events.clone(),
        doctor,
        is_locked: locking.watch(),
        arrivals: Arc::clone(&arrivals),
    };
    let shutdown_here = shutdown.clone();
    let owner = Owner {
        engine,
        clock,
        calls,
        events,
        home,
        network,
        troubles,
        locking,
        arrivals,
        shutdown: shutdown_here,
    };
    let end = EndsAll(shutdown.clone());
    let task = tokio::spawn(async move {
        let _end = end;
        owner.run().await;
    });
    Ok(Running { service, shutdown, task })
}

/// Ends the process when it is dropped: a daemon whose engine is gone, by a panic too, would look as if it
/// kept up the cover.
struct EndsAll(Shutdown);

impl Drop for EndsAll {
    fn drop(&mut self) {
        self.0.trigger();
    }
}

/// Something for the engine.
enum Input<S> {
    End,
    Call(Request),
    Consensus(Option<Arc<Consensus>>),
    Report(Report),
    Tor(TorStatus),
    Time,
    /// Nobody has done anything for as long as the user said.
    Idle,
    /// A command has come.
    Arrival,
    Reopened(Box<Reopened<S>>),
}

struct Owner<S: Store> {
    engine: Engine<Lockable<S>>,
    clock: Clock,
    calls: mpsc::Receiver<Request>,
    events: broadcast::Sender<Event>,
    home: Option<Home>,
    network: Option<Network>,
    troubles: Troubles,
    locking: Locking<S>,
    arrivals: Arc<Notify>,
    shutdown: Shutdown,
}

impl<S: Store + Send + 'static> Owner<S> {
    async fn run(mut self) {
        loop {
            self.settle();
            match self.next_input().await {
                Input::End => break,
                Input::Call(request) => self.answer(request),
                Input::Consensus(Some(consensus)) => {
                    self.engine.handle_consensus(self.clock.now(), consensus);
                }
                Input::Consensus(None) => {}
                Input::Report(report) => self.take_report(report),
                Input::Tor(status) => self.take_tor(&status),
                Input::Time => self.engine.handle_timeout(self.clock.now(), &mut OsRng),
                Input::Idle => self.lock(None),
                Input::Arrival => self.locking.active(self.clock.now()),
                Input::Reopened(reopened) => {
                    if self.locking.take(&mut self.engine, self.clock.now(), *reopened) {
                        self.tell(Event::Unlocked);
                    }
                }
            }
        }
        drop(self.engine);
        self.locking.end().await;
    }

    async fn next_input(&mut self) -> Input<S> {
        let due = self.engine.poll_timeout();
        let idle_at = self.locking.deadline();
        let network = async {
            match &mut self.network {
                None => std::future::pending().await,
                Some(network) => match network.next().await {
                    FromNetwork::Consensus(consensus) => Input::Consensus(consensus),
                    FromNetwork::Report(report) => Input::Report(report),
                    FromNetwork::Tor(status) => Input::Tor(status),
                },
            }
        };
        // In this order: a packet whose moment has come does not wait for whatever the user asks.
        tokio::select! {
            biased;
            () = self.shutdown.triggered() => Input::End,
            () = self.clock.sleep_until(due) => Input::Time,
            () = self.clock.sleep_until(idle_at) => Input::Idle,
            () = self.arrivals.notified() => Input::Arrival,
            request = self.calls.recv() => request.map_or(Input::End, Input::Call),
            reopened = self.locking.next() => Input::Reopened(Box::new(reopened)),
            input = network => input,
        }
    }

    fn answer(&mut self, Request { call, answer }: Request) {
        if call.is_by_hand() {
            self.locking.active(self.clock.now());
        }
        let call = match call {
            Call::Lock => return self.lock(Some(answer)),
            Call::Unlock(params) => return self.locking.unlock(params, answer),
            Call::Backup(params) => return self.back_up(params, answer),
            call => call,
        };
        let outcome = if self.locking.is_locked() && !call.works_locked() {
            Err(locked())
        } else {
            self.outcome(&call)
        };
        // Who asked may have gone; what was asked for is done all the same.
        let _heard = answer.send(outcome);
    }

    fn back_up(&self, params: BackupParams, answer: Answer) {
        let content = if self.locking.is_locked() { Err(locked()) } else { self.backup_content() };
        match content {
            Ok(content) => backing_up::write(params, content, answer),
            // Who asked may have gone.
            Err(failure) => drop(answer.send(Err(failure))),
        }
    }

    fn backup_content(&self) -> Result<Content, Failure> {
        let none =
            || Failure::new("no-profile", "there is no profile here whose settings a backup could hold");
        let (network, config) = self.home.as_ref().ok_or_else(none)?.texts()?;
        let made_ms = self.clock.now().as_millis();
        Ok(Content { made_ms, network, config, records: self.engine.backup()? })
    }

    fn lock(&mut self, answer: Option<Answer>) {
        if self.locking.lock(&mut self.engine, self.clock.now(), answer) {
            tracing::info!("locked");
            self.tell(Event::Locked);
        }
    }

    fn tell(&self, event: Event) {
        // Nobody may be listening.
        let _listeners = self.events.send(event);
    }

    fn outcome(&mut self, call: &Call) -> Result<serde_json::Value, Failure> {
        let tor = self.network.as_ref().and_then(Network::tor_status);
        if matches!(call, Call::Tor) {
            return service::to_json(&tor);
        }
        if let (Some(plan), Some(home)) = (call.profile_plan()?, &mut self.home) {
            // Kept first: what counts from here on also counts after a restart.
            home.keep_plan(&plan)?;
        }
        let mut outcome = service::answer(&mut self.engine, call, self.clock.now(), &mut OsRng)?;
        if let (Call::Status, serde_json::Value::Object(status)) = (call, &mut outcome) {
            status.insert("tor".to_owned(), service::to_json(&tor)?);
            status.insert("troubles".to_owned(), self.troubles.to_json());
            let locks_at = Some(self.locking.deadline()).filter(|at| *at != Timestamp::NEVER);
            status.insert("locked".to_owned(), self.locking.is_locked().into());
            status.insert("locks_at_ms".to_owned(), locks_at.map(Timestamp::as_millis).into());
        }
        Ok(outcome)
    }

    fn take_report(&mut self, report: Report) {
        let now = self.clock.now();
        let Some(network) = &mut self.network else { return };
        match report {
            Report::Opened { route, entry, session, packets } => {
                network.opened(route, packets);
                self.troubles.clear(Part::Session(route));
                tracing::info!(%route, entry = %entry.short(), "session open");
                self.engine.handle_session(now, route, entry, session);
            }
            Report::Delivery { surb_id, payload } => {
                self.engine.handle_delivery(now, surb_id, &payload, &mut OsRng);
            }
            Report::Lost { route, entry, error } => {
                network.closed(route);
                let failure = in_words(&error, Way::of(route), "entry", &entry);
                self.tell_trouble(Part::Session(route), &failure);
                tracing::info!(%route, label = failure.label, "session lost");
                self.engine.handle_session_lost(now, route, &failure.text);
            }
            Report::Failed { route, entry, error } => {
                network.failed(route);
                let failure = in_words(&error, Way::of(route), "entry", &entry);
                self.tell_trouble(Part::Session(route), &failure);
                tracing::info!(%route, entry = %entry.short(), label = failure.label, "entry failed");
                self.engine.handle_entry_failed(now, route, &entry, &failure.text);
            }
            Report::CircuitOpened => self.troubles.clear(Part::Circuit),
            Report::CircuitFailed { circuit, mailbox, error } => {
                let failure = in_words(&error, Way::Tor, "mailbox", &mailbox);
                self.tell_trouble(Part::Circuit, &failure);
                tracing::info!(label = failure.label, "circuit failed");
                self.engine.handle_circuit_failed(now, circuit, &failure.text);
            }
        }
    }

    /// Tor has gone further, or back.
    fn take_tor(&mut self, status: &TorStatus) {
        let now = self.clock.now();
        match &status.blocked {
            Some(blocked) => self.troubles.set(Part::Tor, blocked.label, &blocked.text),
            None => self.troubles.clear(Part::Tor),
        }
        if status.is_ready() {
            self.engine.handle_tor_ready(now);
            if let Some(network) = &self.network {
                network.tor_is_ready();
            }
        } else {
            self.engine.handle_tor_lost(now, &tor_in_words(status));
        }
    }

    fn tell_trouble(&self, part: Part, failure: &Failure) {
        self.troubles.set(part, &failure.label, &failure.text);
    }

    /// Carries out what the engine wants after an input.
    fn settle(&mut self) {
        while let Some(action) = self.engine.poll_action() {
            let Some(network) = &mut self.network else { continue };
            match action {
                Action::Send { via, due, packet } => {
                    if let Err((circuit, failure)) = network.send(via, due, packet) {
                        self.troubles.set(Part::Circuit, &failure.label, &failure.text);
                        self.engine.handle_circuit_failed(self.clock.now(), circuit, &failure.text);
                    }
                }
                Action::CloseCircuit(circuit) => network.close(circuit),
            }
        }
        while let Some(event) = self.engine.poll_event() {
            self.tell(event);
        }
        if let Some(network) = &mut self.network {
            network.follow(&mut self.engine, self.clock.now(), &self.troubles);
        }
    }
}

/// What Tor is doing, when it cannot be used.
fn tor_in_words(status: &TorStatus) -> String {
    match &status.blocked {
        Some(blocked) => blocked.text.clone(),
        None => format!("Tor is not ready yet: {} ({} %)", status.summary, status.percent),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;
    use serde_json::json;
    use zeroize::Zeroizing;

    use super::service::Call;
    use super::*;
    use crate::core::EngineSettings;
    use crate::store::{Change, RecordKey, StoreError};

    struct Panics;

    impl Store for Panics {
        fn load(&self) -> Result<Vec<(RecordKey, Zeroizing<Vec<u8>>)>, StoreError> {
            Ok(Vec::new())
        }

        fn read(&self, _key: &RecordKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
            Ok(None)
        }

        fn commit(&mut self, _changes: Vec<Change>) -> Result<(), StoreError> {
            panic!("as a test of what follows a panic");
        }
    }

    #[tokio::test]
    async fn an_engine_that_is_gone_ends_the_process() {
        let (clock, shutdown) = (Clock::system(), Shutdown::new());
        let settings = EngineSettings::new("standard");
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let engine = Engine::open(Lockable::Open(Panics), settings, clock.now(), &mut rng).unwrap();
        let running = start(engine, clock, None, None, None, shutdown.clone()).unwrap();
        let call = Call::parse("invite", &json!({ "name": "Bob" })).unwrap();
        assert_eq!(running.service().call(call).await.unwrap_err().label, "shutting-down");
        tokio::time::timeout(Duration::from_secs(10), shutdown.triggered()).await.unwrap();
    }
}
