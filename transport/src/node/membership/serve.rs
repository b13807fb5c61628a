//! What a node answers to whoever asks for the consensus. Any node serves it; what is signed needs no trust in
//! the server.

use std::ops::Deref;

use sotto_protocol::frame::{DocumentKind, DocumentPart, Frame, PART_BYTES_MAX};

/// The label of the answer where there is no consensus yet.
pub const NO_CONSENSUS: &str = "no-consensus";

/// The frames that answer a [`Frame::ConsensusGet`]: the pieces of a signed consensus as it travels, or a refusal with the
/// label [`NO_CONSENSUS`].
///
/// Each is made when it is its turn: however many ask at once and take their answers slowly, the document is in memory
/// once.
#[derive(Debug)]
pub struct ConsensusAnswer<D> {
    document: Option<D>,
    /// The next piece, of so many.
    next: usize,
    count: usize,
}

impl<D> ConsensusAnswer<D>
where
    D: Deref<Target: AsRef<[u8]>>,
{
    /// From the newest consensus, if there is one.
    #[must_use]
    pub fn new(document: Option<D>) -> Self {
        let len = |document: &D| document.deref().as_ref().len();
        let document = document.filter(|document| len(document) <= DocumentKind::Consensus.len_max());
        let count = document.as_ref().map_or(0, |document| len(document).div_ceil(PART_BYTES_MAX));
        Self { document, next: 0, count }
    }
}

impl<D> Iterator for ConsensusAnswer<D>
where
    D: Deref<Target: AsRef<[u8]>>,
{
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let index = self.next;
        self.next += 1;
        if self.count == 0 {
            return (index == 0).then(|| Frame::Refused {
                label: NO_CONSENSUS.to_owned(),
                text: "there is no consensus yet: ask again later".to_owned(),
            });
        }
        let bytes = self.document.as_ref()?.deref().as_ref();
        let piece = bytes.chunks(PART_BYTES_MAX).nth(index)?.to_vec();
        let (index, count) = (u16::try_from(index).ok()?, u16::try_from(self.count).ok()?);
        DocumentPart::new(DocumentKind::Consensus, index, count, piece).ok().map(Frame::DocumentPart)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sotto_protocol::frame::DocumentAssembler;
    use sotto_protocol::limits::DOCUMENT_LEN_MAX;

    use super::*;

    #[test]
    fn a_consensus_goes_out_in_pieces_and_comes_together_again() {
        for len in [1, PART_BYTES_MAX - 1, PART_BYTES_MAX, PART_BYTES_MAX + 1, 10_000, DOCUMENT_LEN_MAX] {
            let bytes = (0..u32::try_from(len).unwrap()).map(|i| i.to_le_bytes()[0]);
            let document: Arc<Vec<u8>> = Arc::new(bytes.collect());
            let mut assembler = DocumentAssembler::new(DocumentKind::Consensus);
            let mut whole = None;
            for frame in ConsensusAnswer::new(Some(Arc::clone(&document))) {
                let Frame::DocumentPart(part) = frame else { panic!("{frame:?}") };
                assert!(whole.is_none(), "a piece too many");
                whole = assembler.push(&part).unwrap();
            }
            assert!(whole.as_ref() == Some(&*document), "{len}");
        }
    }

    #[test]
    fn no_consensus_is_a_refusal_with_its_label() {
        let too_long = Arc::new(vec![0; DOCUMENT_LEN_MAX + 1]);
        for document in [None, Some(Arc::default()), Some(too_long)] {
            let frames: Vec<_> = ConsensusAnswer::new(document).collect();
            assert!(matches!(frames.as_slice(), [Frame::Refused { label, .. }] if label == NO_CONSENSUS));
        }
    }
}
