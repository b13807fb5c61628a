//! The authority in virtual time: whom it takes in, what it signs, and when.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::{CryptoRng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_directory::core::{Admission, Authority, AuthorityConfig, Bootstrap, CLOCK_SKEW_MAX, Progress};
use sotto_protocol::directory::{
    AuthoritySet, Consensus, Descriptor, EpochKey, Params, Place, Role, SignedConsensus, SignedDescriptor,
    assign_layers, epoch_of, epoch_start,
};
use sotto_protocol::ident::{NodeId, NodeSecret};
use sotto_protocol::limits::{DESCRIPTOR_LEN_MAX, EPOCH_KEYS_MAX, NODES_MAX};
use sotto_protocol::sphinx::HopSecret;
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

const EPOCH_S: u32 = 3600;
const EPOCH: Duration = Duration::from_secs(3600);
/// Ten minutes into an epoch.
const T0: Timestamp = Timestamp::from_millis(1_699_999_200_000 + 600_000);

struct Node {
    secret: NodeSecret,
    role: Role,
}

struct World {
    rng: ChaCha20Rng,
    authority: Authority,
    nodes: Vec<Node>,
    now: Timestamp,
}

fn config(admission: Admission) -> AuthorityConfig {
    AuthorityConfig {
        network: "test".to_owned(),
        params: Params { epoch_s: EPOCH_S, ..Params::default() },
        admission,
        bootstrap: Bootstrap { entries: 2, mixes: 6, mailboxes: 2 },
    }
}

fn authority_secret() -> NodeSecret {
    NodeSecret::from_seed(&Zeroizing::new([42; 32]))
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let roles = [Role::Entry; 2].into_iter().chain([Role::Mix; 6]).chain([Role::Mailbox; 2]);
        let nodes = roles.map(|role| Node { secret: NodeSecret::generate(&mut rng), role }).collect();
        let authority = Authority::new(config(Admission::All), authority_secret()).unwrap();
        Self { rng, authority, nodes, now: T0 }
    }

    fn descriptor(&mut self, index: usize) -> Descriptor {
        descriptor(&self.nodes[index], self.now, &mut self.rng)
    }

    fn signed(&mut self, index: usize) -> Vec<u8> {
        let descriptor = self.descriptor(index);
        sign(&descriptor, &self.nodes[index].secret)
    }

    fn publish(&mut self, index: usize) -> Result<NodeId, &'static str> {
        let bytes = self.signed(index);
        self.offer(&bytes)
    }

    fn offer(&mut self, bytes: &[u8]) -> Result<NodeId, &'static str> {
        self.authority.handle_descriptor(self.now, bytes).map_err(|refusal| refusal.label())
    }

    fn publish_all(&mut self) {
        for index in 0..self.nodes.len() {
            self.publish(index).unwrap();
        }
    }

    fn tick(&mut self) -> Progress {
        self.authority.handle_timeout(self.now, &mut self.rng)
    }

    /// Moves the time to the next event of the authority.
    fn advance(&mut self) -> Progress {
        self.now = self.authority.poll_timeout();
        self.tick()
    }

    fn consensus(&self) -> Consensus {
        let authorities = AuthoritySet::new("test", &[self.authority.id()], 1).unwrap();
        let bytes = self.authority.consensus().expect("a consensus").to_bytes().unwrap();
        SignedConsensus::from_bytes(&bytes).unwrap().verify(&authorities).unwrap()
    }

    fn epoch(&self) -> u64 {
        epoch_of(self.now, EPOCH_S)
    }
}

fn descriptor(node: &Node, now: Timestamp, rng: &mut impl CryptoRng) -> Descriptor {
    let epoch = epoch_of(now, EPOCH_S);
    Descriptor {
        network: "test".to_owned(),
        node: node.secret.id(),
        role: node.role,
        address: "127.0.0.1:9000".to_owned(),
        onion_address: None,
        hop_keys: (epoch..)
            .take(EPOCH_KEYS_MAX)
            .map(|epoch| EpochKey { epoch, key: HopSecret::generate(rng).public() })
            .collect(),
        published: now,
        software: "test".to_owned(),
        capabilities: Vec::new(),
    }
}

