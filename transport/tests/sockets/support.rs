//! What the tests share: a listening node, frames that can be told apart, waiting for conditions.

use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::{NodeId, NodeSecret, SessionAddress};
use sotto_protocol::limits::PACKET_LEN;
use sotto_protocol::sphinx::Packet;
use sotto_transport::dial::{TcpDialer, TcpListener};
use sotto_transport::link::{Link, LinkAcceptor, LinkConnector, LinkError, LinkReader, LinkTimes};
use sotto_transport::listen::{LinkFailures, ListenLimits, ListenPolicy, Members, serve_links};
use sotto_transport::node::shutdown::Shutdown;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// Far more than anything here takes; reached only when a condition never comes true.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn secret(number: u8) -> NodeSecret {
    NodeSecret::from_seed(&Zeroizing::new([number; 32]))
}

pub(crate) fn id(number: u8) -> NodeId {
    secret(number).id()
}

/// The ordinary limits, but for those of one address: all tests call from this host.
pub(crate) fn roomy() -> ListenLimits {
    ListenLimits { loopback_exempt: true, ..ListenLimits::default() }
}

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never came true: {what}"));
}

/// Waits for a future that has to end.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("took for ever")
}

/// A node that listens on a port of its own and hands out its links.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) address: String,
    pub(crate) failures: Arc<LinkFailures>,
    pub(crate) links: mpsc::UnboundedReceiver<Link>,
    /// The listener's limits, to be changed at will.
    pub(crate) limits: watch::Sender<ListenLimits>,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Node {
    pub(crate) async fn start(number: u8) -> Self {
        Self::start_with(number, "127.0.0.1:0", LinkTimes::default()).await
    }

    pub(crate) async fn start_with(number: u8, address: &str, times: LinkTimes) -> Self {
        let (links_in, links) = mpsc::unbounded_channel();
        let limits = watch::Sender::new(roomy());
        let serving = Self::serve(number, address, times, &limits, move |link| {
            let links_in = links_in.clone();
            async move {
                // The link is the test's from here.
                let _taken = links_in.send(link);
                Ok(())
            }
        });
        let (address, failures, shutdown, task) = serving.await;
        Self { id: id(number), address, failures, links, limits, shutdown, task }
    }

    /// A node that answers each dummy with a dummy, and counts what goes wrong.
    pub(crate) async fn echo(number: u8, times: LinkTimes) -> Self {
        Self::echo_with(number, times, roomy()).await
    }

    /// The same with other limits.
    pub(crate) async fn echo_with(number: u8, times: LinkTimes, limits: ListenLimits) -> Self {
        let limits = watch::Sender::new(limits);
        let serving = Self::serve(number, "127.0.0.1:0", times, &limits, |mut link| async move {
            loop {
                let frame = link.next().await?;
                link.send(&frame).await?;
            }
        });
        let (address, failures, shutdown, task) = serving.await;
        let (_, links) = mpsc::unbounded_channel();
        Self { id: id(number), address, failures, links, limits, shutdown, task }
    }

    async fn serve<F, Fut>(
        number: u8,
        address: &str,
        times: LinkTimes,
        limits: &watch::Sender<ListenLimits>,
        on_link: F,
    ) -> (String, Arc<LinkFailures>, Shutdown, JoinHandle<()>)
    where
        F: Fn(Link) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), LinkError>> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_address().unwrap().to_string();
        let acceptor = LinkAcceptor::new(&secret(number), times).unwrap();
        let (failures, shutdown) = (Arc::new(LinkFailures::default()), Shutdown::new());
        let policy = ListenPolicy::new(limits.subscribe(), Members::default());
        let serving =
            serve_links(listener, acceptor, Arc::clone(&failures), policy, shutdown.clone(), on_link);
        (address, failures, shutdown, tokio::spawn(serving))
    }

    pub(crate) async fn next_link(&mut self) -> Link {
        soon(self.links.recv()).await.unwrap()
    }

    pub(crate) fn failures_of(&self, label: &str) -> u64 {
        self.failures.snapshot().get(label).copied().unwrap_or_default()
    }

    /// Closes the port. Links that the test holds stay.
    pub(crate) async fn stop(self) {
        self.shutdown.trigger();
        soon(self.task).await.unwrap();
    }
}

pub(crate) fn client() -> LinkConnector {
    client_with(LinkTimes::default())
}

pub(crate) fn client_with(times: LinkTimes) -> LinkConnector {
    LinkConnector::anonymous(Arc::new(TcpDialer), times)
}

pub(crate) fn node_connector(number: u8) -> LinkConnector {
    LinkConnector::for_node(Arc::new(TcpDialer), &secret(number), LinkTimes::default()).unwrap()
}

/// A frame that carries a number.
pub(crate) fn numbered(number: u32) -> Frame {
    let token = sotto_protocol::frame::ResumeToken::from_bytes([5; 32]);
    Frame::SessionOpened { session: SessionAddress::from_bytes([6; 32]), token, resumable_s: number }
}

/// The number that a frame carries.
pub(crate) fn number_of(frame: &Frame) -> u32 {
    match frame {
        Frame::SessionOpened { resumable_s, .. } => *resumable_s,
        other => panic!("expected a numbered frame, and got {other:?}"),
    }
}

/// A packet frame that begins with a number.
pub(crate) fn packet(number: u32) -> Frame {
    let mut bytes = vec![0; PACKET_LEN];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Frame::Packet(Packet::from_slice(&bytes).unwrap())
}

pub(crate) fn packet_number(frame: &Frame) -> u32 {
    match frame {
        Frame::Packet(packet) => u32::from_be_bytes(packet.as_bytes()[..4].try_into().unwrap()),
        other => panic!("expected a packet, and got {other:?}"),
    }
}

/// Reads until the link ends, and returns the numbers of the packets and why it ended.
pub(crate) async fn drain_packets(reader: &mut LinkReader) -> (Vec<u32>, LinkError) {
    let mut numbers = Vec::new();
    loop {
        match soon(reader.next()).await {
            Ok(frame) => numbers.push(packet_number(&frame)),
            Err(error) => return (numbers, error),
        }
    }
}

/// The label of a result that has to be an error.
pub(crate) fn label<T>(result: Result<T, LinkError>) -> &'static str {
    match result {
        Ok(_) => panic!("expected an error"),
        Err(error) => error.label(),
    }
}
