//! Direct links over pipes in memory, on one thread: whatever can happen has happened after so many turns. The test is
//! the engine.

use std::io;

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::{NodeId, NodeSecret};
use sotto_protocol::limits::{FRAME_LEN, PACKET_LEN, PAYLOAD_LEN};
use sotto_protocol::sphinx::SurbId;
use sotto_transport::dial::{BoxFuture, BoxStream, Dialer};
use sotto_transport::link::{LinkAcceptor, LinkConnector, LinkTimes};
use sotto_transport::node::Arrival;
use sotto_transport::rng::OsRng;
use tokio::task::JoinHandle;

use super::*;

/// The bytes that a pipe holds each way: a little more than one record.
const PIPE_LEN: usize = FRAME_LEN + FRAME_LEN / 2;

/// How long the links under test wait for a client that reads nothing; ten times as long for one that says nothing.
const SHORT: Duration = Duration::from_millis(100);

struct Pipes(mpsc::UnboundedSender<BoxStream>);

impl Dialer for Pipes {
    fn dial<'a>(&'a self, _address: &'a str) -> BoxFuture<'a, io::Result<BoxStream>> {
        let (ours, theirs) = tokio::io::duplex(PIPE_LEN);
        let sent = self.0.send(Box::new(theirs)).map_err(|_| io::ErrorKind::ConnectionRefused.into());
        Box::pin(async move { sent.map(|()| Box::new(ours) as BoxStream) })
    }
}

/// The mailbox's end: every caller is served as `arrival`.
struct Bench {
    node: NodeId,
    acceptor: LinkAcceptor,
    connector: LinkConnector,
    pipes: mpsc::UnboundedReceiver<BoxStream>,
    links: Arc<Links>,
    events: mpsc::Receiver<Event>,
    direct: DirectLinks,
    /// Keeps the consensus's channel open.
    _consensus: watch::Sender<Option<Arc<sotto_transport::node::membership::Adopted>>>,
}

type Served = JoinHandle<Result<(), LinkError>>;

impl Bench {
    fn new() -> Self {
        let secret = NodeSecret::generate(&mut OsRng);
        let times = LinkTimes { stall_max: SHORT, ..LinkTimes::default() };
        let (pipes_in, pipes) = mpsc::unbounded_channel();
        let (events_in, events) = mpsc::channel(64);
        let (consensus_in, consensus) = watch::channel(None);
        Self {
            node: secret.id(),
            acceptor: LinkAcceptor::new(&secret, times).unwrap(),
            connector: LinkConnector::anonymous(Arc::new(Pipes(pipes_in)), LinkTimes::default()),
            pipes,
            links: Arc::new(Links { events: events_in, consensus, direct_silence_max: SHORT * 10 }),
            events,
            direct: DirectLinks::new(),
            _consensus: consensus_in,
        }
    }

    async fn connect(&mut self, arrival: Arrival) -> (Link, Served) {
        let accepting = async {
            let stream = self.pipes.recv().await.unwrap();
            self.acceptor.accept(stream).await.unwrap()
        };
        let (client, link) = tokio::join!(self.connector.connect(&self.node, "pipe:1"), accepting);
        let links = Arc::clone(&self.links);
        (client.unwrap(), tokio::spawn(async move { links.serve(link, arrival).await }))
    }

    /// The next packet for the core, and the link that it came by. Opens direct links on the way.
    async fn packet(&mut self) -> DirectId {
        loop {
            match self.events.recv().await.unwrap() {
                Event::OpenDirect { reply } => drop(reply.send(self.direct.open())),
                Event::Packet { from: Source::Direct(id), .. } => return id,
                _ => panic!("neither a link nor a packet of one"),
            }
        }
    }

