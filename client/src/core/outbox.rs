//! Sealed boxes that are not stored on every replica yet, and how each stands with each of its replicas.
//!
//! A box is sealed once and kept until it is stored: whatever goes wrong, the same bytes go again. Only the boxes
//! are kept; which replica has which is found out anew after a restart, since storing a box twice changes nothing.
//! What a box is for is in [`super::parcel`], when it may go in [`super::term`].

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sotto_protocol::directory::Consensus;
use sotto_protocol::ident::NodeId;
use sotto_protocol::mailbox::{TtlClass, placement};
use sotto_protocol::time::Timestamp;

use super::id::{ContactId, MessageId};
use super::limits::{FORWARD_DELAYS, TRAVEL_SLACK};
use super::parcel::{Parcel, Purpose};
use super::term::{Term, TermRecord};
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// A box's place: whose stream and where in it. A box that lies in no stream of a contact has a name of its own in the
/// contact's place.
pub(crate) type Place = (ContactId, u64);

/// The record of the box, or of the received part, at this place of a contact's stream.
pub(crate) fn place_key(kind: RecordKind, (contact, index): Place) -> RecordKey {
    let digest = Sha256::new()
        .chain_update(b"sotto record of a place in a stream v1")
        .chain_update(contact.as_bytes())
        .chain_update(index.to_be_bytes())
        .finalize();
    let mut id = [0u8; 16];
    for (to, from) in id.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    RecordKey { kind, id }
}

/// How a box stands with one replica.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Replica {
    /// It waits for a slot.
    Waiting {
        /// No slot before this moment.
        not_before: Timestamp,
        /// How often in a row the mailbox has not answered, or not done it.
        silences: u32,
        /// Why the mailbox did not do it, if it said so.
        refused: Option<&'static str>,
    },
    /// A packet is on its way.
    InFlight {
        /// When it left.
        since: Timestamp,
        /// As above.
        silences: u32,
    },
    /// The mailbox has stored it.
    Acknowledged,
    /// The mailbox has another box of this name.
    Conflicted,
}

impl Replica {
    const FRESH: Self = Self::Waiting { not_before: Timestamp::from_micros(0), silences: 0, refused: None };

    const fn silences(self) -> u32 {
        match self {
            Self::Waiting { silences, .. } | Self::InFlight { silences, .. } => silences,
            Self::Acknowledged | Self::Conflicted => 0,
        }
    }

    const fn is_settled(self) -> bool {
        matches!(self, Self::Acknowledged | Self::Conflicted)
    }
}

/// A box that waits. `Debug` shows nothing of it.
pub(crate) struct Outgoing {
    /// The contact, or the address, for whose sake it goes.
    pub(crate) owner: ContactId,
    pub(crate) purpose: Purpose,
    pub(crate) parcel: Parcel,
    term: Term,
    replicas: BTreeMap<NodeId, Replica>,
    /// The longest class that a mailbox was asked for since the start.
    class_max: Option<TtlClass>,
}

#[derive(Serialize, Deserialize)]
struct OutgoingRecord {
    place: ContactId,
    index: u64,
    owner: ContactId,
    purpose: Purpose,
    parcel: Parcel,
    term: TermRecord,
}

impl Outgoing {
    /// A parcel that goes until it is stored.
    pub(crate) const fn new(owner: ContactId, purpose: Purpose, parcel: Parcel) -> Self {
        Self { owner, purpose, parcel, term: Term::Open, replicas: BTreeMap::new(), class_max: None }
    }

    /// The same, to go at certain times only.
    pub(crate) fn within(self, term: Term) -> Self {
        Self { term, ..self }
    }

    /// The tombstone that is to take the place of a box which is written no more, at the moment when no mailbox has the box
    /// any longer; none if the box does not end. A class that a mailbox was asked for before the start is not known:
    /// then that moment is the end itself.
    pub(crate) fn tombstone(&self, now: Timestamp) -> Option<Self> {
        let Term::Until { end, tombstone } = &self.term else { return None };
        let start = self.class_max.map_or(*end, |class| (now + class.duration()).min(*end));
        let (purpose, parcel) = (Purpose::RunOut(self.message()), Parcel::Tombstone(tombstone.clone()));
        Some(Self::new(self.owner, purpose, parcel).within(Term::From(start)))
    }

