//! What a node answers to whoever asks for the consensus. Any node serves it; what is signed needs no trust in
//! the server.

use sotto_protocol::frame::{DocumentKind, Frame, split_document};

/// The label of the answer where there is no consensus yet.
pub const NO_CONSENSUS: &str = "no-consensus";

/// The frames that answer a [`Frame::ConsensusGet`]: the pieces of `document`, a signed consensus as it travels,
/// or a refusal with the label [`NO_CONSENSUS`].
#[must_use]
pub fn consensus_frames(document: Option<&[u8]>) -> Vec<Frame> {
    match document.map(|bytes| split_document(DocumentKind::Consensus, bytes)) {
        Some(Ok(parts)) => parts.into_iter().map(Frame::DocumentPart).collect(),
        _ => vec![Frame::Refused {
            label: NO_CONSENSUS.to_owned(),
            text: "there is no consensus yet: ask again later".to_owned(),
        }],
    }
}

#[cfg(test)]
mod tests {
    use sotto_protocol::frame::DocumentAssembler;

    use super::*;

    #[test]
    fn a_consensus_goes_out_in_pieces_and_comes_together_again() {
        let document: Vec<u8> = (0..10_000_u32).map(|i| i.to_le_bytes()[0]).collect();
        let mut assembler = DocumentAssembler::new(DocumentKind::Consensus);
        let mut whole = None;
        for frame in consensus_frames(Some(&document)) {
            let Frame::DocumentPart(part) = frame else { panic!("{frame:?}") };
            whole = assembler.push(&part).unwrap();
        }
        assert_eq!(whole.unwrap(), document);
    }

    #[test]
    fn no_consensus_is_a_refusal_with_its_label() {
        let frames = consensus_frames(None);
        assert!(matches!(frames.as_slice(), [Frame::Refused { label, .. }] if label == NO_CONSENSUS));
    }
}