    /// Whether another packet comes while everybody does what they can.
    async fn another_packet(&mut self) -> Option<DirectId> {
        for _ in 0..1000 {
            match self.events.try_recv() {
                Ok(Event::OpenDirect { reply }) => drop(reply.send(self.direct.open())),
                Ok(Event::Packet { from: Source::Direct(id), .. }) => return Some(id),
                Ok(_) => panic!("neither a link nor a packet of one"),
                Err(_) => tokio::task::yield_now().await,
            }
        }
        None
    }
}

fn packet() -> Frame {
    Frame::Packet(Packet::from_slice(&[1; PACKET_LEN]).unwrap())
}

fn answer(number: u8) -> Frame {
    Frame::Delivery { surb_id: SurbId::from_bytes([number; 16]), payload: Box::new([number; PAYLOAD_LEN]) }
}

/// Sends packets without end, until the link does not take them any more.
fn flood(mut writer: LinkWriter) -> JoinHandle<()> {
    tokio::spawn(async move { while writer.send(&packet()).await.is_ok() {} })
}

#[tokio::test]
async fn a_direct_link_takes_packets_and_gives_answers_in_order() {
    let mut bench = Bench::new();
    let (mut client, _served) = bench.connect(Arrival::Onion).await;
    for number in 0..20 {
        client.send(&packet()).await.unwrap();
        let id = bench.packet().await;
        assert_eq!(id, DirectId::new(0), "one link, one number");
        assert!(bench.direct.try_deliver(id, answer(number)));
        assert_eq!(client.next().await.unwrap(), answer(number));
    }
    assert_eq!((bench.direct.len(), bench.direct.newly_lost()), (1, 0));
}