fn sign(descriptor: &Descriptor, secret: &NodeSecret) -> Vec<u8> {
    descriptor.sign(secret).unwrap().to_bytes().unwrap()
}

#[test]
fn the_first_consensus_is_signed_as_soon_as_the_counts_are_met() {
    let mut world = World::new(1);
    assert!(!world.tick().signed);
    for index in 0..world.nodes.len() - 1 {
        world.now = world.now + Duration::from_secs(1);
        world.publish(index).unwrap();
        assert_eq!(world.authority.poll_timeout(), world.now, "a descriptor is worth an attempt");
        assert!(!world.tick().signed);
        assert_eq!(world.authority.unsigned().unwrap().label(), "too-few-nodes");
    }
    let reason = world.authority.unsigned().unwrap().to_string();
    assert!(reason.contains("of entries 2 (2 needed), of mixes 6 (6), of mailboxes 1 (2)"), "{reason}");
    world.publish(world.nodes.len() - 1).unwrap();
    assert!(world.tick().signed);
    assert!(world.authority.unsigned().is_none());
    let consensus = world.consensus();
    assert_eq!(consensus.epoch, world.epoch());
    assert_eq!(consensus.valid_after, epoch_start(world.epoch(), EPOCH_S));
    assert_eq!(consensus.valid_until, epoch_start(world.epoch() + 1, EPOCH_S));
    assert_eq!(world.authority.poll_timeout(), consensus.valid_until);
}

#[test]
fn an_epoch_is_signed_once() {
    let mut world = World::new(2);
    world.publish_all();
    assert!(world.tick().signed);
    let first = world.consensus();
    for _ in 0..5 {
        world.now = world.now + Duration::from_secs(60);
        world.publish_all();
        assert!(!world.tick().signed);
    }
    assert_eq!(world.consensus(), first);
}

#[test]
fn fifty_epochs_are_signed_one_by_one_with_fresh_layers() {
    let mut world = World::new(3);
    world.publish_all();
    assert!(world.tick().signed);
    let mixes: Vec<NodeId> =
        world.nodes.iter().filter(|node| node.role == Role::Mix).map(|node| node.secret.id()).collect();
    let mut previous = world.consensus();
    let mut randomness = BTreeSet::from([previous.randomness]);
    let mut layers_of_first = BTreeMap::<u8, u32>::new();
    for _ in 0..50 {
        let progress = world.advance();
        assert!(progress.signed && progress.departed.is_empty());
        let consensus = world.consensus();
        assert_eq!(consensus.epoch, previous.epoch + 1);
        assert_eq!(consensus.valid_after, previous.valid_until);
        assert_eq!(world.now, consensus.valid_after, "signed at the epoch's first moment");
        assert!(randomness.insert(consensus.randomness), "fresh randomness each time");
        let assigned: BTreeMap<NodeId, u8> =
            assign_layers(&consensus.randomness, &mixes).into_iter().collect();
        for node in &consensus.nodes {
            if let Place::Mix { layer } = node.place {
                assert_eq!(assigned[&node.node], layer);
            }
            assert!(node.hop_keys.iter().all(|key| key.epoch >= consensus.epoch), "no key of the past");
            assert!(node.hop(consensus.epoch).is_some() && node.hop(consensus.epoch + 1).is_some());
        }
        for layer in 1..=3 {
            assert_eq!(consensus.layer(layer).count(), 2);
        }
        *layers_of_first.entry(assigned[&mixes[0]]).or_default() += 1;
        // Nodes publish once an epoch, some time into it.
        world.now = world.now + Duration::from_secs(900);
        world.publish_all();
        previous = consensus;
    }
    assert_eq!(layers_of_first.len(), 3, "over 50 epochs a mix has been in every layer: {layers_of_first:?}");
}

#[test]
fn a_node_that_stops_publishing_leaves_after_two_epochs() {
    let mut world = World::new(4);
    world.publish_all();
    world.tick();
    let silent = world.nodes[2].secret.id();
    let mut present = Vec::new();
    for _ in 0..4 {
        world.now = world.now + Duration::from_secs(60);
        for index in (0..world.nodes.len()).filter(|index| *index != 2) {
            world.publish(index).unwrap();
        }
        let progress = world.advance();
        assert!(progress.signed);
        let is_in = world.consensus().node(&silent).is_some();
        assert_eq!(
            progress.departed,
            if present.last() == Some(&true) && !is_in { vec![silent] } else { vec![] }
        );
        present.push(is_in);
    }
    assert_eq!(present, [true, true, false, false]);
    // It may come back.
    world.publish(2).unwrap();
    world.advance();
    assert!(world.consensus().node(&silent).is_some());
}

