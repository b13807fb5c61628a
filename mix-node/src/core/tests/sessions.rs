//! Opening, resuming and ending sessions.

use sotto_protocol::frame::ResumeToken;

use super::*;
use crate::core::{ALLOWANCE_AT_START, ALLOWANCE_MAX, DOWNLINK_QUEUE_MAX, SESSION_RESUMABLE, SessionRefusal};

#[test]
fn each_session_has_an_address_and_a_token_of_its_own() {
    let mut bench = Bench::new(ENTRY);
    let (first, second) = (bench.open(), bench.open());
    assert_ne!(first.session, second.session);
    assert_ne!(first.token, second.token);
    assert!(!first.resumed);
    assert_eq!(bench.mix.report().sessions.connected, 2);
}

#[test]
fn a_session_is_resumed_with_its_address_and_token_and_keeps_what_waited() {
    let mut bench = Bench::new(ENTRY);
    let grant = bench.open();
    bench.mix.session_disconnected(bench.now, &grant.session);
    bench.reply_to(&grant.session);
    bench.run_until(bench.now + SESSION_RESUMABLE - ms(1));
    assert_eq!(bench.delivered("client"), 0, "nobody is there");
    let resume = (grant.session, grant.token.clone());
    let again = bench.mix.open_session(bench.now, 0, Some(&resume), &mut bench.rng).expect("resumed");
    assert_eq!((again.session, again.resumed), (grant.session, true));
    assert_eq!(again.token, grant.token);
    bench.run_until(bench.now + ms(10_000));
    assert_eq!(bench.delivered("client"), 1);
    let sessions = bench.mix.report().sessions;
    assert_eq!((sessions.opened, sessions.resumed, sessions.expired), (1, 1, 0));
}

#[test]
fn a_wrong_token_and_an_unknown_address_are_refused_alike() {
    let mut bench = Bench::new(ENTRY);
    let grant = bench.open();
    let other = bench.open();
    bench.mix.session_disconnected(bench.now, &grant.session);
    let stranger = SessionAddress::from_bytes([200; 32]);
    for resume in [(grant.session, other.token), (stranger, grant.token.clone())] {
        let refused = bench.mix.open_session(bench.now, 0, Some(&resume), &mut bench.rng);
        assert_eq!(refused.expect_err("refused"), SessionRefusal::ResumeRefused);
    }
    assert_eq!(bench.mix.report().sessions.refused, 2);
    assert_eq!(bench.mix.report().sessions.resumable, 1, "the attempt did not harm the session");
}

#[test]
fn a_token_differs_from_any_with_one_bit_changed() {
    let token = ResumeToken::from_bytes([0x3c; 32]);
    for bit in 0..256 {
        let mut bytes = [0x3c; 32];
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(token, ResumeToken::from_bytes(bytes));
    }
}

#[test]
fn a_session_not_resumed_in_time_expires_with_what_waited() {
    let mut bench = Bench::new(ENTRY);
    let grant = bench.open();
    bench.mix.session_disconnected(bench.now, &grant.session);
    bench.reply_to(&grant.session);
    bench.reply_to(&grant.session);
    bench.run_until(bench.now + SESSION_RESUMABLE);
    assert_eq!((bench.dropped("session-expired"), bench.mix.held()), (2, 0));
    let resume = (grant.session, grant.token.clone());
    let refused = bench.mix.open_session(bench.now, 0, Some(&resume), &mut bench.rng);
    assert_eq!(refused.expect_err("refused"), SessionRefusal::ResumeRefused);
    bench.reply_to(&grant.session);
    assert_eq!(bench.dropped("session-expired"), 3, "a late reply is told from a stranger's");
    bench.reply_to(&SessionAddress::from_bytes([200; 32]));
    assert_eq!(bench.dropped("session-unknown"), 1);
}

