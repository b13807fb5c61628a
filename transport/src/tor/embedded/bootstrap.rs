//! Bootstraps the client again and again until it works, watches it from then on, and tells its status.

use std::time::Duration;

use arti_client::DormantMode;
use futures::StreamExt;
use tokio::sync::{mpsc, watch as latest};
use tor_circmgr::DirInfo;

use super::Client;
use super::status::Known;
use crate::node::shutdown::Shutdown;
use crate::tor::error::causes;
use crate::tor::status::{Blocking, TorBlockage, TorStage, TorStatus};
use crate::tor::watch::Failures;

/// How long one attempt goes on. Arti waits ever longer between its own attempts to fetch the directory; a new
/// attempt begins with short waits.
const ATTEMPT_MAX: Duration = Duration::from_secs(120);

/// Between two attempts.
const ATTEMPT_PAUSE: Duration = Duration::from_secs(2);

/// How long a probe, which is one circuit of one hop, may take.
const PROBE_MAX: Duration = Duration::from_secs(15);

/// News from the tasks that try things out.
enum News {
    Bootstrapped(Result<(), String>),
    Probed(Result<(), TorBlockage>),
}

/// Runs until `shutdown`, or until `end` is closed.
pub(super) async fn run(
    client: Client,
    told: latest::Sender<TorStatus>,
    failures: Failures,
    shutdown: Shutdown,
    mut end: latest::Receiver<()>,
) {
    let (news, mut heard) = mpsc::unbounded_channel();
    let trying = async {
        while let Err(why) = bootstrap(&client).await {
            drop(news.send(News::Bootstrapped(Err(why))));
            tokio::time::sleep(ATTEMPT_PAUSE).await;
        }
        drop(news.send(News::Bootstrapped(Ok(()))));
        failures.watch(|| probe(&client), |outcome| drop(news.send(News::Probed(outcome)))).await;
    };
    let watching = async {
        let mut known = Known { bootstrap: client.bootstrap_status(), ..Known::default() };
        let mut reports = client.bootstrap_events();
        loop {
            tokio::select! {
                Some(report) = reports.next() => known.bootstrap = report,
                Some(news) = heard.recv() => match news {
                    News::Bootstrapped(outcome) => known.failed = outcome.err(),
                    News::Probed(outcome) => known.lost = outcome.err(),
                },
            }
            tell(&told, &mut known);
        }
    };
    tokio::select! {
        () = shutdown.triggered() => {}
        _ = end.changed() => {}
        () = trying => {}
        () = watching => {}
    }
    // Its tasks end soon after the last handle is dropped; until then it is not to reach out any more.
    client.set_dormant(DormantMode::Soft);
}

fn tell(told: &latest::Sender<TorStatus>, known: &mut Known) {
    let status = known.status();
    known.has_worked |= status.is_ready();
    told.send_if_modified(|told| {
        let is_news = *told != status;
        if told.stage != status.stage {
            match (&status.blocked, status.stage) {
                (Some(blockage), _) => tracing::warn!(label = blockage.label, "Tor: {}", blockage.text),
                (None, TorStage::Ready) => tracing::info!("Tor is ready"),
                (None, _) => tracing::info!(percent = status.percent, "Tor bootstraps"),
            }
        }
        *told = status;
        is_news
    });
}

async fn bootstrap(client: &Client) -> Result<(), String> {
    match tokio::time::timeout(ATTEMPT_MAX, client.bootstrap()).await {
        Ok(outcome) => outcome.map_err(|error| causes(&error)),
        Err(_) => Err(format!("no directory of Tor within {} s", ATTEMPT_MAX.as_secs())),
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
