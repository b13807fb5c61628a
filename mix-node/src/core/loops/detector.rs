//! Raises and clears alarms of one kind, loss or delay, over all links and nodes.
//!
//! Each loop is weighed for every suspect. An alarm is raised for the suspect with the most evidence
//! beyond the threshold; who touches a suspect that is under alarm is under alarm itself only when the
//! evidence against it becomes greater, and then takes its place.

use std::collections::BTreeMap;

use sotto_protocol::ident::NodeId;
use sotto_protocol::time::Timestamp;

use super::evidence::{ALARM_THRESHOLD, EVIDENCE_MAX};
use super::limits::{LOOP_ALARMS_MAX, LOOP_LINKS_MAX};
use super::route::{Chances, LoopRoute};
use super::standing::Standing;
use super::suspect::Suspect;
use super::suspicion::Suspicion;

/// A suspect's tests, and when a loop last met it.
#[derive(Clone, Copy, Debug, Default)]
struct Case {
    suspicion: Suspicion,
    used: u64,
}

/// The tests of one kind.
#[derive(Debug)]
pub(crate) struct Detector {
    threshold: f64,
    cases: BTreeMap<Suspect, Case>,
    standing: BTreeMap<Suspect, Standing>,
    loops: u64,
    raised: u64,
}

impl Detector {
    /// Nothing is known. The bound on false alarms follows from `ALARM_THRESHOLD`.
    pub(crate) fn new() -> Self {
        Self::with_threshold(ALARM_THRESHOLD)
    }

    pub(super) fn with_threshold(threshold: f64) -> Self {
        let cases = BTreeMap::from([(Suspect::Everywhere, Case::default())]);
        Self { threshold, cases, standing: BTreeMap::new(), loops: 0, raised: 0 }
    }

    /// Takes the fate of the next loop in the order of sending.
    pub(crate) fn observe(&mut self, now: Timestamp, route: &LoopRoute, chances: &Chances, bad: bool) {
        self.loops += 1;
        // Before the loop is weighed: a case opened because of a route would count that route as chance.
        for node in chances.nodes() {
            self.cases.entry(Suspect::Node(*node)).or_default();
        }
        for (suspect, case) in &mut self.cases {
            let probability = suspect.probability(chances);
            if probability > 0.0 {
                let member = suspect.is_on(route);
                case.suspicion.observe(probability, member, bad);
                if member {
                    case.used = self.loops;
                }
            }
        }
        self.watch_links_of(route);
        self.clear_recovered(now, route, bad);
        self.raise(now, chances);
    }

