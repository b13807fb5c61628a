//! Circuits against mailboxes that the test plays, over streams in memory.

use std::io;
use std::sync::Mutex;

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::NodeSecret;
use sotto_protocol::limits::{PACKET_LEN, PAYLOAD_LEN};
use sotto_protocol::sphinx::{Packet, SurbId};
use sotto_transport::dial::{BoxFuture, BoxStream, Dialer};
use sotto_transport::link::{Link, LinkAcceptor, LinkTimes};
use zeroize::Zeroizing;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// Hands the other end of each stream to the test, or fails, or never answers.
#[derive(Clone)]
struct Memory {
    streams: mpsc::UnboundedSender<BoxStream>,
    dialed: Arc<Mutex<Vec<String>>>,
    manner: Manner,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Answers,
    Fails,
    Hangs,
}

impl Dialer for Memory {
    fn dial<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            self.dialed.lock().unwrap().push(address.to_owned());
            match self.manner {
                Manner::Hangs => std::future::pending().await,
                Manner::Fails => Err(io::Error::other("the service is not there")),
                Manner::Answers => {
                    let (near, far) = tokio::io::duplex(1 << 16);
                    self.streams.send(Box::new(far)).unwrap();
                    Ok(Box::new(near) as BoxStream)
                }
            }
        })
    }
}

/// The circuits, and the mailbox at their other end.
struct Bench {
    circuits: Circuits,
    reports: mpsc::Receiver<Report>,
    dialer: Memory,
    streams: mpsc::UnboundedReceiver<BoxStream>,
}

impl Bench {
    fn new(manner: Manner) -> Self {
        let (report, reports) = mpsc::channel(16);
        let (opened, streams) = mpsc::unbounded_channel();
        let dialer = Memory { streams: opened, dialed: Arc::default(), manner };
        Self { circuits: Circuits::new(report, Clock::system()), reports, dialer, streams }
    }

    fn send(&mut self, circuit: u64, mark: u8) -> Result<(), CircuitRefusal> {
        let connector = LinkConnector::anonymous(Arc::new(self.dialer.clone()), LinkTimes::default());
        let mailbox = Mailbox { node: secret().id(), address: format!("{}.onion:1", "a".repeat(56)) };
        let packet = Outgoing { due: Clock::system().now(), packet: packet(mark) };
        self.circuits.send(CircuitId::from_number(circuit), packet, || Some(mailbox), || Some(connector))
    }

    fn dials(&self) -> usize {
        self.dialer.dialed.lock().unwrap().len()
    }

    async fn accept(&mut self) -> Link {
        let acceptor = LinkAcceptor::new(&secret(), LinkTimes::default()).unwrap();
        let stream = tokio::time::timeout(PATIENCE, self.streams.recv()).await.unwrap().unwrap();
        acceptor.accept(stream).await.unwrap()
    }

    async fn report(&mut self) -> Report {
        tokio::time::timeout(PATIENCE, self.reports.recv()).await.expect("nothing was reported").unwrap()
    }
}

fn secret() -> NodeSecret {
    NodeSecret::from_seed(&Zeroizing::new([5; 32]))
}

/// A packet that can be told from others.
fn packet(mark: u8) -> Packet {
    Packet::from_slice(&[mark; PACKET_LEN]).unwrap()
}

/// The mark of the next packet that the mailbox gets.
async fn mark(link: &mut Link) -> u8 {
    match tokio::time::timeout(PATIENCE, link.next()).await.unwrap().unwrap() {
        Frame::Packet(packet) => packet.as_bytes()[0],
        other => panic!("no packet but {other:?}"),
    }
}

#[tokio::test]
async fn the_first_packet_opens_a_circuit_and_the_following_ones_use_it() {
    let mut bench = Bench::new(Manner::Answers);
    for packet in 1..=3 {
        bench.send(7, packet).unwrap();
    }
    let mut link = bench.accept().await;
    assert!(matches!(bench.report().await, Report::CircuitOpened));
    for packet in 1..=3 {
        assert_eq!(mark(&mut link).await, packet);
    }
    let surb_id = SurbId::from_bytes([9; 16]);
    link.send(&Frame::Dummy).await.unwrap();
    link.send(&Frame::Delivery { surb_id, payload: Box::new([1; PAYLOAD_LEN]) }).await.unwrap();
    let Report::Delivery { surb_id: told, payload } = bench.report().await else { panic!("no delivery") };
    assert_eq!((told, payload[0]), (surb_id, 1));
    assert_eq!(bench.dials(), 1);
}

#[tokio::test]
async fn two_circuits_to_one_mailbox_are_two_streams() {
    let mut bench = Bench::new(Manner::Answers);
    bench.send(1, 1).unwrap();
    let mut one = bench.accept().await;
    bench.send(2, 2).unwrap();
    let mut other = bench.accept().await;
    assert_eq!((mark(&mut one).await, mark(&mut other).await), (1, 2));
    assert_eq!(bench.dials(), 2);
}

