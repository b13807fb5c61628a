//! An observer of the client's uplink cannot tell from packet times whether its user talks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::sync::LazyLock;
use std::time::Duration;

use sotto_client::core::Route;
use sotto_simulations::stats::{ks_exponential, ks_two_sample};
use sotto_simulations::vnet::{VirtualNetwork, VnetPlan};

/// How long each run is watched: at about 7.7 packets a second, some 1,500 gaps.
const WATCHED: Duration = Duration::from_secs(200);
/// Below this p-value the samples count as different. The seeds are fixed, so this is no matter of luck.
const SIGNIFICANCE: f64 = 0.01;

/// The gaps, in milliseconds, between Alice's packets while she writes every `every`, or never.
fn gaps(seed: u64, every: Option<Duration>) -> Vec<f64> {
    let mut net = VirtualNetwork::found(VnetPlan::small(seed)).unwrap();
    net.add_person("alice").unwrap();
    net.add_person("bob").unwrap();
    let day = Duration::from_secs(24 * 3600);
    let invite =
        net.with_person("alice", |engine, now, rng| engine.create_invite(now, "bob", day, rng)).unwrap();
    let link = invite.unwrap().link();
    net.with_person("bob", |engine, now, rng| engine.accept_invite(now, &link, "alice", rng))
        .unwrap()
        .unwrap();
    match every {
        None => net.run_for(WATCHED),
        Some(every) => {
            let begin = net.now();
            while net.now().since(begin) < WATCHED {
                net.send_text("alice", "bob", &"so much to say ".repeat(120)).unwrap();
                net.run_for(every);
            }
        }
    }
    let uplink = net.uplink("alice", Route::Mix).unwrap();
    uplink.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64() * 1000.0).collect()
}

/// The sum of the three processes of the plan's only class is one Poisson process.
fn mean_gap_ms() -> f64 {
    let params = VnetPlan::small(0).params;
    let class = &params.classes[0];
    let rate: f64 =
        [class.payload_interval_ms_mean, class.loop_interval_ms_mean, class.drop_interval_ms_mean]
            .iter()
            .map(|mean| 1.0 / f64::from(*mean))
            .sum();
    1.0 / rate
}

/// One run without a word, which all tests share.
static IDLE: LazyLock<Vec<f64>> = LazyLock::new(|| gaps(1, None));
/// One run under another seed with a message of two boxes every three seconds.
static TALKING: LazyLock<Vec<f64>> = LazyLock::new(|| gaps(2, Some(Duration::from_secs(3))));

#[test]
fn idle_and_talking_are_the_same_poisson_process() {
    let (idle, talking) = (&*IDLE, &*TALKING);
    assert!(idle.len() > 1_200 && talking.len() > 1_200, "{} and {} gaps", idle.len(), talking.len());
    let (between, alone, busy) = (
        ks_two_sample(idle, talking),
        ks_exponential(idle, mean_gap_ms()),
        ks_exponential(talking, mean_gap_ms()),
    );
    println!("p-values: idle against talking {between:.3}; against the exponential: {alone:.3}, {busy:.3}");
    assert!(between > SIGNIFICANCE && alone > SIGNIFICANCE && busy > SIGNIFICANCE);
}

#[test]
fn under_one_seed_not_one_packet_moves() {
    assert_eq!(*IDLE, gaps(1, Some(Duration::from_secs(2))));
}

#[test]
fn the_test_would_notice_a_client_that_sends_more_while_it_talks() {
    let hasty: Vec<f64> = TALKING.iter().map(|gap| gap * 0.8).collect();
    assert!(ks_two_sample(&IDLE, &hasty) < SIGNIFICANCE);
}