    /// The message that it is a part of, if it is.
    pub(crate) const fn message(&self) -> Option<MessageId> {
        match self.purpose {
            Purpose::Message(id) => Some(id),
            _ => None,
        }
    }

    /// The message that it was sealed for, whether or not it goes any more.
    pub(crate) const fn sealed_for(&self) -> Option<MessageId> {
        match self.purpose {
            Purpose::RunOut(message) => message,
            _ => self.message(),
        }
    }

    /// From its record.
    pub(crate) fn from_record(value: &[u8]) -> Result<(Place, Self), StoreError> {
        let OutgoingRecord { place, index, owner, purpose, parcel, term } = record::decode(value)?;
        Ok(((place, index), Self::new(owner, purpose, parcel).within(term.try_into()?)))
    }

    /// The change that keeps it.
    pub(crate) fn put(&self, (place, index): Place) -> Result<Change, StoreError> {
        let Self { owner, purpose, parcel, term, .. } = self;
        let (owner, purpose, parcel) = (*owner, *purpose, parcel.clone());
        let kept = OutgoingRecord { place, index, owner, purpose, parcel, term: term.into() };
        let key = place_key(RecordKind::Outbox, (place, index));
        Ok(Change::Put { key, value: record::encode(&kept)? })
    }

    /// The replicas and how it stands with each.
    pub(crate) const fn replicas(&self) -> &BTreeMap<NodeId, Replica> {
        &self.replicas
    }

    fn is_complete(&self) -> bool {
        !self.replicas.is_empty() && self.replicas.values().all(|replica| replica.is_settled())
    }

    /// Whether every replica has another box of this name.
    pub(crate) fn is_displaced(&self) -> bool {
        !self.replicas.is_empty() && self.replicas.values().all(|replica| *replica == Replica::Conflicted)
    }

    /// Whether a mailbox has another box of this name.
    pub(crate) fn conflict(&self) -> Option<NodeId> {
        self.replicas
            .iter()
            .find(|(_, replica)| **replica == Replica::Conflicted)
            .map(|(mailbox, _)| *mailbox)
    }
}

/// Whether somebody waits for a box.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Urgency {
    /// A box of a message, or one in front of it.
    Urgent,
    /// A box that can take slots that would carry decoys.
    Idle,
}

/// A packet to send: this box to this replica.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Delivery {
    pub(crate) place: Place,
    pub(crate) mailbox: NodeId,
    /// For how long the mailbox is to keep it.
    pub(crate) class: TtlClass,
    /// How often in a row the mailbox has been silent.
    pub(crate) silences: u32,
}

/// All boxes that wait. `Debug` shows their number only.
#[derive(Default)]
pub(crate) struct Outbox {
    boxes: BTreeMap<Place, Outgoing>,
    /// When each contact last had a slot, in slots.
    turns: BTreeMap<ContactId, u64>,
    turn: u64,
    mailboxes: Vec<NodeId>,
    replicas: usize,
    /// How long a packet is on its way to a mailbox at most.
    travel: Duration,
}

impl Outbox {
    /// Boxes lie where this consensus says from now on; what a replica has acknowledged stays so.
    pub(crate) fn replace(&mut self, consensus: &Consensus) {
        self.mailboxes = consensus.mailboxes().map(|mailbox| mailbox.node).collect();
        self.replicas = usize::from(consensus.params.replicas);
        let delay_max = Duration::from_millis(u64::from(consensus.params.delay_ms_max));
        self.travel = delay_max.saturating_mul(FORWARD_DELAYS).saturating_add(TRAVEL_SLACK);
        for outgoing in self.boxes.values_mut() {
            assign(outgoing, &self.mailboxes, self.replicas);
        }
    }

    /// A box that has been kept.
    pub(crate) fn insert(&mut self, place: Place, mut outgoing: Outgoing) {
        assign(&mut outgoing, &self.mailboxes, self.replicas);
        self.boxes.insert(place, outgoing);
    }

