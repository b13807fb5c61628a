//! An observer of the client's uplink cannot tell from packet times what its user does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, reason = "the p-values are worth a look")]

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use sotto_client::core::limits::TEXT_LEN_MAX;
use sotto_client::core::{EngineSettings, FILE_BLOCK_LEN, HistoryQuery, Route};
use sotto_protocol::directory::CoverClass;
use sotto_simulations::stats::{ks_exponential, ks_two_sample};
use sotto_simulations::vnet::{VirtualNetwork, VnetPlan};

/// How long each run is watched: at about 7.7 packets a second, some 2,500 gaps.
const WATCHED: Duration = Duration::from_secs(330);
/// How long those runs are watched that have to be equal to the packet: some 750 gaps.
const COMPARED: Duration = Duration::from_secs(100);
/// Below this p-value the samples count as different. The seeds are fixed, so this is no matter of luck.
const SIGNIFICANCE: f64 = 0.01;
/// Messages that are not stored yet, beyond which Alice waits: each of them fills more slots than pass meanwhile.
const UNSTORED_MAX: u64 = 2;
/// The length of the file, in bytes: it is asked for without Bob, and fills her slots.
const FILE_LEN: usize = 1024 * 1024;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What Alice does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Activity {
    /// Nothing.
    Idle,
    /// She sends texts as long as can be, one after the other: there is always a box that waits.
    Sending,
    /// She reads what Bob writes, pages back and searches.
    Reading,
    /// She composes, thinks again, and sends nothing.
    Typing,
    /// She sends a file that takes longer than she is watched.
    File,
}

impl Activity {
    /// Everything but nothing.
    const BUSY: [Self; 4] = [Self::Sending, Self::Reading, Self::Typing, Self::File];

    /// A seed of its own.
    const fn seed(self) -> u64 {
        1 + self as u64
    }

    /// Time between two things that she does, or that Bob writes: not in step with anything.
    const fn pause(self) -> Duration {
        match self {
            Self::Idle | Self::Sending | Self::File => Duration::from_millis(1700),
            Self::Reading => Duration::from_millis(2900),
            Self::Typing => Duration::from_millis(370),
        }
    }

    fn act(self, net: &mut VirtualNetwork, step: usize) {
        match self {
            Self::Idle => {}
            Self::Sending => {
                let unstored = net.with_person("alice", |engine, _, _| engine.contacts()[0].queued).unwrap();
                if unstored < UNSTORED_MAX {
                    net.send_text("alice", "bob", &"x".repeat(TEXT_LEN_MAX)).unwrap();
                }
            }
            Self::File if step == 0 => net
                .with_person("alice", |engine, now, rng| {
                    let file = vec![7; FILE_LEN];
                    let size = u64::try_from(FILE_LEN).unwrap();
                    let id = engine.begin_file(now, "bob", "holiday.jpg", size, None, rng).unwrap();
                    for (number, block) in file.chunks(FILE_BLOCK_LEN).enumerate() {
                        let at = u64::try_from(number * FILE_BLOCK_LEN).unwrap();
                        engine.fill_file(now, &id, at, block).unwrap();
                    }
                    engine.offer_file(now, &id, rng).unwrap();
                })
                .unwrap(),
            Self::File => {}
            Self::Reading => {
                net.send_text("bob", "alice", &format!("{step}: so much to say")).unwrap();
                net.with_person("alice", |engine, now, _| {
                    let page = engine.history(&HistoryQuery::default()).unwrap();
                    let search = HistoryQuery { text: Some("much".into()), ..HistoryQuery::default() };
                    assert_eq!(engine.history(&search).unwrap().messages.len(), page.messages.len());
                    if let Some(newest) = page.messages.first() {
                        engine.mark_read(now, "bob", newest.message.seq).unwrap();
                    }
                })
                .unwrap();
            }
            Self::Typing => net
                .with_person("alice", |engine, now, rng| {
                    std::hint::black_box(engine.status(now));
                    std::hint::black_box(engine.contacts());
                    // What is too long is refused: she has to type it again.
                    let draft = "x".repeat(TEXT_LEN_MAX + 1 + step);
                    assert!(engine.send_text(now, "bob", &draft, rng).is_err());
                })
                .unwrap(),
        }
    }
}