#[test]
fn a_connected_session_does_not_expire() {
    let mut bench = Bench::new(ENTRY);
    bench.open();
    bench.run_until(bench.now + SESSION_RESUMABLE * 2);
    assert_eq!(bench.mix.report().sessions.connected, 1);
}

#[test]
fn a_session_still_connected_can_be_taken_over_with_its_token() {
    let mut bench = Bench::new(ENTRY);
    let grant = bench.open();
    let resume = (grant.session, grant.token);
    let again = bench.mix.open_session(bench.now, 0, Some(&resume), &mut bench.rng).expect("taken over");
    assert!(again.resumed);
    assert_eq!(bench.mix.report().sessions.connected, 1);
}

#[test]
fn connected_sessions_are_bounded_and_an_end_makes_room() {
    let config = MixConfig { sessions_max: 2, ..MixConfig::new(node(ENTRY)) };
    let mut bench = Bench::with(&config, ENTRY, consensus(EPOCH));
    let grant = bench.open();
    bench.open();
    let refused = bench.mix.open_session(bench.now, 0, None, &mut bench.rng).expect_err("full");
    assert_eq!(refused, SessionRefusal::SessionsFull { sessions_max: 2 });
    bench.mix.session_disconnected(bench.now, &grant.session);
    bench.run_until(bench.now + SESSION_RESUMABLE);
    bench.open();
}

#[test]
fn sessions_left_behind_make_room_oldest_first_and_keep_nobody_out() {
    let config = MixConfig { sessions_max: 3, ..MixConfig::new(node(ENTRY)) };
    let mut bench = Bench::with(&config, ENTRY, consensus(EPOCH));
    let stays = bench.open();
    let (first, second) = (bench.open(), bench.open());
    bench.mix.session_disconnected(bench.now, &first.session);
    bench.reply_to(&first.session);
    bench.run_until(bench.now + ms(1));
    bench.mix.session_disconnected(bench.now, &second.session);
    for _ in 0..100 {
        let flood = bench.open();
        bench.run_until(bench.now + ms(1));
        bench.mix.session_disconnected(bench.now, &flood.session);
    }
    assert_eq!((bench.dropped("session-expired"), bench.mix.held()), (1, 0));
    let sessions = bench.mix.report().sessions;
    assert_eq!((sessions.connected, sessions.resumable, sessions.expired), (1, 2, 100));
    bench.reply_to(&stays.session);
    assert_eq!(bench.mix.held(), 1, "a connected session is never displaced");
}

#[test]
fn a_client_that_floods_is_cut_down_to_its_class_and_others_are_not() {
    let mut bench = Bench::new(ENTRY);
    let (flooding, honest) = (bench.open(), bench.open());
    let send = |bench: &mut Bench, session| {
        let packet = bench.packet(ENTRY, &[LAYER_1], ms(10), [0; 32]);
        bench.take(Source::Client(session), packet);
    };
    for _ in 0..ALLOWANCE_AT_START + 100 {
        send(&mut bench, flooding.session);
    }
    assert_eq!(bench.dropped("uplink-too-fast"), 100);
    send(&mut bench, honest.session);
    assert_eq!(bench.dropped("uplink-too-fast"), 100);
    assert_eq!(bench.mix.held(), usize::try_from(ALLOWANCE_AT_START).unwrap() + 1);
    // A class of three packets a second may send six.
    bench.run_until(bench.now + ms(10_000));
    for _ in 0..100 {
        send(&mut bench, flooding.session);
    }
    assert_eq!(bench.dropped("uplink-too-fast"), 140);
}

#[test]
fn only_entries_open_sessions_and_only_in_known_classes() {
    let mut mix = Bench::new(LAYER_1);
    let refused = mix.mix.open_session(mix.now, 0, None, &mut mix.rng).expect_err("no entry");
    assert_eq!(refused, SessionRefusal::NotAnEntry);
    let mut entry = Bench::new(ENTRY);
    let refused = entry.mix.open_session(entry.now, 1, None, &mut entry.rng).expect_err("no such class");
    assert_eq!(refused, SessionRefusal::ClassUnknown { class: 1 });
    entry.mix.begin_stop(entry.now);
    let refused = entry.mix.open_session(entry.now, 0, None, &mut entry.rng).expect_err("stopping");
    assert_eq!(refused, SessionRefusal::Stopping);
}

