//! Hundreds of clients at one entry: all find a place, and all get their cover.
//!
//! The example `ten_thousand_sessions` has more of them, and measures.

use std::path::Path;
use std::time::Duration;

use sotto_mix_node::shell::{Limits, MixRole};
use sotto_mix_node::stage::{Cast, Crowd, NodeProcess, Stage};
use sotto_protocol::directory::Params;

use super::support::PATIENCE;

const SESSIONS: usize = 500;
/// Frames that each client waits for; at the default rate a second and a half.
const FRAMES: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_clients_find_a_place_and_all_get_their_cover() {
    let cast = Cast { sources: 1, sinks: 1, epoch_s: 7 * 24 * 3600 };
    let stage = Stage::set_for(MixRole::Entry, cast, Params::default()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut config = stage.config(&dir.path().join("entry"));
    config.limits = Limits {
        sessions_max: SESSIONS,
        handshakes_per_s_max: 10_000,
        loopback_exempt: true,
        ..Limits::default()
    };
    let (_, file) = config.set_up().unwrap();
    let (program, log) = (Path::new(env!("CARGO_BIN_EXE_sotto-mix")), dir.path().join("log"));
    let node = NodeProcess::start(program, &file, &config.control_socket(), &log).unwrap();
    let address = node.ready(cast.sinks).await.unwrap();
    let entry = stage.hop().await.unwrap().node;

    let crowd = Crowd::open(entry, &address, SESSIONS, 16).await.unwrap();
    let full = node.status().await.unwrap().report;
    assert_eq!((full.sessions.connected, full.sessions.opened), (SESSIONS, 500));
    let error = Crowd::open(entry, &address, 1, 1).await.err().expect("no place is left");
    assert!(error.to_string().contains("sessions-full"), "{error}");

    let all_are_served = async {
        while !crowd.frames().iter().all(|frames| *frames >= FRAMES) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_are_served).await.expect("frames for every client");
    let got: u64 = crowd.frames().iter().sum();
    assert_eq!(crowd.ended(), (0, None));
    let report = node.status().await.unwrap().report;
    assert!(report.pipeline.downlink.count >= got, "{got} frames came of {:?}", report.pipeline.downlink);
    assert_eq!(report.sessions.downlink_dummies, report.pipeline.downlink.count, "nobody wrote to anybody");
    assert!(report.ledger.balanced() && report.ledger.received == 0, "{:?}", report.ledger);

    drop(crowd);
    node.wait_for("the end of the connections", |status| {
        let sessions = &status.report.sessions;
        (sessions.connected, sessions.resumable) == (0, SESSIONS)
    })
    .await
    .unwrap();
    node.stop().unwrap();
}
