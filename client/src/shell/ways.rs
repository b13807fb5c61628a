//! The ways by which bytes may leave this process: TCP, Tor, or both, as the user's routes allow.
//!
//! A way that no route of the user needs does not exist: there is no dialer for it, so no mistake elsewhere can take
//! it. Which route is the right one for a packet is not decided here.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::directory::{AuthorityEntry, ConsensusNode};
use sotto_protocol::ident::NodeId;
use sotto_transport::dial::{Dialer, TcpDialer};
use sotto_transport::link::{LinkConnector, LinkError, LinkTimes};
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::tor::{DIAL_MAX, DialFailed, Isolation, Tor, TorConfig, TorError};

use super::Failure;
use crate::core::Route;

/// How long a stream through Tor may take to open, and the handshake on it again: above Tor's own bound, so that its
/// error, which says more, comes first.
const TOR_HANDSHAKE_MAX: Duration = DIAL_MAX.saturating_add(Duration::from_secs(5));

/// One way out of this process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Way {
    /// To a node's TCP address, which shows this computer's address to it.
    Tcp,
    /// To a node's onion service.
    Tor,
}

impl Way {
    /// The way that a route takes.
    pub(super) const fn of(route: Route) -> Self {
        if route.uses_tor() { Self::Tor } else { Self::Tcp }
    }

    /// Where a node is reached by this way.
    pub(super) fn to(self, node: &ConsensusNode) -> Option<&str> {
        match self {
            Self::Tcp => Some(&node.address),
            Self::Tor => node.onion_address.as_deref(),
        }
    }

    /// Where an authority is reached by this way.
    pub(super) fn to_authority(self, authority: &AuthorityEntry) -> Option<&str> {
        match self {
            Self::Tcp => Some(&authority.address),
            Self::Tor => authority.onion_address.as_deref(),
        }
    }
}

type TcpMaker = Box<dyn Fn() -> Arc<dyn Dialer> + Send + Sync>;
type TorMaker = Box<dyn Fn() -> Result<Tor, TorError> + Send + Sync>;

/// Makes the dialers, when they are needed and not before.
pub struct WayMakers {
    tcp: TcpMaker,
    tor: TorMaker,
}

impl WayMakers {
    /// TCP, and Tor with this configuration and state directory.
    #[must_use]
    pub fn system(tor: TorConfig, tor_dir: &Path, shutdown: Shutdown) -> Self {
        let tor_dir = tor_dir.to_owned();
        Self::new(|| Arc::new(TcpDialer), move || Tor::start(&tor, &tor_dir, shutdown.clone()))
    }

    /// Others, for tests.
    pub fn new(
        tcp: impl Fn() -> Arc<dyn Dialer> + Send + Sync + 'static,
        tor: impl Fn() -> Result<Tor, TorError> + Send + Sync + 'static,
    ) -> Self {
        Self { tcp: Box::new(tcp), tor: Box::new(tor) }
    }
}

impl fmt::Debug for WayMakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WayMakers")
    }
}

/// The ways that there are. Clones share the dialers.
#[derive(Clone, Default)]
pub(super) struct Ways {
    tcp: Option<Arc<dyn Dialer>>,
    tor: Option<Tor>,
}

impl Ways {
    /// Makes what is needed. TCP ends with the last plan that names a route by TCP; Tor, once started, stays for the
    /// life of the process, because a client that leaves and rejoins Tor tells more than one that stays.
    ///
    /// Says whether anything has changed.
    ///
    /// # Errors
    /// When Tor cannot be started; TCP is as it should be all the same.
    pub(super) fn provide(&mut self, needed: &BTreeSet<Way>, makers: &WayMakers) -> Result<bool, TorError> {
        let mut changed = false;
        if needed.contains(&Way::Tcp) != self.tcp.is_some() {
            self.tcp = needed.contains(&Way::Tcp).then(|| (makers.tcp)());
            changed = true;
        }
        if needed.contains(&Way::Tor) && self.tor.is_none() {
            self.tor = Some((makers.tor)()?);
            changed = true;
        }
        Ok(changed)
    }

    /// Makes links by this way, if there is one. By Tor each connector has circuits of its own, which share nothing
    /// with those of any other.
    pub(super) fn connector(&self, way: Way) -> Option<LinkConnector> {
        match way {
            Way::Tcp => {
                let dialer = Arc::clone(self.tcp.as_ref()?);
                Some(LinkConnector::anonymous(dialer, LinkTimes::default()))
            }
            Way::Tor => {
                let dialer = Arc::new(self.tor.as_ref()?.dialer(Isolation::new()));
                Some(LinkConnector::anonymous(dialer, way.times(None)))
            }
        }
    }

    /// Tor, if it was started.
    pub(super) const fn tor(&self) -> Option<&Tor> {
        self.tor.as_ref()
    }
}

