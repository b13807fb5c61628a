//! Inverse design: which delays, layers and cover rates give most anonymity within what users put up with.
//!
//! A [`Wish`] has the limits; [`advise`] tries a grid of [`Design`]s by the closed forms, keeps what no other beats
//! (the Pareto front over anonymity, latency, bandwidth), proposes one and says which limits bind it. What no design of the
//! grid fulfils is refused, with how far it is off. Not here: any simulation, which the caller runs at
//! [`Design::scenario`] to see whether the closed forms hold there; files.

mod design;
mod figures;
mod forms;
mod front;
mod grid;
mod refusal;
mod stages;
mod wish;

pub use design::Design;
pub use figures::Figures;
pub use refusal::AdviceRefusal;
pub use wish::{Corrupt, Wish};

use serde::Serialize;

use figures::Latencies;
use front::{best, pareto};
use grid::Grid;

/// How much a limit is loosened to see whether it binds.
const LOOSER: f64 = 1.5;
/// Bits that loosening has to give for a limit to bind: less is the grid's coarseness.
const BINDS_BITS: f64 = 0.05;

/// A design with what it gives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// What to set.
    pub design: Design,
    /// What comes of it.
    pub figures: Figures,
}

/// A limit that keeps the proposal from being better.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Binding {
    /// The limit, by the name of its field in [`Wish`].
    pub limit: &'static str,
    /// Bits that could be had if it were half as large again (or, of layers, if any number were allowed).
    pub gain_bits: f64,
}

/// What came of a wish.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// The design with most anonymity within the limits, by so many layers as can be deployed.
    pub proposal: Candidate,
    /// What binds it, the most important first. Empty if every user is hidden among all.
    pub binding: Vec<Binding>,
    /// Designs within the limits that no other within them beats in all three, by falling anonymity. Their numbers of
    /// layers may be others than those that can be deployed.
    pub front: Vec<Candidate>,
    /// Designs that were looked at.
    pub tried: usize,
}

/// Searches for a design.
///
/// # Errors
/// [`AdviceRefusal::Field`] for a wish that makes no sense, [`AdviceRefusal::Impossible`] for one that nothing fulfils.
pub fn advise(wish: &Wish) -> Result<Advice, AdviceRefusal> {
    wish.validate()?;
    let mut latencies = Latencies::default();
    let grid = Grid::of(wish, &mut latencies);
    let within = grid.within(wish, true);
    let Some(proposal) = best(&within) else { return Err(impossible(wish, &grid)) };
    Ok(Advice {
        binding: binding(wish, &grid, proposal, &mut latencies),
        proposal: proposal.clone(),
        front: pareto(&grid.within(wish, false)),
        tried: grid.candidates.len(),
    })
}

/// What a design gives by the closed forms; `None` if traffic is too thin for that of the entropy.
#[must_use]
pub fn figures(design: &Design, wish: &Wish) -> Option<Figures> {
    Figures::of(design, wish, &mut Latencies::default())
}

/// Which limits keep the proposal from being better: each is loosened alone.
fn binding(wish: &Wish, grid: &Grid, proposal: &Candidate, latencies: &mut Latencies) -> Vec<Binding> {
    let gain = |looser: &Wish, grid: &Grid, deployable: bool| {
        best(&grid.within(looser, deployable))
            .map_or(0.0, |found| found.figures.anonymity_bits - proposal.figures.anonymity_bits)
    };
    let more_mixes = Wish { mixes_max: wish.mixes_max + wish.mixes_max.div_ceil(2), ..wish.clone() };
    let more_users = Wish { users: wish.users.saturating_add(wish.users.div_ceil(2)), ..wish.clone() };
    let latency = Wish { latency_max_s: wish.latency_max_s * LOOSER, ..wish.clone() };
    let bandwidth = Wish { bandwidth_max_kb_s: wish.bandwidth_max_kb_s * LOOSER, ..wish.clone() };
    let mut binding: Vec<Binding> = [
        ("latency_max_s", gain(&latency, grid, true)),
        ("bandwidth_max_kb_s", gain(&bandwidth, grid, true)),
        ("mixes_max", gain(&more_mixes, &Grid::of(&more_mixes, latencies), true)),
        ("users", gain(&more_users, &Grid::of(&more_users, latencies), true)),
        ("layers", gain(wish, grid, false)),
    ]
    .into_iter()
    .filter(|(_, gain_bits)| *gain_bits > BINDS_BITS)
    .map(|(limit, gain_bits)| Binding { limit, gain_bits })
    .collect();
    binding.sort_by(|a, b| b.gain_bits.total_cmp(&a.gain_bits));
    binding
}

/// How far the wish is off: for each limit the least (or most) that the others allow.
fn impossible(wish: &Wish, grid: &Grid) -> AdviceRefusal {
    let anywhere = |loosened: Wish| grid.within(&loosened, true);
    let least = |options: &[&Candidate], figure: fn(&Figures) -> f64| {
        options.iter().map(|option| figure(&option.figures)).min_by(f64::total_cmp)
    };
    let room = 1.0 - wish.margin;
    let latency = anywhere(Wish { latency_max_s: f64::INFINITY, ..wish.clone() });
    let bandwidth = anywhere(Wish { bandwidth_max_kb_s: f64::INFINITY, ..wish.clone() });
    let anonymity = anywhere(Wish { anonymity_min_bits: 0.0, ..wish.clone() });
    AdviceRefusal::Impossible {
        latency_s: least(&latency, |figures| figures.latency_s).map(|s| s / room),
        latency_max_s: wish.latency_max_s,
        bandwidth_kb_s: least(&bandwidth, |figures| figures.bandwidth_kb_s).map(|kb_s| kb_s / room),
        bandwidth_max_kb_s: wish.bandwidth_max_kb_s,
        anonymity_bits: best(&anonymity).map(|option| option.figures.anonymity_bits),
        anonymity_min_bits: wish.anonymity_min_bits,
    }
}

#[cfg(test)]
mod tests;
