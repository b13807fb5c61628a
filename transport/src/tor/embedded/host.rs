//! Hosts an onion service: launches it with the node's own key, and takes in its streams.

use std::sync::Arc;
use std::time::Duration;

use arti_client::config::onion_service::OnionServiceConfigBuilder;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::{mpsc, watch as latest};
use tor_cell::relaycell::msg::Connected;
use tor_hscrypto::pk::HsIdKeypair;
use tor_hsservice::{RendRequest, RunningOnionService, StreamRequest, handle_rend_requests};
use tor_llcrypto::pk::ed25519::{ExpandedKeypair, Keypair};
use tor_proto::stream::IncomingStreamRequest;

use super::report::{problem_text, state_of};
use super::{ArtiClient, Client, Embedded, Maker};
use crate::dial::Stream;
use crate::node::shutdown::Shutdown;
use crate::tor::error::{TorError, causes};
use crate::tor::listener::OnionListener;
use crate::tor::onion_address::{ONION_PORT, OnionAddress};
use crate::tor::onion_key::OnionKey;
use crate::tor::service::{OnionServiceConfig, OnionState, OnionStatus};
use crate::tor::status::TorStatus;
use crate::tor::watch::Failures;

/// By which arti knows the service in its directory.
const NICKNAME: &str = "sotto";

/// Streams on one circuit at once. A client has one, and another while that one breaks.
const CIRCUIT_STREAMS_MAX: u32 = 8;

/// Streams that were accepted and wait for the node to take them. With more, accepting waits.
const STREAMS_WAITING_MAX: usize = 16;

/// Streams that are being accepted at once, which is one message on each one's circuit.
const STREAMS_ACCEPTING_MAX: usize = 64;

/// Between the end of a service and its next launch.
const LAUNCH_PAUSE: Duration = Duration::from_secs(1);

/// How long a service may take to be found again once Tor works again. A launch takes seconds.
const RECOVERY_MAX: Duration = Duration::from_secs(10);

/// A service that has been launched, and the rendezvous that clients ask for.
type Launched = (Arc<RunningOnionService>, BoxStream<'static, RendRequest>);

impl Embedded {
    /// Launches the service of `key`.
    pub(in crate::tor) fn host(
        &self,
        key: &OnionKey,
        service: &OnionServiceConfig,
        shutdown: &Shutdown,
    ) -> Result<OnionListener, TorError> {
        let config = service_config(service)?;
        kept_key(&self.maker, key, &config)?;
        let address = key.onion_address().to_string();
        let (told, status) = latest::channel(OnionStatus { address, state: OnionState::Starting, why: None });
        let (streams, taken) = mpsc::channel(STREAMS_WAITING_MAX);
        let end = Shutdown::new();
        let listener = OnionListener::new(taken, status, end.trigger_on_drop());
        let shutdown = shutdown.clone();
        let host = Host {
            tor: self.status.clone(),
            maker: self.maker.clone(),
            key: OnionKey::from_seed(key.seed()),
            config,
            failures: self.failures.clone(),
            told,
            streams,
        };
        let current = self.current.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = end.triggered() => {}
                () = shutdown.triggered() => {}
                () = host.run(current) => {}
            }
            tracing::info!("the onion service ends");
            host.told.send_modify(|status| {
                status.state = OnionState::Broken;
                status.why = Some("it has ended; start the node again".to_owned());
            });
        });
        Ok(listener)
    }
}

/// A service that is hosted, by one client after the other.
struct Host {
    tor: latest::Receiver<TorStatus>,
    maker: Maker,
    key: OnionKey,
    config: tor_hsservice::OnionServiceConfig,
    failures: Failures,
    told: latest::Sender<OnionStatus>,
    streams: mpsc::Sender<Box<dyn Stream>>,
}

