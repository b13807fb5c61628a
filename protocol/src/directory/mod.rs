//! What the nodes of a network agree on: who they are, in which layer, with which keys and parameters.
//!
//! A node signs a [`Descriptor`]; the authorities make a [`Consensus`] of the descriptors and sign it.
//! Both travel as signed bytes ([`SignedDescriptor`], [`SignedConsensus`]) from which only a successful
//! check makes the document, so whoever holds a document that came from outside knows that it was
//! checked. A [`NetworkInfo`] link is what a person needs to join a network. Fetching, publishing and
//! voting are not here.

mod address;
mod consensus;
mod descriptor;
mod epoch;
mod layers;
mod link;
mod params;
mod refusal;
mod route;
mod signed;
mod validate;

#[cfg(test)]
mod testing;

pub use address::{NAME_LEN_MAX, is_address, is_name, is_onion_address};
pub use consensus::{Consensus, ConsensusNode, Place};
pub use descriptor::{CAPABILITIES_MAX, Descriptor, EpochKey, Role, SOFTWARE_LEN_MAX, SignedDescriptor};
pub use epoch::{Freshness, epoch_of, epoch_start};
pub use layers::{LAYERS, assign_layers};
pub use link::{AuthorityEntry, NETWORK_LINK_LEN_MAX, NetworkInfo, NetworkLinkError};
pub use params::{CoverClass, Params};
pub use refusal::DocumentRefusal;
pub use route::{RouteError, direct_route, forward_route, loop_route, may_link, mix_loop_route, reply_route};
pub use signed::{AuthoritySet, AuthoritySetError, SignedConsensus};

/// The version of the documents' layouts, the first byte of every signed body.
pub const DOCUMENT_VERSION: u8 = 1;
