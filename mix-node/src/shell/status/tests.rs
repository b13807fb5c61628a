//! The status of a made-up node, as people see it.

use std::time::Duration;

use serde_json::{Value, json};
use sotto_protocol::directory::epoch_start;
use sotto_protocol::time::Timestamp;

use super::findings::{Evidence, Finding, findings};
use super::observed::Observed;
use super::view::StatusView;
use crate::core::{LoopAlarm, LoopAlarmKind, LoopAlarmSubject};

const EPOCH: u64 = 498_737;
const EPOCH_S: u32 = 3_600;

fn now() -> Timestamp {
    epoch_start(EPOCH, EPOCH_S) + Duration::from_secs(300)
}

/// A node that works, after an hour.
fn healthy() -> Value {
    json!({
        "role": "entry", "node": "b7af2e77".repeat(8), "network": "test", "address": "192.0.2.1:9000",
        "onion": null, "software": "sotto-mix 0.1.0", "uptime_s": 3_600, "rss_kib": 30_720,
        "peers": [
            { "node": "aaaaaaaa00", "up": true, "queued": 0, "packets_sent": 900, "packets_lost": 0,
              "connects": 1, "failures": {} },
            { "node": "bbbbbbbb00", "up": true, "queued": 3, "packets_sent": 800, "packets_lost": 1,
              "connects": 2, "failures": { "closed": 1 } },
        ],
        "link_failures": {},
        "membership": { "epoch": EPOCH, "published": EPOCH, "publish_failure": null, "fetch_failure": null },
        "place": "entry", "consensus_epoch": EPOCH, "key_epochs": [EPOCH - 1, EPOCH, EPOCH + 1],
        "ledger": {
            "received": 3_600, "forwarded": 2_000, "delivered": { "client": 1_500, "mix-loop": 60 },
            "dropped": { "session-expired": 20, "header-mac": 5 }, "held": 15,
            "originated": { "mix-loop": 62 }, "unsent": {},
            "links": {
                "received_from_clients": 2_100, "received_from_nodes": 1_500, "sent_to_nodes": 2_062,
                "sent_to_clients": 1_500, "lost_on_link": 1,
            },
        },
        "held": { "unwrapping": 0, "committing": 2, "delayed": 8, "downlink": 4, "sending": 1 },
        "delays_clamped": 2,
        "sessions": { "connected": 7, "resumable": 2, "opened": 12, "resumed": 3, "expired": 3, "refused": 0,
                      "downlink_dummies": 20_000 },
        "loops": { "sent": 62, "returned": 60, "lost": 1, "tampered": 0, "unsent": 0, "outstanding": 1,
                   "links": [], "nodes": [], "alarms": [], "alarms_raised": 2 },
        "dummies": 70_000,
        "pipeline": {
            "excess": { "count": 3_560, "ms_p50": 0.4, "ms_p99": 2.06, "ms_max": 9.5 },
            "commit": { "count": 900, "ms_p50": 3.1, "ms_p99": 8.0, "ms_max": 12.5 },
            "commits_failed": 0, "commits_failing": false, "tags": 3_580, "tags_fullest_key": 3_000,
            "tags_max": 67_108_864, "x25519": "graviola", "workers": 2,
        },
        "quiesced": false,
        "limits": { "held_max": 65_536, "sessions_max": 16_384 },
    })
}

fn alarm() -> LoopAlarm {
    LoopAlarm {
        kind: LoopAlarmKind::Dropping,
        subject: LoopAlarmSubject::Link { from: "aa".to_owned(), to: "bb".to_owned() },
        raised_at_ms: 1,
        loops: 10,
        loops_bad: 9,
        loops_elsewhere: 250,
        loops_elsewhere_bad: 2,
        evidence_log10: 8.0,
    }
}

/// The same with some values replaced, by JSON pointers.
fn with(changes: &[(&str, Value)]) -> Observed {
    let mut status = healthy();
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        status.pointer_mut(parent).unwrap()[key] = value.clone();
    }
    Observed::from_value(status).unwrap()
}

fn found(observed: &Observed, before: Option<&Observed>) -> Vec<Finding> {
    findings(&Evidence { observed, before, now: now(), epoch_s: EPOCH_S })
}

