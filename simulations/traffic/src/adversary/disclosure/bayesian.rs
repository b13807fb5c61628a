//! Bayesian disclosure: samples of all assignments and profiles together, given what was seen (Danezis, Troncoso, "Vida: how to
//! use Bayesian inference to de-anonymize persistent communications", PETS 2009).
//!
//! Profiles have a Dirichlet prior and are integrated out: a swap of two packets' receivers is drawn in proportion to the
//! Pólya probabilities of both ways (collapsed Gibbs sampling). The answer is the mean of the profile over the samples, which
//! is the chance that the user's next packet is for the candidate. Not here: proof that so many sweeps are enough.

use super::dense::Dense;
use super::tables::Tables;
use crate::adversary::{Adversary, Answer, Kind, Question};
use crate::random::Draws;
use crate::view::{Sight, View};

/// The weight of the prior, in packets, over all receivers together.
const PRIOR_PACKETS: f64 = 4.0;
/// Sweeps over all packets before samples count.
const BURN_IN: u32 = 60;
/// Sweeps whose states count.
const SAMPLES: u32 = 140;
/// Rounds with more packets are left out.
const PACKETS_MAX: usize = 10_000;
/// Packets in all rounds together.
const WORK_MAX: f64 = 100_000.0;

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bayesian;

impl Adversary for Bayesian {
    fn name(&self) -> &'static str {
        "bayesian"
    }

    fn sight(&self) -> Sight {
        Sight::Edges
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Contact]
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], draws: &mut Draws) -> Vec<Answer> {
        let tables = Tables::of(view, questions, PACKETS_MAX, |packets| packets, WORK_MAX);
        if tables.exchanges.is_empty() {
            return super::nothing(questions);
        }
        let mut sampler = Sampler::new(&tables, PRIOR_PACKETS, draws);
        for _ in 0..BURN_IN {
            sampler.sweep(draws);
        }
        let means = sampler.means(SAMPLES, draws);
        super::answer_contacts(questions, |user, candidates| {
            tables.shares(means.row(tables.senders.place(user.0)), candidates)
        })
    }
}

/// One state of all assignments.
struct Sampler<'a> {
    tables: &'a Tables,
    /// Round by round: senders, and the receiver that each has at present. `None` stands in where one side has fewer packets.
    rounds: Vec<Vec<(Option<usize>, Option<usize>)>>,
    counts: Dense,
    /// Each sender's packets that have a receiver.
    sent: Vec<f64>,
    prior: Vec<f64>,
    prior_packets: f64,
}

impl<'a> Sampler<'a> {
    fn new(tables: &'a Tables, prior_packets: f64, draws: &mut Draws) -> Self {
        let places = super::number(tables.receivers.places().max(1));
        let prior = vec![prior_packets / places; tables.receivers.places()];
        let mut sampler = Self {
            tables,
            rounds: Vec::with_capacity(tables.exchanges.len()),
            counts: Dense::zeros(tables.senders.places(), tables.receivers.places()),
            sent: vec![0.0; tables.senders.places()],
            prior,
            prior_packets,
        };
        for exchange in &tables.exchanges {
            let most = exchange.senders.len().max(exchange.receivers.len());
            let mut receivers: Vec<Option<usize>> = padded(&exchange.receivers, most).collect();
            for end in (1..=super::rounds::floor(super::number(most))).rev() {
                receivers.swap(end as usize - 1, draws.below(end) as usize);
            }
            let round: Vec<_> = padded(&exchange.senders, most).zip(receivers).collect();
            for pair in &round {
                sampler.count(*pair, 1.0);
            }
            sampler.rounds.push(round);
        }
        sampler
    }

    fn count(&mut self, pair: (Option<usize>, Option<usize>), by: f64) {
        if let (Some(sender), Some(receiver)) = pair {
            self.counts.add(sender, receiver, by);
            if let Some(sent) = self.sent.get_mut(sender) {
                *sent += by;
            }
        }
    }

    /// How likely it is that a sender's next packet is for a receiver. The crowd has no profile: it is like everybody.
    fn likelihood(&self, sender: Option<usize>, receiver: Option<usize>) -> f64 {
        let prior = |receiver: usize| self.prior.get(receiver).copied().unwrap_or(0.0);
        match (sender, receiver) {
            (Some(sender), Some(receiver)) if !self.tables.senders.is_crowd(sender) => {
                let sent = self.sent.get(sender).copied().unwrap_or(0.0);
                (self.counts.at(sender, receiver) + prior(receiver)) / (sent + self.prior_packets)
            }
            (_, Some(receiver)) => self.tables.popularity.get(receiver).copied().unwrap_or(0.0),
            (_, None) => 1.0,
        }
    }

    /// How likely both are, the one after the other.
    fn both(&mut self, one: (Option<usize>, Option<usize>), other: (Option<usize>, Option<usize>)) -> f64 {
        let first = self.likelihood(one.0, one.1);
        self.count(one, 1.0);
        let second = self.likelihood(other.0, other.1);
        self.count(one, -1.0);
        first * second
    }