#[test]
fn packets_from_a_client_count_only_while_it_is_connected() {
    let mut bench = Bench::new(ENTRY);
    let grant = bench.open();
    let packet = bench.packet(ENTRY, &[LAYER_1], ms(10), [0; 32]);
    bench.take(Source::Client(grant.session), packet);
    assert_eq!(bench.mix.held(), 1);
    bench.mix.session_disconnected(bench.now, &grant.session);
    let packet = bench.packet(ENTRY, &[LAYER_1], ms(10), [0; 32]);
    bench.take(Source::Client(grant.session), packet);
    assert_eq!(bench.dropped("session-unknown"), 1);
    let packet = bench.packet(ENTRY, &[LAYER_1], ms(10), [0; 32]);
    bench.take(Source::Stranger, packet);
    assert_eq!(bench.dropped("session-unknown"), 2);
    assert_eq!(bench.mix.ledger().links.received_from_clients, 3);
}

#[test]
fn a_full_downlink_refuses_further_packets() {
    let mut bench = Bench::new(ENTRY);
    let grant = bench.open();
    for _ in 0..DOWNLINK_QUEUE_MAX + 3 {
        bench.reply_to(&grant.session);
    }
    assert_eq!(bench.mix.report().held.downlink, DOWNLINK_QUEUE_MAX);
    assert_eq!(bench.dropped("downlink-full"), 3);
}

#[test]
fn a_client_whose_connection_takes_nothing_is_disconnected_and_can_resume() {
    let mut bench = Bench::new(ENTRY);
    let grant = bench.open();
    bench.reply_to(&grant.session);
    bench.run_with(start() + ms(5_000), |mix, now, action| {
        if let (Some(ticket), _) = take_ticket(action) {
            mix.handle_send_failed(now, ticket);
        }
    });
    let sessions = bench.mix.report().sessions;
    assert_eq!((sessions.connected, sessions.resumable), (0, 1));
    assert_eq!(bench.dropped("session-unreachable"), 1);
}

#[test]
fn a_stop_closes_connections_and_accounts_for_what_waited() {
    let mut bench = Bench::new(ENTRY);
    let connected = bench.open();
    let gone = bench.open();
    bench.mix.session_disconnected(bench.now, &gone.session);
    bench.reply_to(&connected.session);
    bench.reply_to(&gone.session);
    bench.mix.end_stop(bench.now);
    let closed: Vec<_> = std::iter::from_fn(|| bench.poll_action()).collect();
    assert!(
        matches!(&closed[..], [Action::CloseSession { session, label: "stopping" }] if *session == connected.session)
    );
    assert_eq!((bench.dropped("stopped"), bench.mix.held()), (2, 0));
}