/// Expects exactly one thing to be wrong, whose words contain all of these.
fn expect(observed: &Observed, words: &[&str]) {
    let found = found(observed, None);
    assert_eq!(found.len(), 1, "{found:#?}");
    let text = format!("{}\n{}", found[0].what, found[0].remedy);
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn a_healthy_node_says_so() {
    let (observed, before) =
        (with(&[]), with(&[("/ledger/received", json!(3_580)), ("/ledger/forwarded", json!(1_990))]));
    let view = StatusView {
        observed: &observed,
        before: Some((&before, Duration::from_secs(2))),
        now: now(),
        epoch_s: EPOCH_S,
    };
    insta::assert_snapshot!(view.to_string(), @"
        entry of network test
        node      b7af2e77b7af2e77b7af2e77b7af2e77b7af2e77b7af2e77b7af2e77b7af2e77
        address   192.0.2.1:9000, sotto-mix 0.1.0
        consensus epoch 498737, 5 min old, of 3600 s
        keys      of epochs 498736, 498737, 498738
        running   60 min, 30 MiB resident
        packets   3600 received = 2000 forwarded + 1560 delivered + 25 dropped + 15 held
                  5 dropped: header-mac (it was for a key that is gone or never was)
                  20 dropped: session-expired (its client did not come back in time)
        rates     10.0 received, 5.0 forwarded, 0.0 delivered, 0.0 dropped, 0.0 own a second over 2.0 s
        delays    8 packets in their delay, 4 waiting for a client, 1 on their way out, 2 clamped so far
                  before it 0 being unwrapped, 2 until their tags are durable
                  beyond it 3560 packets, p50 0.4 ms, p99 2.1 ms, at most 9.5 ms
        commits   900 of replay tags, p50 3.1 ms, p99 8.0 ms, at most 12.5 ms; 0 failed
        workers   2, X25519 by graviola
        sessions  7 connected, 2 resumable; 12 opened, 3 resumed, 3 expired, 0 refused
        loops     62 sent, 60 returned, 1 lost, 0 tampered with
                  0 alarms stand, 2 raised so far
        peers     2 of 2 up, 3 frames wait
                  bbbbbbbb up, 3 frames wait, 800 packets sent, 1 lost; closed 1
        room      15 of 65536 packets held (0 %), 9 of 16384 sessions (0 %), 3000 of 67108864 replay tags of a key (0 %)
        trouble   none
        ");
}

#[test]
fn the_layer_of_a_mix_and_a_long_time_are_shown_in_words() {
    let first_lines = |uptime_s: u64| {
        let changes = [("/role", json!("mix")), ("/place", json!("mix-3")), ("/uptime_s", json!(uptime_s))];
        let observed = with(&changes);
        let view = StatusView { observed: &observed, before: None, now: now(), epoch_s: EPOCH_S };
        let text = view.to_string();
        let line = |number| text.lines().nth(number).unwrap().to_owned();
        (line(0), line(5))
    };
    let (place, running) = first_lines(90_000);
    assert_eq!(
        (place.as_str(), running.as_str()),
        ("mix of network test, layer 3", "running   25 h, 30 MiB resident")
    );
    assert_eq!(first_lines(864_000).1, "running   10 days, 30 MiB resident");
}

#[test]
fn an_ill_node_says_what_is_wrong_and_what_to_do() {
    let observed = with(&[
        ("/consensus_epoch", json!(EPOCH - 2)),
        ("/place", Value::Null),
        ("/membership/publish_failure", json!(["not-admitted", "ask its operator to list it"])),
        ("/peers/0/up", json!(false)),
        ("/peers/0/failures", json!({ "unreachable": 5 })),
        ("/ledger/dropped", json!({ "replayed": 20, "header-mac": 5 })),
        ("/ledger/held", json!(15)),
        ("/limits/held_max", json!(18)),
        ("/loops/tampered", json!(1)),
        ("/loops/alarms", json!([alarm()])),
        ("/pipeline/commits_failing", json!(true)),
        ("/pipeline/commits_failed", json!(4)),
        ("/pipeline/tags_fullest_key", json!(60_000_000)),
        ("/pipeline/excess/ms_p99", json!(70.5)),
        ("/pipeline/excess/ms_max", json!(95.0)),
        ("/link_failures", json!({ "address-full": 3, "closed": 7 })),
    ]);
    let view = StatusView { observed: &observed, before: None, now: now(), epoch_s: EPOCH_S };
    insta::assert_snapshot!(view.to_string(), @"
        entry of network test, not in the consensus
        node      b7af2e77b7af2e77b7af2e77b7af2e77b7af2e77b7af2e77b7af2e77b7af2e77
        address   192.0.2.1:9000, sotto-mix 0.1.0
        consensus epoch 498735, 2 h old, of 3600 s
        keys      of epochs 498736, 498737, 498738
        running   60 min, 30 MiB resident
        packets   3600 received = 2000 forwarded + 1560 delivered + 25 dropped + 15 held
                  5 dropped: header-mac (it was for a key that is gone or never was)
                  20 dropped: replayed (it came a second time)
        rates     1.0 received, 0.6 forwarded, 0.4 delivered, 0.0 dropped, 0.0 own a second since the start
        delays    8 packets in their delay, 4 waiting for a client, 1 on their way out, 2 clamped so far
                  before it 0 being unwrapped, 2 until their tags are durable
                  beyond it 3560 packets, p50 0.4 ms, p99 70.5 ms, at most 95.0 ms
        commits   900 of replay tags, p50 3.1 ms, p99 8.0 ms, at most 12.5 ms; 4 failed
        workers   2, X25519 by graviola
        sessions  7 connected, 2 resumable; 12 opened, 3 resumed, 3 expired, 0 refused
        loops     62 sent, 60 returned, 1 lost, 1 tampered with
                  1 alarms stand, 2 raised so far
        peers     1 of 2 up, 3 frames wait
                  aaaaaaaa down, 0 frames wait, 900 packets sent, 0 lost; unreachable 5
                  bbbbbbbb up, 3 frames wait, 800 packets sent, 1 lost; closed 1
        refused   incoming links: address-full 3, closed 7
        room      15 of 18 packets held (83 %), 9 of 16384 sessions (0 %), 60000000 of 67108864 replay tags of a key (89 %)
        trouble   the newest consensus is of epoch 498735, 2 behind the time
                  do: see whether the authorities sign, and this host's clock is right: `sotto-mix doctor`
        trouble   the consensus does not list this node
                  do: have the authorities admit b7af2e77b7af2e77b7af2e77b7af2e77b7af2e77b7af2e77b7af2e77b7af2e77
        trouble   announcing failed: ask its operator to list it (not-admitted)
                  do: send the authorities the name of this node, for their `admit`
        trouble   replay tags cannot be written (4 commits failed): no packet passes until they can
                  do: the disk is full, read-only or failing: see the log and `sotto-mix doctor`; make room or replace it
        trouble   alarm of the loops, dropping: the link from aa to bb lost 9 of 10 loops, where elsewhere it is 0.8 %: it is down or overloaded, or somebody drops packets there (n-1 attack). Ask the operators of both ends; if it persists, tell the authorities
                  do: compare it with the alarms of other nodes: each sends loops of its own, and those around an attack see it
        trouble   20 of 3600 packets dropped, replayed: it came a second time
                  do: somebody records and repeats packets: it does no harm here; tell the authorities if it goes on
        trouble   1 loops came back altered: somebody on their way marks packets
                  do: tell the authorities; `status --json` says over which links loops were lost
        trouble   no link to aaaaaaaa (unreachable 5)
                  do: its operator sees why; if there is no link to any node, look at this host's network and firewall
        trouble   15 of 18 packets held: beyond that they are refused
                  do: raise `held_packets_max` in [limits] and reload, if memory allows; otherwise a larger host
        trouble   60000000 of 67108864 replay tags of a key: beyond that packets are dropped until its epoch is over
                  do: more mixes or shorter epochs, which the authorities decide on; a flood of packets shows in the rates above
        trouble   one packet in a hundred since the start left 70 ms or more after the end of its delay
                  do: the node is overloaded: lower `sessions_max`, give it more cores, or end what else runs on the host
        trouble   3 links refused, address-full: one address had as many connections as it may
                  do: raise `connections_per_address_max` if many share an address; of a proxy on this host set `loopback_exempt`
        ");
}

#[test]
fn a_healthy_node_has_no_findings_and_each_fault_has_one() {
    assert_eq!(found(&with(&[]), None), []);
    expect(&with(&[("/consensus_epoch", json!(EPOCH - 2))]), &["2 behind the time", "doctor"]);
    expect(&with(&[("/consensus_epoch", Value::Null)]), &["no consensus is known"]);
    expect(&with(&[("/place", Value::Null)]), &["does not list", "have the authorities admit b7af2e77"]);
    expect(
        &with(&[("/membership/fetch_failure", json!(["not-for-now", "check this host's clock"]))]),
        &["no newer consensus: check this host's clock (not-for-now)"],
    );
    expect(&with(&[("/ledger/forwarded", json!(1_999))]), &["do not balance"]);
    expect(&with(&[("/peers/1/up", json!(false))]), &["no link to bbbbbbbb (closed 1)"]);
    expect(&with(&[("/peers/1/queued", json!(512))]), &["512 frames wait for bbbbbbbb"]);
    expect(&with(&[("/limits/sessions_max", json!(10))]), &["9 of 10 sessions", "`sessions_max`"]);
    expect(&with(&[("/loops/lost", json!(10))]), &["10 of 70 loops did not come back"]);
    expect(&with(&[("/link_failures", json!({ "accept": 1 }))]), &["LimitNOFILE"]);
    let unbound = json!({ "address": "127.0.0.1:9464", "failure": "in use" });
    expect(
        &with(&[("/metrics", unbound)]),
        &["metrics cannot be shown on 127.0.0.1:9464: in use", "`metrics`"],
    );
    for (label, words) in [
        ("links-full", "raise `sessions_max`"),
        ("anonymous-full", "raise `sessions_max`"),
        ("address-full", "`connections_per_address_max`"),
        ("address-too-fast", "`loopback_exempt`"),
        ("handshakes-too-fast", "`handshakes_per_s_max`"),
        ("handshake-evicted", "lets them hang"),
    ] {
        expect(&with(&[("/link_failures", json!({ label: 1 }))]), &["1 links refused", label, words]);
    }
    expect(
        &with(&[("/loops/alarms", json!([alarm()]))]),
        &["the link from aa to bb lost 9 of 10", "other nodes"],
    );
    let failing = [("/pipeline/commits_failing", json!(true)), ("/pipeline/commits_failed", json!(4))];
    expect(&with(&failing), &["4 commits failed", "disk"]);
}

#[test]
fn the_room_for_tags_is_that_of_one_key() {
    let of_fullest = |fullest: u64, tags: u64| {
        with(&[
            ("/pipeline/tags_fullest_key", json!(fullest)),
            ("/pipeline/tags", json!(tags)),
            ("/pipeline/tags_max", json!(1_000)),
        ])
    };
    assert_eq!(found(&of_fullest(799, 1_500), None), []);
    expect(&of_fullest(800, 800), &["800 of 1000 replay tags", "shorter epochs"]);
    // Before the first key there is no room, and nothing to say about it.
    assert_eq!(found(&with(&[("/pipeline/tags_max", json!(0))]), None), []);
}

#[test]
fn a_long_excess_counts_when_enough_packets_show_it_and_some_leave_yet() {
    let slow = |ms_p99: f64, count: u64| {
        with(&[("/pipeline/excess/ms_p99", json!(ms_p99)), ("/pipeline/excess/count", json!(count))])
    };
    expect(
        &slow(50.1, 1_000),
        &["in a hundred since the start left 50 ms or more", "`sessions_max`", "cores"],
    );
    assert_eq!(found(&slow(50.0, 1_000), None), []);
    assert_eq!(found(&slow(50.1, 999), None), [], "too few to judge");
    let same = slow(50.1, 1_000);
    assert_eq!(found(&same, Some(&same)), [], "none has left meanwhile");
}

#[test]
fn drops_are_judged_by_their_label_and_their_number() {
    let dropped = |counts: Value| {
        let total: u64 = counts.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        with(&[("/ledger/dropped", counts), ("/ledger/forwarded", json!(2_025 - total))])
    };
    let balanced = |observed: &Observed| {
        let ledger = &observed.status.report.ledger;
        ledger.received == ledger.forwarded + ledger.delivered_total() + ledger.dropped_total() + ledger.held
    };
    let many_expired = dropped(json!({ "session-expired": 1_000 }));
    assert!(balanced(&many_expired));
    let of_labels = |observed: &Observed, before: Option<&Observed>| {
        let found = found(observed, before).into_iter().filter(|finding| finding.what.contains("dropped"));
        found.map(|finding| finding.what).collect::<Vec<_>>()
    };
    assert!(of_labels(&many_expired, None).is_empty(), "ordinary");
    assert!(of_labels(&dropped(json!({ "header-mac": 36 })), None).is_empty(), "one in a hundred");
    assert_eq!(of_labels(&dropped(json!({ "header-mac": 37 })), None).len(), 1);
    let replayed = dropped(json!({ "replayed": 1 }));
    assert!(of_labels(&replayed, None)[0].starts_with("1 of 3600 packets dropped, replayed: "));
    assert!(of_labels(&replayed, Some(&replayed)).is_empty(), "it is over");
    assert_eq!(of_labels(&dropped(json!({ "made-up": 1 })), None).len(), 1);
}

#[test]
fn a_node_that_has_just_started_is_given_time() {
    let young =
        with(&[("/uptime_s", json!(5)), ("/consensus_epoch", Value::Null), ("/peers/0/up", json!(false))]);
    assert_eq!(found(&young, None), []);
}

#[test]
fn a_status_of_another_shape_is_refused_and_unknown_parts_are_passed_over() {
    assert!(Observed::from_value(json!({ "ending": true })).is_err());
    let mut strange = healthy();
    strange["peers"] = json!([{ "node": "aa", "colour": "red" }]);
    let observed = Observed::from_value(strange).unwrap();
    assert_eq!((observed.peers[0].node.as_str(), observed.peers[0].up), ("aa", false));
}