#[tokio::test]
async fn packets_wait_in_a_bounded_queue_while_the_circuit_opens() {
    let mut bench = Bench::new(Manner::Hangs);
    for _ in 0..PACKETS_WAITING_MAX {
        bench.send(1, 0).unwrap();
    }
    assert_eq!(bench.send(1, 0), Err(CircuitRefusal::Behind));
    assert_eq!(bench.send(2, 0), Ok(()), "one circuit is no reason to hold up another");
}

#[tokio::test]
async fn circuits_are_bounded_in_number_and_end_when_they_are_closed() {
    let mut bench = Bench::new(Manner::Hangs);
    for circuit in 0..u64::try_from(CIRCUITS_RUNNING_MAX).unwrap() {
        bench.send(circuit, 0).unwrap();
    }
    assert_eq!(bench.send(9999, 0), Err(CircuitRefusal::Full));
    // Those that are not open yet give up at once.
    bench.circuits.close(CircuitId::from_number(3));
    let room = async {
        while bench.send(9999, 0).is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, room).await.unwrap();
    assert!(bench.reports.try_recv().is_err(), "a circuit that was closed has not failed");
}

#[tokio::test]
async fn a_circuit_that_cannot_be_made_is_reported_and_made_anew_for_the_next_packet() {
    let mut bench = Bench::new(Manner::Fails);
    for attempt in 1..=2 {
        bench.send(1, 0).unwrap();
        let Report::CircuitFailed { circuit, mailbox, error } = bench.report().await else {
            panic!("no failure")
        };
        assert_eq!((circuit, mailbox), (CircuitId::from_number(1), secret().id()));
        assert_eq!(error.label(), "unreachable");
        assert_eq!(bench.dials(), attempt);
    }
}

#[tokio::test]
async fn a_circuit_that_breaks_is_reported_with_the_reason() {
    let mut bench = Bench::new(Manner::Answers);
    for (circuit, label) in [(1, "closed"), (2, "refused"), (3, "unexpected-frame")] {
        bench.send(circuit, 0).unwrap();
        let mut link = bench.accept().await;
        assert!(matches!(bench.report().await, Report::CircuitOpened));
        match label {
            "closed" => drop(link),
            "refused" => link.refuse("direct-links-full", "as many as this mailbox serves are open"),
            _ => link.send(&Frame::Accepted).await.unwrap(),
        }
        let Report::CircuitFailed { circuit: told, error, .. } = bench.report().await else {
            panic!("no failure")
        };
        assert_eq!((told, error.label()), (CircuitId::from_number(circuit), label));
    }
}

#[tokio::test]
async fn closing_a_circuit_lets_what_waits_go_and_ends_the_stream() {
    let mut bench = Bench::new(Manner::Answers);
    bench.send(1, 1).unwrap();
    let mut link = bench.accept().await;
    assert_eq!(mark(&mut link).await, 1);
    bench.send(1, 2).unwrap();
    bench.circuits.close(CircuitId::from_number(1));
    assert_eq!(mark(&mut link).await, 2);
    assert_eq!(link.next().await.unwrap_err().label(), "closed");
    assert!(matches!(bench.report().await, Report::CircuitOpened));
    assert!(bench.reports.try_recv().is_err());
}

#[tokio::test]
async fn an_idle_circuit_is_closed_and_the_next_packet_opens_a_fresh_one() {
    let mut bench = Bench::new(Manner::Answers);
    bench.circuits.idle_max = Duration::from_millis(30);
    bench.send(1, 1).unwrap();
    let mut link = bench.accept().await;
    assert_eq!(mark(&mut link).await, 1);
    assert_eq!(link.next().await.unwrap_err().label(), "closed");
    bench.send(1, 2).unwrap();
    let mut link = bench.accept().await;
    assert_eq!(mark(&mut link).await, 2);
    assert_eq!(bench.dials(), 2);
}

#[tokio::test]
async fn without_an_onion_service_or_tor_nothing_is_dialed() {
    let mut bench = Bench::new(Manner::Answers);
    let circuit = CircuitId::from_number(1);
    let outgoing = || Outgoing { due: Clock::system().now(), packet: packet(0) };
    let mailbox = Mailbox { node: secret().id(), address: "x".to_owned() };
    let refused = bench.circuits.send(circuit, outgoing(), || None, || unreachable!("nowhere to go"));
    assert_eq!(refused.unwrap_err().label(), "mailbox-no-onion");
    let refused = bench.circuits.send(circuit, outgoing(), || Some(mailbox), || None);
    assert_eq!(refused.unwrap_err().label(), "tor-not-running");
}
