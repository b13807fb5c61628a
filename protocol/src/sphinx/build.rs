//! Building a packet that goes forward along a route.
//!
//! What is not here: packets that go along somebody else's route, see [`super::Surb::reply`].

use std::time::Duration;

use rand::CryptoRng;
use sphinx_packet::SphinxPacketBuilder;
use sphinx_packet::header::delays::Delay;
use sphinx_packet::route::{Destination, DestinationAddressBytes, Node};
use sphinx_packet::version::SINGLE_SEED_SURB_VERSION;
use thiserror::Error;

use crate::limits::{HOPS_MAX, PAYLOAD_LEN, PAYLOAD_TEXT_LEN};

use x25519_dalek::StaticSecret;

use super::hop::random_secret;
use super::{Hop, Packet, SurbId};

/// Why a packet or a reply block could not be built. Each is a mistake of the caller's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    /// The route is empty or longer than a header holds.
    #[error("a route has 1 to {max} hops, this one has {got}", max = HOPS_MAX)]
    RouteLength {
        /// The number of hops that came.
        got: usize,
    },
    /// Not one delay per hop.
    #[error("a route of {hops} hops needs {hops} delays (the last is ignored), {got} came")]
    DelayCount {
        /// The hops of the route.
        hops: usize,
        /// The number of delays that came.
        got: usize,
    },
    /// The text does not fit one packet.
    #[error("a packet holds a text of at most {max} bytes, this one has {got}; split it", max = PAYLOAD_TEXT_LEN)]
    TextTooLong {
        /// The length that came.
        got: usize,
    },
    /// The packet format refused for a reason that the checks above do not know.
    #[error("the packet format refuses: {0}")]
    Format(String),
}

impl From<sphinx_packet::Error> for BuildError {
    fn from(error: sphinx_packet::Error) -> Self {
        Self::Format(error.to_string())
    }
}

/// A packet along `route` with a random identifier. See [`build_forward_with_id`].
///
/// # Errors
/// As [`build_forward_with_id`].
pub fn build_forward(
    route: &[Hop],
    delays: &[Duration],
    destination: [u8; 32],
    text: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Packet, BuildError> {
    let id = SurbId::generate(rng);
    build_forward_with_id(route, delays, destination, id, text, rng)
}

/// A packet along `route`, each hop of which holds it for its entry of `delays` (nanoseconds count; the
/// last hop's delay is ignored). The last hop finds `destination`, `id` and `text`.
///
/// # Errors
/// [`BuildError`] if the route has not 1 to [`HOPS_MAX`] hops, there is not one delay per hop, or the
/// text is longer than [`PAYLOAD_TEXT_LEN`].
pub fn build_forward_with_id(
    route: &[Hop],
    delays: &[Duration],
    destination: [u8; 32],
    id: SurbId,
    text: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Packet, BuildError> {
    build_with_secret(route, delays, destination, id, text, &random_secret(rng))
}

/// Everything but the drawing of randomness, so that it is compiled here and not in each caller's crate.
fn build_with_secret(
    route: &[Hop],
    delays: &[Duration],
    destination: [u8; 32],
    id: SurbId,
    text: &[u8],
    secret: &StaticSecret,
) -> Result<Packet, BuildError> {
    check_text(text)?;
    let (nodes, delays) = checked_route(route, delays)?;
    let destination = Destination::new(DestinationAddressBytes::from_bytes(destination), *id.as_bytes());
    let packet = SphinxPacketBuilder::new()
        .with_version(SINGLE_SEED_SURB_VERSION)
        .with_payload_size(PAYLOAD_LEN)
        .with_initial_secret(secret)
        .build_packet(text, &nodes, &destination, &delays)?;
    to_packet(&packet.to_bytes())
}

pub(super) fn check_text(text: &[u8]) -> Result<(), BuildError> {
    if text.len() > PAYLOAD_TEXT_LEN {
        return Err(BuildError::TextTooLong { got: text.len() });
    }
    Ok(())
}

pub(super) fn checked_route(
    route: &[Hop],
    delays: &[Duration],
) -> Result<(Vec<Node>, Vec<Delay>), BuildError> {
    if route.is_empty() || route.len() > HOPS_MAX {
        return Err(BuildError::RouteLength { got: route.len() });
    }
    if route.len() != delays.len() {
        return Err(BuildError::DelayCount { hops: route.len(), got: delays.len() });
    }
    let nodes = route.iter().map(|hop| hop.to_node()).collect();
    let delays = delays
        .iter()
        .map(|delay| Delay::new_from_nanos(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX)))
        .collect();
    Ok((nodes, delays))
}

pub(super) fn to_packet(bytes: &[u8]) -> Result<Packet, BuildError> {
    Packet::from_slice(bytes).map_err(|refusal| BuildError::Format(refusal.to_string()))
}