    /// A box that is stored, or given up.
    pub(crate) fn remove(&mut self, place: Place) {
        self.boxes.remove(&place);
        if self.of(place.0).next().is_none() {
            self.turns.remove(&place.0);
        }
    }

    /// How many boxes wait. Tombstones of boxes that run out are not counted.
    pub(crate) fn len(&self) -> usize {
        self.boxes.len().saturating_sub(self.late())
    }

    /// How many tombstones of boxes that run out are kept until then.
    pub(crate) fn late(&self) -> usize {
        self.boxes.values().filter(|outgoing| outgoing.term.is_late()).count()
    }

    /// The box at this place.
    pub(crate) fn get(&self, place: Place) -> Option<&Outgoing> {
        self.boxes.get(&place)
    }

    /// The boxes in one contact's streams, in their order.
    pub(crate) fn of(&self, contact: ContactId) -> impl Iterator<Item = (Place, &Outgoing)> {
        self.boxes.range((contact, 0)..=(contact, u64::MAX)).map(|(place, outgoing)| (*place, outgoing))
    }

    /// Every box that goes for the sake of this contact or address, in whatever place.
    pub(crate) fn owned(&self, owner: ContactId) -> impl Iterator<Item = (Place, &Outgoing)> {
        let own = move |(_, outgoing): &(&Place, &Outgoing)| outgoing.owner == owner;
        self.boxes.iter().filter(own).map(|(place, outgoing)| (*place, outgoing))
    }

    /// What of it has to be stored before its streams are left for others: everything but tombstones whose boxes have
    /// not run out yet.
    pub(crate) fn due(&self, owner: ContactId, now: Timestamp) -> impl Iterator<Item = (Place, &Outgoing)> {
        let not_yet = move |term: &Term| matches!(term, Term::From(start) if *start > now);
        self.owned(owner).filter(move |(_, outgoing)| !not_yet(&outgoing.term))
    }

    /// The boxes that are not written any more, stored or not, because what they hold ceases to exist too soon.
    pub(crate) fn over(&self, now: Timestamp) -> Vec<Place> {
        let over = |outgoing: &Outgoing| outgoing.term.is_over(now, self.travel);
        self.boxes.iter().filter(|(_, outgoing)| over(outgoing)).map(|(place, _)| *place).collect()
    }

    /// The boxes that every replica has settled, or one has another box for.
    pub(crate) fn decided(&self) -> Vec<Place> {
        let decided = |outgoing: &Outgoing| outgoing.is_complete() || outgoing.conflict().is_some();
        self.boxes.iter().filter(|(_, outgoing)| decided(outgoing)).map(|(place, _)| *place).collect()
    }

    /// Whether every replica of the box has settled it.
    pub(crate) fn is_complete(&self, place: Place) -> bool {
        self.boxes.get(&place).is_some_and(Outgoing::is_complete)
    }

    /// What to send next: the place whose last slot lies furthest back, its first box that waits for a replica to
    /// which it `may` go. Boxes that are not `urgent` go only when no box of a message follows them: until then they
    /// wait for slots that nothing else needs.
    pub(crate) fn next(
        &self,
        now: Timestamp,
        urgency: Urgency,
        may: impl Fn(ContactId, &NodeId) -> bool,
    ) -> Option<Delivery> {
        let urgent = self.urgent_up_to();
        let mut best: Option<(u64, Delivery)> = None;
        let mut contact = None;
        for (place, outgoing) in &self.boxes {
            if contact == Some(place.0) {
                continue;
            }
            let is_urgent = urgent.get(&place.0).is_some_and(|last| place.1 <= *last);
            if is_urgent != (urgency == Urgency::Urgent) {
                continue;
            }
            let Some(class) = outgoing.term.class(now, self.travel) else { continue };
            let waits = |replica: &Replica| matches!(replica, Replica::Waiting { not_before, .. } if *not_before <= now);
            let mut replicas = outgoing.replicas.iter();
            let ready = replicas.find(|(mailbox, replica)| waits(replica) && may(outgoing.owner, mailbox));
            let Some((mailbox, replica)) = ready else { continue };
            contact = Some(place.0);
            let turn = self.turns.get(&place.0).copied().unwrap_or(0);
            if best.is_none_or(|(other, _)| turn < other) {
                let silences = replica.silences();
                let delivery = Delivery { place: *place, mailbox: *mailbox, class, silences };
                best = Some((turn, delivery));
            }
        }
        best.map(|(_, delivery)| delivery)
    }