impl Host {
    /// Runs until there is no client any more.
    async fn run(&self, mut current: latest::Receiver<Option<Client>>) {
        loop {
            let Some(client) = self.ready_client(&mut current).await else { return };
            let launched = launch(&self.maker, &client, &self.key, &self.config);
            // Held on, it could not be replaced.
            drop(client);
            match launched {
                Ok((running, requests)) => tokio::select! {
                    _ = current.changed() => {}
                    () = self.follow(&running) => {}
                    () = self.take_in(requests) => {}
                    () = self.outage_outlived() => {
                        tracing::info!("launching the onion service anew after an outage of Tor");
                    }
                },
                Err(error) => self.tell(OnionState::Unreachable, Some(error.to_string())),
            }
            // The files of a service that has ended are free some moments later.
            tokio::time::sleep(LAUNCH_PAUSE).await;
        }
    }

    /// The client, once it is connected: a service that is launched before waits for Tor's directory, and cannot be
    /// ended meanwhile.
    async fn ready_client(&self, current: &mut latest::Receiver<Option<Client>>) -> Option<Client> {
        let mut tor = self.tor.clone();
        loop {
            tor.wait_for(TorStatus::is_ready).await.ok()?;
            let client = current.borrow_and_update().clone();
            if let Some(client) = client.filter(|client| client.bootstrap_status().ready_for_traffic()) {
                return Some(client);
            }
            current.has_changed().ok()?;
            tokio::time::sleep(LAUNCH_PAUSE).await;
        }
    }

    /// Returns when Tor has been gone, works again, and the service still cannot be reached some time later. After an
    /// outage arti waits ever longer before it makes introduction points and publishes them again; a fresh launch does
    /// it at once. Streams that a launch would end are gone with the outage.
    async fn outage_outlived(&self) {
        let mut tor = self.tor.clone();
        loop {
            let gone = tor.wait_for(|status| !status.is_ready()).await.is_ok();
            if !gone || tor.wait_for(TorStatus::is_ready).await.is_err() {
                // Whoever told of Tor has ended, and ends this service as well.
                return std::future::pending().await;
            }
            tokio::time::sleep(RECOVERY_MAX).await;
            if self.told.borrow().state != OnionState::Reachable {
                return;
            }
        }
    }

    /// Takes the streams in that clients open, until the service ends.
    async fn take_in(&self, requests: BoxStream<'static, RendRequest>) {
        handle_rend_requests(requests)
            .for_each_concurrent(STREAMS_ACCEPTING_MAX, |request| admit(request, &self.streams))
            .await;
    }

    /// Tells how the service is doing, until it ends.
    ///
    /// A service that is not reachable may be so because Tor is not: that is looked into.
    async fn follow(&self, running: &RunningOnionService) {
        let mut reports = running.status_events();
        let mut report = running.status();
        loop {
            let state = state_of(&report);
            if state == OnionState::Reachable {
                self.tell(state, None);
            } else {
                self.tell(state, report.current_problem().map(problem_text));
                self.failures.note();
            }
            match reports.next().await {
                Some(next) => report = next,
                None => return,
            }
        }
    }

    fn tell(&self, state: OnionState, why: Option<String>) {
        self.told.send_if_modified(|status| {
            if status.state != state {
                tracing::info!(?state, why, "onion service");
            }
            let is_news = (status.state, &status.why) != (state, &why);
            (status.state, status.why) = (state, why);
            is_news
        });
    }
}

/// Whether the directory has this key already.
fn kept_key(
    maker: &Maker,
    key: &OnionKey,
    config: &tor_hsservice::OnionServiceConfig,
) -> Result<bool, TorError> {
    let service = ArtiClient::create_onion_service(&maker.config, config.clone());
    let kept = service.map_err(|error| failed(maker, &error))?.onion_address();
    let (kept, given) = (kept.map(|kept| OnionAddress::of_key(*kept.as_ref())), key.onion_address());
    match kept {
        Some(kept) if kept != given => Err(TorError::OnionKeyDiffers {
            path: maker.state_dir.clone(),
            kept: kept.host(),
            given: given.host(),
        }),
        kept => Ok(kept.is_some()),
    }
}

/// Launches the service with the key that the directory has, or with a new one in an empty directory.
fn launch(
    maker: &Maker,
    client: &Client,
    key: &OnionKey,
    config: &tor_hsservice::OnionServiceConfig,
) -> Result<Launched, TorError> {
    let is_kept = kept_key(maker, key, config)?;
    let config = config.clone();
    let launched = if is_kept {
        client.launch_onion_service(config).map(|it| it.map(boxed))
    } else {
        client.launch_onion_service_with_hsid(config, keypair(key)).map(|it| it.map(boxed))
    };
    let launched = launched.map_err(|error| failed(maker, &error))?;
    launched.ok_or_else(|| TorError::Host("it is not enabled".to_owned()))
}

