//! The attackers: sixteen tasks of a process of their own.

use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::{Hop, HopPublic, Packet};
use sotto_transport::link::{Link, LinkConnector, LinkError, LinkTimes};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::packet;
use crate::place::Place;

const ATTACKERS: usize = 16;
/// Sessions that one attacker of the slow class opens, and of the fast one, which ticks a hundred times a second.
const IDLE_SESSIONS: usize = 60;
const DEAF_SESSIONS: usize = 4;
/// Between two attempts of an attack that is not about their number.
const PAUSE: Duration = Duration::from_millis(5);

/// What the attackers do, again and again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    SlowLoris,
    Handshakes,
    HandshakesFromMany,
    IdleSessions,
    Flood,
    NoSession,
    Deaf,
}

impl Attack {
    pub const ALL: [Self; 7] = [
        Self::SlowLoris,
        Self::Handshakes,
        Self::HandshakesFromMany,
        Self::IdleSessions,
        Self::Flood,
        Self::NoSession,
        Self::Deaf,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::SlowLoris => "handshakes that hang, one address",
            Self::Handshakes => "handshakes, one address",
            Self::HandshakesFromMany => "handshakes, 16 addresses",
            Self::IdleSessions => "960 idle sessions, 16 addresses",
            Self::Flood => "sessions that flood, 16 addresses",
            Self::NoSession => "packets without a session, 16 addresses",
            Self::Deaf => "64 sessions that read nothing, 16 addresses",
        }
    }
}

/// Whom to attack, and how.
#[derive(Clone)]
pub struct Target {
    pub attack: Attack,
    pub address: String,
    pub entry: Hop,
}

impl Target {
    /// As the process of the attackers is told.
    fn to_argument(&self) -> String {
        let entry = (self.entry.node.as_bytes(), self.entry.key.as_bytes());
        serde_json::to_string(&(self.attack.name(), &self.address, entry)).unwrap()
    }

    pub fn from_argument(argument: &str) -> Option<Self> {
        let (name, address, (node, key)): (String, String, ([u8; 32], [u8; 32])) =
            serde_json::from_str(argument).ok()?;
        let attack = Attack::ALL.into_iter().find(|attack| attack.name() == name)?;
        let entry = Hop { node: NodeId::from_bytes(node), key: HopPublic::from_bytes(key) };
        Some(Self { attack, address, entry })
    }

    /// Starts the process of the attackers.
    pub fn start(&self) -> Child {
        let own = std::env::current_exe().unwrap();
        Command::new(own).arg(self.to_argument()).kill_on_drop(true).spawn().unwrap()
    }

    /// Attacks without end.
    pub async fn attack(self) {
        let mut attackers = JoinSet::new();
        for attacker in 1..=ATTACKERS {
            attackers.spawn(self.clone().attack_as(attacker));
        }
        attackers.join_all().await;
    }

    async fn attack_as(self, attacker: usize) {
        let own = Place::at(Box::leak(format!("127.0.1.{attacker}").into_boxed_str()));
        let common = Place::at("127.0.0.2");
        let (mut links, mut streams) = (Vec::new(), Vec::new());
        loop {
            match self.attack {
                Attack::SlowLoris => {
                    if let Ok(mut stream) = common.call(&self.address).await
                        && stream.write_all(&[0x16, 3, 1]).await.is_ok()
                    {
                        streams.push(stream);
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Attack::Handshakes => drop(self.link(common).await),
                Attack::HandshakesFromMany => drop(self.link(own).await),
                Attack::IdleSessions => self.one_more(&mut links, own, 1, IDLE_SESSIONS).await,
                Attack::Deaf => self.one_more(&mut links, own, 0, DEAF_SESSIONS).await,
                Attack::Flood => self.flood(own).await,
                Attack::NoSession => {
                    if let Ok(mut link) = self.link(own).await {
                        drop(link.send(&Frame::Packet(packet(self.entry, 0))).await);
                        drop(link.next().await);
                    }
                }
            }
        }
    }

    async fn link(&self, place: Place) -> Result<Link, LinkError> {
        let connector = LinkConnector::anonymous(Arc::new(place), LinkTimes::default());
        connector.connect(&self.entry.node, &self.address).await
    }

    /// A session that is held and not used, if there are not enough yet.
    async fn one_more(&self, links: &mut Vec<Link>, place: Place, class: u8, links_max: usize) {
        if links.len() < links_max
            && let Ok(mut link) = self.link(place).await
        {
            drop(link.send(&Frame::SessionOpen { class, resume: None }).await);
            links.push(link);
        }
        tokio::time::sleep(PAUSE).await;
    }

    /// A session over which one packet is sent again and again, as fast as it can, until the entry has had enough.
    async fn flood(&self, place: Place) {
        let bytes = packet(self.entry, 0).as_bytes().to_vec();
        let Ok(mut link) = self.link(place).await else { return };
        drop(link.send(&Frame::SessionOpen { class: 0, resume: None }).await);
        while let Ok(packet) = Packet::from_slice(&bytes)
            && link.send(&Frame::Packet(packet)).await.is_ok()
        {
            tokio::task::yield_now().await;
        }
    }
}