#[test]
fn without_a_whole_layer_nothing_is_signed_and_the_previous_consensus_stays() {
    let mut world = World::new(5);
    world.publish_all();
    world.tick();
    let kept = world.consensus();
    // Only two mixes go on.
    for _ in 0..3 {
        world.now = world.now + Duration::from_secs(60);
        for index in [0, 1, 2, 3, 8, 9] {
            world.publish(index).unwrap();
        }
        world.advance();
    }
    assert!(world.consensus().epoch < world.epoch());
    assert_eq!(world.consensus().epoch, kept.epoch + 2, "the last with enough nodes");
    let report = world.authority.report();
    let unsigned = report.unsigned.unwrap();
    assert_eq!(unsigned.label, "too-few-nodes");
    assert!(unsigned.text.contains("of mixes 2 (3)"), "{}", unsigned.text);
    // A third mix is enough to go on within the epoch: the bootstrap counts are for the beginning.
    world.now = world.now + Duration::from_secs(60);
    world.publish(4).unwrap();
    assert_eq!(world.authority.poll_timeout(), world.now);
    assert!(world.tick().signed);
    assert_eq!(world.consensus().epoch, world.epoch());
    assert!(world.authority.report().unsigned.is_none());
}

#[test]
fn a_node_without_a_key_for_the_epoch_is_left_out() {
    let mut world = World::new(6);
    world.publish_all();
    world.tick();
    // One announces keys for this epoch only, and does not publish again.
    world.now = world.now + Duration::from_secs(1);
    let mut short = world.descriptor(0);
    short.hop_keys.truncate(1);
    let bytes = sign(&short, &world.nodes[0].secret);
    world.offer(&bytes).unwrap();
    world.advance();
    assert!(world.consensus().node(&short.node).is_none());
    assert_eq!(world.consensus().nodes.len(), world.nodes.len() - 1);
}

#[test]
fn a_node_that_withdraws_its_later_keys_leaves_with_the_next_consensus_and_may_come_back() {
    let mut world = World::new(6);
    world.publish_all();
    world.tick();
    let node = world.nodes[3].secret.id();
    let before = world.consensus();
    let full = world.descriptor(3);
    world.now = world.now + EPOCH / 2;
    let this_epoch_alone =
        Descriptor { hop_keys: full.hop_keys[..1].to_vec(), published: world.now, ..full.clone() };
    let withdrawal = sign(&this_epoch_alone, &world.nodes[3].secret);
    assert_eq!(world.offer(&withdrawal), Ok(node));
    // The epoch that is signed stays as it is: packets are made by it.
    assert_eq!(world.consensus(), before);
    assert!(world.advance().signed);
    assert!(before.node(&node).is_some() && world.consensus().node(&node).is_none());
    assert_eq!(world.consensus().nodes.len(), before.nodes.len() - 1);

    // Too late for this epoch, in time for the next one. The others go on publishing.
    world.now = world.now + EPOCH / 10;
    world.publish_all();
    assert!(world.consensus().node(&node).is_none());
    world.advance();
    assert!(world.consensus().node(&node).is_some());
}

#[test]
fn a_descriptor_of_another_network_is_refused() {
    let mut world = World::new(7);
    let mut descriptor = world.descriptor(0);
    descriptor.network = "other".to_owned();
    let bytes = sign(&descriptor, &world.nodes[0].secret);
    assert_eq!(world.offer(&bytes), Err("wrong-network"));
}

#[test]
fn a_tampered_descriptor_is_refused() {
    let mut world = World::new(8);
    let bytes = world.signed(0);
    for at in [bytes.len() - 1, bytes.len() - 40, 60] {
        let mut tampered = bytes.clone();
        tampered[at] ^= 1;
        let label = world.offer(&tampered).unwrap_err();
        assert!(["bad-signature", "malformed"].contains(&label), "{at}: {label}");
    }
    let mut tampered = bytes.clone();
    *tampered.last_mut().unwrap() ^= 1;
    assert_eq!(world.offer(&tampered), Err("bad-signature"));
    assert!(world.offer(&bytes).is_ok());
}

