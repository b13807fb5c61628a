//! Twenty-four hours of an entry with hourly keys, in virtual time: memory stays flat, no file grows without end.
//!
//! The example `day` does the same with the rates of a real network and prints each hour.
#![allow(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../examples/day/flat.rs"]
mod flat;
#[path = "../examples/day/network.rs"]
mod network;
#[path = "../examples/day/people.rs"]
mod people;
#[path = "../examples/day/world.rs"]
mod world;

use std::time::Duration;

use sotto_protocol::directory::{CoverClass, Params};

use flat::Hours;
use world::{Day, DayPlan};

#[test]
fn after_a_day_with_hourly_keys_nothing_has_grown() {
    let class = CoverClass { downlink_interval_ms_mean: 120_000, ..Params::default().classes[0].clone() };
    let plan = DayPlan {
        people: 120,
        packet_interval_mean: Duration::from_secs(10),
        params: Params {
            mix_loop_interval_ms_mean: 60_000,
            link_dummy_interval_ms_mean: 20_000,
            classes: vec![class],
            ..Params::default()
        },
        commit_interval: Duration::from_secs(60),
    };
    let dir = tempfile::tempdir().unwrap();
    let mut day = Day::begin(plan, dir.path().join("hop-keys"));
    let mut hours = Hours::default();
    for _ in 0..24 {
        hours.pass(&mut day);
    }
    hours.check_growth();
    let (last, _) = hours.hours.last().unwrap();
    // The day was one: everything that can come and go did.
    let (report, ledger) = (&last.report, &last.report.ledger);
    assert!(last.replays > 300 && last.old > 300, "{} {}", last.replays, last.old);
    assert!(ledger.forwarded > 1_500 && ledger.delivered.get("client") > Some(&1_500), "{ledger:?}");
    assert!(report.sessions.opened > 4_096 && report.sessions.resumed > 4_096, "{:?}", report.sessions);
    assert!(report.sessions.expired > 4_096, "{:?}", report.sessions);
    assert!(flat::dropped(ledger, "session-expired") > 0);
    assert!(report.sessions.downlink_dummies > 20_000 && report.dummies > 5_000);
    assert!(report.loops.returned > 1_000 && report.loops.lost > 0, "{:?}", report.loops);
}
