//! Where the watch is told of what happens, and what can be asked of it.
//!
//! It follows conversations by route `mix` between two people.

use sotto_client::core::{EngineError, MessageId, MessageState};
use sotto_protocol::boxes::BoxId;
use sotto_protocol::ident::NodeId;
use sotto_protocol::mailbox::Command;
use sotto_protocol::sphinx::{Packet, Unwrapped};

use super::network::{VirtualNetwork, VnetError};
use super::person::Person;
use super::truth::{Claim, Falsehood, Truth};

/// Layers of a packet, and then some.
const LAYERS_MAX: usize = 8;

impl VirtualNetwork {
    /// From here on every claimed state of the messages that [`VirtualNetwork::follow`] names is compared with what happens.
    pub fn watch_states(&mut self) {
        self.watch = Some(Box::default());
        self.watch_places();
    }

    /// This message was written by this person, just now, to the other one of the two.
    ///
    /// # Errors
    /// [`VnetError::NotUp`].
    pub fn follow(&mut self, name: &str, message: MessageId) -> Result<(), VnetError> {
        let index = self.person_index(name)?;
        if let (Some(watch), Some(Person { engine: Some(engine), .. })) =
            (&mut self.watch, self.people.get(index))
        {
            watch.written(index, engine, message);
        }
        let told = self.events(name)?.len();
        self.watch_person(index, told);
        Ok(())
    }

    /// The person sees the conversation up to this place, and marks it as read.
    ///
    /// # Errors
    /// The engine's refusal, or [`VnetError::NotUp`].
    pub fn mark_read(&mut self, name: &str, contact: &str, seq: u64) -> Result<(), VnetError> {
        let index = self.person_index(name)?;
        // Before anything that follows from it can be told.
        if let Some(watch) = &mut self.watch {
            watch.seen(index, seq);
        }
        let marked: Result<(), EngineError> =
            self.with_person(name, |engine, now, _| engine.mark_read(now, contact, seq))?;
        Ok(marked?)
    }

    /// The watch hears a person's engine say this of a message, whether or not it did: for tests of the watch.
    ///
    /// # Errors
    /// [`VnetError::NotUp`].
    pub fn hear_say(&mut self, name: &str, message: MessageId, state: MessageState) -> Result<(), VnetError> {
        let index = self.person_index(name)?;
        if let Some(watch) = &mut self.watch {
            watch.compare(self.now, (index, name), Claim { message, state });
        }
        Ok(())
    }

    /// Every message that is followed is looked at once more.
    pub fn look_at_all(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        for (index, person) in self.people.iter().enumerate() {
            if let Some(engine) = &person.engine {
                watch.look_at_all(self.now, (index, &person.name), engine);
            }
        }
    }

    /// The claims that were not true.
    #[must_use]
    pub fn falsehoods(&self) -> &[Falsehood] {
        self.watch.as_ref().map_or(&[], |watch| watch.falsehoods.as_slice())
    }

    /// How many claims were compared with what happened.
    #[must_use]
    pub fn claims(&self) -> u64 {
        self.watch.as_ref().map_or(0, |watch| watch.claims)
    }

    /// How many boxes came to a mailbox without being seen to leave. Unless it is 0 the watch is blind.
    #[must_use]
    pub fn unseen(&self) -> u64 {
        self.watch.as_ref().map_or(0, |watch| watch.unseen)
    }

    /// What happened so far.
    #[must_use]
    pub fn truth(&self) -> Option<&Truth> {
        self.watch.as_ref().map(|watch| &watch.truth)
    }

    /// A node by its name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<NodeId> {
        self.hosts.iter().find(|host| host.name == name).map(super::host::Host::id)
    }

    /// Tells the watch where boxes lie.
    pub(super) fn watch_places(&mut self) {
        if let Some(watch) = &mut self.watch {
            let mailboxes = self.consensus.mailboxes().map(|mailbox| mailbox.node).collect();
            watch.truth.place(mailboxes, usize::from(self.consensus.params.replicas));
        }
    }

    /// Tells the watch of a packet that leaves a person, if it has a box.
    pub(super) fn watch_departure(&mut self, index: usize, packet: &Packet) {
        let Some(Person { engine: Some(engine), .. }) = self.people.get(index) else { return };
        if !self.watch.as_ref().is_some_and(|watch| watch.has_written(index, engine)) {
            return;
        }
        let Some(id) = self.box_in(index, packet) else { return };
        if let Some(watch) = &mut self.watch {
            watch.truth.left(id, self.now);
        }
    }

    /// Lets the watch look at a person, whose events from number `told` on are new.
    pub(super) fn watch_person(&mut self, index: usize, told: usize) {
        let Some(watch) = &mut self.watch else { return };
        let partner = self.people.iter().enumerate().find(|(other, _)| *other != index);
        let Some((partner, Person { name: partner_name, .. })) = partner else { return };
        let Some(Person { engine: Some(engine), name, events, .. }) = self.people.get(index) else { return };
        let events = events.get(told..).unwrap_or_default();
        watch.look(self.now, (index, name), (partner, partner_name), engine, events);
    }

    /// The box that a packet takes to a mailbox: every layer is taken off with the keys of its node.
    fn box_in(&self, index: usize, packet: &Packet) -> Option<BoxId> {
        let mut sessions = self.people.get(index)?.sessions.values().filter(|session| session.connected);
        let mut node = sessions.next()?.entry;
        let mut packet = packet.clone();
        for _ in 0..LAYERS_MAX {
            let host = self.hosts.get(*self.by_id.get(&node)?)?;
            match host.peel(&packet)? {
                Unwrapped::Forward { next, packet: inner, .. } => (node, packet) = (next, inner),
                Unwrapped::Final { payload, .. } => {
                    return match Command::parse(&payload.into_text().ok()?).ok()? {
                        Command::Write { sealed, .. } => Some(*sealed.id()),
                        Command::Read { .. } | Command::Drop | Command::Tombstone { .. } => None,
                    };
                }
            }
        }
        None
    }
}
