//! A node's onion service: what its configuration says of it, how the service is hosted, and how it is doing.
//!
//! Only a node that is configured for it starts Tor. What comes in by the service are links like others; what they
//! may do is for the node's shell to say, which is told of each link by which way it came.

use std::fmt;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use super::error::NodeError;
use super::layout;
use super::shutdown::Shutdown;
use crate::caller::Caller;
use crate::dial::{BoxFuture, BoxStream, Listener};
use crate::tor::{OnionServiceConfig, OnionState, OnionStatus, Tor, TorConfig, TorStatus};

/// By which way a link came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// By the node's port. Its address is known to the system.
    Tcp,
    /// By the node's onion service: nobody here can know from where.
    Onion,
}

/// The onion service of a node that has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnionPlan {
    /// How Tor is reached.
    pub tor: TorConfig,
    /// Who may find the service.
    pub service: OnionServiceConfig,
}

impl OnionPlan {
    /// From the settings `onion`, `onion_clients` and `[tor]`: none, if the node is to have no onion service.
    #[must_use]
    pub fn from_settings(onion: bool, clients: &[String], tor: &TorConfig) -> Option<Self> {
        let service = OnionServiceConfig { clients: clients.to_vec() };
        onion.then(|| Self { tor: tor.clone(), service })
    }
}

/// How a node's onion service is doing, as its status tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnionMemberStatus {
    /// Its address, `<56 characters>.onion:port`.
    pub address: String,
    /// How far it is.
    pub state: OnionState,
    /// What is in the way, if anything is.
    pub why: Option<String>,
    /// The Tor client behind it.
    pub tor: Value,
}

impl OnionMemberStatus {
    /// Why nobody may find the service at the moment, in words.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        if self.state == OnionState::Reachable {
            return None;
        }
        let tor = |path: &str| self.tor.pointer(path).and_then(Value::as_str);
        let why = self.why.as_deref().or_else(|| tor("/blocked/text")).or_else(|| tor("/summary"));
        Some(format!("the onion service is {}: {}", self.word(), why.unwrap_or("nothing is known yet")))
    }

    const fn word(&self) -> &'static str {
        match self.state {
            OnionState::Starting => "starting",
            OnionState::Bootstrapping => "not reachable yet",
            OnionState::Reachable => "reachable",
            OnionState::Unreachable => "not reachable",
            OnionState::Broken => "broken",
        }
    }
}

impl fmt::Display for OnionMemberStatus {
    /// For people: address and state.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.address, self.word())
    }
}

/// What can be told of a hosted onion service at any time.
#[derive(Clone, Debug)]
pub struct OnionWatch {
    service: watch::Receiver<OnionStatus>,
    tor: watch::Receiver<TorStatus>,
}

impl OnionWatch {
    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> OnionMemberStatus {
        let OnionStatus { address, state, why } = self.service.borrow().clone();
        let tor = serde_json::to_value(&*self.tor.borrow()).unwrap_or_default();
        OnionMemberStatus { address, state, why, tor }
    }
}

/// An onion service that is being hosted: its callers, and what keeps it going.
pub(super) struct Hosted {
    pub(super) listener: Box<dyn Listener>,
    /// Where it is reached, and how it is doing; nothing, if something else stands in for the service.
    pub(super) service: Option<(String, OnionWatch)>,
    /// The Tor client, which ends when nobody holds it; and what ends it at once.
    pub(super) tor: (Option<Tor>, Shutdown),
}

impl Hosted {
    /// Starts Tor and the service. The address is there at once; whether anybody finds it shows later.
    pub(super) fn start(plan: &OnionPlan, dir: &Path, program: &'static str) -> Result<Self, NodeError> {
        let key = layout::onion_key(dir).map_err(NodeError::key(program))?;
        let tor_end = Shutdown::new();
        let tor = Tor::start(&plan.tor, &layout::tor_dir(dir), tor_end.clone())?;
        let listener = tor.host(&key, &plan.service)?;
        let watch = OnionWatch { service: listener.status(), tor: tor.status() };
        Ok(Self {
            listener: Box::new(listener),
            service: Some((key.address(), watch)),
            tor: (Some(tor), tor_end),
        })
    }

    /// A service without Tor: `listener` stands in for it, and no address is told to anybody.
    pub(super) fn stand_in(listener: Box<dyn Listener>) -> Self {
        Self { listener: Box::new(Placeless(listener)), service: None, tor: (None, Shutdown::new()) }
    }
}

/// Listens as the stand-in does, and says as little as an onion service whence its callers come.
struct Placeless(Box<dyn Listener>);

impl Listener for Placeless {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, Caller)>> {
        Box::pin(async move { self.0.accept().await.map(|(stream, _)| (stream, Caller::UNKNOWN)) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(state: OnionState, why: Option<&str>, tor: Value) -> OnionMemberStatus {
        OnionMemberStatus { address: "a.onion:1".to_owned(), state, why: why.map(str::to_owned), tor }
    }

    #[test]
    fn what_keeps_people_from_the_service_is_said_in_words() {
        assert_eq!(status(OnionState::Reachable, None, Value::Null).trouble(), None);
        let unreachable =
            status(OnionState::Unreachable, Some("no descriptor"), json!({ "summary": "ready" }));
        assert_eq!(unreachable.trouble().unwrap(), "the onion service is not reachable: no descriptor");
        let tor = json!({ "blocked": { "text": "set the clock" }, "summary": "45 %" });
        let blocked = status(OnionState::Bootstrapping, None, tor);
        assert_eq!(blocked.trouble().unwrap(), "the onion service is not reachable yet: set the clock");
        let young = status(OnionState::Starting, None, json!({ "blocked": null, "summary": "starting" }));
        assert_eq!(young.trouble().unwrap(), "the onion service is starting: starting");
        assert!(status(OnionState::Broken, None, Value::Null).trouble().is_some());
        assert_eq!(young.to_string(), "a.onion:1, starting");
    }

    #[test]
    fn a_node_that_is_not_told_to_has_no_onion_service() {
        let clients = ["a".to_owned()];
        assert_eq!(OnionPlan::from_settings(false, &clients, &TorConfig::default()), None);
        let plan = OnionPlan::from_settings(true, &clients, &TorConfig::default()).unwrap();
        assert_eq!(plan.service.clients, clients);
    }
}