#[tokio::test]
async fn no_more_packets_are_read_than_may_be_in_flight() {
    let mut bench = Bench::new();
    let (client, _served) = bench.connect(Arrival::Onion).await;
    let (mut reader, writer) = client.split();
    flood(writer);
    for _ in 0..DIRECT_IN_FLIGHT_MAX {
        bench.packet().await;
    }
    assert_eq!(bench.another_packet().await, None);
    let id = DirectId::new(0);
    bench.direct.unanswered(id);
    assert!(bench.another_packet().await.is_some(), "a packet that ended makes room");
    assert_eq!(bench.another_packet().await, None);
    assert!(bench.direct.try_deliver(id, answer(1)));
    reader.next().await.unwrap();
    assert!(bench.another_packet().await.is_some(), "and so does an answer that was written");
    assert_eq!(bench.another_packet().await, None);
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_link_and_its_answers_are_counted() {
    let mut bench = Bench::new();
    let (client, served) = bench.connect(Arrival::Onion).await;
    let (mut reader, mut writer) = client.split();
    let mut taken = 0;
    for _ in 0..DIRECT_IN_FLIGHT_MAX {
        writer.send(&packet()).await.unwrap();
        let id = bench.packet().await;
        taken += u64::from(bench.direct.try_deliver(id, answer(1)));
    }
    assert_eq!(taken, DIRECT_IN_FLIGHT_MAX as u64);
    let error = served.await.unwrap().unwrap_err();
    assert_eq!(error.label(), "stalled");
    assert!(!bench.direct.try_deliver(DirectId::new(0), answer(1)), "the link is gone");
    assert_eq!(bench.direct.len(), 0);
    let mut read = 0;
    while let Ok(frame) = reader.next().await {
        read += u64::from(matches!(frame, Frame::Delivery { .. }));
    }
    let lost = bench.direct.newly_lost();
    assert!(lost > 0 && read > 0, "{lost} {read}");
    assert_eq!(read + lost, taken, "each answer was written whole or is known to be lost");
    assert_eq!(bench.direct.newly_lost(), 0, "and told once");
}

#[tokio::test]
async fn a_client_that_says_nothing_for_too_long_loses_its_link() {
    let mut bench = Bench::new();
    let (mut client, served) = bench.connect(Arrival::Onion).await;
    client.send(&packet()).await.unwrap();
    bench.packet().await;
    let Frame::Refused { label, .. } = client.next().await.unwrap() else { panic!("not refused") };
    assert_eq!(label, "silent");
    assert_eq!(served.await.unwrap().unwrap_err().label(), "silent");
    assert_eq!(bench.direct.len(), 0);
}

#[tokio::test]
async fn one_direct_link_too_many_is_refused_until_another_has_ended() {
    let mut bench = Bench::new();
    let mut opened: Vec<_> = (0..DIRECT_LINKS_MAX).map(|_| bench.direct.open().unwrap()).collect();
    let (mut client, served) = bench.connect(Arrival::Onion).await;
    client.send(&packet()).await.unwrap();
    let Some(Event::OpenDirect { reply }) = bench.events.recv().await else { panic!("no request") };
    drop(reply.send(bench.direct.open()));
    assert!(matches!(client.next().await.unwrap(), Frame::Refused { label, .. } if label == "links-full"));
    assert_eq!(served.await.unwrap().unwrap_err().label(), "links-full");
    opened.pop();
    assert_eq!(bench.direct.len(), DIRECT_LINKS_MAX - 1);
    assert!(bench.direct.open().is_some());
}

#[tokio::test]
async fn a_client_without_a_key_sends_no_packet_by_tcp() {
    let mut bench = Bench::new();
    let (mut client, served) = bench.connect(Arrival::Tcp).await;
    client.send(&packet()).await.unwrap();
    assert!(
        matches!(client.next().await.unwrap(), Frame::Refused { label, .. } if label == "unexpected-frame")
    );
    assert_eq!(served.await.unwrap().unwrap_err().label(), "unexpected-frame");
    assert!(bench.events.try_recv().is_err(), "nothing of it reached the engine");
}

#[tokio::test]
async fn a_direct_link_carries_packets_and_requests_for_the_consensus_and_nothing_else() {
    let mut bench = Bench::new();
    let (mut client, served) = bench.connect(Arrival::Onion).await;
    client.send(&packet()).await.unwrap();
    bench.packet().await;
    client.send(&Frame::ConsensusGet).await.unwrap();
    assert!(matches!(client.next().await.unwrap(), Frame::Refused { label, .. } if label == "no-consensus"));
    client.send(&Frame::SessionOpen { class: 0, resume: None }).await.unwrap();
    assert!(
        matches!(client.next().await.unwrap(), Frame::Refused { label, .. } if label == "unexpected-frame")
    );
    assert_eq!(served.await.unwrap().unwrap_err().label(), "unexpected-frame");
}

#[tokio::test]
async fn a_mailbox_that_ends_writes_what_is_queued_first() {
    let mut bench = Bench::new();
    let (mut client, served) = bench.connect(Arrival::Onion).await;
    for _ in 0..DIRECT_IN_FLIGHT_MAX {
        client.send(&packet()).await.unwrap();
        let id = bench.packet().await;
        assert!(bench.direct.try_deliver(id, answer(2)));
    }
    let reading = async {
        let mut read = 0;
        while client.next().await.is_ok() {
            read += 1;
        }
        read
    };
    let (read, ()) = tokio::join!(reading, bench.direct.close(Duration::from_secs(1)));
    assert_eq!((read, bench.direct.newly_lost()), (DIRECT_IN_FLIGHT_MAX, 0));
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_mailbox_that_ends_does_not_wait_for_a_client_that_does_not_read() {
    let mut bench = Bench::new();
    let (client, served) = bench.connect(Arrival::Onion).await;
    let (_reader, mut writer) = client.split();
    let mut taken = 0;
    for _ in 0..DIRECT_IN_FLIGHT_MAX {
        writer.send(&packet()).await.unwrap();
        let id = bench.packet().await;
        taken += u64::from(bench.direct.try_deliver(id, answer(3)));
    }
    bench.direct.close(SHORT / 10).await;
    // As the end of the node's task does it.
    served.abort();
    assert!(served.await.unwrap_err().is_cancelled());
    let lost = bench.direct.newly_lost();
    assert!(lost > 0 && lost < taken, "{lost} of {taken}: the pipe holds one");
}