    /// The last box of each stream that somebody waits for: boxes before it have to be read first.
    fn urgent_up_to(&self) -> BTreeMap<ContactId, u64> {
        let urgent = self.boxes.iter().filter(|(_, outgoing)| outgoing.purpose.is_urgent());
        urgent.map(|(place, _)| *place).collect()
    }

    /// A packet with this box has left.
    pub(crate) fn sent(&mut self, delivery: &Delivery, now: Timestamp) {
        self.turn = self.turn.saturating_add(1);
        self.turns.insert(delivery.place.0, self.turn);
        let Some(outgoing) = self.boxes.get_mut(&delivery.place) else { return };
        outgoing.class_max = outgoing.class_max.max(Some(delivery.class));
        if let Some(replica) = outgoing.replicas.get_mut(&delivery.mailbox) {
            *replica = Replica::InFlight { since: now, silences: replica.silences() };
        }
    }

    /// The mailbox has not answered in time.
    pub(crate) fn silent(&mut self, place: Place, mailbox: &NodeId) {
        self.update(place, mailbox, |replica| match replica {
            Replica::InFlight { silences, .. } => Replica::Waiting {
                not_before: Timestamp::from_micros(0),
                silences: silences.saturating_add(1),
                refused: None,
            },
            other => other,
        });
    }

    /// The answer cannot come any more, and nobody is to blame.
    pub(crate) fn abandoned(&mut self, place: Place, mailbox: &NodeId) {
        self.update(place, mailbox, |replica| match replica {
            Replica::InFlight { .. } => Replica::FRESH,
            other => other,
        });
    }

    /// The mailbox said why it did not do it; it is asked again at `not_before`.
    pub(crate) fn refused(
        &mut self,
        place: Place,
        mailbox: &NodeId,
        not_before: Timestamp,
        label: &'static str,
    ) {
        self.update(place, mailbox, |replica| Replica::Waiting {
            not_before,
            silences: replica.silences().saturating_add(1),
            refused: Some(label),
        });
    }

    /// The mailbox has stored it.
    pub(crate) fn acknowledged(&mut self, place: Place, mailbox: &NodeId) {
        self.update(place, mailbox, |_| Replica::Acknowledged);
    }

    /// The mailbox has another box of this name.
    pub(crate) fn conflicted(&mut self, place: Place, mailbox: &NodeId) {
        self.update(place, mailbox, |_| Replica::Conflicted);
    }

    /// How often the mailbox has been silent about this box.
    pub(crate) fn silences(&self, place: Place, mailbox: &NodeId) -> u32 {
        let replica = self.boxes.get(&place).and_then(|outgoing| outgoing.replicas.get(mailbox));
        replica.map_or(0, |replica| replica.silences())
    }

    fn update(&mut self, place: Place, mailbox: &NodeId, change: impl FnOnce(Replica) -> Replica) {
        let Some(outgoing) = self.boxes.get_mut(&place) else { return };
        // What is answered before the tombstone has left is the box that was in its place.
        let answers_box = |replica: &Replica| outgoing.term.is_late() && *replica == Replica::FRESH;
        let replica = outgoing.replicas.get_mut(mailbox);
        if let Some(replica) = replica.filter(|replica| !replica.is_settled() && !answers_box(replica)) {
            *replica = change(*replica);
        }
    }
}

fn assign(outgoing: &mut Outgoing, mailboxes: &[NodeId], replicas: usize) {
    let mut before = std::mem::take(&mut outgoing.replicas);
    for mailbox in placement(outgoing.parcel.id(), mailboxes, replicas) {
        outgoing.replicas.insert(mailbox, before.remove(&mailbox).unwrap_or(Replica::FRESH));
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outbox({} boxes)", self.boxes.len())
    }
}
