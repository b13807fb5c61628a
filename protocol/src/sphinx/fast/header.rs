//! One layer of a header: the check of its MAC, and what is under its stream cipher.
//!
//! Danezis and Goldberg, "Sphinx" (2009), section 3.2, in the layout of `sphinx-packet` 0.8
//! (`header/routing/nodes.rs`); `docs/spec/packets.md` draws it. What is not here: alpha and the payload.

use std::time::Duration;

use aes::Aes128;
use aes::cipher::{KeyIvInit, StreamCipher};
use hmac::Mac;
use sphinx_packet::constants::STREAM_CIPHER_OUTPUT_LENGTH;
use sphinx_packet::crypto::STREAM_CIPHER_INIT_VECTOR;
use sphinx_packet::header::routing::{FINAL_HOP, FORWARD_HOP};
use sphinx_packet::version::SINGLE_SEED_SURB_VERSION;
use subtle::ConstantTimeEq;

use crate::ident::NodeId;
use crate::limits::{PACKET_LEN, SPHINX_HEADER_LEN};

use super::super::{Refusal, SurbId};
use super::expand::{HopMaterial, keyed};

/// Where alpha ends and the MAC begins.
pub(super) const ALPHA_LEN: usize = 32;
/// Where the MAC ends and the routing information begins.
const ROUTING: usize = ALPHA_LEN + MAC_LEN;
const MAC_LEN: usize = 16;
const ROUTING_LEN: usize = SPHINX_HEADER_LEN - ROUTING;
/// What a forward hop takes off: flag (1), version (3), next node (32), delay (8).
const FORWARD_LEN: usize = 44;

/// What a hop's layer says.
#[derive(Clone, Copy)]
pub(super) enum Layer {
    Forward { next: NodeId, delay: Duration },
    Final { destination: [u8; 32], surb_id: SurbId },
}

/// Whether the header was made for this material and arrived unchanged. Takes as long for every wrong MAC.
pub(super) fn is_intact(material: &HopMaterial, packet: &[u8; PACKET_LEN]) -> bool {
    let mut hmac = keyed(&material.mac_key);
    hmac.update(&packet[ROUTING..SPHINX_HEADER_LEN]);
    let mac: [u8; 32] = hmac.finalize().into_bytes().into();
    mac[..MAC_LEN].ct_eq(&packet[ALPHA_LEN..ROUTING]).into()
}

/// Reads the layer and, at a forward hop, writes the next hop's MAC and routing information over this hop's. The
/// stream cipher runs one layer's length beyond the routing information, where the input is zeros: so the header
/// keeps its length, and its end is the filler that the sender foresaw.
pub(super) fn peel(material: &HopMaterial, packet: &mut [u8; PACKET_LEN]) -> Result<Layer, Refusal> {
    let mut layer = [0; STREAM_CIPHER_OUTPUT_LENGTH];
    layer[..ROUTING_LEN].copy_from_slice(&packet[ROUTING..SPHINX_HEADER_LEN]);
    ctr::Ctr64BE::<Aes128>::new(&material.stream_key.into(), &STREAM_CIPHER_INIT_VECTOR.into())
        .apply_keystream(&mut layer);

    let flag = layer[0];
    if flag != FORWARD_HOP && flag != FINAL_HOP {
        return Err(Refusal::RoutingFlag);
    }
    // The first of the version's three bytes is not looked at, see the module `sphinx`.
    let version = u16::from_be_bytes([layer[2], layer[3]]);
    if version != SINGLE_SEED_SURB_VERSION.value() {
        return Err(Refusal::Version { got: version });
    }
    let mut address = [0; 32];
    address.copy_from_slice(&layer[4..36]);
    if flag == FINAL_HOP {
        let mut id = [0; 16];
        id.copy_from_slice(&layer[36..52]);
        return Ok(Layer::Final { destination: address, surb_id: SurbId::from_bytes(id) });
    }
    let mut delay_ns = [0; 8];
    delay_ns.copy_from_slice(&layer[36..FORWARD_LEN]);
    packet[ALPHA_LEN..SPHINX_HEADER_LEN].copy_from_slice(&layer[FORWARD_LEN..]);
    Ok(Layer::Forward {
        next: NodeId::from_bytes(address),
        delay: Duration::from_nanos(u64::from_be_bytes(delay_ns)),
    })
}