impl Way {
    /// That there is no such way.
    pub(super) fn missing(self) -> Failure {
        match self {
            Self::Tcp => Failure::new("tcp-not-allowed", "no route of this profile connects by TCP"),
            Self::Tor => Failure::new("tor-not-running", "Tor is not running: `sotto doctor` says why"),
        }
    }

    /// The times of a link by this way whose peer must not be silent for longer than `silence_max`.
    pub(super) fn times(self, silence_max: Option<Duration>) -> LinkTimes {
        let times = LinkTimes { silence_max, ..LinkTimes::default() };
        match self {
            Self::Tcp => times,
            Self::Tor => LinkTimes { handshake_max: TOR_HANDSHAKE_MAX, ..times },
        }
    }
}

/// Why a link failed. By Tor the node's name stands for its onion address, which has no place in a log, and Tor's own
/// reason says more than that there is no stream.
pub(super) fn in_words(error: &LinkError, way: Way, what: &str, node: &NodeId) -> Failure {
    let (LinkError::Unreachable { reason, .. }, Way::Tor) = (error, way) else {
        return Failure::new(error.label(), error.to_string());
    };
    let dialed = reason.get_ref().and_then(|inner| inner.downcast_ref::<DialFailed>());
    let (label, reason) = match dialed {
        Some(DialFailed(tor)) => (tor.label(), tor.to_string()),
        None => (error.label(), reason.to_string()),
    };
    Failure::new(label, format!("cannot reach {what} {} by Tor: {reason}", node.short()))
}

impl fmt::Debug for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ways").field("tcp", &self.tcp.is_some()).field("tor", &self.tor.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// How often each dialer was made.
    #[derive(Clone, Default)]
    struct Made(Arc<(AtomicUsize, AtomicUsize)>);

    impl Made {
        fn makers(&self) -> WayMakers {
            let (tcp, tor) = (self.clone(), self.clone());
            WayMakers::new(
                move || {
                    tcp.0.0.fetch_add(1, Ordering::Relaxed);
                    Arc::new(TcpDialer)
                },
                move || {
                    tor.0.1.fetch_add(1, Ordering::Relaxed);
                    // A port that nobody listens on: Tor starts, and is not ready.
                    let config = TorConfig { socks: "127.0.0.1:1".parse().ok(), ..TorConfig::default() };
                    Tor::start(&config, Path::new("/nowhere"), Shutdown::new())
                },
            )
        }

        fn counts(&self) -> (usize, usize) {
            (self.0.0.load(Ordering::Relaxed), self.0.1.load(Ordering::Relaxed))
        }
    }

    #[tokio::test]
    async fn a_way_that_is_not_needed_is_never_made() {
        let made = Made::default();
        let (makers, mut ways) = (made.makers(), Ways::default());
        for _ in 0..3 {
            ways.provide(&BTreeSet::from([Way::Tor]), &makers).unwrap();
        }
        assert_eq!(made.counts(), (0, 1));
        assert!(ways.connector(Way::Tcp).is_none() && ways.connector(Way::Tor).is_some());
        let (made, mut ways) = (Made::default(), Ways::default());
        assert!(ways.provide(&BTreeSet::from([Way::Tcp]), &made.makers()).unwrap());
        assert_eq!(made.counts(), (1, 0));
        assert!(ways.connector(Way::Tor).is_none() && ways.tor().is_none());
    }

    #[tokio::test]
    async fn tcp_ends_with_the_last_route_that_needs_it_and_tor_stays() {
        let made = Made::default();
        let (makers, mut ways) = (made.makers(), Ways::default());
        ways.provide(&BTreeSet::from([Way::Tcp]), &makers).unwrap();
        assert!(ways.provide(&BTreeSet::from([Way::Tor]), &makers).unwrap());
        assert!(ways.connector(Way::Tcp).is_none());
        assert!(!ways.provide(&BTreeSet::from([Way::Tor]), &makers).unwrap(), "nothing has changed");
        ways.provide(&BTreeSet::new(), &makers).unwrap();
        assert!(ways.tor().is_some());
    }

    #[tokio::test]
    async fn tor_that_cannot_be_started_leaves_tcp_as_it_should_be() {
        let makers = WayMakers::new(|| Arc::new(TcpDialer), || Err(TorError::NotBuilt));
        let mut ways = Ways::default();
        let error = ways.provide(&BTreeSet::from([Way::Tcp, Way::Tor]), &makers).unwrap_err();
        assert_eq!(error.label(), "tor-not-built");
        assert!(ways.connector(Way::Tcp).is_some() && ways.connector(Way::Tor).is_none());
    }

    #[test]
    fn each_route_takes_its_way() {
        assert_eq!(Route::ALL.map(Way::of), [Way::Tcp, Way::Tor, Way::Tor]);
        assert!(Way::Tor.times(None).handshake_max > DIAL_MAX);
    }
}
