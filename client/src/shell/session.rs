//! Keeps a session with the entry that the engine wants, of the route `mix` or `tor+mix`: connects, resumes, reads,
//! writes, tries again.
//!
//! Packets leave at a constant offset after the moment that the engine drew for them, so that a disk or a
//! processor that was busy with the user's doings does not show on the wire. Which entry, and what the
//! packets are, the engine decides.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use sotto_protocol::frame::{Frame, ResumeToken};
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::limits::PAYLOAD_LEN;
use sotto_protocol::sphinx::{Packet, SurbId};
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::link::{Link, LinkConnector, LinkError, LinkMeter};
use sotto_transport::rng::OsRng;
use tokio::sync::{mpsc, watch};

use super::ways::{Way, Ways};
use crate::core::{CircuitId, Route};

/// How long after its drawn moment each packet leaves. Everything the engine does for it has to fit in.
pub(super) const RELEASE_LAG: Duration = Duration::from_millis(50);
/// How long the entry may take to grant a session: several of Tor's slowest round trips.
const SESSION_WAIT_MAX: Duration = Duration::from_secs(20);
/// The first pause after a failure; it doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// A session that lasted this long counts as a success.
const SESSION_STEADY: Duration = Duration::from_secs(5);
/// Packets that wait for their moment or for the link.
const PACKETS_WAITING_MAX: usize = 256;

/// The session that is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    pub(super) entry: NodeId,
    /// Its address by the route's way.
    pub(super) address: String,
    /// The cover class, as an index into the consensus's list.
    pub(super) class: u8,
    /// Without a frame for this long the link is given up.
    pub(super) silence_max: Duration,
}

/// A packet and when its cover process meant it to leave.
pub(super) struct Outgoing {
    pub(super) due: Timestamp,
    pub(super) packet: Packet,
}

/// What happened, for the engine.
pub(super) enum Report {
    /// There is a session, and this is where its packets go.
    Opened { route: Route, entry: NodeId, session: SessionAddress, packets: mpsc::Sender<Outgoing> },
    /// A `delivery` frame came, by whichever link.
    Delivery { surb_id: SurbId, payload: Box<[u8; PAYLOAD_LEN]> },
    /// The session's link is gone.
    Lost { route: Route, entry: NodeId, error: LinkError },
    /// The entry could not be reached, or granted no session.
    Failed { route: Route, entry: NodeId, error: LinkError },
    /// A circuit's link is there.
    CircuitOpened,
    /// A circuit could not be made, or broke.
    CircuitFailed { circuit: CircuitId, mailbox: NodeId, error: LinkError },
}

/// A session that can be taken up again.
struct Resumable {
    entry: NodeId,
    session: SessionAddress,
    token: ResumeToken,
    lasts: Duration,
    lost_at: Timestamp,
}

/// Keeps the wanted session until nobody wants to know any more. What crosses its links is counted.
pub(super) async fn keep_session(
    route: Route,
    mut ways: watch::Receiver<Ways>,
    clock: Clock,
    mut wanted: watch::Receiver<Option<Wanted>>,
    reports: mpsc::Sender<Report>,
    meter: Arc<LinkMeter>,
) {
    let way = Way::of(route);
    let mut resumable: Option<Resumable> = None;
    let mut failures = 0;
    let mut tried = None;
    loop {
        let target = match wanted.wait_for(Option::is_some).await {
            Ok(target) => target.clone(),
            Err(_) => return,
        };
        let Some(target) = target else { continue };
        wanted.mark_unchanged();
        if tried.replace(target.entry) != Some(target.entry) {
            // One entry's failures are no reason to keep another waiting.
            failures = 0;
        }
        let resume = resumable
            .take()
            .filter(|old| old.entry == target.entry && clock.now() < old.lost_at + old.lasts)
            .map(|old| (old.session, old.token));
        // By Tor each attempt goes by a circuit of its own.
        let Some(connector) = ways.borrow_and_update().connector(way) else {
            tokio::select! {
                changed = ways.changed() => if changed.is_err() { return },
                changed = wanted.changed() => if changed.is_err() { return },
            }
            continue;
        };
        let connector = connector.with_times(way.times(Some(target.silence_max))).with_meter(&meter);
        let opened = tokio::select! {
            opened = open(&connector, &target, resume) => opened,
            // Another entry, or none: this one is no longer of interest.
            _ = wanted.wait_for(|wanted| wanted.as_ref() != Some(&target)) => continue,
        };
        let report = match opened {
            Ok((link, mut granted)) => {
                let opened_at = clock.now();
                let error = use_session(route, link, &granted, &clock, &mut wanted, &target, &reports).await;
                granted.lost_at = clock.now();
                if granted.lost_at.since(opened_at) >= SESSION_STEADY {
                    failures = 0;
                }
                resumable = Some(granted);
                Report::Lost { route, entry: target.entry, error }
            }
            Err(error) => Report::Failed { route, entry: target.entry, error },
        };
        if reports.send(report).await.is_err() {
            return;
        }
        let pause = pause_after(failures, OsRng.random_range(0.5..1.5));
        failures = failures.saturating_add(1);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            changed = wanted.changed() => if changed.is_err() { return },
        }
    }
}

