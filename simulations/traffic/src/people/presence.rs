//! When clients are online.
//!
//! Not here: what being offline means for packets and messages.

use crate::random::{Purpose, Seed};
use crate::scenario::{Online, Scenario};
use crate::time::SimTime;

/// Seconds of an hour and of a day, as [`Online::Daily`] has them.
const HOUR_S: f64 = 3600.0;
const DAY_S: f64 = 24.0 * HOUR_S;

/// How far a client has come.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// The last change.
    at: SimTime,
    /// How many there have been.
    changes: u64,
}

/// Everybody's comings and goings.
#[derive(Clone, Debug)]
pub struct Presence {
    seed: Seed,
    /// The first client behind each class, and when those of the class are online.
    classes: Vec<(u32, Online)>,
    /// Empty if everybody is always online.
    places: Vec<Place>,
}

impl Presence {
    /// Those of a scenario, which has been validated.
    #[must_use]
    pub fn new(scenario: &Scenario, seed: Seed) -> Self {
        let classes: Vec<(u32, Online)> = scenario
            .clients
            .iter()
            .scan(0_u32, |end, class| {
                *end = end.saturating_add(class.count);
                Some((*end, class.online))
            })
            .collect();
        let changes = classes.iter().any(|(_, online)| *online != Online::Always);
        let clients = if changes { scenario.client_count() as usize } else { 0 };
        Self { seed, classes, places: vec![Place::default(); clients] }
    }

    fn online(&self, client: u32) -> Online {
        let class = self.classes.partition_point(|(end, _)| *end <= client);
        self.classes.get(class).map_or(Online::Always, |(_, online)| *online)
    }

    /// Two numbers between 0 and 1, for a change of a client.
    fn units(&self, client: u32, change: u64) -> (f64, f64) {
        let mut draws = self.seed.draws(Purpose::Online, u64::from(client));
        draws.seek(change);
        (draws.unit(), draws.unit())
    }

    /// Whether a client is online at the beginning: as likely as at any other time.
    #[must_use]
    pub fn at_start(&self, client: u32) -> bool {
        let (unit, _) = self.units(client, 0);
        match self.online(client) {
            Online::Always => true,
            Online::Alternating { online_s_mean, offline_s_mean } => {
                unit < online_s_mean / (online_s_mean + offline_s_mean)
            }
            // Online from this time of day on; the hours may have begun the day before.
            Online::Daily { hours } => unit * DAY_S > DAY_S - hours * HOUR_S,
        }
    }

