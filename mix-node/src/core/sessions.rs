//! All sessions of an entry: opening, resuming, expiry, and the shaping of their downlinks.
//!
//! A connected session's downlink is a Poisson process of its class: at each tick one frame goes down,
//! a waiting packet or else a dummy, so that nobody on the wire sees when something arrived. Which
//! frames exist is not decided here; the mix turns events into actions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::frame::ResumeToken;
use sotto_protocol::ident::SessionAddress;
use sotto_protocol::time::Timestamp;

use super::allowance::{Allowance, UplinkRefusal};
use super::config::{DOWNLINK_QUEUE_MAX, SESSION_RESUMABLE, SESSIONS_EXPIRED_MAX};
use super::poisson::PoissonClock;
use super::refusal::{DropLabel, SessionRefusal};
use super::session::{Delivery, Session, SessionGrant, SessionState};
use super::session_deadlines::SessionDeadlines;

/// What fell due for a session.
pub(crate) enum SessionEvent {
    /// A tick of the downlink: send this, or else a dummy. It was due so long ago.
    Tick { session: SessionAddress, delivery: Option<Delivery>, late: Duration },
    /// The session ended with so many packets still waiting.
    Expired { waiting: usize },
}

/// How fast a class's frames go.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// The mean interval of what goes down.
    pub(crate) downlink_interval_mean: Duration,
    /// The interval of what comes up, of a client that sends as much as it may.
    pub(crate) uplink_interval: Duration,
}

/// A session that was opened, and what had to go for it.
pub(crate) struct Opened {
    pub(crate) grant: SessionGrant,
    /// A session without a connection that made room.
    pub(crate) displaced: Option<Ended>,
}

/// A session that was ended before its time.
pub(crate) struct Ended {
    pub(crate) session: SessionAddress,
    pub(crate) connected: bool,
    pub(crate) waiting: usize,
}

/// The sessions of one entry.
pub(crate) struct Sessions {
    sessions: BTreeMap<SessionAddress, Session>,
    deadlines: SessionDeadlines,
    expired: ExpiredAddresses,
    waiting: usize,
    waiting_max: usize,
    sessions_max: usize,
}

impl Sessions {
    /// No session yet, and never more than `sessions_max`, nor more than `waiting_max` packets that wait for all of
    /// them together.
    pub(crate) const fn new(sessions_max: usize, waiting_max: usize) -> Self {
        Self {
            sessions: BTreeMap::new(),
            deadlines: SessionDeadlines::new(),
            expired: ExpiredAddresses::new(),
            waiting: 0,
            waiting_max,
            sessions_max,
        }
    }

    /// Keeps at most so many from now on; those that are there stay.
    pub(crate) const fn set_max(&mut self, sessions_max: usize, waiting_max: usize) {
        self.sessions_max = sessions_max;
        self.waiting_max = waiting_max;
    }

    /// Opens a session, or resumes one if address and token fit; its downlink starts to tick. Where there is no
    /// room, the session that has waited longest to be resumed ends: it costs nothing to leave sessions
    /// behind, so they must not keep anybody out.
    pub(crate) fn open(
        &mut self,
        now: Timestamp,
        class: u8,
        pace: Pace,
        resume: Option<&(SessionAddress, ResumeToken)>,
        rng: &mut impl CryptoRng,
    ) -> Result<Opened, SessionRefusal> {
        let downlink = PoissonClock::new(now, pace.downlink_interval_mean, rng);
        let state = SessionState::Connected { downlink };
        if let Some((address, token)) = resume {
            let session = self.sessions.get_mut(address).filter(|session| session.token == *token);
            let session = session.ok_or(SessionRefusal::ResumeRefused)?;
            self.deadlines.remove(*address, &session.state);
            session.class = class;
            session.state = state;
            self.deadlines.insert(*address, &session.state);
            let token = session.token.clone();
            let grant =
                SessionGrant { session: *address, token, resumable: SESSION_RESUMABLE, class, resumed: true };
            return Ok(Opened { grant, displaced: None });
        }
        let mut displaced = None;
        if self.sessions.len() >= self.sessions_max {
            displaced = self.deadlines.first_end().and_then(|address| self.end(&address));
            if displaced.is_none() {
                return Err(SessionRefusal::SessionsFull { sessions_max: self.sessions_max });
            }
        }
        let address = SessionAddress::generate(rng);
        let token = ResumeToken::generate(rng);
        let allowance = Allowance::new(now, pace.uplink_interval);
        let session = Session { class, token: token.clone(), allowance, state, waiting: VecDeque::new() };
        self.deadlines.insert(address, &session.state);
        self.sessions.insert(address, session);
        let grant =
            SessionGrant { session: address, token, resumable: SESSION_RESUMABLE, class, resumed: false };
        Ok(Opened { grant, displaced })
    }

