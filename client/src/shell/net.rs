//! The task that owns the engine, and with it the profile: calls, network and time meet here.
//!
//! Three tasks: this one, one for the link to the entry (`session`) and one for the consensus (`directory`). They
//! exchange messages over bounded channels, so the engine has one owner and needs no lock.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::directory::{AuthoritySetError, Consensus, CoverClass, NetworkInfo};
use sotto_transport::clock::Clock;
use sotto_transport::link::{LinkConnector, LinkError};
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rng::OsRng;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::task::JoinHandle;

use super::directory::ConsensusKeeper;
use super::service::{self, Call, EVENTS_BEHIND_MAX, REQUESTS_MAX, Request, Service};
use super::session::{Outgoing, Report, Wanted, keep_session};
use super::trouble::{Part, Troubles};
use crate::core::{Action, Engine, Route, Via};
use crate::store::Store;

/// Reports of the session that wait for the engine.
const REPORTS_MAX: usize = 256;
/// After so many failures in a row the consensus is fetched anew.
const FAILURES_BEFORE_REFRESH: u32 = 3;
/// An entry that sends nothing for this long is gone, in any class.
const SILENCE_MIN: Duration = Duration::from_secs(20);
/// An entry that misses this many frames of its class's mean is gone: by chance that happens once in 10^17.
const SILENCE_FRAMES: u32 = 40;

/// How to reach the network.
#[derive(Debug)]
pub struct NetworkAccess {
    /// Which network.
    pub network: NetworkInfo,
    /// Makes the links.
    pub connector: LinkConnector,
    /// Where the newest consensus is kept.
    pub consensus_file: PathBuf,
    /// The name of the cover class.
    pub cover_class: String,
}

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

