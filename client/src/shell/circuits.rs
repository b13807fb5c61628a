//! Links of the route `tor`: one Tor circuit to one mailbox for each circuit that the engine names.
//!
//! Each is opened for its first packet, through circuits that nothing else shares, and ends when the engine closes
//! it or nothing has passed for a while. What goes over which circuit, and for how long, the engine decides; how an
//! isolated stream is made is the connector's matter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::NodeId;
use sotto_transport::clock::Clock;
use sotto_transport::link::{LinkConnector, LinkError};
use tokio::sync::{mpsc, oneshot};

use super::session::{Outgoing, RELEASE_LAG, Report};
use crate::core::CircuitId;

/// Packets that wait for a circuit to open, or for its link to take them. The engine sends one every few seconds, and
/// opening takes a minute at most.
const PACKETS_WAITING_MAX: usize = 64;
/// Circuits that run at once: more than the engine ever keeps.
const CIRCUITS_RUNNING_MAX: usize = 256;
/// A circuit over which nothing has passed for this long is closed. Its next packet opens a fresh one.
const IDLE_MAX: Duration = Duration::from_secs(180);

/// Where a circuit leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mailbox {
    pub(super) node: NodeId,
    /// Its onion service, `host:port`.
    pub(super) address: String,
}

/// The circuits that are open or being opened.
pub(super) struct Circuits {
    open: BTreeMap<CircuitId, Open>,
    reports: mpsc::Sender<Report>,
    clock: Clock,
    /// Each task holds a clone, so that they can be counted.
    running: Arc<()>,
    idle_max: Duration,
}

/// One circuit, as this side holds it. Dropping it closes the circuit.
struct Open {
    packets: mpsc::Sender<Outgoing>,
    /// Ends the attempt to open it, if that still goes on.
    _closing: oneshot::Sender<Never>,
}

/// What is never sent: the channel only tells that its sender is gone.
enum Never {}

/// What a circuit's task works with.
struct Task {
    connector: LinkConnector,
    mailbox: Mailbox,
    clock: Clock,
    reports: mpsc::Sender<Report>,
    idle_max: Duration,
}

impl Circuits {
    /// None yet. What happens on them is told to `reports`.
    pub(super) fn new(reports: mpsc::Sender<Report>, clock: Clock) -> Self {
        Self { open: BTreeMap::new(), reports, clock, running: Arc::default(), idle_max: IDLE_MAX }
    }

    /// Sends a packet by this circuit. A connector is asked for if the circuit has to be opened.
    ///
    /// # Errors
    /// [`CircuitRefusal`]: the packet goes nowhere.
    pub(super) fn send(
        &mut self,
        circuit: CircuitId,
        packet: Outgoing,
        mailbox: impl FnOnce() -> Option<Mailbox>,
        connector: impl FnOnce() -> Option<LinkConnector>,
    ) -> Result<(), CircuitRefusal> {
        self.open.retain(|_, open| !open.packets.is_closed());
        if let Some(open) = self.open.get(&circuit) {
            return open.packets.try_send(packet).map_err(|_| CircuitRefusal::Behind);
        }
        if Arc::strong_count(&self.running) > CIRCUITS_RUNNING_MAX {
            return Err(CircuitRefusal::Full);
        }
        let mailbox = mailbox().ok_or(CircuitRefusal::NoOnionService)?;
        let connector = connector().ok_or(CircuitRefusal::NoTor)?;
        let (packets, outgoing) = mpsc::channel(PACKETS_WAITING_MAX);
        packets.try_send(packet).map_err(|_| CircuitRefusal::Behind)?;
        let (closing, closed) = oneshot::channel();
        self.open.insert(circuit, Open { packets, _closing: closing });
        let (reports, running, node) = (self.reports.clone(), Arc::clone(&self.running), mailbox.node);
        let task = Task {
            connector,
            mailbox,
            clock: self.clock.clone(),
            reports: reports.clone(),
            idle_max: self.idle_max,
        };
        tokio::spawn(async move {
            let _running = running;
            if let Err(error) = carry(task, outgoing, closed).await {
                // Without anybody to tell, everything is ending.
                let _told = reports.send(Report::CircuitFailed { circuit, mailbox: node, error }).await;
            }
        });
        Ok(())
    }

    /// Closes a circuit: nothing is sent over it after what waits already.
    pub(super) fn close(&mut self, circuit: CircuitId) {
        self.open.remove(&circuit);
    }
}

/// Why a packet finds no circuit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum CircuitRefusal {
    /// As many packets as may wait for one circuit do.
    #[error("the circuit takes packets more slowly than they come")]
    Behind,
    /// As many circuits as may run do.
    #[error("{CIRCUITS_RUNNING_MAX} circuits are running, as many as may")]
    Full,
    /// The consensus names none for this mailbox.
    #[error(
        "the consensus names no onion service of this mailbox: ask its operator for one, or use another route"
    )]
    NoOnionService,
    /// Tor has not been started.
    #[error("Tor is not running: `sotto doctor` says why")]
    NoTor,
}

impl CircuitRefusal {
    /// The stable name of the reason.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Behind => "circuit-behind",
            Self::Full => "circuits-full",
            Self::NoOnionService => "mailbox-no-onion",
            Self::NoTor => "tor-not-running",
        }
    }
}

/// Carries one circuit's packets and answers. `Ok` when it ended in good order.
async fn carry(
    task: Task,
    mut outgoing: mpsc::Receiver<Outgoing>,
    closed: oneshot::Receiver<Never>,
) -> Result<(), LinkError> {
    let Task { connector, mailbox, clock, reports, idle_max } = task;
    let link = tokio::select! {
        link = connector.connect(&mailbox.node, &mailbox.address) => link?,
        // The engine no longer waits for it.
        _ = closed => return Ok(()),
    };
    if reports.send(Report::CircuitOpened).await.is_err() {
        return Ok(());
    }
    let (mut reader, mut writer) = link.split();
    let write = async {
        loop {
            match tokio::time::timeout(idle_max, outgoing.recv()).await {
                Ok(Some(Outgoing { due, packet })) => {
                    clock.sleep_until(due + RELEASE_LAG).await;
                    writer.send(&Frame::Packet(packet)).await?;
                }
                Ok(None) => break,
                // Nothing more is taken; what was handed over this very moment still goes.
                Err(_) => outgoing.close(),
            }
        }
        Ok(())
    };
    let read = async {
        loop {
            match reader.next().await {
                Ok(Frame::Delivery { surb_id, payload }) => {
                    if reports.send(Report::Delivery { surb_id, payload }).await.is_err() {
                        return Ok(());
                    }
                }
                Ok(Frame::Dummy) => {}
                Ok(Frame::Refused { label, text }) => return Err(LinkError::Refused { label, text }),
                Ok(_) => return Err(LinkError::Unexpected("an answer of the mailbox")),
                Err(error) => return Err(error),
            }
        }
    };
    tokio::select! {
        ended = write => ended,
        ended = read => ended,
    }
}

#[cfg(test)]
mod tests;
