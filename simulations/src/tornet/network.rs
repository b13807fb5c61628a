//! The private Tor network: founding it, waiting for its first consensus, killing and restarting relays, ending it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sotto_transport::clock::Clock;

use super::error::TornetError;
use super::node::TorNode;
use super::plan::TornetPlan;
use super::programs::TorPrograms;
use super::state::TornetState;
use crate::wait::{pause, wait_for};

/// Seconds from the start to the first consensus, attempt by attempt. The vote closes four seconds before; a relay that
/// has not told the authority of itself by then is left out for five minutes. Ten is the least that tor accepts, and
/// enough on an idle machine; tor wants divisors of half an hour.
const FIRST_INTERVALS_S: [u64; 3] = [10, 15, 30];
/// How long the first consensus may take beyond its time.
const CONSENSUS_LATE_MAX: Duration = Duration::from_secs(15);
/// How long the relays may take to work once there is a consensus.
const BOOTSTRAP_WAIT_MAX: Duration = Duration::from_secs(40);
/// How often those that do not work yet are told to hurry.
const HURRY_INTERVAL: Duration = Duration::from_secs(1);

/// A private Tor network whose processes this one has started.
#[derive(Debug)]
pub struct Tornet {
    pub(super) dir: PathBuf,
    pub(super) plan: TornetPlan,
    pub(super) programs: TorPrograms,
    pub(super) clock: Clock,
    /// The line of every torrc that names the authority.
    pub(super) authority_line: String,
    pub(super) nodes: Vec<TorNode>,
    pub(super) or_ports: Vec<SocketAddr>,
    /// Whether its processes are somebody else's to end.
    released: bool,
}

impl Tornet {
    /// Founds a network below `dir`, which must be empty or absent, and waits until every relay works. If the first
    /// consensus leaves a relay out, all starts over, with more time. The processes end with the network that is
    /// returned, or with this process. `progress` is told of each step.
    ///
    /// # Errors
    /// [`TornetError::NoTor`] if C tor is not installed; otherwise what failed last, and where its log is.
    pub async fn up(
        dir: &Path,
        plan: TornetPlan,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Self, TornetError> {
        let programs = TorPrograms::find()?;
        let dir = std::path::absolute(dir).map_err(TornetError::system("find the current directory"))?;
        let mut network = Self {
            dir,
            plan,
            programs,
            clock: Clock::system(),
            authority_line: String::new(),
            nodes: Vec::new(),
            or_ports: Vec::new(),
            released: false,
        };
        let mut attempts = FIRST_INTERVALS_S.into_iter().peekable();
        while let Some(interval_s) = attempts.next() {
            match network.attempt(interval_s, progress).await {
                Ok(()) => break,
                Err(error) => {
                    network.kill_all().await?;
                    if !error.may_pass() || attempts.peek().is_none() {
                        return Err(error);
                    }
                    progress(&format!("starting over with more time, because of this: {error}"));
                }
            }
        }
        Ok(network)
    }

    /// The file for `arti_config` in a `[tor]` table, and for `--tor-arti-config`.
    #[must_use]
    pub fn arti_config(&self) -> PathBuf {
        self.dir.join("arti.toml")
    }

    /// Where its relays accept connections: the only addresses that a client of it has reason to talk to.
    #[must_use]
    pub fn or_ports(&self) -> &[SocketAddr] {
        &self.or_ports
    }

    /// The relays' names, the authority first.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.name().to_owned()).collect()
    }

    /// Leaves a detached network running, and returns what is needed to find and stop it.
    #[must_use]
    pub fn release(mut self) -> TornetState {
        self.released = true;
        self.state()
    }

    /// Everything needed to find and stop this network from another process.
    #[must_use]
    pub fn state(&self) -> TornetState {
        TornetState::new(self.arti_config(), &self.nodes)
    }

    /// Kills one relay with SIGKILL.
    ///
    /// # Errors
    /// [`TornetError::NoNode`], or the system's refusal.
    pub async fn kill(&mut self, name: &str) -> Result<(), TornetError> {
        let node = self.nodes.iter_mut().find(|node| node.name() == name);
        node.ok_or_else(|| TornetError::NoNode(name.to_owned()))?.kill().await
    }