/// Exponential backoff with jitter, so that a restarted entry is not met by everybody at once.
fn pause_after(failures: u32, jitter: f64) -> Duration {
    let doubled = PAUSE_MIN.saturating_mul(2u32.saturating_pow(failures.min(16)));
    doubled.min(PAUSE_MAX).mul_f64(jitter)
}

async fn open(
    connector: &LinkConnector,
    target: &Wanted,
    resume: Option<(SessionAddress, ResumeToken)>,
) -> Result<(Link, Resumable), LinkError> {
    let mut link = connector.connect(&target.entry, &target.address).await?;
    link.send(&Frame::SessionOpen { class: target.class, resume }).await?;
    let granted = async {
        loop {
            match link.next().await? {
                Frame::SessionOpened { session, token, resumable_s } => {
                    return Ok(Resumable {
                        entry: target.entry,
                        session,
                        token,
                        lasts: Duration::from_secs(resumable_s.into()),
                        lost_at: Timestamp::NEVER,
                    });
                }
                Frame::Refused { label, text } => return Err(LinkError::Refused { label, text }),
                Frame::Dummy => {}
                _ => return Err(LinkError::Unexpected("the grant of a session")),
            }
        }
    };
    let granted = tokio::time::timeout(SESSION_WAIT_MAX, granted)
        .await
        .unwrap_or(Err(LinkError::Silent(SESSION_WAIT_MAX)))?;
    Ok((link, granted))
}

/// Carries frames until the link fails or another session is wanted.
async fn use_session(
    route: Route,
    link: Link,
    granted: &Resumable,
    clock: &Clock,
    wanted: &mut watch::Receiver<Option<Wanted>>,
    target: &Wanted,
    reports: &mpsc::Sender<Report>,
) -> LinkError {
    let (packets, mut outgoing) = mpsc::channel::<Outgoing>(PACKETS_WAITING_MAX);
    let opened = Report::Opened { route, entry: granted.entry, session: granted.session, packets };
    if reports.send(opened).await.is_err() {
        return LinkError::Closed;
    }
    let (mut reader, mut writer) = link.split();
    let write = async {
        while let Some(Outgoing { due, packet }) = outgoing.recv().await {
            clock.sleep_until(due + RELEASE_LAG).await;
            if let Err(error) = writer.send(&Frame::Packet(packet)).await {
                return error;
            }
        }
        LinkError::Closed
    };
    let read = async {
        loop {
            match reader.next().await {
                Ok(Frame::Delivery { surb_id, payload }) => {
                    if reports.send(Report::Delivery { surb_id, payload }).await.is_err() {
                        return LinkError::Closed;
                    }
                }
                Ok(Frame::Dummy) => {}
                Ok(Frame::Refused { label, text }) => return LinkError::Refused { label, text },
                Ok(_) => return LinkError::Unexpected("a delivery or a dummy"),
                Err(error) => return error,
            }
        }
    };
    tokio::select! {
        error = write => error,
        error = read => error,
        _ = wanted.wait_for(|wanted| wanted.as_ref() != Some(target)) => LinkError::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_are_spread() {
        assert_eq!(pause_after(0, 1.0), Duration::from_millis(250));
        assert_eq!(pause_after(3, 1.0), Duration::from_secs(2));
        assert_eq!(pause_after(7, 1.0), Duration::from_secs(30));
        assert_eq!(pause_after(u32::MAX, 1.0), Duration::from_secs(30));
        assert_eq!(pause_after(0, 0.5), Duration::from_millis(125));
    }
}