/// Bob sends few packets, which nobody watches.
fn plan(seed: u64) -> VnetPlan {
    let mut plan = VnetPlan::small(seed);
    let slow = CoverClass {
        name: "slow".to_owned(),
        payload_interval_ms_mean: 900,
        loop_interval_ms_mean: 60_000,
        drop_interval_ms_mean: 60_000,
        downlink_interval_ms_mean: 300,
    };
    plan.params.classes.push(slow);
    plan
}

/// The gaps, in milliseconds, between Alice's packets.
fn gaps(seed: u64, activity: Activity, watched: Duration) -> Vec<f64> {
    let mut net = VirtualNetwork::found(plan(seed)).unwrap();
    net.pause_trace();
    net.add_person("alice").unwrap();
    net.add_person_with("bob", EngineSettings::new("slow")).unwrap();
    let invite =
        net.with_person("alice", |engine, now, rng| engine.create_invite(now, "bob", DAY, rng)).unwrap();
    let link = invite.unwrap().link();
    net.with_person("bob", |engine, now, rng| engine.accept_invite(now, &link, "alice", rng))
        .unwrap()
        .unwrap();
    let begin = net.now();
    for step in 0.. {
        let left = watched.saturating_sub(net.now().since(begin));
        if left.is_zero() {
            break;
        }
        activity.act(&mut net, step);
        net.run_for(activity.pause().min(left));
    }
    let uplink = net.uplink("alice", Route::Mix).unwrap();
    uplink.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64() * 1000.0).collect()
}

/// The sum of the three processes of Alice's class is one Poisson process.
fn mean_gap_ms() -> f64 {
    let params = plan(0).params;
    let class = &params.classes[0];
    let rate: f64 =
        [class.payload_interval_ms_mean, class.loop_interval_ms_mean, class.drop_interval_ms_mean]
            .iter()
            .map(|mean| 1.0 / f64::from(*mean))
            .sum();
    1.0 / rate
}

/// One run of each activity, under a seed of its own.
static GAPS: LazyLock<BTreeMap<Activity, Vec<f64>>> = LazyLock::new(|| {
    let all = [Activity::Idle].into_iter().chain(Activity::BUSY);
    all.map(|activity| (activity, gaps(activity.seed(), activity, WATCHED))).collect()
});

#[test]
fn whatever_the_user_does_it_is_the_same_poisson_process() {
    let idle = &GAPS[&Activity::Idle];
    for (activity, gaps) in &*GAPS {
        assert!(gaps.len() > 2_000, "{} gaps", gaps.len());
        let (between, alone) = (ks_two_sample(idle, gaps), ks_exponential(gaps, mean_gap_ms()));
        println!(
            "{activity:?}, {} gaps: p-value against idle {between:.3}, against the exponential {alone:.3}",
            gaps.len()
        );
        assert!(between > SIGNIFICANCE && alone > SIGNIFICANCE, "{activity:?}");
    }
}

#[test]
fn under_one_seed_not_one_packet_moves_whatever_the_user_does() {
    let seed = Activity::Idle.seed();
    for activity in Activity::BUSY {
        let busy = gaps(seed, activity, COMPARED);
        assert!(busy.len() > 600, "{} gaps", busy.len());
        assert_eq!(GAPS[&Activity::Idle][..busy.len()], busy, "{activity:?}");
    }
}

#[test]
fn the_test_would_notice_a_client_that_sends_more_while_it_is_busy() {
    let (idle, sending) = (&GAPS[&Activity::Idle], &GAPS[&Activity::Sending]);
    let hasty: Vec<f64> = sending.iter().map(|gap| gap * 0.8).collect();
    assert!(ks_two_sample(idle, &hasty) < SIGNIFICANCE);
    // One packet in twenty that leaves as soon as there is something to send.
    let mut eager = sending.clone();
    eager.iter_mut().step_by(20).for_each(|gap| *gap = 1.0);
    assert!(ks_exponential(&eager, mean_gap_ms()) < SIGNIFICANCE);
}
