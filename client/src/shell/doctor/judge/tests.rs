//! Facts and what is said of them.

use sotto_protocol::directory::Params;
use sotto_protocol::ident::NodeSecret;
use sotto_transport::tor::TorBlockage;
use zeroize::Zeroizing;

use super::*;

fn consensus() -> Consensus {
    Consensus {
        network: "test".to_owned(),
        epoch: 5,
        valid_after: at(1000),
        valid_until: at(2000),
        randomness: [0; 32],
        params: Params { epoch_s: 1000, grace_s: 100, ..Params::default() },
        nodes: Vec::new(),
    }
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn status(stage: TorStage, percent: u8, blocked: Option<&'static str>) -> TorStatus {
    let blocked =
        blocked.map(|label| TorBlockage { label, text: "somebody interferes: use bridges".to_owned() });
    TorStatus { stage, percent, summary: "fetching".to_owned(), blocked }
}

fn node() -> NodeId {
    NodeSecret::from_seed(&Zeroizing::new([1; 32])).id()
}

/// Verdict and label.
fn short(check: &Check) -> (bool, Option<&str>) {
    (check.ok, check.label.as_deref())
}

#[test]
fn the_clock_is_judged_by_what_was_fetched_then_by_what_was_kept() {
    let consensus = consensus();
    let (kept, fetched) = (Some(&consensus), Some(&consensus));
    let cases = [
        (1500, None, fetched, (true, None), "within the hours"),
        (1500, kept, None, (true, None), "within the hours"),
        (400, None, fetched, (false, Some("clock-slow")), "slow by 600 s at least"),
        (400, kept, None, (false, Some("clock-slow")), "set its date"),
        (2050, kept, fetched, (true, None), "serves until a newer one"),
        (2500, None, fetched, (false, Some("clock-fast")), "Compare the clock"),
        (2500, kept, None, (true, None), "nothing to compare"),
        (1500, None, None, (true, None), "no consensus yet"),
    ];
    for (now, kept, fetched, verdict, words) in cases {
        let check = clock(at(now), kept, fetched, None);
        assert_eq!(short(&check), verdict, "{now}: {check:?}");
        assert!(check.text.contains(words), "{now}: {check:?}");
        assert!(check.text.contains("1970-01-01"), "it says what the clock says: {check:?}");
    }
}

#[test]
fn tor_can_find_the_clock_wrong_before_there_is_a_consensus() {
    let skewed = status(TorStage::Blocked, 5, Some(TOR_CLOCK));
    let check = clock(at(1500), None, None, Some(&skewed));
    assert_eq!(short(&check), (false, Some("tor-clock-skewed")));
    let filtered = status(TorStage::Blocked, 5, Some("tor-filtered"));
    assert!(clock(at(1500), None, None, Some(&filtered)).ok, "other obstacles say nothing of the clock");
}

#[test]
fn tor_is_judged_by_its_stage_and_what_stands_in_its_way() {
    let waited = Duration::from_secs(30);
    let cases = [
        (None, (false, Some("tor-not-running")), "sotto status"),
        (Some(status(TorStage::Ready, 100, None)), (true, None), "ready"),
        (
            Some(status(TorStage::Blocked, 5, Some("tor-filtered"))),
            (false, Some("tor-filtered")),
            "use bridges",
        ),
        (Some(status(TorStage::Bootstrapping, 45, None)), (false, Some("tor-slow")), "at 45 % (fetching)"),
        (Some(status(TorStage::Lost, 100, None)), (false, Some("tor-slow")), "lost after 30 s"),
        (Some(status(TorStage::Lost, 100, Some("tor-offline"))), (false, Some("tor-offline")), "interferes"),
    ];
    for (status, verdict, words) in cases {
        let check = tor(status.as_ref(), waited);
        assert_eq!(short(&check), verdict, "{check:?}");
        assert!(check.text.contains(words), "{check:?}");
    }
}

#[test]
fn a_consensus_that_has_run_out_is_no_good_one() {
    let document = consensus();
    assert_eq!(short(&super::consensus(Ok((&document, at(1500))))), (true, None));
    assert_eq!(short(&super::consensus(Ok((&document, at(2050))))), (true, None), "grace");
    assert_eq!(short(&super::consensus(Ok((&document, at(9999))))), (false, Some("consensus-expired")));
    let failure = Failure::new("unreachable", "nobody answers");
    assert_eq!(short(&super::consensus(Err(failure))), (false, Some("unreachable")));
}

#[test]
fn nodes_are_named_with_their_route_and_never_by_their_onion_address() {
    let well = reached("entry", Route::TorMix, &node(), Ok(1234));
    assert_eq!((short(&well), well.took_ms), ((true, None), Some(1234)));
    assert!(well.text.starts_with("tor+mix: entry ") && well.text.ends_with(" answers"), "{well:?}");
    let failure = Failure::new("tor-onion-not-found", "cannot reach mailbox by Tor");
    let trouble = reached("mailbox", Route::Tor, &node(), Err(failure));
    assert_eq!(short(&trouble), (false, Some("tor-onion-not-found")));
    for route in [Route::Mix, Route::TorMix] {
        let none = no_entry(route);
        assert_eq!(short(&none), (false, Some("entry-none")));
        assert!(none.text.starts_with(route.label()), "{none:?}");
    }
    assert_eq!(short(&not_tried("mailbox")), (false, Some("not-tried")));
}

#[test]
fn mailboxes_without_an_onion_service_are_told() {
    assert_eq!(mailboxes(3, 3), None);
    for (with, all) in [(0, 0), (0, 3), (2, 3)] {
        assert_eq!(
            short(&mailboxes(with, all).unwrap()),
            (false, Some("mailbox-no-onion")),
            "{with} of {all}"
        );
    }
    assert!(mailboxes(2, 3).unwrap().text.contains("2 of the network's 3"));
}