fn failed(maker: &Maker, error: &arti_client::Error) -> TorError {
    match super::unusable(&maker.state_dir, error) {
        TorError::Start(why) => TorError::Host(why),
        other => other,
    }
}

/// The two ways to launch give streams of two types.
fn boxed<S: futures::Stream<Item = RendRequest> + Send + 'static>(
    (running, requests): (Arc<RunningOnionService>, S),
) -> Launched {
    (running, requests.boxed())
}

fn keypair(key: &OnionKey) -> HsIdKeypair {
    let seed: &[u8; 32] = key.seed();
    HsIdKeypair::from(ExpandedKeypair::from(&Keypair::from(seed)))
}

fn service_config(service: &OnionServiceConfig) -> Result<tor_hsservice::OnionServiceConfig, TorError> {
    let wrong = |why: String| TorError::Host(why);
    let mut builder = OnionServiceConfigBuilder::default();
    builder
        .nickname(NICKNAME.parse().map_err(|error| wrong(causes(&error)))?)
        .max_concurrent_streams_per_circuit(CIRCUIT_STREAMS_MAX);
    if !service.clients.is_empty() {
        let discovery = builder.restricted_discovery();
        discovery.enabled(true);
        for (number, client) in (1..).zip(&service.clients) {
            let name = format!("client{number}").parse().map_err(|_| TorError::OnionClient(number))?;
            let key = client.parse().map_err(|_| TorError::OnionClient(number))?;
            discovery.static_keys().access().push((name, key));
        }
    }
    builder.build().map_err(|error| wrong(causes(&error)))
}

async fn admit(request: StreamRequest, streams: &mpsc::Sender<Box<dyn Stream>>) {
    let is_ours = match request.request() {
        IncomingStreamRequest::Begin(begin) => begin.port() == ONION_PORT,
        _ => false,
    };
    if !is_ours {
        // As tor does for a port that a service does not have: whoever looks for open ports pays with a circuit for
        // each.
        if let Err(error) = request.shutdown_circuit() {
            tracing::debug!(error = causes(&error), "cannot close a circuit");
        }
        return;
    }
    match request.accept(Connected::new_empty()).await {
        // Nobody takes streams any more: the service is about to end.
        Ok(stream) => drop(streams.send(Box::new(stream)).await),
        Err(error) => tracing::debug!(error = causes(&error), "a stream ended before it began"),
    }
}

#[cfg(test)]
mod tests {
    use arti_client::KeystoreSelector;

    use super::*;
    use crate::rng::OsRng;
    use crate::tor::TorConfig;

    #[test]
    fn a_directory_serves_one_key() {
        let dir = tempfile::tempdir().unwrap();
        let state_dir = dir.path().join("tor");
        let config = super::super::config::client_config(&TorConfig::default(), &state_dir).unwrap();
        let maker = Maker { config, state_dir };
        let key = OnionKey::generate(&mut OsRng);
        let service = service_config(&OnionServiceConfig::default()).unwrap();
        assert!(!kept_key(&maker, &key, &service).unwrap());
        let other = ArtiClient::create_onion_service(&maker.config, service.clone()).unwrap();
        let other = other.generate_identity_key(KeystoreSelector::Primary).unwrap();
        let error = kept_key(&maker, &key, &service).unwrap_err();
        assert_eq!(error.label(), "tor-onion-key-differs");
        for address in [OnionAddress::of_key(*other.as_ref()), key.onion_address()] {
            assert!(error.to_string().contains(&address.host()), "{error}");
        }
    }

    #[test]
    fn the_key_that_arti_is_given_has_the_same_address() {
        let key = OnionKey::generate(&mut OsRng);
        let public = tor_hscrypto::pk::HsIdKey::from(&keypair(&key)).id();
        assert_eq!(OnionAddress::of_key(*public.as_ref()), key.onion_address());
    }
}