    /// Whether a connected client may send one more packet now; the packet then counts. `uplink_interval` tells a
    /// class's.
    pub(crate) fn admit(
        &mut self,
        now: Timestamp,
        address: &SessionAddress,
        uplink_interval: impl Fn(u8) -> Option<Duration>,
    ) -> Result<(), UplinkRefusal> {
        let session = self.sessions.get_mut(address);
        let session = session.filter(|session| matches!(session.state, SessionState::Connected { .. }));
        let session = session.ok_or(UplinkRefusal::SessionUnknown)?;
        let interval = uplink_interval(session.class).ok_or(UplinkRefusal::SessionUnknown)?;
        session.allowance.take(now, interval)
    }

    /// Notes that a session's connection ended; from now on it can be resumed for a while.
    pub(crate) fn disconnect(&mut self, now: Timestamp, address: &SessionAddress) {
        let Some(session) = self.sessions.get_mut(address) else {
            return;
        };
        if matches!(session.state, SessionState::Connected { .. }) {
            self.deadlines.remove(*address, &session.state);
            session.state = SessionState::Resumable { expires: now + SESSION_RESUMABLE };
            self.deadlines.insert(*address, &session.state);
        }
    }

    /// Lets a packet wait for its session's downlink.
    pub(crate) fn enqueue(&mut self, address: &SessionAddress, delivery: Delivery) -> Result<(), DropLabel> {
        let Some(session) = self.sessions.get_mut(address) else {
            let known = self.expired.contains(address);
            return Err(if known { DropLabel::SessionExpired } else { DropLabel::SessionUnknown });
        };
        if session.waiting.len() >= DOWNLINK_QUEUE_MAX {
            return Err(DropLabel::DownlinkFull);
        }
        if self.waiting >= self.waiting_max {
            return Err(DropLabel::HeldFull);
        }
        session.waiting.push_back(delivery);
        self.waiting += 1;
        Ok(())
    }

    /// When the next event falls due, [`Timestamp::NEVER`] if none will.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.deadlines.first()
    }

    /// Takes the next event that is due, if any. Each tick of a downlink takes exactly one draw from
    /// `rng`, whether a packet waits or not.
    pub(crate) fn pop_due(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Option<SessionEvent> {
        let address = self.deadlines.pop_due(now)?;
        let session = self.sessions.get_mut(&address)?;
        if let SessionState::Connected { downlink } = &mut session.state {
            let late = now.since(downlink.due());
            downlink.advance(now, rng);
            let delivery = session.waiting.pop_front();
            self.waiting -= usize::from(delivery.is_some());
            self.deadlines.insert(address, &session.state);
            return Some(SessionEvent::Tick { session: address, delivery, late });
        }
        self.end(&address).map(|ended| SessionEvent::Expired { waiting: ended.waiting })
    }

    /// Adopts a consensus' downlink intervals and ends the sessions whose class it no longer has.
    pub(crate) fn retune(
        &mut self,
        now: Timestamp,
        interval_mean: impl Fn(u8) -> Option<Duration>,
        rng: &mut impl CryptoRng,
    ) -> Vec<Ended> {
        let mut classless = vec![];
        for (address, session) in &mut self.sessions {
            let Some(mean) = interval_mean(session.class) else {
                classless.push(*address);
                continue;
            };
            if let SessionState::Connected { downlink } = &mut session.state {
                let before = downlink.due();
                downlink.set_interval_mean(now, mean, rng);
                self.deadlines.move_tick(*address, before, downlink.due());
            }
        }
        classless.iter().filter_map(|address| self.end(address)).collect()
    }

    /// Ends every session.
    pub(crate) fn end_all(&mut self) -> Vec<Ended> {
        let addresses: Vec<_> = self.sessions.keys().copied().collect();
        addresses.iter().filter_map(|address| self.end(address)).collect()
    }

    /// Ends a session, whatever its state.
    pub(crate) fn end(&mut self, address: &SessionAddress) -> Option<Ended> {
        let session = self.sessions.remove(address)?;
        let connected = matches!(session.state, SessionState::Connected { .. });
        self.deadlines.remove(*address, &session.state);
        self.waiting -= session.waiting.len();
        self.expired.insert(*address);
        Some(Ended { session: *address, connected, waiting: session.waiting.len() })
    }

    /// Packets that wait for all downlinks together.
    pub(crate) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many addresses of sessions that ended are remembered.
    pub(crate) fn expired_remembered(&self) -> usize {
        self.expired.order.len()
    }

    /// How many sessions are connected and how many can be resumed.
    pub(crate) fn count(&self) -> (usize, usize) {
        self.deadlines.count()
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sessions.values()).finish()
    }
}

/// The latest addresses that ended, of bounded number.
struct ExpiredAddresses {
    order: VecDeque<SessionAddress>,
    addresses: BTreeSet<SessionAddress>,
}

impl ExpiredAddresses {
    const fn new() -> Self {
        Self { order: VecDeque::new(), addresses: BTreeSet::new() }
    }

    fn contains(&self, address: &SessionAddress) -> bool {
        self.addresses.contains(address)
    }

    fn insert(&mut self, address: SessionAddress) {
        if self.addresses.insert(address) {
            self.order.push_back(address);
        }
        if self.order.len() > SESSIONS_EXPIRED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.addresses.remove(&oldest);
        }
    }
}
