//! Whom each user writes to, and how often.
//!
//! A list of contacts depends on its user and, as little as can be, on how many clients there are: contacts are drawn by
//! jump consistent hashing (Lamping, Veach 2014), so a list keeps its members when clients are added, except where one of
//! those takes a place. Not here: when users write.

use std::collections::BTreeMap;

use rand_philox::splitmix64;

use super::PrepareError;
use super::edges::Edges;
use crate::random::{Draws, Purpose, Seed};
use crate::scenario::{Contacts, Scenario, ScenarioRefusal, Writing};

/// The most contacts of all users together.
const CONTACTS_TOTAL_MAX: u64 = 50_000_000;

/// How often a user writes to each of its contacts.
#[derive(Clone, Debug)]
enum Weights {
    /// As often as to the others.
    Equal,
    /// The same for everybody, by the place in the list: the sums of the shares up to each place, the last one 1.
    Ranked(Vec<f64>),
    /// How many messages, for each entry of the lists.
    Counted(Vec<u32>),
}

/// Everybody's contacts.
///
/// The relation has a direction: messages flow from a user to those whom it lists, and who is listed need not list in turn.
#[derive(Clone, Debug)]
pub struct Addressees {
    /// Where each user's list begins, and behind the last user's the length of all.
    starts: Vec<u32>,
    contacts: Vec<u32>,
    weights: Weights,
}

impl Addressees {
    /// Draws the contacts, or reads them from the edge list.
    ///
    /// # Errors
    /// A scenario that is refused, more contacts in all than fit, or an edge list that cannot be used.
    pub fn new(scenario: &Scenario, seed: Seed) -> Result<Self, PrepareError> {
        scenario.validate()?;
        let clients = scenario.client_count();
        match &scenario.behaviour.writing {
            Writing::EdgeList { file } => Ok(Self::of(&Edges::read(file, clients)?, clients)),
            _ => Self::drawn(scenario.behaviour.contacts, clients, seed),
        }
    }

    /// The contacts that an edge list shows, those with most messages first.
    pub(super) fn of(edges: &Edges, clients: u32) -> Self {
        let (mut starts, mut contacts, mut counts) = (vec![0], Vec::new(), Vec::new());
        for user in 0..clients {
            let mut messages: BTreeMap<u32, u32> = BTreeMap::new();
            for (_, recipient) in edges.of(user) {
                *messages.entry(*recipient).or_default() += 1;
            }
            let mut list: Vec<(u32, u32)> = messages.into_iter().collect();
            list.sort_by_key(|(contact, count)| (std::cmp::Reverse(*count), *contact));
            contacts.extend(list.iter().map(|(contact, _)| contact));
            counts.extend(list.iter().map(|(_, count)| count));
            starts.push(length(&contacts));
        }
        Self { starts, contacts, weights: Weights::Counted(counts) }
    }

    fn drawn(kind: Contacts, clients: u32, seed: Seed) -> Result<Self, PrepareError> {
        let (count, weights) = match kind {
            Contacts::Uniform { count } => (count, Weights::Equal),
            Contacts::Zipf { count, exponent } => (count, Weights::Ranked(zipf(count, exponent))),
            Contacts::Pairs => return Ok(Self::pairs(clients)),
        };
        let total = u64::from(count) * u64::from(clients);
        if total > CONTACTS_TOTAL_MAX {
            let allowed = format!("at most {CONTACTS_TOTAL_MAX} contacts of all clients together");
            let found = format!("{count}, for {clients} clients");
            return Err(ScenarioRefusal::new("behaviour.contacts.count", found, allowed).into());
        }
        let (mut starts, mut contacts) = (vec![0], Vec::new());
        // The last user in whose list a client has been seen; a list is free of doubles without being searched.
        let mut listed_by = vec![u32::MAX; clients as usize];
        for user in 0..clients {
            draw_list(user, count, clients, seed, &mut listed_by, &mut contacts);
            starts.push(length(&contacts));
        }
        Ok(Self { starts, contacts, weights })
    }

    /// Users 2i and 2i+1; with an odd number of clients the last has nobody.
    fn pairs(clients: u32) -> Self {
        let paired = clients - clients % 2;
        let contacts = (0..paired).map(|user| user ^ 1).collect();
        let starts = (0..=clients).map(|user| user.min(paired)).collect();
        Self { starts, contacts, weights: Weights::Equal }
    }

