//! One examination, step by step, by the ways that the profile has at that moment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rand::seq::SliceRandom;
use sotto_protocol::directory::{AuthoritySet, Consensus, NetworkInfo};
use sotto_protocol::ident::NodeId;
use sotto_transport::clock::Clock;
use sotto_transport::rng::OsRng;
use sotto_transport::tor::{Tor, TorStatus};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Check, judge};
use crate::core::Route;
use crate::shell::Failure;
use crate::shell::directory::{ask, read_kept};
use crate::shell::servers::{NoServers, Sources, servers};
use crate::shell::session::Wanted;
use crate::shell::ways::{Way, Ways, in_words};

/// How long Tor may take to become ready while nothing stands in its way.
const TOR_WAIT_MAX: Duration = Duration::from_secs(120);
/// How long something may stand in Tor's way before it counts: bootstraps stumble and go on.
const TOR_BLOCKED_MAX: Duration = Duration::from_secs(20);
/// How long to wait for what the profile's own tasks find out meanwhile: its routes, its consensus, its entry.
const OWN_WAIT_MAX: Duration = Duration::from_secs(15);
/// Servers of the consensus that are asked, one after the other.
const SERVERS_TRIED_MAX: usize = 2;
/// Mailboxes that are tried on the route `tor`, drawn at random.
const MAILBOXES_TRIED_MAX: usize = 6;

/// What there is to examine.
pub(in crate::shell) struct Scene {
    pub(in crate::shell) network: NetworkInfo,
    pub(in crate::shell) clock: Clock,
    /// Where the newest consensus is kept.
    pub(in crate::shell) file: PathBuf,
    pub(in crate::shell) consensus: watch::Receiver<Option<Arc<Consensus>>>,
    pub(in crate::shell) ways: watch::Receiver<Ways>,
    pub(in crate::shell) sources: watch::Receiver<Sources>,
    /// The routes that are wanted.
    pub(in crate::shell) routes: watch::Receiver<BTreeSet<Route>>,
    /// The entry that each route wants.
    pub(in crate::shell) entries: BTreeMap<Route, watch::Receiver<Option<Wanted>>>,
}

impl Scene {
    /// How far Tor is, if it was started.
    pub(super) fn tor_status(&self) -> Option<TorStatus> {
        self.ways.borrow().tor().map(|tor| tor.status().borrow().clone())
    }

    /// Notes one finding after the other.
    pub(super) async fn examine(&self, note: impl Fn(Check)) {
        let mut routes = self.routes.clone();
        let routes =
            match tokio::time::timeout(OWN_WAIT_MAX, routes.wait_for(|routes| !routes.is_empty())).await {
                Ok(Ok(routes)) => routes.clone(),
                _ => BTreeSet::new(),
            };
        let uses_tor = routes.iter().any(|route| route.uses_tor());
        if uses_tor {
            note(self.tor().await);
        }
        let was_ready = self.tor_is_ready();
        let (check, fetched) = self.fetch(was_ready).await;
        note(check);
        let kept =
            self.network.authority_set().ok().and_then(|authorities| read_kept(&self.file, &authorities));
        let kept = self.consensus.borrow().as_deref().cloned().or(kept);
        note(judge::clock(self.clock.now(), kept.as_ref(), fetched.as_ref(), self.tor_status().as_ref()));
        for route in routes {
            let what = if route.uses_entry() { "entry" } else { "mailbox" };
            if route.uses_tor() && !self.tor_is_ready() {
                note(judge::not_tried(what));
            } else if route.uses_entry() {
                note(self.entry(route).await);
            } else {
                self.mailboxes(fetched.as_ref().or(kept.as_ref()), &note).await;
            }
        }
        if was_ready && !self.tor_is_ready() {
            // It seemed to work until it was used.
            note(judge::tor(self.tor_status().as_ref(), Duration::ZERO));
        }
    }

    fn tor_is_ready(&self) -> bool {
        self.tor_status().is_some_and(|status| status.is_ready())
    }

    /// Waits for Tor, for as long as it makes sense.
    async fn tor(&self) -> Check {
        let started = self.clock.now();
        let waited = || self.clock.now().since(started);
        let mut ways = self.ways.clone();
        let started_by = ways.wait_for(|ways| ways.tor().is_some());
        let status = match tokio::time::timeout(OWN_WAIT_MAX, started_by).await {
            Ok(Ok(ways)) => ways.tor().map(Tor::status),
            _ => None,
        };
        let Some(mut status) = status else { return judge::tor(None, waited()) };
        let settled = async {
            loop {
                let patience = match &*status.borrow_and_update() {
                    now if now.is_ready() => return,
                    now if now.blocked.is_some() => TOR_BLOCKED_MAX,
                    _ => TOR_WAIT_MAX,
                };
                // Nothing new within the time allowed: that is the finding.
                if !matches!(tokio::time::timeout(patience, status.changed()).await, Ok(Ok(()))) {
                    return;
                }
            }
        };
        // Whether it settled or not, its state tells.
        let _settled = tokio::time::timeout(TOR_WAIT_MAX, settled).await;
        let status = self.tor_status();
        judge::tor(status.as_ref(), waited()).took(millis(waited()))
    }

