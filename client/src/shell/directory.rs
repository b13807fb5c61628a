//! Keeps the consensus current: reads the kept one, fetches the next one, keeps it.
//!
//! When to fetch follows from the consensus and from failures of the network, never from what the user
//! does. Signatures are checked by the fetch; what is decided here is only which of two valid documents
//! is the one to go by.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use sotto_protocol::directory::{AuthoritySet, Consensus, Freshness, NetworkInfo, SignedConsensus};
use sotto_protocol::limits::DOCUMENT_LEN_MAX;
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::directory_client::{DirectoryError, fetch_consensus};
use sotto_transport::link::{LinkConnector, LinkMeter};
use sotto_transport::private;
use sotto_transport::rng::OsRng;
use tokio::sync::{Notify, watch};

use super::Failure;
use super::servers::{NoServers, Server, Sources, servers};
use super::trouble::{Part, Troubles};
use super::ways::{Ways, in_words};

/// The first pause after a failed fetch; it doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A fetch out of turn waits this long after the fetch before.
const OUT_OF_TURN_MIN: Duration = Duration::from_secs(10);
/// Servers that one fetch asks at most: by Tor each may take a minute to fail.
pub(super) const SERVERS_ASKED_MAX: usize = 5;
/// The next consensus is fetched within this part of the grace after the present one has run out.
const SPREAD_OF_GRACE: u32 = 4;

/// Everything the keeper works with.
pub(super) struct ConsensusKeeper {
    pub(super) ways: watch::Receiver<Ways>,
    /// By which ways it may be fetched, and whom to ask first.
    pub(super) sources: watch::Receiver<Sources>,
    pub(super) network: NetworkInfo,
    pub(super) authorities: AuthoritySet,
    pub(super) clock: Clock,
    /// Where the newest consensus is kept.
    pub(super) file: PathBuf,
    /// Whoever uses the consensus listens here.
    pub(super) current: watch::Sender<Option<Arc<Consensus>>>,
    /// The entries do not answer: perhaps the consensus is out of date before its time.
    pub(super) out_of_turn: Arc<Notify>,
    pub(super) troubles: Troubles,
    /// Counts what crosses its links.
    pub(super) meter: Arc<LinkMeter>,
}

impl ConsensusKeeper {
    /// Keeps the consensus current until nobody listens.
    pub(super) async fn run(mut self) {
        if let Some(kept) = self.read_kept() {
            self.current.send_replace(Some(Arc::new(kept)));
        }
        // The engine's task says first by which ways.
        if self.sources.wait_for(|sources| !sources.ways().is_empty()).await.is_err() {
            return;
        }
        let mut failures = 0;
        let mut fetched_at = None;
        loop {
            let now = self.clock.now();
            let at =
                next_fetch(self.current.borrow().as_deref(), now, failures, OsRng.random_range(0.0..1.0));
            let early = match fetched_at {
                Some(fetched_at) => self.clock.now().max(fetched_at + OUT_OF_TURN_MIN),
                None => now,
            };
            tokio::select! {
                () = self.clock.sleep_until(at) => {}
                () = async {
                    self.out_of_turn.notified().await;
                    self.clock.sleep_until(early).await;
                } => {}
                () = self.current.closed() => return,
            }
            let used = self.sources.borrow().ways().to_vec();
            let mut sources = self.sources.clone();
            tokio::select! {
                is_current = self.fetch() => {
                    failures = if is_current { 0 } else { failures.saturating_add(1) };
                    fetched_at = Some(self.clock.now());
                }
                // What is under way by a way that is no longer allowed ends here; it begins anew by the others.
                changed = sources.wait_for(|sources| sources.ways() != used) => match changed {
                    Ok(_) => failures = failures.max(1),
                    Err(_) => return,
                },
            }
        }
    }

    fn read_kept(&self) -> Option<Consensus> {
        let kept = read_kept(&self.file, &self.authorities)?;
        kept.freshness(self.clock.now()).is_usable().then_some(kept)
    }

    /// Asks one server after the other, and says whether there is a consensus for the present.
    async fn fetch(&self) -> bool {
        let sources = self.sources.borrow().clone();
        let current = self.current.borrow().clone();
        let servers = servers(&self.network, current.as_deref(), &sources, &mut OsRng);
        if servers.is_empty() {
            let nobody = NoServers::NoOnionService;
            self.troubles.set(Part::Consensus, nobody.label(), &nobody.to_string());
        }
        for server in servers.iter().take(SERVERS_ASKED_MAX) {
            match self.ask(server).await {
                Ok((signed, consensus)) => {
                    let current = self.current.borrow().clone();
                    match judge(current.as_deref(), &consensus, self.clock.now()) {
                        Ok(Verdict::Newer) => {
                            self.keep(&signed);
                            self.current.send_replace(Some(Arc::new(consensus)));
                            self.troubles.clear(Part::Consensus);
                            return true;
                        }
                        Ok(Verdict::Known) => {
                            self.troubles.clear(Part::Consensus);
                            return true;
                        }
                        Err((label, text)) => self.troubles.set(Part::Consensus, label, text),
                    }
                }
                Err(failure) => self.troubles.set(Part::Consensus, &failure.label, &failure.text),
            }
        }
        false
    }

    /// By Tor each server is asked through circuits of its own.
    async fn ask(&self, server: &Server) -> Result<(SignedConsensus, Consensus), Failure> {
        let connector = self.ways.borrow().connector(server.way);
        let connector = connector.map(|connector| connector.with_meter(&self.meter));
        ask(connector, server, &self.authorities).await
    }

