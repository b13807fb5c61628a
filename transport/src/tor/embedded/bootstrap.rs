//! Keeps a client: bootstraps it, watches it, tells its status, and replaces it when it does not get on.
//!
//! Arti waits ever longer before it tries a relay again that did not answer, without an upper limit. A machine that
//! was without a network for hours would then need hours to come back. A new client, from the same files, has the
//! same relays and tries them at once.

use std::time::Duration;

use futures::StreamExt;
use tokio::sync::{mpsc, watch as latest};
use tor_circmgr::DirInfo;

use super::status::{Known, Phase};
use super::threads::Threads;
use super::{Client, Maker};
use crate::clock::Countdown;
use crate::node::shutdown::Shutdown;
use crate::tor::error::causes;
use crate::tor::status::{Blocking, TorBlockage, TorStage, TorStatus};
use crate::tor::watch::Failures;

/// Without progress for so long, a client says that something is in its way. Relays that can be reached answer within
/// seconds.
const STALL_MAX: Duration = Duration::from_secs(20);

/// How long a client may try to speak to a first relay, and how long one that has lost all relays. Arti tries a relay
/// again after 30 s for the first time.
const CONNECT_MAX: Duration = Duration::from_secs(30);

/// The same with transports, some of which look for a helper first.
const DISGUISED_CONNECT_MAX: Duration = Duration::from_secs(90);

/// How long a client may be without progress while it fetches the directory: a consensus of 600 kB at 5 kB/s, which
/// shows no progress in between.
const FETCH_MAX: Duration = Duration::from_secs(120);

/// How long the last one's files may take to be free. Then the next one is tried all the same.
const STOP_MAX: Duration = Duration::from_secs(10);

/// Between two attempts to make a client.
const MAKE_PAUSE: Duration = Duration::from_secs(5);

/// How long a probe, which is one circuit of one hop, may take.
const PROBE_MAX: Duration = Duration::from_secs(10);

/// The client at a time, and everything that is told about it.
pub(super) struct Keeper {
    pub(super) maker: Maker,
    /// Whether bridges are reached by transports.
    pub(super) is_disguised: bool,
    /// Where the others find it.
    pub(super) current: latest::Sender<Option<Client>>,
    pub(super) told: latest::Sender<TorStatus>,
    pub(super) failures: Failures,
}

/// News from the task that tries things out.
enum News {
    Bootstrapped(Result<(), String>),
    Probed(Result<(), TorBlockage>),
}

impl Keeper {
    /// Runs until `shutdown`, or until nobody wants the client any more, and leaves none.
    pub(super) async fn run(self, threads: Threads, shutdown: Shutdown, mut end: latest::Receiver<()>) {
        tokio::select! {
            () = shutdown.triggered() => {}
            _ = end.changed() => {}
            () = self.keep(threads) => {}
        }
        self.current.send_replace(None);
    }

    async fn keep(&self, threads: Threads) {
        let mut known = Known::default();
        let mut threads = Some(threads);
        loop {
            let client = self.current.borrow().clone();
            match client {
                Some(client) => self.watch(client, threads.take(), &mut known).await,
                None => threads = self.make(&mut known).await,
            }
        }
    }

    /// Watches one client until it is to be replaced, and takes it away.
    async fn watch(&self, client: Client, threads: Option<Threads>, known: &mut Known) {
        let (news, heard) = mpsc::unbounded_channel();
        let trying = async {
            let bootstrapped = client.bootstrap().await.map_err(|error| causes(&error));
            if bootstrapped.is_ok() {
                // With a directory from its cache arti is content, and connects when it is asked for something: a
                // first circuit shows whether it can.
                self.failures.note();
            }
            drop(news.send(News::Bootstrapped(bootstrapped)));
            self.failures.watch(|| probe(&client), |outcome| drop(news.send(News::Probed(outcome)))).await;
        };
        known.begin(client.bootstrap_status());
        tokio::select! {
            () = trying => {}
            () = self.listen(&client, known, heard) => {}
        }
        tracing::info!("replacing the Tor client, which does not get on");
        let stopped = client.wait_for_stop();
        drop((client, threads));
        self.current.send_replace(None);
        if tokio::time::timeout(STOP_MAX, stopped).await.is_err() {
            tracing::debug!("the Tor client before has not ended yet");
        }
    }