    /// Each packet is given the chance to swap receivers with another of its round.
    fn sweep(&mut self, draws: &mut Draws) {
        let mut rounds = std::mem::take(&mut self.rounds);
        for round in &mut rounds {
            let Ok(packets) = u32::try_from(round.len()) else { continue };
            for one in 0..round.len() {
                let other = draws.below(packets) as usize;
                let (Some(a), Some(b)) = (round.get(one).copied(), round.get(other).copied()) else {
                    continue;
                };
                if a.0 == b.0 || a.1 == b.1 {
                    continue;
                }
                self.count(a, -1.0);
                self.count(b, -1.0);
                let stay = self.both(a, b);
                let (swapped_a, swapped_b) = ((a.0, b.1), (b.0, a.1));
                let swap = self.both(swapped_a, swapped_b);
                let is_swapped = draws.unit() * (stay + swap) < swap;
                let (new_a, new_b) = if is_swapped { (swapped_a, swapped_b) } else { (a, b) };
                self.count(new_a, 1.0);
                self.count(new_b, 1.0);
                if let Some(pair) = round.get_mut(one) {
                    *pair = new_a;
                }
                if let Some(pair) = round.get_mut(other) {
                    *pair = new_b;
                }
            }
        }
        self.rounds = rounds;
    }

    /// The means of the profiles over so many sweeps.
    fn means(&mut self, samples: u32, draws: &mut Draws) -> Dense {
        let mut sums = Dense::zeros(self.tables.senders.places(), self.tables.receivers.places());
        for _ in 0..samples {
            self.sweep(draws);
            for sender in 0..self.tables.senders.places() {
                for (sum, count) in sums.row_mut(sender).iter_mut().zip(self.counts.row(sender)) {
                    *sum += count;
                }
            }
        }
        for sender in 0..self.tables.senders.places() {
            let row = sums.row_mut(sender);
            for (sum, prior) in row.iter_mut().zip(&self.prior) {
                *sum = *sum / f64::from(samples.max(1)) + prior;
            }
            let all: f64 = row.iter().sum();
            row.iter_mut().for_each(|share| *share /= all.max(f64::MIN_POSITIVE));
        }
        sums
    }
}

fn padded(places: &[usize], to: usize) -> impl Iterator<Item = Option<usize>> + '_ {
    places.iter().copied().map(Some).chain(std::iter::repeat(None)).take(to)
}

#[cfg(test)]
mod tests {
    use super::super::profiled::Profiled;
    use super::super::synthetic::{Batches, success};
    use super::super::tables::Exchange;
    use super::*;
    use crate::random::{Purpose, Seed};

    fn tables(senders: usize, receivers: usize, exchanges: Vec<(Vec<usize>, Vec<usize>)>) -> Tables {
        let everybody = |count: usize| Profiled::choose(std::iter::empty(), &vec![1.0; count], count);
        Tables {
            senders: everybody(senders),
            receivers: everybody(receivers),
            exchanges: (0..)
                .zip(exchanges)
                .map(|(round, (senders, receivers))| Exchange { round, senders, receivers })
                .collect(),
            popularity: vec![1.0; receivers + 1],
        }
    }

