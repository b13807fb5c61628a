//! What a run will take, before it is run: packets and events, by the rates alone.
//!
//! Not here: seconds. They depend on the machine, so the caller runs something short and compares.

use crate::scenario::{
    ClientClass, Delivery, Mixing, Network, Notice, Online, Route, Scenario, ScenarioRefusal, Topology,
    Writing,
};

/// Seconds of a day.
const DAY_S: f64 = 86_400.0;
/// Hops of a Tor circuit count as one party.
const TOR_LINKS: f64 = 1.0;
/// The most events of a run: at a million a second it takes eleven days.
pub(super) const EVENTS_MAX: f64 = 1e12;

/// What is expected of one run, from the beginning of warming up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Packets made by anybody.
    pub packets: f64,
    /// Passages of packets over links. Each is two events: sent, arrived.
    pub passages: f64,
    /// Rounds of mixes that have them at intervals, an event each.
    pub rounds: f64,
}

impl Cost {
    /// Of this scenario.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let span_s = scenario.duration_s + scenario.warmup_s;
        let links = links(&scenario.network);
        let people: Self = scenario
            .clients
            .iter()
            .map(|class| Self::of_clients(class, scenario, links))
            .fold(Self { packets: 0.0, passages: 0.0, rounds: 0.0 }, |sum, cost| sum.plus(cost));
        let mixes = f64::from(scenario.layout().mixes());
        let loops = mixes * per_second(scenario.network.mix_loop_interval_ms_mean);
        let dummies =
            node_links(&scenario.network) * per_second(scenario.network.link_dummy_interval_ms_mean);
        let rounds = match scenario.mixing {
            Mixing::Timed { interval_ms } | Mixing::Pool { interval_ms, .. } => {
                mixes * per_second(interval_ms)
            }
            Mixing::Poisson { .. } | Mixing::Threshold { .. } => 0.0,
        };
        let nodes = Self { packets: loops + dummies, passages: loops * links + dummies, rounds };
        let all = people.plus(nodes);
        Self { packets: all.packets * span_s, passages: all.passages * span_s, rounds: all.rounds * span_s }
    }

    /// Events to be handled.
    #[must_use]
    pub fn events(&self) -> f64 {
        2.0 * self.passages + self.rounds
    }

    /// A second of a class of clients.
    fn of_clients(class: &ClientClass, scenario: &Scenario, links: f64) -> Self {
        let clients = f64::from(class.count) * share_online(class.online);
        let payload = if class.payload_interval_ms_mean > 0.0 {
            per_second(class.payload_interval_ms_mean)
        } else {
            messages_per_day(&scenario.behaviour.writing) / DAY_S
        };
        let cover = per_second(class.loop_interval_ms_mean) + per_second(class.drop_interval_ms_mean);
        // A mailbox answers what is in a payload slot.
        let answered = match scenario.network.delivery {
            Delivery::Mailbox => 2.0,
            Delivery::Direct => 1.0,
        };
        let downlink = per_second(class.downlink_interval_ms_mean);
        let digests = match (scenario.network.delivery, scenario.mailboxes.notice) {
            (Delivery::Mailbox, Notice::Digest { interval_s }) => 1.0 / interval_s,
            _ => 0.0,
        };
        Self {
            packets: clients * (payload * answered + cover + downlink + digests),
            passages: clients * ((payload * answered + cover) * links + downlink + digests),
            rounds: 0.0,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            passages: self.passages + other.passages,
            rounds: self.rounds + other.rounds,
        }
    }
}

/// Refuses a scenario of more than [`EVENTS_MAX`] events: it would not end. The field that is named is the interval without
/// which there would be fewest, if they were few enough then, and else how long the run is.
pub(super) fn check(scenario: &Scenario) -> Result<(), ScenarioRefusal> {
    let events = Cost::of(scenario).events();
    if events <= EVENTS_MAX {
        return Ok(());
    }
    let mut fewest = (EVENTS_MAX, "duration_s".to_owned(), scenario.duration_s);
    let mut without = |field: String, interval: f64, changed: &Scenario| {
        let left = Cost::of(changed).events();
        if left < fewest.0 {
            fewest = (left, field, interval);
        }
    };
    for (index, class) in scenario.clients.iter().enumerate() {
        type Interval = fn(&mut ClientClass) -> &mut f64;
        let intervals: [(&str, Interval); 4] = [
            ("payload_interval_ms_mean", |class| &mut class.payload_interval_ms_mean),
            ("loop_interval_ms_mean", |class| &mut class.loop_interval_ms_mean),
            ("drop_interval_ms_mean", |class| &mut class.drop_interval_ms_mean),
            ("downlink_interval_ms_mean", |class| &mut class.downlink_interval_ms_mean),
        ];
        for (name, of) in intervals {
            let mut changed = scenario.clone();
            let interval = std::mem::take(of(&mut class.clone()));
            if let Some(class) = changed.clients.get_mut(index) {
                *of(class) = 0.0;
            }
            without(format!("clients[{index}].{name}"), interval, &changed);
        }
    }
    let network = &scenario.network;
    let mut changed = scenario.clone();
    changed.network.mix_loop_interval_ms_mean = 0.0;
    without("network.mix_loop_interval_ms_mean".to_owned(), network.mix_loop_interval_ms_mean, &changed);
    let mut changed = scenario.clone();
    changed.network.link_dummy_interval_ms_mean = 0.0;
    without("network.link_dummy_interval_ms_mean".to_owned(), network.link_dummy_interval_ms_mean, &changed);
    let (_, field, found) = fewest;
    let allowed = format!(
        "what makes a run of up to {EVENTS_MAX:e} events; this one has about {events:.1e}: shorten the run or lengthen \
         the interval"
    );
    Err(ScenarioRefusal::new(field, found.to_string(), allowed))
}

