//! Packets of every kind that a client sends, along routes drawn afresh for each.
//!
//! All of them look the same to everybody but their last hop. Which one is sent when is not decided here.

use std::time::Duration;

use rand::CryptoRng;
use rand::seq::IndexedRandom;
use sotto_protocol::boxes::{BoxId, SealedBox};
use sotto_protocol::directory::{Consensus, RouteError, epoch_of, forward_route, loop_route, reply_route};
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::mailbox::{Command, TtlClass};
use sotto_protocol::sphinx::{
    BuildError, Hop, Packet, Surb, SurbKeys, build_forward, build_surb, draw_delay,
};
use sotto_protocol::time::Timestamp;

/// For how long a mailbox is asked to keep a box: as long as any does, since a person may be away.
const BOX_TTL: TtlClass = TtlClass::Fortnight;

/// Why there is no packet.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum PacketError {
    /// The consensus gives no route.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The packet could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The consensus lists no mailbox.
    #[error("the network has no mailbox")]
    NoMailbox,
}

impl PacketError {
    /// The stable name of this error.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Route(error) => error.label(),
            Self::Build(_) => "packet-build",
            Self::NoMailbox => "route-no-mailbox",
        }
    }
}

/// All that a packet's routes depend on.
pub(crate) struct Routes<'a> {
    pub(crate) consensus: &'a Consensus,
    pub(crate) entry: NodeId,
    pub(crate) session: SessionAddress,
    pub(crate) now: Timestamp,
}

impl Routes<'_> {
    /// A box for a mailbox.
    pub(crate) fn write(
        &self,
        mailbox: &NodeId,
        sealed: &SealedBox,
        rng: &mut impl CryptoRng,
    ) -> Result<(Packet, SurbKeys), PacketError> {
        let (surb, keys) = self.reply_block(rng)?;
        let command = Command::Write { surb, ttl: BOX_TTL, sealed: sealed.clone() };
        Ok((self.forward(mailbox, &command, rng)?, keys))
    }

    /// A question to a mailbox for a box.
    pub(crate) fn read(
        &self,
        mailbox: &NodeId,
        id: BoxId,
        rng: &mut impl CryptoRng,
    ) -> Result<(Packet, SurbKeys), PacketError> {
        let (surb, keys) = self.reply_block(rng)?;
        Ok((self.forward(mailbox, &Command::Read { surb, id }, rng)?, keys))
    }

    /// A question to a random mailbox for a box that does not exist. The answer is not awaited.
    pub(crate) fn stray(&self, rng: &mut impl CryptoRng) -> Result<Packet, PacketError> {
        let mailbox = self.random_mailbox(rng)?;
        self.read(&mailbox, BoxId::decoy(rng), rng).map(|(packet, _)| packet)
    }

    /// A packet that a random mailbox throws away.
    pub(crate) fn dropped(&self, rng: &mut impl CryptoRng) -> Result<Packet, PacketError> {
        let mailbox = self.random_mailbox(rng)?;
        self.forward(&mailbox, &Command::Drop, rng)
    }

    /// A packet back to this client, made as a reply to itself: at the entry it ends like a mailbox's reply.
    pub(crate) fn looped(&self, rng: &mut impl CryptoRng) -> Result<(Packet, SurbKeys), PacketError> {
        let route = loop_route(self.consensus, &self.entry, self.epoch(), rng)?;
        let (surb, keys) = build_surb(&route, &self.delays(&route, rng), &self.session, rng)?;
        let (_, packet) = surb.reply(&[])?;
        Ok((packet, keys))
    }

    fn reply_block(&self, rng: &mut impl CryptoRng) -> Result<(Surb, SurbKeys), PacketError> {
        let route = reply_route(self.consensus, &self.entry, self.epoch(), rng)?;
        Ok(build_surb(&route, &self.delays(&route, rng), &self.session, rng)?)
    }

    fn forward(
        &self,
        mailbox: &NodeId,
        command: &Command,
        rng: &mut impl CryptoRng,
    ) -> Result<Packet, PacketError> {
        let route = forward_route(self.consensus, &self.entry, mailbox, self.epoch(), rng)?;
        let delays = self.delays(&route, rng);
        Ok(build_forward(&route, &delays, *mailbox.as_bytes(), &command.to_text(), rng)?)
    }

    fn random_mailbox(&self, rng: &mut impl CryptoRng) -> Result<NodeId, PacketError> {
        let mailboxes: Vec<NodeId> = self.consensus.mailboxes().map(|mailbox| mailbox.node).collect();
        mailboxes.choose(rng).copied().ok_or(PacketError::NoMailbox)
    }

    fn epoch(&self) -> u64 {
        epoch_of(self.now, self.consensus.params.epoch_s)
    }

    /// One delay a hop; the last hop ignores its own.
    fn delays(&self, route: &[Hop], rng: &mut impl CryptoRng) -> Vec<Duration> {
        let mean = Duration::from_millis(u64::from(self.consensus.params.delay_ms_mean));
        let max = Duration::from_millis(u64::from(self.consensus.params.delay_ms_max));
        let mut delays: Vec<Duration> = route.iter().map(|_| draw_delay(mean, max, rng)).collect();
        if let Some(last) = delays.last_mut() {
            *last = Duration::ZERO;
        }
        delays
    }
}
