//! Whether two packets of one client come out in their order.

use std::collections::HashMap;

use super::networks::covered;
use super::{Check, Outcome, REPLICATIONS, Sense, replicate};
use crate::engine::{Recorded, record};
use crate::party::Party;
use crate::scenario::{Mixing, Scenario};
use crate::theory::order;
use crate::time::SimTime;

const HOPS: u32 = 3;
const DELAY_S: f64 = 2.0;
/// Packets that enter later than this before the end are left out: 1 in 10^5 of the others is still inside.
const MARGIN_S: f64 = 32.0;

pub(super) fn checks() -> Vec<Check> {
    vec![Check {
        name: "order-kept",
        form: "1 - sum over i < k of C(k+i-1, i) 2^-(k+i) (1 - (1-p)^(k-i)), p = a/(a+c)",
        source: "Feller I, section VI.8 (two negative binomial waits)",
        scenario: "100 clients with a slot each second, 3 hops of mean delay 2 s, 200 s; each two packets in a row",
        allowance: "0.0001, for packets that are still inside at the end",
        sense: Sense::Equal,
        run: |seed| {
            let mixing = Mixing::Poisson { delay_ms_mean: DELAY_S * 1e3 };
            let scenario = Scenario { duration_s: 200.0, ..covered(HOPS, 2, mixing, 100) };
            let expected = order::kept_probability(1.0, 1.0 / DELAY_S, HOPS)?;
            let sample = replicate(seed, REPLICATIONS, |seed| Ok(kept(&record(&scenario, seed, None)?)))?;
            Ok(Outcome { expected, sample, allowed: 1e-4 })
        },
    }]
}

/// The share of pairs of one client's packets, first and second, third and fourth, that arrive in their order.
fn kept(recorded: &Recorded) -> Option<f64> {
    let wires = || recorded.recording.wires.iter().zip(&recorded.recording.facts);
    let arrivals: HashMap<u64, SimTime> = wires()
        .filter(|(wire, _)| recorded.layout.is_client(wire.to) && wire.arrived != SimTime::NEVER)
        .map(|(wire, fact)| (fact.packet, wire.arrived))
        .collect();
    let mut before: HashMap<Party, u64> = HashMap::new();
    let (mut pairs, mut kept) = (0.0, 0.0);
    for (wire, fact) in wires().filter(|(wire, _)| recorded.layout.is_client(wire.from)) {
        if recorded.window.1.since(wire.sent).as_secs_f64() < MARGIN_S {
            break;
        }
        let Some(first) = before.remove(&wire.from) else {
            before.insert(wire.from, fact.packet);
            continue;
        };
        if let (Some(first), Some(second)) = (arrivals.get(&first), arrivals.get(&fact.packet)) {
            pairs += 1.0;
            kept += f64::from(u8::from(first < second));
        }
    }
    (pairs > 0.0).then(|| kept / pairs)
}
