//! What a mix and a mailbox hold of their network: the membership, the links to other nodes, and what the status
//! tells about both.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sotto_protocol::directory::{NetworkInfo, Role};
use sotto_protocol::time::Timestamp;

use super::epoch_keys::EpochKeys;
use super::error::NodeError;
use super::layout;
use super::listening::{Listening, NodePlan};
use super::membership::{Membership, MembershipConfig};
use super::memory::rss_kib;
use super::onion::{OnionMemberStatus, OnionWatch};
use super::shutdown::Shutdown;
use crate::clock::Clock;
use crate::dial::TcpDialer;
use crate::link::{LinkConnector, LinkTimes};
use crate::listen::LinkFailures;
use crate::peers::{PeerPool, PeerTimes};

/// A node's part in its network.
pub struct Member {
    /// Publishes the node's descriptor and follows the consensus.
    pub membership: Membership,
    /// The outgoing links.
    pub pool: PeerPool,
    /// Of the packets lost with links, those that [`Member::newly_lost`] has told of.
    lost_told: u64,
    started: Timestamp,
    node: String,
    network: String,
    address: String,
    software: String,
    failures: Arc<LinkFailures>,
    onion: Option<OnionWatch>,
}

/// What the status of every member of a network tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// The node's name, in hexadecimal.
    pub node: String,
    /// The network's name.
    pub network: String,
    /// Where others reach it.
    pub address: String,
    /// Its onion service, if it has one.
    #[serde(default)]
    pub onion: Option<OnionMemberStatus>,
    /// Name and version of the software.
    pub software: String,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// Resident memory, where the system tells.
    pub rss_kib: Option<u64>,
    /// The outgoing links.
    pub peers: Value,
    /// Incoming links that failed or were refused, by label.
    pub link_failures: BTreeMap<String, u64>,
    /// How publishing and following the consensus stand.
    pub membership: Value,
}

impl MemberStatus {
    /// Why the node is not where it should be, in words, one line each: its descriptor was refused, the consensus
    /// cannot be fetched, or its onion service is not reachable.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        let parts = [("publish_failure", "announcing failed"), ("fetch_failure", "no newer consensus")];
        let failures = parts.into_iter().filter_map(|(key, what)| {
            let text = self.membership.get(key)?.get(1)?.as_str()?;
            Some(format!("{what}: {text}"))
        });
        let onion = self.onion.as_ref().and_then(OnionMemberStatus::trouble);
        failures.chain(onion).map(|trouble| format!("trouble   {trouble}")).collect()
    }
}

impl Member {
    /// Takes part from now on, until `shutdown`.
    ///
    /// # Errors
    ///
    /// [`NodeError`], before anything was told to the network.
    pub fn join(
        listening: &Listening,
        plan: &NodePlan<'_>,
        network: &NetworkInfo,
        role: Role,
        clock: &Clock,
        shutdown: &Shutdown,
    ) -> Result<Self, NodeError> {
        let address = listening.announced(plan.announce)?;
        let secret = Arc::clone(&listening.secret);
        let node = secret.id();
        let connector = LinkConnector::for_node(Arc::new(TcpDialer), &secret, LinkTimes::default())?;
        let keys = EpochKeys::open(&layout::hop_keys_dir(plan.dir));
        let config = MembershipConfig {
            network: network.clone(),
            role,
            address: address.clone(),
            onion_address: listening.onion_address().map(str::to_owned),
            software: plan.software.to_owned(),
            consensus_file: layout::consensus_file(plan.dir),
        };
        let membership = Membership::start(
            config,
            secret,
            keys.map_err(NodeError::key(plan.program))?,
            connector.clone(),
            clock.clone(),
            shutdown.clone(),
        )?;
        listening.members.follow(membership.consensus.clone());
        tracing::info!(%node, address, "listening");
        Ok(Self {
            membership,
            pool: PeerPool::new(connector, PeerTimes::default()),
            lost_told: 0,
            started: clock.now(),
            node: node.to_string(),
            network: network.network.clone(),
            address,
            software: plan.software.to_owned(),
            failures: Arc::clone(&listening.failures),
            onion: listening.onion_watch(),
        })
    }

    /// The packets that were lost with links since the last call: the links had accepted them.
    pub fn newly_lost(&mut self) -> u64 {
        let lost = self.pool.lost_on_link();
        lost.saturating_sub(std::mem::replace(&mut self.lost_told, lost))
    }

    /// What the status tells.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> MemberStatus {
        MemberStatus {
            node: self.node.clone(),
            network: self.network.clone(),
            address: self.address.clone(),
            onion: self.onion.as_ref().map(OnionWatch::status),
            software: self.software.clone(),
            uptime_s: now.since(self.started).as_secs(),
            rss_kib: rss_kib(),
            peers: serde_json::to_value(self.pool.report()).unwrap_or_default(),
            link_failures: self.failures.snapshot(),
            membership: serde_json::to_value(&*self.membership.report.borrow()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tor::OnionState;

    fn status(membership: Value) -> MemberStatus {
        MemberStatus {
            node: "ab".to_owned(),
            network: "test".to_owned(),
            address: "127.0.0.1:1".to_owned(),
            onion: None,
            software: "sotto".to_owned(),
            uptime_s: 1,
            rss_kib: None,
            peers: json!([]),
            link_failures: BTreeMap::new(),
            membership,
        }
    }

    #[test]
    fn what_keeps_a_node_out_is_said_in_words() {
        let refused = json!({ "publish_failure": ["refused", "not admitted"], "fetch_failure": null });
        assert_eq!(status(refused).troubles(), ["trouble   announcing failed: not admitted"]);
        assert!(status(json!({ "publish_failure": null })).troubles().is_empty());
        let onion = OnionMemberStatus {
            address: "a.onion:1".to_owned(),
            state: OnionState::Unreachable,
            why: Some("no descriptor".to_owned()),
            tor: Value::Null,
        };
        let status = MemberStatus { onion: Some(onion), ..status(Value::Null) };
        assert_eq!(status.troubles(), ["trouble   the onion service is not reachable: no descriptor"]);
    }
}