    /// A client's next change, in order of time: when, and whether it goes online. `None` if it stays as it is.
    pub fn next(&mut self, client: u32) -> Option<(SimTime, bool)> {
        let online = self.online(client);
        let starts_online = self.at_start(client);
        let Place { at, changes } = *self.places.get(client as usize)?;
        let is_online = starts_online ^ (changes % 2 == 1);
        let next = match online {
            Online::Always => return None,
            // An exponential time has no memory: what is left of it at the beginning is as long as all of it.
            Online::Alternating { online_s_mean, offline_s_mean } => {
                let mean_s = if is_online { online_s_mean } else { offline_s_mean };
                at + SimTime::from_secs_f64(-mean_s * self.units(client, changes).1.ln())
            }
            Online::Daily { hours } if hours >= 24.0 => return None,
            Online::Daily { hours } => {
                let from_s = self.units(client, 0).0 * DAY_S;
                let first_s = match (starts_online, from_s + hours * HOUR_S) {
                    (true, until_s) => until_s - DAY_S,
                    (false, _) => from_s,
                };
                let (whole, rest) = (changes / 2, changes % 2);
                let rest_s = match (rest, starts_online) {
                    (0, _) => 0.0,
                    (_, true) => DAY_S - hours * HOUR_S,
                    (_, false) => hours * HOUR_S,
                };
                let days =
                    SimTime::from_nanos(whole.saturating_mul(SimTime::from_secs_f64(DAY_S).as_nanos()));
                days + SimTime::from_secs_f64(first_s + rest_s)
            }
        };
        let place = self.places.get_mut(client as usize)?;
        *place = Place { at: next, changes: changes + 1 };
        (next != SimTime::NEVER).then_some((next, !is_online))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ClientClass;

    fn scenario(classes: &[(u32, Online)]) -> Scenario {
        let class = |(count, online): &(u32, Online)| ClientClass {
            count: *count,
            online: *online,
            ..ClientClass::default()
        };
        Scenario { clients: classes.iter().map(class).collect(), ..Scenario::default() }
    }

    /// The share of times online up to here, and how many of the clients are online at the beginning and at the end.
    fn shares(presence: &mut Presence, clients: u32, until_s: f64) -> (f64, f64, f64) {
        let (mut online_s, mut begin, mut end) = (0.0, 0, 0);
        for client in 0..clients {
            let (mut is_online, mut from_s) = (presence.at_start(client), 0.0);
            begin += u32::from(is_online);
            while let Some((at, goes_online)) = presence.next(client) {
                assert_eq!(goes_online, !is_online);
                let at_s = at.as_secs_f64();
                assert!(at_s >= from_s);
                online_s += if is_online { at_s.min(until_s) - from_s } else { 0.0 };
                if at_s > until_s {
                    break;
                }
                (is_online, from_s) = (goes_online, at_s);
            }
            end += u32::from(is_online);
        }
        let all = f64::from(clients);
        (online_s / (all * until_s), f64::from(begin) / all, f64::from(end) / all)
    }

    #[test]
    fn alternating_clients_are_online_for_their_share_from_the_beginning() {
        let online = Online::Alternating { online_s_mean: 300.0, offline_s_mean: 900.0 };
        let clients = 20_000;
        let mut presence = Presence::new(&scenario(&[(clients, online)]), Seed::new(3));
        let (time, begin, end) = shares(&mut presence, clients, 2000.0);
        let deviation = (0.25 * 0.75 / f64::from(clients)).sqrt();
        for share in [time, begin, end] {
            assert!((share - 0.25).abs() < 6.0 * deviation, "{time} {begin} {end}");
        }
    }

    #[test]
    fn daily_hours_are_the_same_every_day() {
        let clients = 10_000;
        let mut presence = Presence::new(&scenario(&[(clients, Online::Daily { hours: 6.0 })]), Seed::new(3));
        let (time, begin, end) = shares(&mut presence.clone(), clients, 10.0 * DAY_S);
        assert!((time - 0.25).abs() < 1e-6, "{time}");
        assert!((begin - end).abs() < f64::EPSILON);
        assert!((begin - 0.25).abs() < 6.0 * (0.25 * 0.75 / f64::from(clients)).sqrt(), "{begin}");
        for client in 0..50 {
            let changes: Vec<f64> = std::iter::from_fn(|| presence.next(client))
                .take(5)
                .map(|(at, _)| at.as_secs_f64())
                .collect();
            assert!((changes[2] - changes[0] - DAY_S).abs() < 1e-6);
            assert!((changes[3] - changes[1] - DAY_S).abs() < 1e-6);
            let between = if presence.at_start(client) { 18.0 } else { 6.0 };
            assert!((changes[1] - changes[0] - between * HOUR_S).abs() < 1e-6, "{changes:?}");
            assert!(changes[0] < DAY_S);
        }
    }

    #[test]
    fn who_is_always_there_never_changes_and_others_do_not_change_by_it() {
        let alternating = Online::Alternating { online_s_mean: 5.0, offline_s_mean: 5.0 };
        let seed = Seed::new(9);
        let mut alone = Presence::new(&scenario(&[(4, alternating)]), seed);
        let all = [(4, alternating), (3, Online::Always), (2, Online::Daily { hours: 24.0 })];
        let mut together = Presence::new(&scenario(&all), seed);
        for client in 0..4 {
            assert_eq!(alone.at_start(client), together.at_start(client));
            for _ in 0..20 {
                assert_eq!(alone.next(client), together.next(client));
            }
        }
        for client in 4..9 {
            assert!(together.at_start(client));
            assert_eq!(together.next(client), None);
        }
        let mut always = Presence::new(&Scenario::default(), seed);
        assert!(always.at_start(0));
        assert_eq!(always.next(0), None);
    }
}
