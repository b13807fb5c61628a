//! The layouts of `docs/vectors/boxes.json` and `docs/vectors/commands.json`. Byte strings are in
//! lower-case hexadecimal.

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoxesFile {
    /// How to read the file, for people.
    pub(crate) about: Vec<String>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) refused_boxes: Vec<RefusedBox>,
    pub(crate) refused_tombstones: Vec<RefusedTombstone>,
    pub(crate) refused_capabilities: Vec<RefusedCapability>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stream {
    pub(crate) seed: String,
    pub(crate) root_seed: String,
    /// `P`.
    pub(crate) root_public: String,
    /// The first boxes, in order.
    pub(crate) boxes: Vec<StreamBox>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamBox {
    pub(crate) index: u64,
    /// Both capabilities at this index, before they move on.
    pub(crate) write_capability: String,
    pub(crate) read_capability: String,
    /// `H_i`, `E_i` and `K_i`.
    pub(crate) chain_state: String,
    pub(crate) encryption_secret: String,
    pub(crate) blinding_secret: String,
    /// `k_i` before it is clamped.
    pub(crate) blinding_factor: String,
    /// `M_i`.
    pub(crate) id: String,
    pub(crate) box_key: String,
    pub(crate) tombstone_key: String,
    pub(crate) nonce: String,
    pub(crate) text: String,
    #[serde(rename = "box")]
    pub(crate) sealed: String,
    pub(crate) tombstone: String,
}

/// A box that a reader of the first stream at index 0 refuses.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusedBox {
    pub(crate) name: String,
    #[serde(rename = "box")]
    pub(crate) sealed: String,
    /// What a mailbox says, which knows the box alone; absent if it has nothing to complain of.
    pub(crate) label_mailbox: Option<String>,
    /// What the reader says.
    pub(crate) label_reader: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusedTombstone {
    pub(crate) name: String,
    pub(crate) tombstone: String,
    pub(crate) label_mailbox: Option<String>,
    pub(crate) label_reader: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusedCapability {
    pub(crate) name: String,
    /// As what it is read: `write`, `read` or `tombstone-key`.
    pub(crate) read_as: String,
    pub(crate) bytes: String,
    pub(crate) label: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandsFile {
    /// How to read the file, for people.
    pub(crate) about: Vec<String>,
    pub(crate) commands: Vec<CommandVector>,
    pub(crate) replies: Vec<ReplyVector>,
    pub(crate) refused_commands: Vec<RefusedText>,
    pub(crate) refused_replies: Vec<RefusedText>,
    pub(crate) placements: Vec<Placement>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandVector {
    pub(crate) name: String,
    /// `drop`, `write`, `read` or `tombstone`.
    pub(crate) kind: String,
    /// Of a write, in seconds.
    pub(crate) ttl_s: Option<u64>,
    pub(crate) surb: Option<String>,
    /// The box, the id or the tombstone.
    pub(crate) body: Option<String>,
    pub(crate) text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplyVector {
    /// `stored`, `already-stored`, `conflict`, `found`, `not-found`, `tombstoned` or `refused`.
    pub(crate) kind: String,
    /// Of a refusal: its label.
    pub(crate) refusal: Option<String>,
    /// The box or the tombstone.
    pub(crate) body: Option<String>,
    pub(crate) text: String,
}

/// A changed text and its refusal.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusedText {
    pub(crate) name: String,
    /// The place of the unchanged text in its list.
    pub(crate) of: usize,
    /// Offsets and the bytes that replace those at the offset.
    pub(crate) changes: Vec<(usize, String)>,
    /// The text is cut, or lengthened with zeros, to this length after the changes.
    pub(crate) length: usize,
    pub(crate) label: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Placement {
    pub(crate) id: String,
    pub(crate) mailboxes: Vec<String>,
    /// All mailboxes in the order of preference.
    pub(crate) order: Vec<String>,
}
