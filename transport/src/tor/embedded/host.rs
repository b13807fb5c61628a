//! Hosts an onion service: launches it with the node's own key, and takes in its streams.

use std::sync::Arc;

use arti_client::config::onion_service::OnionServiceConfigBuilder;
use futures::StreamExt;
use tokio::sync::{mpsc, watch as latest};
use tor_cell::relaycell::msg::Connected;
use tor_hscrypto::pk::HsIdKeypair;
use tor_hsservice::status::{OnionServiceStatus, Problem, State};
use tor_hsservice::{RendRequest, RunningOnionService, StreamRequest, handle_rend_requests};
use tor_llcrypto::pk::ed25519::{ExpandedKeypair, Keypair};
use tor_proto::stream::IncomingStreamRequest;

use super::{ArtiClient, Client, Embedded};
use crate::dial::BoxStream;
use crate::node::shutdown::Shutdown;
use crate::tor::error::{TorError, causes};
use crate::tor::listener::OnionListener;
use crate::tor::onion_address::{ONION_PORT, OnionAddress};
use crate::tor::onion_key::OnionKey;
use crate::tor::service::{OnionServiceConfig, OnionState, OnionStatus};

/// By which arti knows the service in its directory.
const NICKNAME: &str = "sotto";

/// Streams on one circuit at once. A client has one, and another while that one breaks.
const CIRCUIT_STREAMS_MAX: u32 = 8;

/// Streams that were accepted and wait for the node to take them. With more, accepting waits.
const STREAMS_WAITING_MAX: usize = 16;

/// Streams that are being accepted at once, which is one message on each one's circuit.
const STREAMS_ACCEPTING_MAX: usize = 64;

impl Embedded {
    /// Launches the service of `key`.
    pub(in crate::tor) fn host(
        &self,
        key: &OnionKey,
        service: &OnionServiceConfig,
        shutdown: &Shutdown,
    ) -> Result<OnionListener, TorError> {
        let client = self.client()?;
        let (running, requests) = self.launch(&client, key, service)?;
        let address = key.onion_address().to_string();
        let (told, status) = latest::channel(OnionStatus { address, state: OnionState::Starting, why: None });
        let (streams, taken) = mpsc::channel(STREAMS_WAITING_MAX);
        let end = Shutdown::new();
        let listener = OnionListener::new(taken, status, end.trigger_on_drop());
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = end.triggered() => {}
                () = shutdown.triggered() => {}
                () = follow(&running, &told) => {}
                () = take_in(requests, streams) => {}
            }
            tracing::info!("the onion service ends");
            told.send_modify(|status| {
                status.state = OnionState::Broken;
                status.why = Some("it has ended; start the node again".to_owned());
            });
        });
        Ok(listener)
    }

    /// With the key that the directory has, or with a new one in an empty directory.
    fn launch(
        &self,
        client: &Client,
        key: &OnionKey,
        service: &OnionServiceConfig,
    ) -> Result<(Arc<RunningOnionService>, impl futures::Stream<Item = RendRequest> + Send + use<>), TorError>
    {
        let failed = |error: arti_client::Error| match super::unusable(&self.state_dir, &error) {
            TorError::Start(why) => TorError::Host(why),
            other => other,
        };
        let config = service_config(service)?;
        let kept = ArtiClient::create_onion_service(&self.arti_config, config.clone())
            .map_err(failed)?
            .onion_address()
            .map(|kept| OnionAddress::of_key(*kept.as_ref()));
        let given = key.onion_address();
        let launched = match kept {
            None => client.launch_onion_service_with_hsid(config, keypair(key)).map(|it| it.map(boxed)),
            Some(kept) if kept == given => client.launch_onion_service(config).map(|it| it.map(boxed)),
            Some(kept) => {
                return Err(TorError::OnionKeyDiffers {
                    path: self.state_dir.clone(),
                    kept: kept.host(),
                    given: given.host(),
                });
            }
        };
        launched.map_err(failed)?.ok_or_else(|| TorError::Host("it is not enabled".to_owned()))
    }
}

/// The two ways to launch give streams of two types.
fn boxed<S: futures::Stream<Item = RendRequest> + Send + 'static>(
    (running, requests): (Arc<RunningOnionService>, S),
) -> (Arc<RunningOnionService>, futures::stream::BoxStream<'static, RendRequest>) {
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

/// Takes the streams in that clients open, one circuit after the other, until the service ends.
async fn take_in(
    requests: impl futures::Stream<Item = RendRequest> + Send,
    streams: mpsc::Sender<BoxStream>,
) {
    let streams = &streams;
    handle_rend_requests(requests)
        .for_each_concurrent(STREAMS_ACCEPTING_MAX, |request| admit(request, streams))
        .await;
}

async fn admit(request: StreamRequest, streams: &mpsc::Sender<BoxStream>) {
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

/// Tells how the service is doing, until it ends.
async fn follow(running: &RunningOnionService, told: &latest::Sender<OnionStatus>) {
    let mut reports = running.status_events();
    tell(told, &running.status());
    while let Some(report) = reports.next().await {
        tell(told, &report);
    }
}

fn tell(told: &latest::Sender<OnionStatus>, report: &OnionServiceStatus) {
    let state = match report.state() {
        State::Shutdown => OnionState::Starting,
        State::Bootstrapping => OnionState::Bootstrapping,
        State::Running | State::DegradedReachable => OnionState::Reachable,
        State::Broken => OnionState::Broken,
        // Degraded, recovering, and what arti may add.
        _ => OnionState::Unreachable,
    };
    let is_in_the_way = state != OnionState::Reachable;
    let why = report.current_problem().filter(|_| is_in_the_way).map(problem_text);
    told.send_if_modified(|status| {
        if status.state != state {
            tracing::info!(?state, why, "onion service");
        }
        let is_news = (status.state, &status.why) != (state, &why);
        (status.state, status.why) = (state, why);
        is_news
    });
}

fn problem_text(problem: &Problem) -> String {
    const ADVICE: &str = "it goes on trying; if it stays so, check the network connection";
    match problem {
        Problem::Runtime(error) => format!("{}; restart the node", causes(error)),
        Problem::DescriptorUpload(errors) => {
            let why = errors.first().map(|error| causes(error)).unwrap_or_default();
            format!("its descriptor is not published ({why}); {ADVICE}")
        }
        Problem::Ipt(errors) => {
            let why = errors.first().map(|error| causes(error)).unwrap_or_default();
            format!("no introduction points ({why}); {ADVICE}")
        }
        _ => ADVICE.to_owned(),
    }
}