#[test]
fn what_is_no_descriptor_is_refused_as_malformed() {
    let mut world = World::new(9);
    let bytes = world.signed(0);
    let trailing = [bytes.as_slice(), &[0]].concat();
    for bad in [&[][..], b"hello", &bytes[..bytes.len() - 1], &trailing, &vec![0; DESCRIPTOR_LEN_MAX + 1]] {
        assert_eq!(world.offer(bad), Err("malformed"), "{} bytes", bad.len());
    }
}

#[test]
fn only_listed_nodes_are_admitted() {
    let mut world = World::new(10);
    let listed = BTreeSet::from([world.nodes[1].secret.id()]);
    world.authority = Authority::new(config(Admission::Listed(listed)), authority_secret()).unwrap();
    assert_eq!(world.publish(0), Err("not-admitted"));
    assert_eq!(world.publish(1), Ok(world.nodes[1].secret.id()));
    assert_eq!(world.authority.report().refused, BTreeMap::from([("not-admitted".to_owned(), 1)]));
}

#[test]
fn an_older_descriptor_does_not_replace_a_newer_one() {
    let mut world = World::new(11);
    let old = world.signed(0);
    world.now = world.now + Duration::from_secs(1);
    let new = world.signed(0);
    assert!(world.offer(&new).is_ok());
    assert_eq!(world.offer(&old), Err("stale"));
    assert!(world.offer(&new).is_ok(), "publishing the same once more is no fault");
    // Another one of the same moment: which of the two would count?
    let twin = world.signed(0);
    assert_ne!(twin, new);
    assert_eq!(world.offer(&twin), Err("stale"));
}

#[test]
fn a_date_in_the_future_is_refused_beyond_the_skew() {
    let mut world = World::new(12);
    let real = world.now;
    world.now = real + CLOCK_SKEW_MAX;
    let ahead = world.signed(0);
    world.now = real + CLOCK_SKEW_MAX + Duration::from_secs(1);
    let too_far = world.signed(1);
    world.now = real;
    assert!(world.offer(&ahead).is_ok());
    assert_eq!(world.offer(&too_far), Err("future-dated"));
}

#[test]
fn a_date_long_past_is_refused() {
    let mut world = World::new(13);
    let bytes = world.signed(0);
    world.now = world.now + EPOCH * 2;
    let at_the_limit = world.authority.handle_descriptor(world.now, &bytes);
    assert!(at_the_limit.is_ok());
    let bytes = {
        world.now = T0;
        world.signed(1)
    };
    world.now = T0 + EPOCH * 2 + Duration::from_secs(1);
    assert_eq!(world.offer(&bytes), Err("expired"));
}

#[test]
fn a_node_that_counts_epochs_differently_is_told_so() {
    let mut world = World::new(14);
    let mut descriptor = world.descriptor(0);
    for key in &mut descriptor.hop_keys {
        key.epoch -= 1000;
    }
    let bytes = sign(&descriptor, &world.nodes[0].secret);
    assert_eq!(world.offer(&bytes), Err("no-current-key"));
    // A node whose clock is a little ahead at the end of an epoch has keys from the next epoch on.
    world.now = epoch_start(world.epoch() + 1, EPOCH_S) - Duration::from_secs(10);
    let real = world.now;
    world.now = real + Duration::from_secs(20);
    let bytes = world.signed(0);
    world.now = real;
    assert!(world.offer(&bytes).is_ok());
}

#[test]
fn a_full_network_takes_no_new_node_but_renews_the_old_ones() {
    let mut world = World::new(15);
    for _ in 0..NODES_MAX {
        world.nodes.push(Node { secret: NodeSecret::generate(&mut world.rng), role: Role::Mix });
    }
    for index in 0..NODES_MAX {
        world.publish(index).unwrap();
    }
    assert_eq!(world.publish(NODES_MAX), Err("network-full"));
    world.now = world.now + Duration::from_secs(1);
    assert!(world.publish(0).is_ok());
    assert!(world.tick().signed, "the largest network fits in a document");
    assert_eq!(world.consensus().nodes.len(), NODES_MAX);
}

