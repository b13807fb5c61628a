//! Why a message waits, in words: the first thing that stands in its way.

use sotto_protocol::directory::Consensus;
use sotto_protocol::ident::NodeId;
use sotto_protocol::time::Timestamp;

use super::book::Person;
use super::choice::candidates;
use super::contact::Contact;
use super::engine::Engine;
use super::id::{ContactId, MessageId};
use super::lane::{Lane, has_onion_service};
use super::link::Link;
use super::notes::NOTES_PROTECTION;
use super::outbox::{Outgoing, Replica};
use super::parcel::Purpose;
use super::trust::Trust;
use super::view::{ConsensusState, ContactState};
use crate::store::Store;

/// A message whose boxes are written no more.
const RUN_OUT: &str = "it ceases to exist too soon for a mailbox to keep it, and is not sent any more";

impl<S: Store> Engine<S> {
    /// What a message, or the answer to an invitation, waits for.
    pub(super) fn why(&self, contact: ContactId, message: Option<MessageId>, now: Timestamp) -> String {
        let Some(person) = self.book.people.get(&contact) else { return String::new() };
        if let Some(why) = why_of_contact(&person.contact, now) {
            return why.into();
        }
        if person.contact.blocked {
            let name = &person.contact.name;
            return format!("you have blocked {name:?}; `sotto contacts unblock {name:?}` ends that");
        }
        if !self.keeper.is_working() {
            return "the store cannot be written; free some space or check the disk".into();
        }
        if let Some(why) = self.network_wants(now) {
            return why;
        }
        let lane = self.lanes.get(self.route_of(contact));
        if !lane.health.up {
            return self.route_wants(contact, lane, now);
        }
        let concerns = |outgoing: &&Outgoing| match message {
            Some(_) => outgoing.message() == message,
            None => !matches!(
                outgoing.purpose,
                Purpose::Message(_)
                    | Purpose::Ahead
                    | Purpose::Control
                    | Purpose::Report
                    | Purpose::RunOut(_)
            ),
        };
        let owned: Vec<&Outgoing> = self.book.outbox.owned(contact).map(|(_, outgoing)| outgoing).collect();
        if message.is_some() && owned.iter().any(|outgoing| outgoing.purpose == Purpose::RunOut(message)) {
            return RUN_OUT.into();
        }
        let boxes: Vec<&Outgoing> = owned.into_iter().filter(concerns).collect();
        if boxes.is_empty() {
            return why_unsealed(person).into();
        }
        why_of_boxes(&boxes, lane, self.consensus.as_deref(), now)
    }

    /// What is missing for all contacts.
    fn network_wants(&self, now: Timestamp) -> Option<String> {
        let text = match self.consensus_state(now) {
            ConsensusState::Missing => "no consensus of the network has been fetched yet",
            ConsensusState::NotYet => "the consensus is not valid yet; check this computer's clock",
            ConsensusState::Expired => {
                "the consensus has run out and no newer one has come; check this computer's clock \
                 and whether the network's authorities work"
            }
            ConsensusState::Fresh | ConsensusState::Grace if self.class().is_none() => {
                let class = &self.settings.class;
                return Some(format!(
                    "the network has no cover class named {class:?}; choose one that it has"
                ));
            }
            ConsensusState::Fresh | ConsensusState::Grace => return None,
        };
        Some(text.to_owned())
    }

    /// What failed, since when, and what is done about it.
    fn route_wants(&self, contact: ContactId, lane: &Lane, now: Timestamp) -> String {
        let (route, lasts) = (lane.route, now.since(lane.health.since).as_secs());
        let missing =
            if route.uses_entry() { "not connected to an entry of the network" } else { "Tor does not work" };
        let plan = self.plan_of(contact);
        let tried = candidates(plan, |route| self.lanes.get(route).fitness(now));
        let others: Vec<&str> =
            tried.iter().filter(|tried| **tried != route).map(|tried| tried.label()).collect();
        let next = plan.routes().nth(tried.len());
        let outlook = match (others.is_empty(), next) {
            (false, _) => format!("{} is tried too and does not work yet", others.join(" and ")),
            (true, Some(next)) => format!("{next} is tried if this goes on"),
            (true, None) => "it waits, as no other route is allowed".to_owned(),
        };
        format!("route {route}: {missing} for {lasts} s ({}); {outlook}", lane.health.why)
    }
}

