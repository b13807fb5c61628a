//! Tagging: a bit of a packet is flipped on its way into the first layer, to find the packet again where it comes out
//! (Danezis and Goldberg, "Sphinx: A Compact and Provably Secure Mix Format", 2009, section 4.3).
//!
//! A changed header is noticed by the next node. A changed payload turns to noise at once and stays it: no link shows it,
//! but who owns the destination sees that a payload is damaged.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_protocol::limits::{PACKET_LEN, SPHINX_HEADER_LEN};
use sotto_protocol::sphinx::Packet;
use sotto_traffic::random::Seed;

use super::spy::{Notes, Seen, most_alike};
use super::{CoreAttack, dropped, share};
use crate::vnet::{Cargo, Endpoint, Meddling, Passage, VirtualNetwork, VnetError, VnetPlan};

/// One of so many packets is changed.
const ONE_IN: u32 = 5;
/// People, who do nothing: their cover is made of packets like any other.
const PEOPLE: usize = 4;
/// How long a run takes.
const RUN: Duration = Duration::from_secs(10);
/// Packets among which the changed one is to be found.
const CANDIDATES: usize = 8;

/// A part of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// The public key.
    Alpha,
    /// The MAC of the routing information.
    Mac,
    /// The routing information.
    Routing,
    /// The payload.
    Payload,
}

impl Region {
    /// Every part.
    pub const ALL: [Self; 4] = [Self::Alpha, Self::Mac, Self::Routing, Self::Payload];

    /// Its name in the names of attacks.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alpha => "alpha",
            Self::Mac => "mac",
            Self::Routing => "routing",
            Self::Payload => "payload",
        }
    }

    /// Its bytes in a packet.
    #[must_use]
    pub const fn bytes(self) -> Range<usize> {
        match self {
            Self::Alpha => 0..32,
            Self::Mac => 32..48,
            Self::Routing => 48..SPHINX_HEADER_LEN,
            Self::Payload => SPHINX_HEADER_LEN..PACKET_LEN,
        }
    }
}

/// Tags packets in each part, one run for each.
///
/// # Errors
/// [`VnetError`] if the virtual network cannot be founded.
pub fn tagging(seed: Seed) -> Result<Vec<CoreAttack>, VnetError> {
    let mut attacks = Vec::new();
    for region in Region::ALL {
        attacks.extend(tagging_in(region, seed)?);
    }
    Ok(attacks)
}

/// Tags packets in one part. Two attacks come of it: of somebody who watches all links (`.links`), and of somebody who
/// owns the packets' destinations (`.last-hop`).
///
/// # Errors
/// [`VnetError`] if the virtual network cannot be founded.
pub fn tagging_in(region: Region, seed: Seed) -> Result<[CoreAttack; 2], VnetError> {
    let plan = VnetPlan::small(seed.as_u64());
    let entries = plan.entries;
    let mut net = VirtualNetwork::found(plan)?;
    net.pause_trace();
    for number in 0..PEOPLE {
        net.add_person(&format!("person-{number}"))?;
    }
    let notes = Notes::default();
    let mut rng = ChaCha20Rng::seed_from_u64(seed.as_u64() ^ region.bytes().start as u64);
    let pen = notes.clone();
    net.tap_and_meddle(Box::new(move |from, to, packet| {
        let is_first_link = matches!(from, Endpoint::Node(node) if node < entries);
        let flipped = (is_first_link && rng.random_range(0..ONE_IN) == 0)
            .then(|| flip(packet, rng.random_range(region.bytes()), rng.random_range(0..8)))
            .flatten();
        match flipped {
            Some(changed) => {
                pen.note((from, to), changed.clone(), Some(packet.clone()));
                Meddling::Change(changed)
            }
            None => {
                pen.note((from, to), packet.clone(), None);
                Meddling::Leave
            }
        }
    }));
    net.run_for(RUN);
    net.quiesce();
    net.run_for(Duration::from_secs(2));
    let seen = notes.lock();
    Ok(judge(region, &net, &seen, entries))
}

/// The packet with one bit flipped, but for the topmost of alpha: X25519 ignores it (RFC 7748, section 5), the packet is
/// the same one, and the next hop writes another alpha.
fn flip(packet: &Packet, byte: usize, bit: u8) -> Option<Packet> {
    if (byte, bit) == (31, 7) {
        return None;
    }
    let mut bytes = *packet.as_bytes();
    *bytes.get_mut(byte)? ^= 1 << bit;
    Packet::from_slice(&bytes).ok()
}

