//! Conformance of the fast path with `docs/vectors/sphinx.json`, by every implementation of X25519.

use std::collections::HashSet;
use std::time::Duration;

use sotto_protocol::sphinx::fast::{BatchUnwrapper, HopKeys, Opened, X25519};
use sotto_protocol::sphinx::{Packet, Refusal, Unwrapped};

use crate::vector_file::Route;
use crate::vectors::{array, bytes, changed, vectors};

const EPOCH: u64 = 1;

/// A hop without a memory for tags.
fn unwrap(x25519: X25519, route: &Route, place: usize, packet: Packet) -> Result<Opened, Refusal> {
    let keys = HopKeys::new().with(EPOCH, route.secrets().swap_remove(place));
    let mut results = Vec::new();
    let delay_max = Duration::from_nanos(route.delay_max_ns);
    BatchUnwrapper::new(x25519).unwrap(&keys, EPOCH, delay_max, [packet], &mut results);
    results.remove(0)
}

/// The packet's end, with the next hops, delays and tags on the way as written.
fn travel(x25519: X25519, route: &Route, mut packet: Packet) -> Unwrapped {
    for place in 0..route.hops().len() {
        let opened = unwrap(x25519, route, place, packet).unwrap();
        assert_eq!(opened.tag.as_bytes(), &route.tags()[place], "{x25519:?}");
        match opened.unwrapped {
            Unwrapped::Forward { next, delay, delay_clamped, packet: onward } => {
                assert_eq!(next, route.hops()[place + 1].node);
                assert_eq!(delay, Duration::from_nanos(route.held_ns[place]));
                assert_eq!(delay_clamped, route.delays_ns[place] > route.delay_max_ns);
                packet = onward;
            }
            end @ Unwrapped::Final { .. } => return end,
        }
    }
    panic!("the packet did not end at the last hop");
}

#[test]
fn the_forward_packet_travels_as_written() {
    let forward = vectors().forward;
    for x25519 in X25519::available() {
        let packet = Packet::from_slice(&bytes(&forward.packet)).unwrap();
        let Unwrapped::Final { destination, surb_id, payload } = travel(x25519, &forward.route, packet)
        else {
            panic!("not the end");
        };
        assert_eq!(destination, array(&forward.destination));
        assert_eq!(surb_id.as_bytes(), &array(&forward.identifier));
        assert_eq!(payload.into_text().unwrap(), bytes(&forward.text));
    }
}

#[test]
fn the_reply_travels_as_written() {
    let reply = vectors().reply;
    for x25519 in X25519::available() {
        let packet = Packet::from_slice(&bytes(&reply.packet)).unwrap();
        let Unwrapped::Final { destination, payload, .. } = travel(x25519, &reply.route, packet) else {
            panic!("not the end");
        };
        assert_eq!(destination, array(&reply.session));
        assert_eq!(payload.as_bytes().to_vec(), bytes(&reply.payload));
    }
}

#[test]
fn every_changed_packet_meets_the_refusal_written_for_it() {
    let vectors = vectors();
    let original = bytes(&vectors.forward.packet);
    for x25519 in X25519::available() {
        // The fast path gives the tag; the lookup is the caller's, so it is made here.
        for case in &vectors.refused {
            let mut seen = HashSet::new();
            if case.after_original {
                outcome(x25519, &vectors.forward.route, &original, &mut seen).unwrap();
            }
            let packet = changed(&original, case);
            let refusal = outcome(x25519, &vectors.forward.route, &packet, &mut seen).unwrap_err();
            assert_eq!(refusal.label(), case.label, "{x25519:?}, {}", case.name);
        }
    }
}

/// Along the route; the text at the end, or the first refusal.
fn outcome(
    x25519: X25519,
    route: &Route,
    packet: &[u8],
    seen: &mut HashSet<(usize, [u8; 32])>,
) -> Result<Vec<u8>, Refusal> {
    let mut packet = Packet::from_slice(packet)?;
    for place in 0..route.hops().len() {
        let opened = unwrap(x25519, route, place, packet)?;
        if !seen.insert((place, *opened.tag.as_bytes())) {
            return Err(Refusal::Replayed);
        }
        match opened.unwrapped {
            Unwrapped::Forward { packet: onward, .. } => packet = onward,
            Unwrapped::Final { payload, .. } => return payload.into_text(),
        }
    }
    panic!("the packet did not end at the last hop");
}