/// What a shell does: give a new authority what the old one had on disk.
fn restarted(world: &World, config: AuthorityConfig, descriptors: &[Vec<u8>]) -> Authority {
    let mut authority = Authority::new(config, authority_secret()).unwrap();
    authority.restore_consensus(&world.authority.consensus().unwrap().to_bytes().unwrap()).unwrap();
    for bytes in descriptors {
        authority.restore_descriptor(bytes).unwrap();
    }
    authority
}

#[test]
fn a_restarted_authority_forgets_nothing_and_signs_no_epoch_twice() {
    let mut world = World::new(16);
    let descriptors: Vec<Vec<u8>> = (0..world.nodes.len()).map(|index| world.signed(index)).collect();
    for bytes in &descriptors {
        world.offer(bytes).unwrap();
    }
    world.tick();
    let signed = world.consensus();
    world.authority = restarted(&world, config(Admission::All), &descriptors);
    assert_eq!(world.consensus(), signed);
    assert!(!world.tick().signed);
    assert_eq!(world.consensus(), signed);
    // Nobody has to publish again for the next epoch.
    assert!(world.advance().signed);
    assert_eq!(world.consensus().nodes.len(), world.nodes.len());
    // Down for a week: what is too old leaves at the next attempt, and nothing is signed without nodes.
    world.authority = restarted(&world, config(Admission::All), &descriptors);
    world.now = world.now + Duration::from_secs(7 * 86_400);
    let progress = world.tick();
    assert!(!progress.signed);
    assert_eq!(progress.departed.len(), world.nodes.len());
}

#[test]
fn a_kept_consensus_that_is_not_this_authoritys_is_refused() {
    let mut world = World::new(17);
    world.publish_all();
    world.tick();
    let bytes = world.authority.consensus().unwrap().to_bytes().unwrap();
    let label = |config: AuthorityConfig, secret, bytes: &[u8]| {
        let mut authority = Authority::new(config, secret).unwrap();
        authority.restore_consensus(bytes).unwrap_err().label()
    };
    let stranger = NodeSecret::generate(&mut world.rng);
    assert_eq!(label(config(Admission::All), stranger, &bytes), "consensus-foreign");
    let other_name = AuthorityConfig { network: "other".to_owned(), ..config(Admission::All) };
    assert_eq!(label(other_name, authority_secret(), &bytes), "consensus-foreign");
    assert_eq!(label(config(Admission::All), authority_secret(), &bytes[..100]), "consensus-foreign");
    let mut longer = config(Admission::All);
    longer.params.epoch_s *= 2;
    assert_eq!(label(longer, authority_secret(), &bytes), "epoch-length");
}

#[test]
fn a_kept_descriptor_counts_only_while_its_node_is_admitted() {
    let mut world = World::new(18);
    let bytes = world.signed(0);
    let mut authority =
        Authority::new(config(Admission::Listed(BTreeSet::new())), authority_secret()).unwrap();
    assert_eq!(authority.restore_descriptor(&bytes).unwrap_err().label(), "not-admitted");
}

#[test]
fn a_configuration_that_is_no_network_is_refused() {
    let mut bad = config(Admission::All);
    bad.params.epoch_s = 1;
    let label = |config| Authority::new(config, authority_secret()).err().unwrap().label();
    assert_eq!(label(bad), "parameter-out-of-range");
    assert_eq!(label(AuthorityConfig { network: "No Name".to_owned(), ..config(Admission::All) }), "text");
}

#[test]
fn a_descriptor_is_judged_by_its_own_signature_not_by_who_brings_it() {
    let mut world = World::new(19);
    let descriptor = world.descriptor(0);
    // Signed by somebody else, claiming to be node 0.
    assert!(descriptor.sign(&world.nodes[1].secret).is_err(), "the protocol refuses to make one");
    let bytes = world.signed(0);
    let verified = SignedDescriptor::from_bytes(&bytes).unwrap().verify("test").unwrap();
    assert_eq!(verified.node, world.nodes[0].secret.id());
    assert_eq!(world.offer(&bytes), Ok(verified.node));
}
