//! The entropies that exact tracing leaves: how uncertain it is which client sent, and which packet it was.
//!
//! Each target is a passage to its destination, traced back ([`crate::tracer`]). Not here: whether the largest weight is right, which
//! is for the scoreboard.

use super::entropy::{Uncertainty, uncertainty};
use super::interval::mean_and_error;
use super::unlinkability::Ratios;
use crate::observer::WireId;
use crate::party::Party;
use crate::results::Measures;
use crate::tracer::{Direction, Tracer, replay};
use crate::view::View;

/// A target counts if at least this share of its weight has come out: what entered before watching began is unknown.
const MASS_MIN: f64 = 0.99;
/// A candidate belongs to the anonymity set if it has at least this share of the weight.
pub const SUPPORT_MIN: f64 = 1e-4;

/// Passages to destinations, traced back. Each is of a packet that a client sent: what a mailbox sends is an answer, which ends at a
/// client and carries nothing for a mailbox. So mailboxes get no weight, and the rest counts as the whole.
#[derive(Debug)]
pub struct Traced {
    tracer: Tracer,
    clients: u32,
    asked: usize,
    /// The targets of which enough was seen.
    complete: Vec<usize>,
}

impl Traced {
    /// Traces these passages back, at most [`crate::tracer::TARGETS_MAX`].
    #[must_use]
    pub fn back(view: &View<'_>, targets: &[WireId]) -> Self {
        let tracer = replay(view, Direction::Backward, targets);
        let complete = (0..targets.len()).filter(|target| is_complete(&tracer, *target)).collect();
        Self { tracer, clients: view.layout.clients(), asked: targets.len(), complete }
    }

    /// The logarithms of the ratios of the weights of two senders, for those targets of which enough was seen.
    /// `challenges[i]` are the two of target i.
    #[must_use]
    pub fn ratios(&self, challenges: &[(Party, Party)]) -> Ratios {
        let mut ratios = Ratios::default();
        for target in &self.complete {
            let Some((one, other)) = challenges.get(*target) else { continue };
            let weights = self.senders(*target);
            let of = |sender: Party| {
                weights.iter().find(|(party, _)| *party == sender).map_or(0.0, |(_, mass)| *mass)
            };
            ratios.note(of(*one), of(*other));
        }
        ratios
    }

    /// The clients that may have sent a target, with their mass.
    fn senders(&self, target: usize) -> Vec<(Party, f64)> {
        let mut parties = self.tracer.parties(target);
        parties.retain(|(party, _)| self.is_client(*party));
        parties
    }

    const fn is_client(&self, party: Party) -> bool {
        party.0 < self.clients
    }

    /// Entropies by the names of [`crate::results`]: means over the targets of which enough was seen.
    ///
    /// `entropy_bits.shannon`, `.min`, `.guessing` and `anonymity_set` are of clients; `entropy_bits.packet` is the Shannon
    /// entropy of packets, which the closed forms are about, `.packet_error` its standard error over targets (too small where
    /// targets are close together), and `entropy_bits.traced` how many targets counted of those that were `.asked` about.
    #[must_use]
    pub fn entropies(&self) -> Measures {
        let clients: Vec<Uncertainty> = self
            .complete
            .iter()
            .filter_map(|target| {
                let weights: Vec<f64> = self.senders(*target).into_iter().map(|(_, mass)| mass).collect();
                uncertainty(&weights, SUPPORT_MIN)
            })
            .collect();
        let packets: Vec<f64> = self
            .complete
            .iter()
            .filter_map(|target| {
                let exits = self.tracer.exits(*target).iter().filter(|exit| self.is_client(exit.party));
                let weights: Vec<f64> = exits.map(|exit| exit.mass).collect();
                Some(uncertainty(&weights, SUPPORT_MIN)?.shannon_bits)
            })
            .collect();
        let mean = |of: fn(&Uncertainty) -> f64| clients.iter().map(of).sum::<f64>() / clients.len() as f64;
        let mut measures = Measures::default();
        measures.set("entropy_bits.shannon", mean(|of| of.shannon_bits));
        measures.set("entropy_bits.min", mean(|of| of.min_bits));
        measures.set("entropy_bits.guessing", mean(|of| of.guessing_bits));
        measures.set("anonymity_set", mean(|of| of.support as f64));
        measures.set("entropy_bits.traced", clients.len() as f64);
        measures.set("entropy_bits.asked", self.asked as f64);
        if let Some((mean, error)) = mean_and_error(&packets) {
            measures.set("entropy_bits.packet", mean);
            measures.set("entropy_bits.packet_error", error);
        }
        measures
    }
}

