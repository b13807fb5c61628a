//! Tagging and replay fail, and would not without what protects.

use super::*;
use sotto_traffic::random::Seed;

#[test]
fn a_changed_header_is_noticed_by_the_next_node_and_nothing_comes_out() {
    for region in [Region::Alpha, Region::Mac, Region::Routing] {
        for attack in tagging_in(region, Seed::new(11)).unwrap() {
            println!("{attack:?}");
            assert!(attack.trials > 30, "{attack:?}");
            assert_eq!((attack.hits, attack.survived), (0, 0), "{attack:?}");
            assert_eq!(attack.dropped.keys().collect::<Vec<_>>(), ["header-mac"], "{attack:?}");
            assert!(attack.dropped["header-mac"] >= attack.trials);
        }
    }
}

#[test]
fn a_changed_payload_shows_on_no_link_and_destroys_the_packet() {
    let [links, last_hop] = tagging_in(Region::Payload, Seed::new(12)).unwrap();
    println!("{links:?}\n{last_hop:?}");
    assert!(links.trials > 30, "{links:?}");
    assert_eq!(links.survived, 0);
    assert_eq!(links.dropped.keys().collect::<Vec<_>>(), ["payload-tag"]);
    // Guessing among eight: the chance of 15 hits in 40 is below one in 10,000.
    assert!(links.success() < 0.375 && share(links.decoy_hits, links.trials) < 0.375, "{links:?}");
    // The owner of the destination sees that it is damaged, and of others that they are not.
    assert_eq!((last_hop.hits, last_hop.decoy_hits), (last_hop.trials, 0), "{last_hop:?}");
}

#[test]
fn a_format_without_protection_is_tagged_every_time() {
    for layers in [ToyLayers::None, ToyLayers::Streams] {
        let attack = tagging_a_toy(layers, Seed::new(13));
        assert_eq!((attack.hits, attack.survived), (attack.trials, attack.trials), "{attack:?}");
        assert_eq!(attack.decoy_hits, 0);
    }
}

#[test]
fn no_packet_passes_twice() {
    for attack in replay(Seed::new(14)).unwrap() {
        println!("{attack:?}");
        assert!(attack.trials > 100, "{attack:?}");
        assert_eq!(attack.hits, 0, "{attack:?}");
        let why = if attack.name.ends_with("epochs") { "header-mac" } else { "replayed" };
        assert_eq!(attack.dropped.get(why), Some(&attack.trials), "{attack:?}");
    }
}

#[test]
fn packets_pass_twice_where_a_node_has_lost_its_replay_tags() {
    let attack = replay_when(ReplayWhen::AfterLossOfTags, Seed::new(15)).unwrap();
    println!("{attack:?}");
    assert!(attack.success() > 0.5, "{attack:?}");
}