    /// Kills every relay with SIGKILL.
    ///
    /// # Errors
    /// The system's refusal.
    pub async fn kill_all(&mut self) -> Result<(), TornetError> {
        for node in &mut self.nodes {
            node.kill().await?;
        }
        Ok(())
    }

    /// Starts every relay that does not run, under its old keys and address, and waits until all work.
    ///
    /// # Errors
    /// A relay does not start, or does not work in time.
    pub async fn restart(&mut self) -> Result<(), TornetError> {
        for node in self.nodes.iter_mut().filter(|node| !node.is_started()) {
            node.start(&self.programs, self.plan.detached)?;
        }
        self.wait_bootstrapped(&mut |_| {}).await
    }

    /// Kills every process. Dropping the network does it as well.
    ///
    /// # Errors
    /// The system's refusal.
    pub async fn down(mut self) -> Result<(), TornetError> {
        self.kill_all().await
    }

    async fn attempt(&mut self, interval_s: u64, progress: &mut dyn FnMut(&str)) -> Result<(), TornetError> {
        self.found(interval_s).await?;
        for node in &mut self.nodes {
            node.start(&self.programs, self.plan.detached)?;
        }
        progress(&format!(
            "{} relays have keys and are started; they vote in {interval_s} s",
            self.nodes.len()
        ));
        self.wait_consensus(interval_s).await?;
        progress("the first consensus lists them all");
        self.wait_bootstrapped(progress).await
    }

    async fn wait_consensus(&mut self, interval_s: u64) -> Result<(), TornetError> {
        let expected = self.nodes.len();
        let Some(authority) = self.nodes.first_mut() else { return Ok(()) };
        let file = authority.dir().join("cached-microdesc-consensus");
        let span = Duration::from_secs(interval_s) + CONSENSUS_LATE_MAX;
        let listed = wait_for(&self.clock, span, || async { relays_in(&file) }).await;
        authority.check_alive()?;
        match listed {
            Some(listed) if listed == expected => Ok(()),
            Some(listed) => Err(TornetError::ShortConsensus { listed, expected }),
            None => Err(TornetError::NotReady {
                name: authority.name().to_owned(),
                waited_s: span.as_secs(),
                log: authority.log(),
            }),
        }
    }

    async fn wait_bootstrapped(&mut self, progress: &mut dyn FnMut(&str)) -> Result<(), TornetError> {
        let deadline = self.clock.now() + BOOTSTRAP_WAIT_MAX;
        let mut hurry_at = self.clock.now();
        let mut told = 0;
        loop {
            for node in &mut self.nodes {
                node.check_alive()?;
            }
            let waiting: Vec<&TorNode> = self.nodes.iter().filter(|node| !node.is_bootstrapped()).collect();
            let ready = self.nodes.len() - waiting.len();
            if ready > told {
                progress(&format!("{ready} of {} relays work", self.nodes.len()));
                told = ready;
            }
            let Some(first) = waiting.first() else { return Ok(()) };
            let now = self.clock.now();
            if now > deadline {
                let (name, waited_s) = (first.name().to_owned(), BOOTSTRAP_WAIT_MAX.as_secs());
                return Err(TornetError::NotReady { name, waited_s, log: first.log() });
            }
            if now >= hurry_at {
                waiting.iter().for_each(|node| node.hurry());
                hurry_at = now + HURRY_INTERVAL;
            }
            pause(&self.clock).await;
        }
    }
}

impl Drop for Tornet {
    fn drop(&mut self) {
        if !self.released {
            // Processes that are not detached are killed when they are dropped; nobody can be told of a failure here.
            let _ = self.state().stop();
        }
    }
}

/// How many relays a consensus lists; `None` while there is none.
fn relays_in(consensus: &Path) -> Option<usize> {
    let text = std::fs::read_to_string(consensus).ok()?;
    Some(text.lines().filter(|line| line.starts_with("r ")).count()).filter(|listed| *listed > 0)
}
