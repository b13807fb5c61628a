//! Packets of every kind that a client sends, along paths drawn afresh for each.
//!
//! All of them look the same to everybody but their last hop; one that goes to a mailbox directly has no other hop,
//! and the same size. Which one is sent when is not decided here.

use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::boxes::BoxId;
use sotto_protocol::directory::{
    Consensus, RouteError, direct_route, epoch_of, forward_route, loop_route, reply_route,
};
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::mailbox::{Command, TtlClass};
use sotto_protocol::sphinx::{
    BuildError, Hop, Packet, Surb, SurbKeys, build_forward, build_surb, draw_delay,
};
use sotto_protocol::time::Timestamp;

use super::lane::Session;
use super::parcel::Parcel;

/// Why there is no packet.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum PacketError {
    /// The consensus gives no route.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The packet could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A loop needs a session at an entry.
    #[error("there is no loop without an entry")]
    NoEntry,
}

impl PacketError {
    /// The stable name of this error.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::Route(error) => error.label(),
            Self::Build(_) => "packet-build",
            Self::NoEntry => "route-no-entry",
        }
    }
}

/// All that a packet's path depends on.
pub(crate) struct Packets<'a> {
    pub(crate) consensus: &'a Consensus,
    /// The session that it goes from; none if it goes to the mailbox directly.
    pub(crate) session: Option<Session>,
    pub(crate) now: Timestamp,
}

impl Packets<'_> {
    /// A box that a mailbox is to keep for this long, or a tombstone, which it keeps for as long as any.
    pub(crate) fn write(
        &self,
        mailbox: &NodeId,
        parcel: &Parcel,
        class: TtlClass,
        rng: &mut impl CryptoRng,
    ) -> Result<(Packet, SurbKeys), PacketError> {
        let (surb, keys) = self.reply_block(mailbox, rng)?;
        Ok((self.forward(mailbox, &parcel.command(surb, class), rng)?, keys))
    }

    /// A question to a mailbox for a box.
    pub(crate) fn read(
        &self,
        mailbox: &NodeId,
        id: BoxId,
        rng: &mut impl CryptoRng,
    ) -> Result<(Packet, SurbKeys), PacketError> {
        let (surb, keys) = self.reply_block(mailbox, rng)?;
        Ok((self.forward(mailbox, &Command::Read { surb, id }, rng)?, keys))
    }

    /// A question to a mailbox for a box that does not exist. The answer is not awaited.
    pub(crate) fn stray(&self, mailbox: &NodeId, rng: &mut impl CryptoRng) -> Result<Packet, PacketError> {
        self.read(mailbox, BoxId::decoy(rng), rng).map(|(packet, _)| packet)
    }

    /// A packet that a mailbox throws away.
    pub(crate) fn dropped(&self, mailbox: &NodeId, rng: &mut impl CryptoRng) -> Result<Packet, PacketError> {
        self.forward(mailbox, &Command::Drop, rng)
    }

    /// A packet back to this client, made as a reply to itself: at the entry it ends like a mailbox's reply.
    pub(crate) fn looped(&self, rng: &mut impl CryptoRng) -> Result<(Packet, SurbKeys), PacketError> {
        let Session { entry, address } = self.session.ok_or(PacketError::NoEntry)?;
        let route = loop_route(self.consensus, &entry, self.epoch(), rng)?;
        let (surb, keys) = build_surb(&route, &self.delays(&route, rng), &address, rng)?;
        let (_, packet) = surb.reply(&[])?;
        Ok((packet, keys))
    }

    /// A block for the mailbox's answer. Without a session the mailbox is the last hop itself and gives the answer to the
    /// link that the question came by; the address in the block is random and means nothing.
    fn reply_block(
        &self,
        mailbox: &NodeId,
        rng: &mut impl CryptoRng,
    ) -> Result<(Surb, SurbKeys), PacketError> {
        let (route, address) = match self.session {
            Some(Session { entry, address }) => {
                (reply_route(self.consensus, &entry, self.epoch(), rng)?, address)
            }
            None => (direct_route(self.consensus, mailbox, self.epoch())?, SessionAddress::generate(rng)),
        };
        Ok(build_surb(&route, &self.delays(&route, rng), &address, rng)?)
    }

    fn forward(
        &self,
        mailbox: &NodeId,
        command: &Command,
        rng: &mut impl CryptoRng,
    ) -> Result<Packet, PacketError> {
        let route = match self.session {
            Some(Session { entry, .. }) => forward_route(self.consensus, &entry, mailbox, self.epoch(), rng)?,
            None => direct_route(self.consensus, mailbox, self.epoch())?,
        };
        let delays = self.delays(&route, rng);
        Ok(build_forward(&route, &delays, *mailbox.as_bytes(), &command.to_text(), rng)?)
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
