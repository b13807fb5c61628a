//! The node's neighbours: those who send it packets, and those who take what it sends.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::{NodeId, NodeSecret};
use sotto_protocol::sphinx::fast::{BatchUnwrapper, HopKeys, X25519};
use sotto_protocol::sphinx::{Hop, HopSecret, Packet, Refusal, Unwrapped};
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::dial::{TcpDialer, TcpListener};
use sotto_transport::link::{Link, LinkAcceptor, LinkConnector, LinkError, LinkTimes};
use sotto_transport::listen::{LinkFailures, ListenLimits, ListenPolicy, serve_links};
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rng::OsRng;
use tokio::sync::watch;

use super::error::StageError;

/// The one epoch under which a sink opens packets: its key is the same in all.
const EPOCH: u64 = 1;

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
    /// The end of its present listening.
    closes: Mutex<Shutdown>,
}

/// What the links of a sink share.
struct Taking {
    clock: Clock,
    count: AtomicU64,
    keeps: AtomicBool,
    /// How long it waits before each reading: a peer that is slow to take.
    pause: watch::Sender<Duration>,
    arrivals: Mutex<Vec<Arrival>>,
}

impl Sink {
    pub(super) async fn start(clock: &Clock) -> Result<Self, StageError> {
        let taking = Arc::new(Taking {
            clock: clock.clone(),
            count: AtomicU64::new(0),
            keeps: AtomicBool::new(false),
            pause: watch::Sender::new(Duration::ZERO),
            arrivals: Mutex::default(),
        });
        let mut sink = Self {
            secret: NodeSecret::generate(&mut OsRng),
            hop_secret: Arc::new(HopSecret::generate(&mut OsRng)),
            address: "127.0.0.1:0".to_owned(),
            taking,
            closes: Mutex::default(),
        };
        sink.address = sink.open().await?;
        Ok(sink)
    }

    /// Listens at its address, again after [`Sink::close`]; returns the address.
    ///
    /// # Errors
    /// [`StageError::System`] if somebody else has its port meanwhile.
    pub async fn open(&self) -> Result<String, StageError> {
        let listener = TcpListener::bind(&self.address).await.map_err(StageError::system("listen"))?;
        let address = listener.local_address().map_err(StageError::system("listen"))?.to_string();
        let acceptor = LinkAcceptor::new(&self.secret, LinkTimes::default())?;
        let taking = Arc::clone(&self.taking);
        let closes = Shutdown::new();
        tokio::spawn(serve_links(
            listener,
            acceptor,
            Arc::new(LinkFailures::default()),
            ListenPolicy::fixed(ListenLimits { loopback_exempt: true, ..ListenLimits::default() }),
            closes.clone(),
            move |link| Arc::clone(&taking).take(link),
        ));
        *self.closes() = closes;
        Ok(address)
    }

    /// Closes its links and its port: a peer that is down.
    pub fn close(&self) {
        self.closes().trigger();
    }

    fn closes(&self) -> MutexGuard<'_, Shutdown> {
        self.closes.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Lets it wait before each reading; not at all if the pause is zero.
    pub fn pause(&self, pause: Duration) {
        self.taking.pause.send_replace(pause);
    }

    /// The numbers of the packets kept so far, as [`prepare`](super::prepare) gave them, and when each came; the packets
    /// are gone from the sink then.
    ///
    /// # Errors
    /// The [`Refusal`] of a packet that is not a whole one for this sink.
    pub fn numbers(&self) -> Result<Vec<(u64, Timestamp)>, Refusal> {
        let keys = HopKeys::new().with(EPOCH, HopSecret::from_bytes(self.hop_secret.to_bytes()));
        let (times, packets): (Vec<Timestamp>, Vec<Packet>) =
            self.arrivals().into_iter().map(|arrival| (arrival.at, arrival.packet)).unzip();
        let mut opened = Vec::with_capacity(packets.len());
        BatchUnwrapper::new(X25519::detect()).unwrap(&keys, EPOCH, Duration::ZERO, packets, &mut opened);
        let numbers = opened.into_iter().zip(times).map(|(opened, at)| match opened?.unwrapped {
            Unwrapped::Final { payload, .. } => {
                let number = payload.into_text()?.try_into().map_err(|_| Refusal::PayloadTag)?;
                Ok((u64::from_le_bytes(number), at))
            }
            Unwrapped::Forward { .. } => Err(Refusal::RoutingFlag),
        });
        numbers.collect()
    }

    /// The packets kept so far; they are gone from the sink then.
    #[must_use]
    pub fn arrivals(&self) -> Vec<Arrival> {
        std::mem::take(&mut *self.taking.arrivals.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.close();
    }
}

impl Taking {
    async fn take(self: Arc<Self>, mut link: Link) -> Result<(), LinkError> {
        let mut frames = Vec::with_capacity(FRAMES_MAX);
        let mut pauses = self.pause.subscribe();
        loop {
            let pause = *pauses.borrow_and_update();
            // Another pause takes the place of one that is under way.
            if !pause.is_zero() && tokio::time::timeout(pause, pauses.changed()).await.is_ok() {
                continue;
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
