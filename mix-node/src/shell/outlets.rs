//! The ways from the core to the clients' connections: one bounded queue each.
//!
//! A session can be taken over by a new connection while the old one is still there, so each connection
//! has a number, and only the newest one's end is the end of its session's connection.

use std::collections::{HashMap, HashSet};

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::SessionAddress;
use tokio::sync::{mpsc, oneshot};

use crate::core::SessionGrant;

/// Frames that wait for one client's connection. A client that lets more pile up is as good as gone.
pub(crate) const OUTLET_FRAMES_MAX: usize = 64;

/// Where frames for one client go in. Boxed, because a channel keeps room for 32 of what it carries while it is empty.
pub(crate) type FrameSender = mpsc::Sender<Box<Frame>>;
/// Where they come out.
pub(crate) type FrameReceiver = mpsc::Receiver<Box<Frame>>;

/// A client's session as its link's task gets it.
pub(crate) struct OpenedSession {
    pub(crate) grant: SessionGrant,
    /// Tells this connection from an earlier one of the same session.
    pub(crate) connection: u64,
    /// What to send, in the order to send it. Closed when the connection is to end.
    pub(crate) frames: FrameReceiver,
    /// Why it is to end. Without a reason, another connection has taken the session over.
    pub(crate) closing: oneshot::Receiver<&'static str>,
}

struct Outlet {
    connection: u64,
    frames: FrameSender,
    closing: oneshot::Sender<&'static str>,
}

/// The connections of all clients.
#[derive(Default)]
pub(crate) struct Outlets {
    by_session: HashMap<SessionAddress, Outlet>,
    /// The connections whose tasks have not said that they ended.
    open: HashSet<u64>,
    connection_next: u64,
}

impl Outlets {
    /// Makes the way to a new connection. A connection that the session had before is let go of.
    pub(crate) fn open(&mut self, grant: SessionGrant) -> OpenedSession {
        let connection = self.connection_next;
        self.connection_next += 1;
        let (frames, frames_out) = mpsc::channel(OUTLET_FRAMES_MAX);
        let (closing, closing_out) = oneshot::channel();
        self.by_session.insert(grant.session, Outlet { connection, frames, closing });
        self.open.insert(connection);
        OpenedSession { grant, connection, frames: frames_out, closing: closing_out }
    }

    /// Queues a frame for a session's connection; `false` if there is none or it takes no more.
    pub(crate) fn try_send(&self, session: &SessionAddress, frame: Frame) -> bool {
        self.by_session.get(session).is_some_and(|outlet| outlet.frames.try_send(Box::new(frame)).is_ok())
    }

    /// Lets the session's connection send what is queued, tell its client why, and end.
    pub(crate) fn close(&mut self, session: &SessionAddress, label: &'static str) {
        if let Some(outlet) = self.by_session.remove(session) {
            // A task that is gone needs no reason.
            let _told = outlet.closing.send(label);
        }
    }

    /// Notes that a connection's task ended. Says whether the session has no connection now that it had one.
    pub(crate) fn ended(&mut self, session: &SessionAddress, connection: u64) -> bool {
        self.open.remove(&connection);
        let was_newest = self.by_session.get(session).is_some_and(|outlet| outlet.connection == connection);
        if was_newest {
            self.by_session.remove(session);
        }
        was_newest
    }

    /// Whether the tasks of all connections have ended.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sotto_protocol::frame::ResumeToken;

    use super::*;

    fn grant(byte: u8) -> SessionGrant {
        SessionGrant {
            session: SessionAddress::from_bytes([byte; 32]),
            token: ResumeToken::from_bytes([byte; 32]),
            resumable: Duration::from_secs(1),
            class: 0,
            resumed: false,
        }
    }

    #[test]
    fn the_end_of_a_replaced_connection_is_not_the_end_of_its_session() {
        let mut outlets = Outlets::default();
        let session = grant(1).session;
        let mut first = outlets.open(grant(1));
        let mut second = outlets.open(grant(1));
        assert!(first.frames.try_recv().is_err() && first.frames.is_closed());
        assert!(first.closing.try_recv().is_err(), "replaced, not closed");
        assert!(!outlets.ended(&session, first.connection));
        assert!(outlets.try_send(&session, Frame::Dummy));
        assert!(second.frames.try_recv().is_ok());
        assert!(outlets.ended(&session, second.connection));
        assert!(outlets.is_empty());
    }

    #[test]
    fn a_closed_connection_gets_its_queue_and_the_reason() {
        let mut outlets = Outlets::default();
        let session = grant(1).session;
        let mut opened = outlets.open(grant(1));
        assert!(outlets.try_send(&session, Frame::Dummy));
        outlets.close(&session, "stopping");
        assert!(!outlets.try_send(&session, Frame::Dummy));
        assert_eq!(*opened.frames.try_recv().unwrap(), Frame::Dummy);
        assert!(opened.frames.try_recv().is_err());
        assert_eq!(opened.closing.try_recv().unwrap(), "stopping");
        assert!(!outlets.is_empty());
        assert!(!outlets.ended(&session, opened.connection), "the core knows already");
        assert!(outlets.is_empty());
    }

    #[test]
    fn a_connection_that_takes_nothing_fills_up() {
        let mut outlets = Outlets::default();
        let session = grant(1).session;
        let _opened = outlets.open(grant(1));
        for _ in 0..OUTLET_FRAMES_MAX {
            assert!(outlets.try_send(&session, Frame::Dummy));
        }
        assert!(!outlets.try_send(&session, Frame::Dummy));
        assert!(!outlets.try_send(&grant(2).session, Frame::Dummy), "nobody there");
    }
}
