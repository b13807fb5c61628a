//! The designs that are tried.

use super::Candidate;
use super::design::Design;
use super::figures::{Figures, Latencies};
use super::wish::Wish;

/// The most layers behind the entries that are tried.
pub(super) const LAYERS_MAX: u32 = 5;
/// Mean delays at a hop.
const DELAYS_MS: [u32; 19] =
    [1, 2, 5, 10, 20, 35, 50, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 10_000];
/// Mean intervals of payload slots.
const PAYLOAD_MS: [u32; 16] =
    [50, 75, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 10_000, 20_000, 60_000];
/// Intervals of loops and of drops, in intervals of payload slots. More than one drop or loop a slot is dearer than
/// more slots, which do the same and carry messages.
const COVER: [u32; 3] = [1, 2, 5];
/// The share of downlink frames that something waits for. With more of them queues grow, with fewer they are idle.
const DOWNLINK_USE_PERCENT: u32 = 60;
/// The most mixes of a layer that are tried one by one; beyond, doubled.
const WIDTH_FINE_MAX: u32 = 8;

/// All designs with their figures.
pub(super) struct Grid {
    pub(super) candidates: Vec<Candidate>,
}

impl Grid {
    /// The designs that this many mixes allow, with what they give to these users.
    pub(super) fn of(wish: &Wish, latencies: &mut Latencies) -> Self {
        let mut candidates = Vec::new();
        for design in designs(wish.mixes_max) {
            if let Some(figures) = Figures::of(&design, wish, latencies) {
                candidates.push(Candidate { design, figures });
            }
        }
        Self { candidates }
    }

    /// Those within the limits; `deployable`: with the layers that the proposal must have.
    pub(super) fn within(&self, wish: &Wish, deployable: bool) -> Vec<&Candidate> {
        let room = 1.0 - wish.margin;
        let is_within = |candidate: &&Candidate| {
            let figures = &candidate.figures;
            figures.latency_s <= wish.latency_max_s * room
                && figures.bandwidth_kb_s <= wish.bandwidth_max_kb_s * room
                && figures.anonymity_bits >= wish.anonymity_min_bits
                && (!deployable || wish.layers == 0 || candidate.design.layers == wish.layers)
        };
        self.candidates.iter().filter(is_within).collect()
    }
}

fn designs(mixes_max: u32) -> impl Iterator<Item = Design> {
    let shapes = (1..=LAYERS_MAX).flat_map(move |layers| {
        let width_max = mixes_max / (layers + 1);
        (1..=width_max)
            .filter(move |width| *width <= WIDTH_FINE_MAX || width.is_power_of_two() || *width == width_max)
            .map(move |width| (layers, width))
    });
    shapes.flat_map(|(layers, mixes_per_layer)| {
        DELAYS_MS.into_iter().flat_map(move |delay_ms_mean| {
            PAYLOAD_MS.into_iter().flat_map(move |payload_interval_ms_mean| {
                COVER.into_iter().map(move |cover| {
                    let loop_interval_ms_mean = payload_interval_ms_mean * cover;
                    Design {
                        delay_ms_mean,
                        layers,
                        mixes_per_layer,
                        payload_interval_ms_mean,
                        loop_interval_ms_mean,
                        drop_interval_ms_mean: loop_interval_ms_mean,
                        // 1/downlink = (1/payload + 1/loop) / use.
                        downlink_interval_ms_mean: (payload_interval_ms_mean * cover * DOWNLINK_USE_PERCENT
                            / (100 * (cover + 1)))
                            .max(1),
                    }
                })
            })
        })
    })
}
