//! A batch of packets on its way through both stages of a hop.
//!
//! What is not here: where the packets come from, and what becomes of tags and results.

use std::fmt;
use std::mem;
use std::time::Duration;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::super::{FinalPayload, HopSecret, Packet, Refusal, ReplayTag, Unwrapped};
use super::expand::{Expander, HopMaterial};
use super::header::{self, ALPHA_LEN, Layer};
use super::{HopKeys, X25519, payload};

/// What became of a packet that was made for one of this node's keys.
#[derive(Debug)]
pub struct Opened {
    /// The epoch whose key opened it, under which its tag has to be remembered.
    pub epoch: u64,
    /// Its replay tag, which nobody has looked up yet.
    pub tag: ReplayTag,
    /// What was under the node's layer.
    pub unwrapped: Unwrapped,
}

/// A packet between the stages.
enum Slot {
    /// No key that was tried has opened it.
    Closed { packet: Packet, refusal: Refusal },
    /// Its header was made for the key of `epoch`, and is the next hop's but for alpha.
    Peeled { epoch: u64, packet: Packet, layer: Layer },
    /// Nothing is done with it any more.
    Refused(Refusal),
}

impl Slot {
    /// What is here, with something in its place that the caller replaces.
    fn take(&mut self) -> Self {
        mem::replace(self, Self::Refused(Refusal::NoKey))
    }
}

/// Unwraps batches on one thread: the way of doing X25519, and room that is used again. Secrets are in this room
/// only while a batch is unwrapped.
pub struct BatchUnwrapper {
    x25519: X25519,
    expander: Expander,
    slots: Vec<Slot>,
    /// For each slot, what its shared secret expanded to.
    materials: Vec<HopMaterial>,
    points: Vec<[u8; 32]>,
    scalars: Vec<[u8; 32]>,
    /// What X25519 gave: secrets in the first stage, the next hops' alphas in the second.
    products: Vec<[u8; 32]>,
}

impl BatchUnwrapper {
    /// With this implementation of X25519.
    #[must_use]
    pub fn new(x25519: X25519) -> Self {
        Self {
            x25519,
            expander: Expander::new(),
            slots: Vec::new(),
            materials: Vec::new(),
            points: Vec::new(),
            scalars: Vec::new(),
            products: Vec::new(),
        }
    }

    /// Takes this node's layer off each packet: tries the key of `now_epoch`, then that of the epoch before, then
    /// that of the epoch after; clamps the delay to `delay_max`. Appends one result per packet to `results`, in the
    /// order of the packets.
    ///
    /// A result is what [`KeyRing::unwrap`](crate::sphinx::KeyRing::unwrap) gives, without its replay check, which
    /// is left to the caller: no packet may leave the node before its tag has been found to be fresh.
    pub fn unwrap(
        &mut self,
        keys: &HopKeys,
        now_epoch: u64,
        delay_max: Duration,
        packets: impl IntoIterator<Item = Packet>,
        results: &mut Vec<Result<Opened, Refusal>>,
    ) {
        let closed = |packet| Slot::Closed { packet, refusal: Refusal::NoKey };
        self.slots.extend(packets.into_iter().map(closed));
        self.unwrap_slots(keys, now_epoch, delay_max, results);
    }

    /// Everything but the iteration, so that it is compiled here and not in each caller's crate.
    fn unwrap_slots(
        &mut self,
        keys: &HopKeys,
        now_epoch: u64,
        delay_max: Duration,
        results: &mut Vec<Result<Opened, Refusal>>,
    ) {
        self.materials.resize_with(self.slots.len(), HopMaterial::default);
        for (epoch, secret) in keys.candidates(now_epoch) {
            self.try_key(epoch, secret);
        }
        self.blind();
        for (slot, material) in self.slots.drain(..).zip(&self.materials) {
            results.push(match slot {
                Slot::Peeled { epoch, packet, layer } => {
                    finish(&self.expander, epoch, packet, material, layer, delay_max)
                }
                Slot::Closed { refusal, .. } | Slot::Refused(refusal) => Err(refusal),
            });
        }
        self.materials.zeroize();
    }