/// Asks both adversaries about every changed packet, and about one beside it that was left alone.
fn judge(region: Region, net: &VirtualNetwork, seen: &[Seen], entries: usize) -> [CoreAttack; 2] {
    let passages = net.passages();
    let ends = ends(passages);
    // Between nodes the tap and the spy note the same packets in the same order.
    let between: Vec<(usize, &Passage)> = passages
        .iter()
        .enumerate()
        .filter(|(_, passage)| is_between_nodes(passage) && passage.cargo != Cargo::Dummy)
        .collect();
    let touched: HashSet<usize> = between
        .iter()
        .filter(|(_, passage)| passage.is_changed)
        .map(|(number, _)| ends.get(number).copied().unwrap_or(*number))
        .collect();
    let mut links = Tally::default();
    let mut last_hop = Tally::default();
    let mut survived = 0;
    for (position, ((number, passage), shown)) in between.iter().zip(seen).enumerate() {
        let is_first_link = matches!(passage.from, Endpoint::Node(node) if node < entries);
        let end = ends.get(number).copied().unwrap_or(*number);
        let Some(last) = passages.get(end) else { continue };
        // Loops of clients go back to their entry: what comes of them is not at a destination that could be corrupt.
        if !is_first_link || !matches!(last.cargo, Cargo::Command(_) | Cargo::Unreadable) {
            continue;
        }
        let samples: Vec<&[u8]> = shown.original.iter().chain([&shown.packet]).map(payload).collect();
        // What came to a destination from then on. Whoever tags does so with one packet at a time.
        let mut arrivals: Vec<(usize, &[u8])> = between
            .iter()
            .zip(seen)
            .skip(position + 1)
            .filter(|((number, later), _)| {
                let is_arrival = later.cargo != Cargo::Onward && later.cargo != Cargo::ForClient;
                is_arrival && (*number == end || !touched.contains(number))
            })
            .map(|((number, _), shown)| (*number, payload(&shown.packet)))
            .collect();
        // The right one is among them, if it comes at all, at a place that says nothing.
        let place = arrivals.iter().position(|(number, _)| *number == end).unwrap_or(0);
        arrivals.drain(..place.saturating_sub(position % CANDIDATES));
        arrivals.truncate(CANDIDATES);
        if arrivals.len() < CANDIDATES {
            continue;
        }
        let candidates: Vec<&[u8]> = arrivals.iter().map(|(_, bytes)| *bytes).collect();
        let pointed = most_alike(&samples, &candidates).and_then(|choice| arrivals.get(choice));
        links.count(passage.is_changed, pointed.is_some_and(|(number, _)| *number == end));
        let is_damaged =
            |number: usize| passages.get(number).is_some_and(|arrival| arrival.cargo == Cargo::Unreadable);
        let damaged = arrivals.iter().find(|(number, _)| is_damaged(*number));
        last_hop.count(passage.is_changed, damaged.is_some_and(|(number, _)| *number == end));
        survived += u64::from(passage.is_changed && matches!(last.cargo, Cargo::Command(_)));
    }
    let dropped = dropped(net);
    let attack = |who: &str, tally: Tally| {
        tally.attack(&format!("tagging.{}.{who}", region.name()), survived, &dropped)
    };
    [attack("links", links), attack("last-hop", last_hop)]
}

/// Trials and hits, with decoys.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    trials: u64,
    hits: u64,
    decoys: u64,
    decoy_hits: u64,
}

impl Tally {
    pub(super) fn count(&mut self, is_attacked: bool, is_hit: bool) {
        let (all, hits) = if is_attacked {
            (&mut self.trials, &mut self.hits)
        } else if self.decoys < self.trials {
            (&mut self.decoys, &mut self.decoy_hits)
        } else {
            return;
        };
        *all += 1;
        *hits += u64::from(is_hit);
    }

    pub(super) fn attack(self, name: &str, survived: u64, dropped: &BTreeMap<String, u64>) -> CoreAttack {
        CoreAttack {
            name: name.to_owned(),
            trials: self.trials,
            hits: self.hits,
            baseline: share(1, CANDIDATES as u64),
            decoy_hits: self.decoy_hits,
            survived,
            dropped: dropped.clone(),
        }
    }
}

/// For each passage the last one of the same packet.
fn ends(passages: &[Passage]) -> HashMap<usize, usize> {
    let mut ends: HashMap<usize, usize> = HashMap::new();
    for (number, passage) in passages.iter().enumerate().rev() {
        let end = ends.get(&number).copied().unwrap_or(number);
        ends.insert(number, end);
        if let Some(before) = passage.before {
            ends.insert(before, end);
        }
    }
    ends
}

fn is_between_nodes(passage: &Passage) -> bool {
    matches!((passage.from, passage.to), (Endpoint::Node(_), Endpoint::Node(_)))
}

fn payload(packet: &Packet) -> &[u8] {
    packet.as_bytes().get(SPHINX_HEADER_LEN..).unwrap_or_default()
}