    fn keep(&self, signed: &SignedConsensus) {
        let kept = signed
            .to_bytes()
            .map_err(|error| error.to_string())
            .and_then(|bytes| private::replace(&self.file, &bytes).map_err(|error| error.to_string()));
        if let Err(error) = kept {
            tracing::warn!(error, "the consensus is used but could not be kept");
        }
    }
}

/// The consensus that was kept, whatever its age.
pub(super) fn read_kept(file: &Path, authorities: &AuthoritySet) -> Option<Consensus> {
    let bytes = private::read(file, DOCUMENT_LEN_MAX).ok()?;
    SignedConsensus::from_bytes(&bytes).ok()?.verify(authorities).ok()
}

/// Fetches the consensus that this server has.
pub(super) async fn ask(
    connector: Option<LinkConnector>,
    server: &Server,
    authorities: &AuthoritySet,
) -> Result<(SignedConsensus, Consensus), Failure> {
    let connector = connector.ok_or_else(|| server.way.missing())?;
    fetch_consensus(&connector, &server.node, &server.address, authorities).await.map_err(
        |error| match &error {
            DirectoryError::Link(link) => in_words(link, server.way, "the directory server", &server.node),
            error => Failure::new(error.label(), error.to_string()),
        },
    )
}

#[derive(PartialEq, Eq, Debug)]
enum Verdict {
    Newer,
    Known,
}

/// What to do with a valid consensus that was fetched.
fn judge(
    current: Option<&Consensus>,
    fetched: &Consensus,
    now: Timestamp,
) -> Result<Verdict, (&'static str, &'static str)> {
    if fetched.freshness(now) == Freshness::Expired {
        return Err((
            "consensus-expired",
            "the newest consensus has run out: the authorities have not signed one lately, or this computer's \
             clock is fast",
        ));
    }
    match current {
        Some(current) if fetched == current && current.freshness(now) != Freshness::Grace => {
            Ok(Verdict::Known)
        }
        Some(current) if fetched == current || fetched.valid_after < current.valid_after => {
            Err(("consensus-stale", "no newer consensus has come yet: the present one serves for its grace"))
        }
        _ => Ok(Verdict::Newer),
    }
}

/// When to fetch next: soon after a failure, else at a random moment of the first part of the grace.
fn next_fetch(current: Option<&Consensus>, now: Timestamp, failures: u32, random: f64) -> Timestamp {
    let in_turn = current.map_or(now, |current| {
        let spread = Duration::from_secs(current.params.grace_s.into()) / SPREAD_OF_GRACE;
        current.valid_until + spread.mul_f64(random)
    });
    if failures == 0 {
        return in_turn;
    }
    let doubled = PAUSE_MIN.saturating_mul(2u32.saturating_pow(failures.min(16).saturating_sub(1)));
    let retry = now + doubled.min(PAUSE_MAX).mul_f64(0.5 + random);
    match current {
        // A fetch out of turn failed, and the consensus still holds: no hurry.
        Some(current) if current.freshness(now) == Freshness::Fresh => in_turn.min(now + PAUSE_MAX),
        _ => retry,
    }
}

#[cfg(test)]
mod tests {
    use sotto_protocol::directory::Params;

    use super::*;

    fn consensus(epoch: u64) -> Consensus {
        let params = Params { epoch_s: 100, grace_s: 40, ..Params::default() };
        Consensus {
            network: "test".to_owned(),
            epoch,
            valid_after: Timestamp::from_millis(epoch * 100_000),
            valid_until: Timestamp::from_millis((epoch + 1) * 100_000),
            randomness: [0; 32],
            params,
            nodes: Vec::new(),
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn the_next_one_is_fetched_within_a_part_of_the_grace() {
        let current = consensus(5);
        assert_eq!(next_fetch(Some(&current), at(510), 0, 0.0), at(600));
        assert_eq!(next_fetch(Some(&current), at(510), 0, 0.999), at(600) + Duration::from_millis(9990));
        assert_eq!(next_fetch(None, at(510), 0, 0.7), at(510), "at once if there is none");
    }

    #[test]
    fn failures_are_followed_by_growing_pauses() {
        let pause = |failures| next_fetch(None, at(510), failures, 0.5).since(at(510));
        assert_eq!(pause(1), Duration::from_millis(500));
        assert_eq!(pause(4), Duration::from_secs(4));
        assert_eq!(pause(99), Duration::from_secs(60));
        let fresh = consensus(5);
        assert_eq!(next_fetch(Some(&fresh), at(510), 1, 0.5), at(570), "no hurry while it is fresh");
        assert_eq!(next_fetch(Some(&fresh), at(605), 1, 0.5), at(605) + Duration::from_millis(500));
    }

    #[test]
    fn an_old_an_expired_and_an_unchanged_consensus_are_told_apart() {
        let (old, current, next) = (consensus(4), consensus(5), consensus(6));
        let label =
            |fetched: &Consensus, now| judge(Some(&current), fetched, now).map_err(|(label, _)| label);
        assert_eq!(label(&next, at(601)), Ok(Verdict::Newer));
        assert_eq!(label(&current, at(550)), Ok(Verdict::Known));
        assert_eq!(label(&current, at(601)), Err("consensus-stale"));
        assert_eq!(label(&old, at(530)), Err("consensus-stale"));
        assert_eq!(label(&old, at(601)), Err("consensus-expired"));
        let mut changed = current.clone();
        changed.randomness = [1; 32];
        assert_eq!(label(&changed, at(550)), Ok(Verdict::Newer), "signed anew within the epoch");
        assert_eq!(
            judge(None, &consensus(7), at(601)),
            Ok(Verdict::Newer),
            "a slow clock is the engine's to tell"
        );
    }
}