    /// The first stage for all packets that are still closed.
    fn try_key(&mut self, epoch: u64, secret: &HopSecret) {
        self.points.extend(self.slots.iter().filter_map(|slot| match slot {
            Slot::Closed { packet, .. } => Some(alpha_of(packet)),
            _ => None,
        }));
        self.products.resize(self.points.len(), [0; 32]);
        self.x25519.dh_same(secret.as_static().as_bytes(), &self.points, &mut self.products);
        let mut shared = self.products.iter();
        for (slot, material) in self.slots.iter_mut().zip(&mut self.materials) {
            *slot = match slot.take() {
                Slot::Closed { packet, refusal } => match shared.next() {
                    Some(shared) => open(&self.expander, epoch, packet, shared, material),
                    None => Slot::Closed { packet, refusal },
                },
                other => other,
            };
        }
        self.wipe();
    }

    /// The next hops' alphas: this hop's times the blinding factor (Danezis and Goldberg, section 3.6).
    fn blind(&mut self) {
        // Room beforehand: a vector that grows leaves a copy of its secrets behind.
        self.scalars.reserve(self.slots.len());
        for (slot, material) in self.slots.iter().zip(&self.materials) {
            if let Slot::Peeled { packet, layer: Layer::Forward { .. }, .. } = slot {
                self.points.push(alpha_of(packet));
                self.scalars.push(material.blinding);
            }
        }
        self.products.resize(self.points.len(), [0; 32]);
        self.x25519.dh_batch(&self.scalars, &self.points, &mut self.products);
        let mut alphas = self.products.iter();
        for slot in &mut self.slots {
            if let Slot::Peeled { packet, layer: Layer::Forward { .. }, .. } = slot
                && let Some(alpha) = alphas.next()
            {
                packet.as_mut_bytes()[..ALPHA_LEN].copy_from_slice(alpha);
            }
        }
        self.wipe();
    }

    /// Overwrites and empties the room for X25519.
    fn wipe(&mut self) {
        self.points.clear();
        self.scalars.zeroize();
        self.products.zeroize();
    }
}

fn alpha_of(packet: &Packet) -> [u8; 32] {
    let mut alpha = [0; ALPHA_LEN];
    alpha.copy_from_slice(&packet.as_bytes()[..ALPHA_LEN]);
    alpha
}

/// The checks of [`HopSecret::verify`] in their order, and the header's layer off.
fn open(
    expander: &Expander,
    epoch: u64,
    mut packet: Packet,
    shared: &[u8; 32],
    material: &mut HopMaterial,
) -> Slot {
    if shared.ct_eq(&[0; 32]).into() {
        return Slot::Refused(Refusal::AlphaNonContributory);
    }
    expander.expand_into(shared, material);
    if !header::is_intact(material, packet.as_bytes()) {
        return Slot::Closed { packet, refusal: Refusal::HeaderMac };
    }
    match header::peel(material, packet.as_mut_bytes()) {
        Ok(layer) => Slot::Peeled { epoch, packet, layer },
        Err(refusal) => Slot::Refused(refusal),
    }
}

/// The payload's layer off, and the result.
fn finish(
    expander: &Expander,
    epoch: u64,
    mut packet: Packet,
    material: &HopMaterial,
    layer: Layer,
    delay_max: Duration,
) -> Result<Opened, Refusal> {
    payload::decrypt(&expander.payload_key(&material.payload_seed), packet.as_mut_bytes())?;
    let unwrapped = match layer {
        Layer::Forward { next, delay } => {
            Unwrapped::Forward { next, delay: delay.min(delay_max), delay_clamped: delay > delay_max, packet }
        }
        Layer::Final { destination, surb_id } => {
            Unwrapped::Final { destination, surb_id, payload: FinalPayload::of_packet(&packet) }
        }
    };
    Ok(Opened { epoch, tag: ReplayTag::from_bytes(material.tag), unwrapped })
}

impl fmt::Debug for BatchUnwrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchUnwrapper({:?})", self.x25519)
    }
}
