//! The clients of the entry: how long each is there, away, or gone for good.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha20Rng;
use sotto_mix_node::core::{Mix, SESSION_RESUMABLE};
use sotto_protocol::frame::ResumeToken;
use sotto_protocol::ident::SessionAddress;
use sotto_protocol::sphinx::draw_exponential;
use sotto_protocol::time::Timestamp;

/// How long a client is connected on average, until its connection ends.
const CONNECTED_MEAN: Duration = Duration::from_secs(360);
/// How long it is away on average. Three of ten are away too long for their session.
const AWAY_MEAN: Duration = Duration::from_secs(250);

/// One client. It has one session after the other.
pub struct Person {
    session: Option<(SessionAddress, ResumeToken)>,
    connected: bool,
    away_since: Timestamp,
}

impl Person {
    /// Somebody without a session.
    pub const fn new() -> Self {
        Self { session: None, connected: false, away_since: Timestamp::from_micros(0) }
    }

    /// The session, if it is connected.
    pub fn connected(&self) -> Option<SessionAddress> {
        self.session().filter(|_| self.connected)
    }

    /// The session, whether it is connected, away or has expired.
    pub fn session(&self) -> Option<SessionAddress> {
        self.session.as_ref().map(|(address, _)| *address)
    }

    /// Comes or goes, and says how long it stays or stays away.
    pub fn act(&mut self, now: Timestamp, mix: &mut Mix, rng: &mut ChaCha20Rng) -> Duration {
        if self.connected {
            self.connected = false;
            self.away_since = now;
            if let Some((address, _)) = &self.session {
                mix.session_disconnected(now, address);
            }
            return draw_exponential(AWAY_MEAN, rng);
        }
        let is_over = now.since(self.away_since) >= SESSION_RESUMABLE;
        // Some have lost their token.
        let resumed = self.session.as_ref().filter(|_| rng.random::<f64>() < 0.9);
        let granted = mix.open_session(now, 0, resumed, rng);
        assert!(granted.is_ok() || is_over, "a session that is not over can be resumed");
        let grant = granted.or_else(|_| mix.open_session(now, 0, None, rng)).expect("there is room");
        self.session = Some((grant.session, grant.token));
        self.connected = true;
        draw_exponential(CONNECTED_MEAN, rng)
    }
}
