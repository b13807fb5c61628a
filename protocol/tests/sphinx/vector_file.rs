//! The layout of `docs/vectors/sphinx.json`. Byte strings are in lower-case hexadecimal.

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VectorFile {
    /// How to read the file, for people.
    pub(crate) about: Vec<String>,
    pub(crate) forward: Forward,
    pub(crate) reply: Reply,
    pub(crate) refused: Vec<Refused>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    pub(crate) hop_secrets: Vec<String>,
    pub(crate) hop_publics: Vec<String>,
    pub(crate) nodes: Vec<String>,
    /// What the sender asked of each hop; the last hop gets none.
    pub(crate) delays_ns: Vec<u64>,
    /// What each hop holds the packet for under `delay_max_ns`.
    pub(crate) held_ns: Vec<u64>,
    pub(crate) delay_max_ns: u64,
    /// The replay tag at each hop.
    pub(crate) tags: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forward {
    pub(crate) route: Route,
    /// The X25519 secret that the sender draws for this packet.
    pub(crate) ephemeral_secret: String,
    pub(crate) destination: String,
    pub(crate) identifier: String,
    pub(crate) text: String,
    pub(crate) packet: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reply {
    pub(crate) route: Route,
    pub(crate) session: String,
    pub(crate) surb: String,
    pub(crate) surb_keys: String,
    pub(crate) text: String,
    /// What the user of the block sends.
    pub(crate) packet: String,
    /// What the last hop is left with and the block's maker opens.
    pub(crate) payload: String,
}

/// The forward packet with changes, and what becomes of it on its route.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refused {
    pub(crate) name: String,
    /// Pairs of an offset and bytes that are XORed in from there.
    pub(crate) changes: Vec<(usize, String)>,
    /// Cut off or filled with zero bytes to this length after the changes.
    pub(crate) length: usize,
    /// Whether the unchanged packet has travelled the route before.
    pub(crate) after_original: bool,
    /// The refusal that it meets first, at a hop or when the text is taken out at the end.
    pub(crate) label: String,
}