    /// Goes through every assignment of all rounds.
    struct Enumeration<'a> {
        tables: &'a Tables,
        alpha: f64,
        counts: Vec<Vec<f64>>,
        sums: Vec<Vec<f64>>,
        all: f64,
    }

    impl Enumeration<'_> {
        fn visit(&mut self, (round, packet): (usize, usize), used: u32, probability: f64) {
            let Some(exchange) = self.tables.exchanges.get(round) else {
                self.all += probability;
                for (sum, count) in self.sums.iter_mut().flatten().zip(self.counts.iter().flatten()) {
                    *sum += probability * *count;
                }
                return;
            };
            let Some(sender) = exchange.senders.get(packet).copied() else {
                return self.visit((round + 1, 0), 0, probability);
            };
            for (place, receiver) in exchange.receivers.iter().copied().enumerate() {
                if used & (1 << place) == 0 {
                    let likelihood = self.counts[sender][receiver] + self.alpha;
                    self.counts[sender][receiver] += 1.0;
                    self.visit((round, packet + 1), used | (1 << place), probability * likelihood);
                    self.counts[sender][receiver] -= 1.0;
                }
            }
        }
    }

    /// The mean count of each sender and receiver, over every assignment with its Pólya probability.
    fn enumerated(tables: &Tables, alpha: f64) -> Vec<Vec<f64>> {
        let blank = vec![vec![0.0; tables.receivers.places()]; tables.senders.places()];
        let mut enumeration = Enumeration { tables, alpha, counts: blank.clone(), sums: blank, all: 0.0 };
        enumeration.visit((0, 0), 0, 1.0);
        let all = enumeration.all;
        enumeration.sums.iter_mut().flatten().for_each(|sum| *sum /= all);
        enumeration.sums
    }

    #[test]
    fn samples_have_the_means_of_all_assignments() {
        let tables = tables(
            3,
            3,
            vec![
                (vec![0, 1], vec![0, 1]),
                (vec![0, 2], vec![0, 2]),
                (vec![0, 1, 2], vec![0, 1, 2]),
                (vec![0, 0, 1], vec![0, 1, 1]),
            ],
        );
        let alpha = 0.5;
        let exact = enumerated(&tables, alpha);
        let mut draws = Seed::new(2).draws(Purpose::Adversary, 0);
        let prior = alpha * 4.0;
        let mut sampler = Sampler::new(&tables, prior, &mut draws);
        let samples = 60_000;
        let means = sampler.means(samples, &mut draws);
        for (sender, row) in exact.iter().take(3).enumerate() {
            let sent: f64 = row.iter().sum();
            for (receiver, count) in row.iter().take(3).enumerate() {
                let expected = (count + alpha) / (sent + prior);
                // Samples follow one another: an error of 1 / sqrt(samples) would be too strict by that.
                let found = means.at(sender, receiver);
                assert!((found - expected).abs() < 0.01, "{sender} {receiver}: {found} {expected}");
            }
        }
        assert!(exact[0][0] > 2.2, "the repeated receiver is likelier: {}", exact[0][0]);
    }

    #[test]
    fn who_sends_much_is_no_likelier_for_it() {
        let one = |sender, receiver| (vec![sender], vec![receiver]);
        let exchanges = std::iter::repeat_n(one(0, 0), 3)
            .chain(std::iter::repeat_n(one(0, 1), 27))
            .chain(std::iter::repeat_n(one(1, 0), 2));
        let tables = tables(2, 2, exchanges.collect());
        let mut draws = Seed::new(3).draws(Purpose::Adversary, 0);
        let mut sampler = Sampler::new(&tables, 3.0, &mut draws);
        let likelihood = |sampler: &Sampler<'_>, sender| sampler.likelihood(Some(sender), Some(0));
        assert!((likelihood(&sampler, 0) - 4.0 / 33.0).abs() < 1e-9);
        assert!((likelihood(&sampler, 1) - 3.0 / 5.0).abs() < 1e-9);
        // A sweep takes as many out as it puts in.
        sampler.sweep(&mut draws);
        assert!((likelihood(&sampler, 1) - 3.0 / 5.0).abs() < 1e-9);
    }

    #[test]
    fn weights_are_the_chances_that_they_claim_to_be() {
        // Profiles from the prior itself; the truth is whom the next packet is for.
        let (senders, receivers, prior) = (4_u32, 5_u32, 2.5);
        let trials = 400;
        let (mut claimed, mut variance, mut hits) = (0.0, 0.0, 0.0);
        for trial in 0..trials {
            let mut draws = Seed::new(trial).draws(Purpose::Writing, 0);
            // Pólya's urns: the same as a Dirichlet profile that is drawn first.
            let mut urns = vec![vec![prior / f64::from(receivers + 1); receivers as usize]; senders as usize];
            let mut next = |sender: usize, draws: &mut Draws| {
                let mut at = draws.unit() * urns[sender].iter().sum::<f64>();
                let receiver = urns[sender]
                    .iter()
                    .position(|weight| {
                        at -= weight;
                        at < 0.0
                    })
                    .unwrap();
                urns[sender][receiver] += 1.0;
                receiver
            };
            let rounds = (0..6)
                .map(|_| {
                    let from: Vec<usize> = (0..3).map(|_| draws.below(senders) as usize).collect();
                    let mut to: Vec<usize> = from.iter().map(|sender| next(*sender, &mut draws)).collect();
                    to.sort_unstable();
                    (from, to)
                })
                .collect();
            let truth = next(0, &mut draws);
            let tables = tables(senders as usize, receivers as usize, rounds);
            let mut sampler = Sampler::new(&tables, prior, &mut draws);
            let means = sampler.means(300, &mut draws);
            let row = &means.row(0)[..receivers as usize];
            let all: f64 = row.iter().sum();
            let (best, weight) = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
            let weight = weight / all;
            claimed += weight;
            variance += weight * (1.0 - weight);
            hits += f64::from(u8::from(best == truth));
        }
        println!("claimed {claimed:.1}, hit {hits}, deviation {:.1}", variance.sqrt());
        assert!((claimed - hits).abs() < 4.0 * variance.sqrt(), "{claimed} {hits}");
        assert!(hits / 400.0 > 0.35, "better than one in five: {hits}");
    }

    #[test]
    fn contacts_are_found_and_decoys_are_not() {
        let batches = Batches { rounds: 120, others_contacts: 3, ..Batches::default() };
        let (found, decoy) =
            (success(&Bayesian, &batches, 15), success(&Bayesian, &Batches { contacts: 0, ..batches }, 40));
        println!("found {found:.3}, decoy {decoy:.3}");
        assert!(found > 0.9, "{found}");
        assert!(decoy < 0.05 + 4.0 * (0.05 * 0.95 / 40.0_f64).sqrt(), "{decoy}");
    }
}
