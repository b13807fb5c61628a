//! The node's neighbours: those who send it packets, and those who take what it sends.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::{NodeId, NodeSecret};
use sotto_protocol::sphinx::{Hop, HopSecret, Packet};
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::dial::{TcpDialer, TcpListener};
use sotto_transport::link::{Link, LinkAcceptor, LinkConnector, LinkError, LinkTimes};
use sotto_transport::listen::{LinkFailures, ListenLimits, ListenPolicy, serve_links};
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rng::OsRng;

use super::error::StageError;

/// Frames that a sink takes together at most.
const FRAMES_MAX: usize = 64;

/// A node of the layer before.
pub struct Source {
    /// Its identity.
    pub secret: NodeSecret,
}

impl Source {
    pub(super) fn new() -> Self {
        Self { secret: NodeSecret::generate(&mut OsRng) }
    }

    /// A link to the node.
    ///
    /// # Errors
    /// [`StageError::Link`] if there is none to be had.
    pub async fn connect(&self, node: &NodeId, address: &str) -> Result<Link, StageError> {
        let connector = LinkConnector::for_node(Arc::new(TcpDialer), &self.secret, LinkTimes::default())?;
        Ok(connector.connect(node, address).await?)
    }
}

/// A packet that came out of the node.
pub struct Arrival {
    /// When a sink read it.
    pub at: Timestamp,
    /// As the node sent it.
    pub packet: Packet,
}

/// A node of the layer behind.
pub struct Sink {
    /// Its identity.
    pub secret: NodeSecret,
    /// Its Sphinx key, in every epoch.
    pub hop_secret: Arc<HopSecret>,
    /// Where it listens.
    pub address: String,
    taking: Arc<Taking>,
}

/// What the links of a sink share.
struct Taking {
    clock: Clock,
    count: AtomicU64,
    keeps: AtomicBool,
    /// Microseconds that it waits before each reading: a peer that is slow to take.
    pause_micros: AtomicU64,
    arrivals: Mutex<Vec<Arrival>>,
}

impl Sink {
    pub(super) async fn start(clock: &Clock, ends: &Shutdown) -> Result<Self, StageError> {
        let secret = NodeSecret::generate(&mut OsRng);
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(StageError::system("listen"))?;
        let address = listener.local_address().map_err(StageError::system("listen"))?.to_string();
        let acceptor = LinkAcceptor::new(&secret, LinkTimes::default())?;
        let taking = Arc::new(Taking {
            clock: clock.clone(),
            count: AtomicU64::new(0),
            keeps: AtomicBool::new(false),
            pause_micros: AtomicU64::new(0),
            arrivals: Mutex::default(),
        });
        let on_link = {
            let taking = Arc::clone(&taking);
            move |link| Arc::clone(&taking).take(link)
        };
        tokio::spawn(serve_links(
            listener,
            acceptor,
            Arc::new(LinkFailures::default()),
            ListenPolicy::fixed(ListenLimits { loopback_exempt: true, ..ListenLimits::default() }),
            ends.clone(),
            on_link,
        ));
        let hop_secret = Arc::new(HopSecret::generate(&mut OsRng));
        Ok(Self { secret, hop_secret, address, taking })
    }

    /// The sink as the hop after the node.
    #[must_use]
    pub fn hop(&self) -> Hop {
        Hop { node: self.secret.id(), key: self.hop_secret.public() }
    }

    /// How many packets have come.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.taking.count.load(Ordering::Acquire)
    }

    /// Whether it keeps the packets that come, or counts them only.
    pub fn keep(&self, keeps: bool) {
        self.taking.keeps.store(keeps, Ordering::Release);
    }

    /// Lets it wait before each reading.
    pub fn pause(&self, pause: Duration) {
        self.taking
            .pause_micros
            .store(u64::try_from(pause.as_micros()).unwrap_or(u64::MAX), Ordering::Release);
    }

    /// The packets kept so far; they are gone from the sink then.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        std::mem::take(&mut *self.taking.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Taking {
    async fn take(self: Arc<Self>, mut link: Link) -> Result<(), LinkError> {
        let mut frames = Vec::with_capacity(FRAMES_MAX);
        loop {
            let pause_micros = self.pause_micros.load(Ordering::Acquire);
            if pause_micros > 0 {
                tokio::time::sleep(Duration::from_micros(pause_micros)).await;
            }
            frames.clear();
            link.next_batch(&mut frames, FRAMES_MAX).await?;
            let at = self.clock.now();
            let packets = frames.drain(..).filter_map(|frame| match frame {
                Frame::Packet(packet) => Some(Arrival { at, packet }),
                _ => None,
            });
            let mut count = 0;
            if self.keeps.load(Ordering::Acquire) {
                let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
                let before = arrivals.len();
                arrivals.extend(packets);
                count += arrivals.len() - before;
            } else {
                count += packets.count();
            }
            self.count.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::AcqRel);
        }
    }
}