/// What keeps a contact from being written to at all.
fn why_of_contact(contact: &Contact, now: Timestamp) -> Option<&'static str> {
    Some(match contact.state(now) {
        ContactState::Pending | ContactState::Established if contact.trust == Trust::Changed => {
            "the contact's key has changed; compare safety numbers (`sotto verify`), then it is sent"
        }
        ContactState::Pending | ContactState::Established => return None,
        ContactState::Expired => "the invitation ran out before it was taken up; invite again",
        ContactState::Taken => "somebody else took up the invitation; make another one, or ask for one",
        ContactState::Revoked => "the invitation was withdrawn; make another one, or ask for one",
        ContactState::Spoiled => {
            "the other side's keys cannot be used; make another invitation, or ask for one"
        }
        ContactState::Notes => NOTES_PROTECTION,
    })
}

/// What is missing before anything can be sealed for a contact.
fn why_unsealed(person: &Person) -> &'static str {
    match &person.link {
        Link::Live(_) if person.renewal.is_none() && person.ledger.awaits_until_ms > 0 => {
            "waiting until the contact says what it has not received, so that everything goes in its order"
        }
        _ if person.renewal.is_some() => "waiting until the contact answers to the new keys of this side",
        Link::Offered(_) => "waiting until somebody takes up the invitation",
        Link::Answering(_) => "waiting for the keys of who made the invitation",
        Link::Closed if person.asking.is_some() => "waiting for the keys of the address",
        Link::Live(_) | Link::Closed => "waiting for the next packet",
    }
}

/// What boxes wait for, network and route being there.
fn why_of_boxes(boxes: &[&Outgoing], lane: &Lane, consensus: Option<&Consensus>, now: Timestamp) -> String {
    let replicas: Vec<(NodeId, Replica)> = boxes
        .iter()
        .flat_map(|outgoing| outgoing.replicas().iter().map(|(mailbox, replica)| (*mailbox, *replica)))
        .collect();
    let refused = replicas.iter().find_map(|(mailbox, replica)| match replica {
        Replica::Waiting { refused: Some(label), not_before, .. } => Some((mailbox, label, not_before)),
        _ => None,
    });
    if let Some((mailbox, label, not_before)) = refused {
        return format!(
            "mailbox {} refused it ({label}); trying again in {} s",
            mailbox.short(),
            not_before.since(now).as_secs()
        );
    }
    let waiting: Vec<&NodeId> = replicas
        .iter()
        .filter_map(|(mailbox, replica)| matches!(replica, Replica::Waiting { .. }).then_some(mailbox))
        .collect();
    if let Some(why) = waiting.iter().find_map(|mailbox| why_of_mailbox(mailbox, lane, consensus, now)) {
        return why;
    }
    if !waiting.is_empty() {
        return format!(
            "waiting for free slots of the cover traffic: {} of {} packets are to be sent",
            waiting.len(),
            replicas.len()
        );
    }
    let oldest = replicas
        .iter()
        .filter_map(|(mailbox, replica)| match replica {
            Replica::InFlight { since, silences } => Some((*since, *mailbox, *silences)),
            _ => None,
        })
        .min();
    match oldest {
        Some((since, mailbox, silences)) => format!(
            "waiting for the acknowledgement of mailbox {}: sent {} s ago, attempt {}",
            mailbox.short(),
            now.since(since).as_secs(),
            silences.saturating_add(1)
        ),
        None => "waiting for a mailbox: the network lists none".into(),
    }
}

/// Why nothing goes to a mailbox by circuits.
fn why_of_mailbox(
    mailbox: &NodeId,
    lane: &Lane,
    consensus: Option<&Consensus>,
    now: Timestamp,
) -> Option<String> {
    let circuits = lane.circuits()?;
    if !consensus.is_some_and(|consensus| has_onion_service(consensus, mailbox)) {
        return Some(format!(
            "mailbox {} has no onion service: it can be reached by the routes mix and tor+mix only",
            mailbox.short()
        ));
    }
    let (why, not_before) = circuits.trouble_with(mailbox)?;
    let pause = not_before.since(now).as_secs();
    Some(format!(
        "no circuit to mailbox {}: {why}; the next is made in {pause} s at the earliest",
        mailbox.short()
    ))
}