    /// Clears alarms that nothing is heard of any more.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        let stale: Vec<Suspect> = self
            .standing
            .iter()
            .filter(|(_, standing)| standing.is_stale(now))
            .map(|(suspect, _)| *suspect)
            .collect();
        for suspect in stale {
            self.clear(&suspect);
        }
    }

    /// Forgets the suspects, and their alarms, whose nodes `exists` denies.
    pub(crate) fn retain(&mut self, exists: impl Fn(&NodeId) -> bool) {
        self.cases.retain(|suspect, _| suspect.exists(&exists));
        self.standing.retain(|suspect, _| suspect.exists(&exists));
    }

    /// The alarms that stand.
    pub(crate) fn standing(&self) -> impl Iterator<Item = (&Suspect, &Standing, &Suspicion, f64)> {
        self.standing.iter().filter_map(|(suspect, standing)| {
            let case = self.cases.get(suspect)?;
            Some((suspect, standing, &case.suspicion, self.recorded_evidence(suspect, case)))
        })
    }

    /// Alarms raised since the start.
    pub(crate) const fn raised(&self) -> u64 {
        self.raised
    }

    /// How many suspects there are.
    #[cfg(test)]
    pub(super) fn cases(&self) -> usize {
        self.cases.len()
    }

    /// Opens cases for the links of a route. The link that no loop went over for longest makes room.
    fn watch_links_of(&mut self, route: &LoopRoute) {
        for link in route.inner_links().map(Suspect::Link) {
            if self.cases.contains_key(&link) {
                continue;
            }
            let is_link = |suspect: &Suspect| matches!(suspect, Suspect::Link(_));
            if self.cases.keys().filter(|suspect| is_link(suspect)).count() >= LOOP_LINKS_MAX {
                let idle =
                    self.cases.iter().filter(|(suspect, case)| is_link(suspect) && !case.suspicion.standing);
                let Some(oldest) = idle.min_by_key(|(_, case)| case.used).map(|(suspect, _)| *suspect) else {
                    continue;
                };
                self.cases.remove(&oldest);
            }
            self.cases.insert(link, Case { used: self.loops, ..Case::default() });
        }
    }

    fn clear_recovered(&mut self, now: Timestamp, route: &LoopRoute, bad: bool) {
        let mut recovered = Vec::new();
        for (suspect, standing) in &mut self.standing {
            if suspect.is_on(route) && standing.observe(now, bad) {
                recovered.push(*suspect);
            }
        }
        for suspect in recovered {
            self.clear(&suspect);
        }
    }

    /// Ends an alarm, and forgets what was held against those who could have been blamed as well.
    fn clear(&mut self, cleared: &Suspect) {
        self.standing.remove(cleared);
        for (suspect, case) in &mut self.cases {
            if *cleared == Suspect::Everywhere || suspect.touches(cleared) {
                let standing = self.standing.contains_key(suspect);
                if !standing {
                    case.suspicion = Suspicion::default();
                }
            }
        }
    }

    fn raise(&mut self, now: Timestamp, chances: &Chances) {
        let everywhere = self.evidence_everywhere(chances);
        let evidence_of = |suspect: &Suspect, case: &Case| match suspect {
            Suspect::Everywhere => everywhere,
            Suspect::Node(_) | Suspect::Link(_) => case.suspicion.evidence(),
        };
        // Of equals the node, which sorts first: whoever holds a node holds its links.
        let mut worst: Option<(Suspect, f64)> = None;
        for (suspect, case) in &self.cases {
            let evidence = evidence_of(suspect, case);
            if evidence >= self.threshold
                && !self.standing.contains_key(suspect)
                && worst.is_none_or(|(_, most)| evidence > most)
            {
                worst = Some((*suspect, evidence));
            }
        }
        let Some((suspect, evidence)) = worst else { return };
        let touching: Vec<(Suspect, Standing)> = self
            .standing
            .iter()
            .filter(|(other, _)| other.touches(&suspect))
            .map(|(other, standing)| (*other, *standing))
            .collect();
        let outweighed = touching.iter().all(|(other, _)| {
            let against = self.cases.get(other).map_or(0.0, |case| evidence_of(other, case));
            against < evidence && evidence < EVIDENCE_MAX
        });
        if !outweighed || (touching.is_empty() && self.standing.len() >= LOOP_ALARMS_MAX) {
            return;
        }
        if touching.is_empty() {
            self.raised += 1;
        }
        let mut raised_at = now;
        for (other, standing) in touching {
            raised_at = raised_at.min(standing.raised_at);
            self.standing.remove(&other);
            if let Some(case) = self.cases.get_mut(&other) {
                case.suspicion.standing = false;
            }
        }
        if let Some(case) = self.cases.get_mut(&suspect) {
            case.suspicion.standing = true;
            let share = case.suspicion.share();
            self.standing.insert(suspect, Standing::new(raised_at, now, share));
        }
    }

    /// The evidence that loops fare worse than chance does them whichever single node they avoid. Where
    /// no node can be avoided, that they do so at all.
    fn evidence_everywhere(&self, chances: &Chances) -> f64 {
        let avoidable = chances.nodes().filter(|node| chances.of_node(node) < 1.0);
        let without = avoidable.map(|node| {
            self.cases.get(&Suspect::Node(*node)).map_or(0.0, |case| case.suspicion.evidence_without_it())
        });
        without.min_by(f64::total_cmp).unwrap_or_else(|| {
            let all = self.cases.get(&Suspect::Everywhere);
            all.map_or(0.0, |case| case.suspicion.evidence_beyond_chance())
        })
    }

    fn recorded_evidence(&self, suspect: &Suspect, case: &Case) -> f64 {
        match suspect {
            Suspect::Everywhere => case.suspicion.evidence_beyond_chance(),
            Suspect::Node(_) | Suspect::Link(_) => case.suspicion.evidence(),
        }
    }
}
