//! Who can send and receive: clients, nodes, and Tor as a whole.
//!
//! Parties are numbered, clients first, so that tables of them are arrays. Not here: where they are and what they do.

use std::fmt;

/// Somebody at an end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Party(pub u32);

impl Party {
    /// The number, as an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a party is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A client, with its number.
    Client(u32),
    /// A mix. Layer 0 is the layer of entries where there are entries; in a free-route network all are in layer 0 of
    /// mixes. `index` counts within the layer.
    Mix {
        /// Which layer, from 0.
        layer: u32,
        /// Which of the layer.
        index: u32,
    },
    /// A mailbox, with its number.
    Mailbox(u32),
    /// The Tor network, which is one party: it holds nothing back and hides which client is which circuit.
    Tor,
}

/// How many there are of each, and so which number is whose: clients, mixes layer by layer, mailboxes, Tor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    clients: u32,
    /// The width of each layer.
    layers: Vec<u32>,
    mailboxes: u32,
}

impl Layout {
    /// A layout of so many clients, mixes in each layer, and mailboxes.
    #[must_use]
    pub const fn new(clients: u32, layers: Vec<u32>, mailboxes: u32) -> Self {
        Self { clients, layers, mailboxes }
    }

    /// How many clients.
    #[must_use]
    pub const fn clients(&self) -> u32 {
        self.clients
    }

    /// The widths of the layers.
    #[must_use]
    pub fn layers(&self) -> &[u32] {
        &self.layers
    }

    /// How many mixes in all layers together.
    #[must_use]
    pub fn mixes(&self) -> u32 {
        self.layers.iter().sum()
    }

    /// How many mailboxes.
    #[must_use]
    pub const fn mailboxes(&self) -> u32 {
        self.mailboxes
    }

    /// How many parties, Tor included.
    #[must_use]
    pub fn parties(&self) -> u32 {
        self.clients + self.mixes() + self.mailboxes + 1
    }

    /// A client.
    #[must_use]
    pub const fn client(&self, number: u32) -> Party {
        Party(number)
    }

    /// The mix of this place in this layer.
    #[must_use]
    pub fn mix(&self, layer: u32, index: u32) -> Party {
        let before: u32 = self.layers.iter().take(layer as usize).sum();
        Party(self.clients + before + index)
    }

    /// A mix by its number over all layers.
    #[must_use]
    pub const fn nth_mix(&self, number: u32) -> Party {
        Party(self.clients + number)
    }

    /// A mailbox.
    #[must_use]
    pub fn mailbox(&self, number: u32) -> Party {
        Party(self.clients + self.mixes() + number)
    }

    /// Tor.
    #[must_use]
    pub fn tor(&self) -> Party {
        Party(self.parties() - 1)
    }

    /// Whether a party is a client.
    #[must_use]
    pub const fn is_client(&self, party: Party) -> bool {
        party.0 < self.clients
    }

    /// Whether a party is a mix.
    #[must_use]
    pub fn is_mix(&self, party: Party) -> bool {
        party.0 >= self.clients && party.0 < self.clients + self.mixes()
    }

    /// Whether a party is a mailbox.
    #[must_use]
    pub fn is_mailbox(&self, party: Party) -> bool {
        matches!(self.role(party), Some(Role::Mailbox(_)))
    }

    /// What a party is; `None` if there is nobody of this number.
    #[must_use]
    pub fn role(&self, party: Party) -> Option<Role> {
        if self.is_client(party) {
            return Some(Role::Client(party.0));
        }
        let mut rest = party.0 - self.clients;
        for (layer, width) in (0..).zip(&self.layers) {
            if rest < *width {
                return Some(Role::Mix { layer, index: rest });
            }
            rest -= width;
        }
        match rest {
            number if number < self.mailboxes => Some(Role::Mailbox(number)),
            number if number == self.mailboxes => Some(Role::Tor),
            _ => None,
        }
    }

    /// The party of a name: `client-3`, `mix-0-2` (layer, place), `mailbox-1`, `tor`.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<Party> {
        let mut parts = name.split('-');
        let kind = parts.next()?;
        let numbers: Vec<u32> = parts.map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let party = match (kind, numbers.as_slice()) {
            ("client", [number]) if *number < self.clients => self.client(*number),
            ("mix", [layer, index]) if index < self.layers.get(*layer as usize)? => self.mix(*layer, *index),
            ("mailbox", [number]) if *number < self.mailboxes => self.mailbox(*number),
            ("tor", []) => self.tor(),
            _ => return None,
        };
        // `client-03` and `client-+3` are nobody's names.
        self.role(party).filter(|role| role.to_string() == name).map(|_| party)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(number) => write!(f, "client-{number}"),
            Self::Mix { layer, index } => write!(f, "mix-{layer}-{index}"),
            Self::Mailbox(number) => write!(f, "mailbox-{number}"),
            Self::Tor => f.write_str("tor"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_role_and_every_name_one_number() {
        let layout = Layout::new(3, vec![2, 4, 1], 2);
        assert_eq!(layout.parties(), 3 + 7 + 2 + 1);
        let names: Vec<String> =
            (0..layout.parties()).map(|number| layout.role(Party(number)).unwrap().to_string()).collect();
        assert_eq!(names[3], "mix-0-0");
        assert_eq!(names[6], "mix-1-1");
        for (number, name) in (0..).zip(&names) {
            assert_eq!(layout.by_name(name), Some(Party(number)));
        }
        for wrong in [
            "",
            "client",
            "client-3",
            "client-00",
            "client-+1",
            "mix-0",
            "mix-0-2",
            "mix-3-0",
            "mix-0-0-0",
            "mailbox-2",
            "tor-0",
        ] {
            assert_eq!(layout.by_name(wrong), None, "{wrong}");
        }
        assert_eq!(layout.role(Party(layout.parties())), None);
        assert_eq!(layout.mix(2, 0), layout.by_name("mix-2-0").unwrap());
        assert_eq!(layout.role(layout.tor()), Some(Role::Tor));
    }
}