/// Events a second of something with this mean interval.
fn per_second(interval_ms_mean: f64) -> f64 {
    if interval_ms_mean > 0.0 { 1000.0 / interval_ms_mean } else { 0.0 }
}

/// Links that a packet passes from end to end.
fn links(network: &Network) -> f64 {
    let mixes = f64::from(network.hops()) + 1.0;
    match network.route {
        Route::Mix => mixes,
        Route::TorMix | Route::Tor => mixes + TOR_LINKS,
    }
}

/// Links from node to node: of each layer to all of the next, of chains along the chain, of a set all pairs.
fn node_links(network: &Network) -> f64 {
    let widths = network.widths();
    let pairs = |(from, to): (&u32, &u32)| f64::from(*from) * f64::from(*to);
    match network.topology {
        Topology::Stratified => widths.iter().zip(widths.iter().skip(1)).map(pairs).sum(),
        Topology::Cascade => {
            widths.iter().zip(widths.iter().skip(1)).map(|(from, to)| f64::from(*from.max(to))).sum()
        }
        Topology::FreeRoute => {
            let mixes: f64 = widths.iter().copied().map(f64::from).sum();
            mixes * (mixes - 1.0).max(0.0)
        }
    }
}

fn share_online(online: Online) -> f64 {
    match online {
        Online::Always => 1.0,
        Online::Alternating { online_s_mean, offline_s_mean } => {
            online_s_mean / (online_s_mean + offline_s_mean)
        }
        Online::Daily { hours } => hours / 24.0,
    }
}

/// Messages of a user a day. Of an edge list nothing is known before it is read.
fn messages_per_day(writing: &Writing) -> f64 {
    match writing {
        Writing::Poisson { per_day_mean } | Writing::Diurnal { per_day_mean, .. } => *per_day_mean,
        Writing::Bursty { bursts_per_day_mean, messages_mean, .. } => bursts_per_day_mean * messages_mean,
        Writing::EdgeList { .. } => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Simulation;
    use crate::observer::Unobserved;
    use crate::random::Seed;
    use crate::scenario::Mixing;

    #[test]
    fn the_cost_is_the_sum_of_the_rates() {
        let class = ClientClass {
            count: 10,
            payload_interval_ms_mean: 1000.0,
            loop_interval_ms_mean: 0.0,
            drop_interval_ms_mean: 2000.0,
            downlink_interval_ms_mean: 0.0,
            ..ClientClass::default()
        };
        let mut scenario = Scenario { clients: vec![class], ..Scenario::default() };
        scenario.network.mix_loop_interval_ms_mean = 0.0;
        scenario.network.link_dummy_interval_ms_mean = 0.0;
        (scenario.duration_s, scenario.warmup_s) = (90.0, 10.0);
        // 10 clients, 100 s: 1 slot and its answer and half a drop each second, over 4 mixes and so 5 links.
        let cost = Cost::of(&scenario);
        assert_eq!((cost.packets, cost.passages), (2_500.0, 12_500.0));
        // 2 to 2 to 2 to 2 mixes: 12 links with a dummy a second.
        scenario.network.link_dummy_interval_ms_mean = 1000.0;
        assert_eq!(Cost::of(&scenario).passages, 12_500.0 + 1_200.0);
        scenario.network.link_dummy_interval_ms_mean = 0.0;
        // Without cover a slot is a message.
        scenario.clients[0].payload_interval_ms_mean = 0.0;
        scenario.clients[0].drop_interval_ms_mean = 0.0;
        scenario.behaviour.writing = Writing::Poisson { per_day_mean: 864.0 };
        scenario.network.delivery = Delivery::Direct;
        assert!((Cost::of(&scenario).packets - 10.0).abs() < 1e-9);
    }

    #[test]
    fn the_engine_takes_what_was_estimated() {
        let mut scenario = Scenario { duration_s: 60.0, warmup_s: 0.0, ..Scenario::default() };
        scenario.mixing = Mixing::Poisson { delay_ms_mean: 10.0 };
        let polling = scenario.clone();
        scenario.network.route = Route::TorMix;
        scenario.mailboxes.notice = Notice::Digest { interval_s: 5.0 };
        let mut cascade = polling.clone();
        cascade.network.topology = Topology::Cascade;
        cascade.clients[0].online = Online::Daily { hours: 12.0 };
        for scenario in [polling, scenario, cascade] {
            let totals = Simulation::new(&scenario, Seed::new(5)).unwrap().run(&mut Unobserved);
            let cost = Cost::of(&scenario);
            let ratio = cost.passages / totals.passages as f64;
            assert!((0.8..1.25).contains(&ratio), "{cost:?} for {} passages", totals.passages);
        }
    }
}