    /// How many users there are.
    #[must_use]
    pub fn users(&self) -> u32 {
        length(&self.starts).saturating_sub(1)
    }

    fn range(&self, user: u32) -> std::ops::Range<usize> {
        let user = user as usize;
        let range = self.starts.get(user).zip(self.starts.get(user + 1));
        range.map_or(0..0, |(from, to)| *from as usize..*to as usize)
    }

    /// Whom a user writes to.
    #[must_use]
    pub fn contacts(&self, user: u32) -> &[u32] {
        self.contacts.get(self.range(user)).unwrap_or_default()
    }

    /// The share of a user's messages that each of its [`Self::contacts`] gets, in their order; they sum up to 1. Of an
    /// edge list these are the shares of its messages, else those that are drawn with.
    #[must_use]
    pub fn shares(&self, user: u32) -> Vec<f64> {
        let contacts = self.contacts(user);
        match &self.weights {
            Weights::Equal => vec![1.0 / f64::from(length(contacts)); contacts.len()],
            Weights::Ranked(sums) => {
                let before = std::iter::once(&0.0).chain(sums);
                sums.iter().zip(before).take(contacts.len()).map(|(sum, before)| sum - before).collect()
            }
            Weights::Counted(counts) => {
                let counts = counts.get(self.range(user)).unwrap_or_default();
                let total: f64 = counts.iter().copied().map(f64::from).sum();
                counts.iter().map(|count| f64::from(*count) / total).collect()
            }
        }
    }

    /// Draws whom a user writes to; `None` if it has no contacts.
    pub(super) fn draw(&self, user: u32, draws: &mut Draws) -> Option<u32> {
        let contacts = self.contacts(user);
        let place = match &self.weights {
            Weights::Ranked(sums) => {
                let unit = draws.unit();
                sums.partition_point(|sum| *sum <= unit)
            }
            // Those of an edge list are not drawn: its lines say who is next.
            Weights::Equal | Weights::Counted(_) => draws.below(length(contacts)) as usize,
        };
        contacts.get(place).or(contacts.last()).copied()
    }
}

/// A length as a number of users; the limits above keep all lists shorter than 2^32.
fn length<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

/// The sums of the weights 1/k^exponent up to each place, of a whole of 1.
fn zipf(count: u32, exponent: f64) -> Vec<f64> {
    let mut sums: Vec<f64> = (1..=count)
        .scan(0.0, |sum, place| {
            *sum += f64::from(place).powf(-exponent);
            Some(*sum)
        })
        .collect();
    let total = sums.last().copied().unwrap_or(1.0);
    sums.iter_mut().for_each(|sum| *sum /= total);
    sums
}

/// Adds a user's contacts to the lists.
fn draw_list(
    user: u32,
    count: u32,
    clients: u32,
    seed: Seed,
    listed_by: &mut [u32],
    contacts: &mut Vec<u32>,
) {
    let others = clients.saturating_sub(1);
    let count = count.min(others);
    let mut draws = seed.draws(Purpose::Contacts, u64::from(user));
    if count > others / 2 {
        // Drawing until one comes that is not listed would take long: all others are put into an order of chance.
        let key = draws.word();
        let mut order: Vec<(u64, u32)> = (0..clients)
            .filter(|other| *other != user)
            .map(|other| (splitmix64(key ^ splitmix64(u64::from(other))), other))
            .collect();
        order.sort_unstable();
        contacts.extend(order.iter().take(count as usize).map(|(_, other)| *other));
        return;
    }
    let mut left = count;
    while left > 0 {
        let other = jump(draws.word(), clients);
        match listed_by.get_mut(other as usize) {
            Some(listed_by) if other != user && *listed_by != user => *listed_by = user,
            _ => continue,
        }
        contacts.push(other);
        left -= 1;
    }
}