    /// Asks for the consensus, as the profile itself does.
    async fn fetch(&self, tor_is_ready: bool) -> (Check, Option<Consensus>) {
        let Ok(authorities) = self.network.authority_set() else {
            let failure = Failure::new(
                "link-authorities",
                "the network's link names no usable authorities: ask for a new one",
            );
            return (judge::consensus(Err(failure)), None);
        };
        let sources = self.sources.borrow().clone();
        let known = self.consensus.borrow().clone();
        let servers = servers(&self.network, known.as_deref(), &sources, &mut OsRng);
        let open = servers.iter().filter(|server| server.way == Way::Tcp || tor_is_ready);
        let mut failure = match servers.first() {
            None => Failure::new(NoServers::NoOnionService.label(), NoServers::NoOnionService.to_string()),
            Some(_) if !tor_is_ready && sources.ways() == [Way::Tor] => {
                return (judge::not_tried("consensus"), None);
            }
            Some(_) => Failure::new("directory-none", "nobody could be asked for the consensus"),
        };
        for server in open.take(SERVERS_TRIED_MAX) {
            let started = self.clock.now();
            match self.ask(server, &authorities).await {
                Ok(consensus) => {
                    let check = judge::consensus(Ok((&consensus, self.clock.now())));
                    return (check.took(millis(self.clock.now().since(started))), Some(consensus));
                }
                Err(why) => failure = why,
            }
        }
        (judge::consensus(Err(failure)), None)
    }

    async fn ask(
        &self,
        server: &crate::shell::servers::Server,
        authorities: &AuthoritySet,
    ) -> Result<Consensus, Failure> {
        let connector = self.ways.borrow().connector(server.way);
        ask(connector, server, authorities).await.map(|(_, consensus)| consensus)
    }

    /// Connects to the entry that the route has chosen, and to no other.
    async fn entry(&self, route: Route) -> Check {
        let Some(entry) = self.entries.get(&route) else { return judge::no_entry(route) };
        let mut entry = entry.clone();
        let wanted = match tokio::time::timeout(OWN_WAIT_MAX, entry.wait_for(Option::is_some)).await {
            Ok(Ok(wanted)) => wanted.clone(),
            _ => None,
        };
        let Some(Wanted { entry, address, .. }) = wanted else { return judge::no_entry(route) };
        let outcome = self.connect(Way::of(route), "entry", &entry, &address).await;
        judge::reached("entry", route, &entry, outcome)
    }

    /// Connects to mailboxes, each by circuits of its own.
    async fn mailboxes(&self, consensus: Option<&Consensus>, note: &impl Fn(Check)) {
        let all: Vec<_> = consensus.iter().flat_map(|consensus| consensus.mailboxes()).collect();
        let mut found: Vec<(NodeId, String)> =
            all.iter().filter_map(|node| Some((node.node, Way::Tor.to(node)?.to_owned()))).collect();
        if let Some(check) = judge::mailboxes(found.len(), all.len()) {
            note(check);
        }
        found.shuffle(&mut OsRng);
        let mut trying = JoinSet::new();
        for (node, address) in found.into_iter().take(MAILBOXES_TRIED_MAX) {
            let (ways, clock) = (self.ways.clone(), self.clock.clone());
            trying.spawn(async move {
                let outcome = connect(&ways, &clock, Way::Tor, "mailbox", &node, &address).await;
                judge::reached("mailbox", Route::Tor, &node, outcome)
            });
        }
        while let Some(tried) = trying.join_next().await {
            if let Ok(check) = tried {
                note(check);
            }
        }
    }

    async fn connect(&self, way: Way, what: &str, node: &NodeId, address: &str) -> Result<u64, Failure> {
        connect(&self.ways, &self.clock, way, what, node, address).await
    }
}

/// Opens a link to the node, closes it, and says how many milliseconds it took to open.
async fn connect(
    ways: &watch::Receiver<Ways>,
    clock: &Clock,
    way: Way,
    what: &str,
    node: &NodeId,
    address: &str,
) -> Result<u64, Failure> {
    let connector = ways.borrow().connector(way).ok_or_else(|| way.missing())?;
    let started = clock.now();
    connector.connect(node, address).await.map_err(|error| in_words(&error, way, what, node))?;
    Ok(millis(clock.now().since(started)))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