/// The entropies of [`Traced`], at once.
#[must_use]
pub fn entropies(view: &View<'_>, targets: &[WireId]) -> Measures {
    Traced::back(view, targets).entropies()
}

/// What came from mailboxes counts here too: of what is unknown as large a share is theirs.
fn is_complete(tracer: &Tracer, target: usize) -> bool {
    tracer.exits(target).iter().map(|exit| exit.mass).sum::<f64>() >= MASS_MIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::party::Layout;
    use crate::scenario::Scenario;
    use crate::time::SimTime;
    use crate::view::{Recording, Sight, Wire};

    #[test]
    fn clients_and_packets_are_told_apart() {
        // One mix; client 0 sends twice, client 1 once, then one packet leaves: weights of a third each.
        let mut scenario = Scenario::default();
        scenario.network.entries = 0;
        scenario.network.mix_loop_interval_ms_mean = 0.0;
        scenario.network.link_dummy_interval_ms_mean = 0.0;
        let layout = Layout::new(3, vec![1], 1);
        let mix = layout.mix(0, 0);
        let ends = [
            (Party(0), mix),
            (Party(0), mix),
            (Party(1), mix),
            (mix, layout.mailbox(0)),
            (mix, layout.mailbox(0)),
        ];
        let wires = (0..)
            .zip(ends)
            .map(|(number, (from, to))| {
                let at = SimTime::from_nanos(10 + number);
                Wire { id: WireId(number), sent: at, arrived: at, from, to }
            })
            .collect();
        let recording = Recording { wires, ..Recording::default() };
        let window = (SimTime::ZERO, SimTime::NEVER);
        let view = View::of(&recording, &layout, &scenario, Sight::Global, &[], window);
        let measures = entropies(&view, &[WireId(3), WireId(4)]);
        let third = 3_f64.log2();
        assert!((measures.get("entropy_bits.packet").unwrap() - third).abs() < 1e-9);
        let of_clients = third - 2.0 / 3.0;
        assert!((measures.get("entropy_bits.shannon").unwrap() - of_clients).abs() < 1e-9);
        assert!((measures.get("entropy_bits.min").unwrap() - 1.5_f64.log2()).abs() < 1e-9);
        assert_eq!(measures.get("anonymity_set"), Some(2.0));
        assert_eq!(measures.get("entropy_bits.traced"), Some(2.0));
        assert_eq!(measures.get("entropy_bits.asked"), Some(2.0));
        // Nothing came from a client before this one left: nothing is concluded.
        assert_eq!(entropies(&view, &[]).get("entropy_bits.shannon"), None);
    }

    #[test]
    fn mailboxes_send_nothing_that_ends_at_mailboxes() {
        // One mix; two clients and two mailboxes send into it, then two packets leave for a mailbox.
        let mut scenario = Scenario::default();
        scenario.network.entries = 0;
        scenario.network.mix_loop_interval_ms_mean = 0.0;
        scenario.network.link_dummy_interval_ms_mean = 0.0;
        let layout = Layout::new(2, vec![1], 2);
        let mix = layout.mix(0, 0);
        let senders = [Party(0), layout.mailbox(0), Party(1), layout.mailbox(1)];
        let ends = senders.into_iter().map(|sender| (sender, mix)).chain([(mix, layout.mailbox(0)); 2]);
        let wires = (0..)
            .zip(ends)
            .map(|(number, (from, to))| {
                let at = SimTime::from_nanos(10 + number);
                Wire { id: WireId(number), sent: at, arrived: at, from, to }
            })
            .collect();
        let recording = Recording { wires, ..Recording::default() };
        let window = (SimTime::ZERO, SimTime::NEVER);
        let view = View::of(&recording, &layout, &scenario, Sight::Global, &[], window);
        let traced = Traced::back(&view, &[WireId(4), WireId(5)]);
        let measures = traced.entropies();
        assert_eq!(measures.get("anonymity_set"), Some(2.0));
        for name in ["entropy_bits.shannon", "entropy_bits.min", "entropy_bits.packet"] {
            assert!((measures.get(name).unwrap() - 1.0).abs() < 1e-9, "{name} {measures:?}");
        }
        assert_eq!(traced.ratios(&[(Party(0), Party(1)); 2]).epsilon(0.0), Some(0.0));
    }
}