/// Starts the tasks. Without a network the engine only answers.
///
/// # Errors
/// When the network's authorities do not make sense.
pub fn start<S: Store + Send + 'static>(
    engine: Engine<S>,
    clock: Clock,
    access: Option<NetworkAccess>,
    shutdown: Shutdown,
) -> Result<Running, AuthoritySetError> {
    let (requests, calls) = mpsc::channel(REQUESTS_MAX);
    let (events, _) = broadcast::channel(EVENTS_BEHIND_MAX);
    let service = Service { requests, events: events.clone() };
    let troubles = Troubles::default();
    let network = access.map(|access| Network::start(access, &clock, &troubles)).transpose()?;
    let owner = Owner { engine, clock, calls, events, network, troubles, shutdown: shutdown.clone() };
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

/// The network's side of the channels.
struct Network {
    cover_class: String,
    consensus: watch::Receiver<Option<Arc<Consensus>>>,
    wanted: watch::Sender<Option<Wanted>>,
    reports: mpsc::Receiver<Report>,
    packets: Option<mpsc::Sender<Outgoing>>,
    out_of_turn: Arc<Notify>,
    failures: u32,
}

impl Network {
    fn start(access: NetworkAccess, clock: &Clock, troubles: &Troubles) -> Result<Self, AuthoritySetError> {
        let (current, consensus) = watch::channel(None);
        let (wanted, wanted_here) = watch::channel(None);
        let (report, reports) = mpsc::channel(REPORTS_MAX);
        let out_of_turn = Arc::new(Notify::new());
        let keeper = ConsensusKeeper {
            connector: access.connector.clone(),
            authorities: access.network.authority_set()?,
            network: access.network,
            clock: clock.clone(),
            file: access.consensus_file,
            current,
            wanted: wanted_here.clone(),
            out_of_turn: Arc::clone(&out_of_turn),
            troubles: troubles.clone(),
        };
        tokio::spawn(keeper.run());
        tokio::spawn(keep_session(access.connector, clock.clone(), wanted_here, report));
        let cover_class = access.cover_class;
        Ok(Self { cover_class, consensus, wanted, reports, packets: None, out_of_turn, failures: 0 })
    }
}

/// Something for the engine.
enum Input {
    End,
    Call(Request),
    Consensus(Option<Arc<Consensus>>),
    Report(Report),
    Time,
}

struct Owner<S: Store> {
    engine: Engine<S>,
    clock: Clock,
    calls: mpsc::Receiver<Request>,
    events: broadcast::Sender<crate::core::Event>,
    network: Option<Network>,
    troubles: Troubles,
    shutdown: Shutdown,
}

impl<S: Store> Owner<S> {
    async fn run(mut self) {
        loop {
            self.settle();
            match self.next_input().await {
                Input::End => return,
                Input::Call(request) => self.answer(request),
                Input::Consensus(Some(consensus)) => {
                    self.engine.handle_consensus(self.clock.now(), consensus);
                }
                Input::Consensus(None) => {}
                Input::Report(report) => self.take_report(report),
                Input::Time => self.engine.handle_timeout(self.clock.now(), &mut OsRng),
            }
        }
    }

    async fn next_input(&mut self) -> Input {
        let due = self.engine.poll_timeout();
        let network = async {
            match &mut self.network {
                None => std::future::pending().await,
                Some(network) => tokio::select! {
                    Some(report) = network.reports.recv() => Input::Report(report),
                    Ok(()) = network.consensus.changed() => {
                        Input::Consensus(network.consensus.borrow_and_update().clone())
                    }
                    else => std::future::pending().await,
                },
            }
        };
        // In this order: a packet whose moment has come does not wait for whatever the user asks.
        tokio::select! {
            biased;
            () = self.shutdown.triggered() => Input::End,
            () = self.clock.sleep_until(due) => Input::Time,
            request = self.calls.recv() => request.map_or(Input::End, Input::Call),
            input = network => input,
        }
    }

    fn answer(&mut self, Request { call, answer }: Request) {
        let mut outcome = service::answer(&mut self.engine, &call, self.clock.now(), &mut OsRng);
        if let (Call::Status, Ok(serde_json::Value::Object(status))) = (&call, &mut outcome) {
            status.insert("troubles".to_owned(), self.troubles.to_json());
        }
        // Who asked may have gone; what was asked for is done all the same.
        let _heard = answer.send(outcome);
    }

    fn take_report(&mut self, report: Report) {
        let now = self.clock.now();
        let Some(network) = &mut self.network else { return };
        match report {
            Report::Opened { entry, session, packets } => {
                network.packets = Some(packets);
                network.failures = 0;
                self.troubles.clear(Part::Session);
                tracing::info!(entry = %entry.short(), "session open");
                self.engine.handle_session(now, Route::Mix, entry, session);
            }
            Report::Delivery { surb_id, payload } => {
                self.engine.handle_delivery(now, surb_id, &payload, &mut OsRng);
            }
            Report::Lost { error } => {
                network.packets = None;
                self.tell_trouble(&error);
                tracing::info!(label = error.label(), "session lost");
                self.engine.handle_session_lost(now, Route::Mix, &error.to_string());
            }
            Report::Failed { entry, error } => {
                network.failures = network.failures.saturating_add(1);
                if network.failures.is_multiple_of(FAILURES_BEFORE_REFRESH) {
                    network.out_of_turn.notify_one();
                }
                self.tell_trouble(&error);
                tracing::info!(entry = %entry.short(), label = error.label(), "entry failed");
                self.engine.handle_entry_failed(now, Route::Mix, &entry, &error.to_string());
            }
        }
    }

    fn tell_trouble(&self, error: &LinkError) {
        self.troubles.set(Part::Session, error.label(), &error.to_string());
    }

    /// Carries out what the engine wants after an input.
    fn settle(&mut self) {
        while let Some(action) = self.engine.poll_action() {
            let Action::Send { via: Via::Entry(Route::Mix), due, packet } = action else { continue };
            let packets = self.network.as_ref().and_then(|network| network.packets.as_ref());
            // A packet that finds no link, or a link that takes nothing, is lost as it would be in the network.
            if packets.is_none_or(|packets| packets.try_send(Outgoing { due, packet }).is_err()) {
                tracing::debug!("no room for a packet");
            }
        }
        while let Some(event) = self.engine.poll_event() {
            // Nobody may be listening.
            let _listeners = self.events.send(event);
        }
        let Some(network) = &mut self.network else { return };
        let consensus = network.consensus.borrow().clone();
        let wanted = consensus.and_then(|consensus| {
            let entry = self.engine.wanted_entry(self.clock.now(), Route::Mix, &mut OsRng)?;
            let address = consensus.node(&entry)?.address.clone();
            let Some((class, cover)) = consensus.class(&network.cover_class) else {
                self.troubles.set(
                    Part::Session,
                    "cover-class",
                    &unknown_class(&network.cover_class, &consensus),
                );
                return None;
            };
            Some(Wanted { entry, address, class, silence_max: silence_max(cover) })
        });
        network.wanted.send_if_modified(|current| {
            let changed = *current != wanted;
            *current = wanted;
            changed
        });
    }
}

fn silence_max(class: &CoverClass) -> Duration {
    let mean = Duration::from_millis(class.downlink_interval_ms_mean.into());
    mean.saturating_mul(SILENCE_FRAMES).max(SILENCE_MIN)
}

fn unknown_class(name: &str, consensus: &Consensus) -> String {
    let names: Vec<&str> = consensus.params.classes.iter().map(|class| class.name.as_str()).collect();
    format!(
        "this network has no cover class {name:?}, only {}: change cover_class in config.toml",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
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

        fn commit(&mut self, _changes: Vec<Change>) -> Result<(), StoreError> {
            panic!("as a test of what follows a panic");
        }
    }

    #[tokio::test]
    async fn an_engine_that_is_gone_ends_the_process() {
        let (clock, shutdown) = (Clock::system(), Shutdown::new());
        let settings = EngineSettings::new("standard");
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let engine = Engine::open(Panics, settings, clock.now(), &mut rng).unwrap();
        let running = start(engine, clock, None, shutdown.clone()).unwrap();
        let call = Call::parse("invite", &json!({ "name": "Bob" })).unwrap();
        assert_eq!(running.service().call(call).await.unwrap_err().label, "shutting-down");
        tokio::time::timeout(Duration::from_secs(10), shutdown.triggered()).await.unwrap();
    }
}
