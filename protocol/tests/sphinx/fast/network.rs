//! A few nodes, and packets for them: valid ones at every hop of routes of every length, and ones that were changed.

use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha20Rng;
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::limits::{PACKET_LEN, PAYLOAD_TEXT_LEN, SPHINX_HEADER_LEN};
use sotto_protocol::sphinx::{Hop, HopSecret, Packet, build_forward, build_surb};

use super::outcome::{NOW_EPOCH, Node, Outcome, Tagged};
use crate::craft;
use crate::low_order::low_order_points;
use crate::support::{DELAY_MAX, DESTINATION, flipped};

/// Five nodes with a key for this epoch; the first has keys for the epochs around it, too.
pub(crate) fn nodes(rng: &mut ChaCha20Rng) -> Vec<Node> {
    let key = |epoch, rng: &mut ChaCha20Rng| (epoch, HopSecret::generate(rng));
    let first =
        Node { secrets: [NOW_EPOCH - 1, NOW_EPOCH, NOW_EPOCH + 1].map(|epoch| key(epoch, rng)).into() };
    let rest = (0..4).map(|_| Node { secrets: vec![key(NOW_EPOCH, rng)] });
    std::iter::once(first).chain(rest).collect()
}

/// A packet where it is, and the key that it was made for.
pub(crate) struct Case<'a> {
    pub(crate) node: usize,
    secret: &'a HopSecret,
    pub(crate) packet: Packet,
}

/// A packet at each hop of a route of 1 to 5 hops: made by its sender or along a reply block, with delays around the
/// maximum.
pub(crate) fn journey<'a>(nodes: &'a [Node], rng: &mut ChaCha20Rng) -> Vec<Case<'a>> {
    let mut order: Vec<usize> = (0..nodes.len()).collect();
    order.shuffle(rng);
    order.truncate(rng.random_range(1..=nodes.len()));
    let secrets: Vec<&HopSecret> = order
        .iter()
        .map(|node| &nodes[*node].secrets[rng.random_range(0..nodes[*node].secrets.len())].1)
        .collect();
    let name = |node: usize| NodeId::from_bytes([u8::try_from(node).unwrap(); 32]);
    let route: Vec<Hop> = order
        .iter()
        .zip(&secrets)
        .map(|(node, secret)| Hop { node: name(*node), key: secret.public() })
        .collect();
    let delays: Vec<Duration> = order.iter().map(|_| DELAY_MAX.mul_f64(rng.random_range(0.0..1.1))).collect();
    let mut text = vec![0; rng.random_range(0..=PAYLOAD_TEXT_LEN)];
    rng.fill_bytes(&mut text);
    let mut packet = if rng.random_bool(0.3) {
        let session = SessionAddress::generate(rng);
        build_surb(&route, &delays, &session, rng).unwrap().0.reply(&text).unwrap().1
    } else {
        build_forward(&route, &delays, DESTINATION, &text, rng).unwrap()
    };

    let mut cases = Vec::new();
    for (node, secret) in order.into_iter().zip(secrets) {
        let (_, outcome): Tagged = nodes[node].by_wrapper(&packet);
        cases.push(Case { node, secret, packet });
        match outcome {
            Outcome::Forward { packet: onward, .. } => packet = onward,
            Outcome::Final { .. } => return cases,
            Outcome::Refused(refusal) => panic!("a valid packet was refused: {refusal}"),
        }
    }
    panic!("the packet did not end at the last hop");
}

/// Offsets in the routing information.
const FLAG: usize = 0;
const VERSION: usize = 1;
const DELAY: std::ops::Range<usize> = 36..44;
const ROUTING_LEN: usize = 300;

/// The kinds of changes that [`changed`] makes.
pub(crate) const CHANGES: u32 = 16;

/// The packet with a change of this kind, and the node that gets it. Most changes are at a random place; some are
/// made by somebody who knows the secret that the packet shares with the hop, so that the MAC is right again.
pub(crate) fn changed(case: &Case, kind: u32, nodes: usize, rng: &mut ChaCha20Rng) -> (usize, Packet) {
    let mut flip_in = |range: std::ops::Range<usize>| {
        let offset = rng.random_range(range);
        flipped(&case.packet, offset, 1 << rng.random_range(0..8))
    };
    let craft = |changes: &[(usize, u8)]| craft::change_routing(case.secret, &case.packet, changes);
    let packet = match kind {
        0 => flip_in(0..32),
        1 => flip_in(32..48),
        2 => flip_in(48..SPHINX_HEADER_LEN),
        3 => flip_in(SPHINX_HEADER_LEN..PACKET_LEN),
        4 => flip_in(0..PACKET_LEN),
        5 => flipped(&case.packet, 31, 0x80),
        6 => return ((case.node + rng.random_range(1..nodes)) % nodes, case.packet.clone()),
        7 => {
            let mut bytes = [0; PACKET_LEN];
            rng.fill_bytes(&mut bytes);
            Packet::from_slice(&bytes).unwrap()
        }
        8 => craft(&[(VERSION + rng.random_range(0..3), rng.random_range(1..=255))]),
        9 => craft(&[(FLAG, rng.random_range(1..=255))]),
        10 => craft(&[(FLAG, rng.random()), (VERSION + 1, rng.random()), (VERSION + 2, rng.random())]),
        // From forward to final and back: the rest of the layer is read as something else.
        11 => craft(&[(FLAG, 3)]),
        12 => craft(&[(rng.random_range(DELAY), rng.random()), (DELAY.start, rng.random())]),
        13 => craft(&DELAY.map(|offset| (offset, rng.random())).collect::<Vec<_>>()),
        14 => craft(&(VERSION + 3..ROUTING_LEN).map(|offset| (offset, rng.random())).collect::<Vec<_>>()),
        _ => {
            let points = low_order_points();
            let point = points[rng.random_range(0..points.len())];
            let packet = craft::for_zero_secret(&case.packet, &point);
            if rng.random() { packet } else { flipped(&packet, 40, 1) }
        }
    };
    (case.node, packet)
}
