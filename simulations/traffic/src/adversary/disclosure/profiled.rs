//! Of whom a profile is kept of its own: the rest is one crowd.
//!
//! A table of everybody's profile would grow with the square of the clients.

use crate::party::Party;

/// Clients with a place in a table; all others share the last place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Profiled {
    sorted: Vec<u32>,
}

impl Profiled {
    /// Those asked about first, then the busiest, up to a number.
    pub(super) fn choose(asked: impl Iterator<Item = Party>, busy: &[f64], max: usize) -> Self {
        let mut chosen = std::collections::BTreeSet::new();
        for party in asked {
            if chosen.len() < max {
                chosen.insert(party.0);
            }
        }
        let mut busiest: Vec<(u32, f64)> =
            (0_u32..).zip(busy.iter().copied()).filter(|(_, load)| *load > 0.0).collect();
        busiest.sort_by(|one, other| other.1.total_cmp(&one.1));
        for (client, _) in busiest {
            if chosen.len() >= max {
                break;
            }
            chosen.insert(client);
        }
        Self { sorted: chosen.into_iter().collect() }
    }

    /// How many places there are, the crowd's included.
    pub(super) fn places(&self) -> usize {
        self.sorted.len() + 1
    }

    /// The place of a client.
    pub(super) fn place(&self, client: u32) -> usize {
        self.sorted.binary_search(&client).unwrap_or(self.sorted.len())
    }

    /// Whether a place is the crowd's.
    pub(super) fn is_crowd(&self, place: usize) -> bool {
        place >= self.sorted.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_asked_about_come_first_and_the_rest_is_a_crowd() {
        let profiled = Profiled::choose([Party(3)].into_iter(), &[1.0, 5.0, 0.0, 0.0, 9.0], 3);
        assert_eq!(profiled.places(), 4);
        assert_eq!([1, 3, 4].map(|client| profiled.place(client)), [0, 1, 2]);
        assert!(profiled.is_crowd(profiled.place(0)) && profiled.is_crowd(profiled.place(77)));
    }
}