/// One of so many buckets, uniform in the key; with one more bucket only those keys change theirs that get it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "below the number of buckets or cut off"
)]
fn jump(mut key: u64, buckets: u32) -> u32 {
    let (mut bucket, mut next) = (0, 0.0_f64);
    while next < f64::from(buckets) {
        bucket = next as u32;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let step = f64::from((key >> 33) as u32) + 1.0;
        next = ((f64::from(bucket) + 1.0) * (f64::from(1_u32 << 31) / step)).floor();
    }
    bucket
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Behaviour, ClientClass};

    fn addressees(clients: u32, contacts: Contacts) -> Addressees {
        let scenario = Scenario {
            clients: vec![ClientClass { count: clients, ..ClientClass::default() }],
            behaviour: Behaviour { contacts, ..Behaviour::default() },
            ..Scenario::default()
        };
        Addressees::new(&scenario, Seed::new(5)).unwrap()
    }

    #[test]
    fn lists_have_their_length_no_doubles_and_never_the_user() {
        // Few of many, most of them, all of them.
        for (clients, count) in [(1000, 7), (20, 15), (20, 19), (2, 1)] {
            let addressees = addressees(clients, Contacts::Uniform { count });
            assert_eq!(addressees.users(), clients);
            for user in 0..clients {
                let mut list = addressees.contacts(user).to_vec();
                assert!(!list.contains(&user));
                assert!(list.iter().all(|contact| *contact < clients));
                list.sort_unstable();
                list.dedup();
                assert_eq!(list.len(), count as usize);
                assert!((addressees.shares(user).iter().sum::<f64>() - 1.0).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn everybody_is_listed_equally_often() {
        for count in [3, 60] {
            let clients = 100;
            let addressees = addressees(clients, Contacts::Uniform { count });
            let mut listed = vec![0_u32; clients as usize];
            (0..clients).flat_map(|user| addressees.contacts(user)).for_each(|contact| {
                listed[*contact as usize] += 1;
            });
            // Chi-square of 100 cells with mean `count`: its mean is below 99 and its deviation below sqrt(2 99).
            let chi: f64 = listed.iter().map(|n| (f64::from(*n) - f64::from(count)).powi(2)).sum::<f64>()
                / f64::from(count);
            assert!(chi < 99.0 + 6.0 * 198.0_f64.sqrt(), "{chi}");
            assert!(chi > 5.0, "{chi}");
        }
    }

    #[test]
    fn one_more_client_changes_only_the_lists_that_it_comes_into() {
        let (before, after) = (
            addressees(1000, Contacts::Uniform { count: 5 }),
            addressees(1001, Contacts::Uniform { count: 5 }),
        );
        let changed: Vec<u32> =
            (0..1000).filter(|user| before.contacts(*user) != after.contacts(*user)).collect();
        assert!(changed.iter().all(|user| after.contacts(*user).contains(&1000)));
        // 5 of 1,000 lists in the mean.
        assert!((1..30).contains(&changed.len()), "{}", changed.len());
    }

    #[test]
    fn zipf_draws_each_place_as_often_as_its_share() {
        let addressees = addressees(50, Contacts::Zipf { count: 8, exponent: 1.5 });
        let (shares, mut counts) = (addressees.shares(3), [0_u32; 8]);
        assert!((shares[0] / shares[3] - 4.0_f64.powf(1.5)).abs() < 1e-9);
        let mut draws = Seed::new(1).draws(Purpose::Addressee, 3);
        let n = 100_000;
        for _ in 0..n {
            let contact = addressees.draw(3, &mut draws).unwrap();
            counts[addressees.contacts(3).iter().position(|other| *other == contact).unwrap()] += 1;
        }
        for (count, share) in counts.iter().zip(&shares) {
            let (mean, deviation) = (f64::from(n) * share, (f64::from(n) * share * (1.0 - share)).sqrt());
            assert!((f64::from(*count) - mean).abs() < 6.0 * deviation, "{counts:?} {shares:?}");
        }
    }

    #[test]
    fn pairs_write_to_one_another() {
        let addressees = addressees(5, Contacts::Pairs);
        let lists: Vec<&[u32]> = (0..5).map(|user| addressees.contacts(user)).collect();
        assert_eq!(lists, [&[1][..], &[0], &[3], &[2], &[]]);
        assert_eq!(addressees.draw(4, &mut Seed::new(1).draws(Purpose::Addressee, 4)), None);
        assert_eq!(addressees.shares(2), [1.0]);
    }

    #[test]
    fn more_contacts_than_fit_are_refused_by_the_field() {
        let scenario = Scenario {
            clients: vec![ClientClass { count: 100_000, ..ClientClass::default() }],
            behaviour: Behaviour { contacts: Contacts::Uniform { count: 99_999 }, ..Behaviour::default() },
            ..Scenario::default()
        };
        let error = Addressees::new(&scenario, Seed::new(5)).unwrap_err();
        assert_eq!(error.label(), "scenario-refused");
        assert!(
            error.to_string().starts_with("behaviour.contacts.count is 99999, for 100000 clients"),
            "{error}"
        );
    }
}