    /// Until it has been without progress for too long.
    async fn listen(&self, client: &Client, known: &mut Known, mut heard: mpsc::UnboundedReceiver<News>) {
        let mut reports = client.bootstrap_events();
        let mut skews = None;
        let mut stalled = Countdown::new(STALL_MAX);
        let mut phase = known.phase();
        let mut renewal = self.patience(phase);
        loop {
            let before = self.tell(known);
            tokio::select! {
                Some(report) = reports.next() => known.note_report(report),
                Some(skew) = next(&mut skews) => known.note_skew(skew),
                Some(news) = heard.recv() => match news {
                    News::Bootstrapped(outcome) => known.failed = outcome.err(),
                    News::Probed(outcome) => known.lost = outcome.err(),
                },
                () = stalled.run_out() => {
                    known.note_stall();
                    stalled.restart();
                }
                () = renewal.run_out(), if phase != Phase::Up => return,
            }
            // There from when the bootstrap has begun.
            if skews.is_none() {
                skews = client.circmgr().ok().map(|circuits| {
                    let skews = circuits.skew_events();
                    skews.map(|skew| skew.filter(|skew| skew.noteworthy()).map(|skew| skew.to_string()))
                });
            }
            let (now, progressed) = (known.status(), known.phase() != phase);
            if progressed || now.percent > before.percent {
                phase = known.phase();
                renewal = self.patience(phase);
                stalled.restart();
            }
        }
    }

    fn patience(&self, phase: Phase) -> Countdown {
        Countdown::new(match phase {
            Phase::Fetching => FETCH_MAX,
            Phase::Connecting if self.is_disguised => DISGUISED_CONNECT_MAX,
            Phase::Connecting | Phase::Up | Phase::Lost => CONNECT_MAX,
        })
    }

    async fn make(&self, known: &mut Known) -> Option<Threads> {
        match self.maker.make() {
            Ok((client, threads)) => {
                self.current.send_replace(Some(client));
                Some(threads)
            }
            Err(error) => {
                known.failed = Some(error.to_string());
                self.tell(known);
                tokio::time::sleep(MAKE_PAUSE).await;
                None
            }
        }
    }

    fn tell(&self, known: &Known) -> TorStatus {
        let status = known.status();
        self.told.send_if_modified(|told| {
            let is_news = *told != status;
            if told.stage != status.stage {
                log(&status);
            }
            told.clone_from(&status);
            is_news
        });
        status
    }
}

fn log(status: &TorStatus) {
    match (&status.blocked, status.stage) {
        (Some(blockage), _) => tracing::warn!(label = blockage.label, "Tor: {}", blockage.text),
        (None, TorStage::Ready) => tracing::info!("Tor is ready"),
        (None, _) => tracing::info!(percent = status.percent, "Tor bootstraps"),
    }
}

async fn next<S: futures::Stream + Unpin>(stream: &mut Option<S>) -> Option<S::Item> {
    match stream {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

/// Whether a relay can be reached: makes a circuit of one hop to a guard or bridge, as for fetching the directory.
async fn probe(client: &Client) -> Result<(), TorBlockage> {
    let circuits = client.circmgr().map_err(|error| Blocking::Stuck.told(&causes(&error)))?;
    match tokio::time::timeout(PROBE_MAX, circuits.get_or_launch_dir(DirInfo::Nothing)).await {
        Ok(Ok(circuit)) => {
            // The next probe is not to be told of a circuit that was made when all was well.
            circuits.retire_circ(&circuit.unique_id());
            Ok(())
        }
        Ok(Err(error)) => Err(Blocking::Unreachable.told(&causes(&error))),
        Err(_) => {
            Err(Blocking::Unreachable.told(&format!("no relay answers within {} s", PROBE_MAX.as_secs())))
        }
    }
}
