//! Exact tracing of an exit through a small network, written apart from the simulator so that the two can disagree.

use crate::random::{Draws, Purpose, Seed};

/// Layers of Poisson mixes of mean delay 1, a Poisson process of packets into them; the first `corrupt` mixes of each layer
/// show what they do.
pub(crate) struct Net {
    pub(crate) layers: u32,
    pub(crate) width: u32,
    pub(crate) rate: f64,
    pub(crate) corrupt: u32,
}

/// An event at a layer: a packet comes to or leaves its mix.
struct Event {
    at: f64,
    packet: usize,
    leaves: bool,
}

/// The mean entropy in bits over `targets` exits, and its standard error over runs of 10 exits.
pub(crate) fn mean_bits(net: &Net, targets: u32, seed: u64) -> (f64, f64) {
    let runs = targets.div_ceil(10);
    let means: Vec<f64> =
        (0..runs).map(|run| one_run(net, 10, Seed::new(seed).replication(u64::from(run)))).collect();
    let n = f64::from(runs);
    let mean = means.iter().sum::<f64>() / n;
    let variance = means.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

fn one_run(net: &Net, targets: usize, seed: Seed) -> f64 {
    let mut draws: Draws = seed.draws(Purpose::Delay, 0);
    let depth = f64::from(net.layers);
    let warm = 3.0 * depth + 12.0;
    let until = warm + 3.0;
    // times[layer][packet]: when it comes to the layer; the last is when it leaves the network.
    let mut times = vec![Vec::new()];
    let mut at = 0.0;
    while at < until {
        at += draws.exponential(1.0 / net.rate);
        times[0].push(at);
    }
    let packets = times[0].len();
    let mut mixes = Vec::new();
    for layer in 0..net.layers as usize {
        let next: Vec<f64> = times[layer].iter().map(|at| at + draws.exponential(1.0)).collect();
        times.push(next);
        mixes.push((0..packets).map(|_| draws.below(net.width)).collect::<Vec<u32>>());
    }
    let last = &times[net.layers as usize];
    let exits: Vec<usize> =
        (0..packets).filter(|p| last[*p] > warm && last[*p] < until).take(targets).collect();
    let sum: f64 = exits.iter().map(|exit| trace_back(net, &times, &mixes, *exit)).sum();
    sum / exits.len() as f64
}

/// The entropy over entries of the packet that left last as `exit`.
fn trace_back(net: &Net, times: &[Vec<f64>], mixes: &[Vec<u32>], exit: usize) -> f64 {
    let packets = times[0].len();
    let mut weights = vec![0.0; packets];
    weights[exit] = 1.0;
    for layer in (0..net.layers as usize).rev() {
        let mut before = vec![0.0; packets];
        for mix in 0..net.width {
            let here = (0..packets).filter(|p| mixes[layer][*p] == mix);
            if mix < net.corrupt {
                here.for_each(|p| before[p] = weights[p]);
                continue;
            }
            let mut events: Vec<Event> = here
                .flat_map(|packet| {
                    [(times[layer][packet], false), (times[layer + 1][packet], true)]
                        .map(|(at, leaves)| Event { at, packet, leaves })
                })
                .collect();
            events.sort_by(|a, b| b.at.total_cmp(&a.at));
            // In reverse order: a departure puts a packet in with its weight, an arrival takes one out with the mean
            // weight of those within; all within are alike, as delays have no memory in either direction.
            let (mut held, mut weight) = (0.0, 0.0);
            for event in events {
                if event.leaves {
                    held += 1.0;
                    weight += weights[event.packet];
                } else {
                    before[event.packet] = weight / held;
                    weight -= weight / held;
                    held -= 1.0;
                }
            }
        }
        weights = before;
    }
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| super::surprise_bits(w / sum)).sum()
}