#[test]
fn a_client_that_goes_on_flooding_loses_its_session_and_others_do_not() {
    let mut bench = Bench::new(ENTRY);
    let (flooding, honest) = (bench.open(), bench.open());
    bench.reply_to(&flooding.session);
    let most = ALLOWANCE_AT_START + ALLOWANCE_MAX;
    for sent in 0..=most {
        assert!(bench.poll_action().is_none(), "not closed after {sent} packets");
        let packet = bench.packet(ENTRY, &[LAYER_1], ms(10), [0; 32]);
        bench.take(Source::Client(flooding.session), packet);
    }
    let closed = bench.poll_action();
    assert!(
        matches!(closed, Some(Action::CloseSession { session, label: "uplink-too-fast" }) if session == flooding.session),
        "{closed:?}"
    );
    assert_eq!(bench.dropped("uplink-too-fast"), u64::from(ALLOWANCE_MAX) + 1);
    assert_eq!(bench.dropped("session-expired"), 1, "what waited for it");
    let resume = (flooding.session, flooding.token);
    let refused = bench.mix.open_session(bench.now, 0, Some(&resume), &mut bench.rng);
    assert_eq!(refused.expect_err("refused"), SessionRefusal::ResumeRefused);
    let packet = bench.packet(ENTRY, &[LAYER_1], ms(10), [0; 32]);
    bench.mix.handle_packet(bench.now, Source::Client(flooding.session), packet);
    assert_eq!(bench.dropped("session-unknown"), 1);
    let packet = bench.packet(ENTRY, &[LAYER_1], ms(10), [0; 32]);
    bench.take(Source::Client(honest.session), packet);
    bench.run_until(bench.now + ms(10));
    assert_eq!(bench.mix.ledger().forwarded, u64::from(ALLOWANCE_AT_START) + 1);
    assert_eq!(bench.mix.report().sessions.connected, 1);
}

#[test]
fn a_node_that_drains_opens_no_session_and_keeps_those_that_there_are() {
    let mut bench = Bench::new(ENTRY);
    let known = bench.open();
    bench.mix.set_draining(true);
    let refused = bench.mix.open_session(bench.now, 0, None, &mut bench.rng);
    assert_eq!(refused.expect_err("refused"), SessionRefusal::Stopping);
    bench.mix.session_disconnected(bench.now, &known.session);
    let resume = (known.session, known.token);
    assert!(bench.mix.open_session(bench.now, 0, Some(&resume), &mut bench.rng).is_ok());
    bench.reply_to(&known.session);
    assert_eq!(bench.mix.report().held.downlink, 1);
    bench.mix.set_draining(false);
    bench.open();
}

#[test]
fn what_waits_for_clients_leaves_half_the_room_to_packets_that_pass() {
    let config = MixConfig { held_max: 20, ..MixConfig::new(node(ENTRY)) };
    let mut bench = Bench::with(&config, ENTRY, consensus(EPOCH));
    let (away, honest) = (bench.open(), bench.open());
    bench.mix.session_disconnected(bench.now, &away.session);
    for _ in 0..30 {
        bench.reply_to(&away.session);
    }
    assert_eq!((bench.mix.report().held.downlink, bench.dropped("held-full")), (10, 20));
    for _ in 0..11 {
        let packet = bench.packet(ENTRY, &[LAYER_1], ms(10), [0; 32]);
        bench.take(Source::Client(honest.session), packet);
    }
    assert_eq!((bench.mix.report().held.delayed, bench.dropped("held-full")), (10, 21));
}

#[test]
fn many_sessions_of_all_states_are_counted_as_they_are() {
    let config = MixConfig { sessions_max: 300, ..MixConfig::new(node(ENTRY)) };
    let mut bench = Bench::with(&config, ENTRY, consensus(EPOCH));
    let grants: Vec<_> = (0..300).map(|_| bench.open()).collect();
    for grant in &grants[..100] {
        bench.mix.session_disconnected(bench.now, &grant.session);
        bench.mix.session_disconnected(bench.now, &grant.session);
    }
    for grant in &grants[50..150] {
        let resume = (grant.session, grant.token.clone());
        assert!(bench.mix.open_session(bench.now, 0, Some(&resume), &mut bench.rng).is_ok());
    }
    let sessions = bench.mix.report().sessions;
    assert_eq!((sessions.connected, sessions.resumable), (250, 50));
    // Ten more displace ten that were left behind.
    for _ in 0..10 {
        bench.open();
    }
    let sessions = bench.mix.report().sessions;
    assert_eq!((sessions.connected, sessions.resumable, sessions.expired), (260, 40, 10));
    bench.run_until(bench.now + SESSION_RESUMABLE);
    let sessions = bench.mix.report().sessions;
    assert_eq!((sessions.connected, sessions.resumable, sessions.expired), (260, 0, 50));
}
