//! The chain of a stream: one secret that moves forward and cannot be moved back.
//!
//! What the two outputs of a step are used for is not decided here but in `capability`.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::derive::{derive_key, derive_keys};

/// The chain at one index: `i` and `H_i`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct Chain {
    #[zeroize(skip)]
    index: u64,
    state: [u8; 32],
}

/// The secrets of one box, `E_i` and `K_i`.
pub(super) struct Step {
    /// `E_i`: whoever has it can open the box.
    pub(super) encryption: Zeroizing<[u8; 32]>,
    /// `K_i`: whoever has it and the stream's public key can name the box.
    pub(super) blinding: Zeroizing<[u8; 32]>,
}

impl Chain {
    /// The first position of a new stream.
    pub(super) fn from_seed(seed: &[u8; 32]) -> Self {
        Self { index: 0, state: *derive_key(b"sotto-stream-chain-v1", seed, b"") }
    }

    /// A position that was saved.
    pub(super) const fn new(index: u64, state: &[u8; 32]) -> Self {
        Self { index, state: *state }
    }

    pub(super) const fn index(&self) -> u64 {
        self.index
    }

    pub(super) const fn state(&self) -> &[u8; 32] {
        &self.state
    }

    /// The secrets of the box at this position.
    pub(super) fn step(&self) -> Step {
        let output = self.output();
        let [_, encryption, blinding] = &*output;
        Step { encryption: Zeroizing::new(*encryption), blinding: Zeroizing::new(*blinding) }
    }

    /// Moves to the next position and overwrites `H_i` in place: from here on this chain cannot name or
    /// open the box it has passed.
    ///
    /// The index stays at its maximum once there, which no stream reaches; every `H` differs all the same.
    pub(super) fn advance(&mut self) {
        let output = self.output();
        let [next, _, _] = &*output;
        self.state.copy_from_slice(next);
        self.index = self.index.saturating_add(1);
    }

    /// `H_{i+1}`, `E_i` and `K_i`.
    fn output(&self) -> Zeroizing<[[u8; 32]; 3]> {
        derive_keys(b"sotto-chain-v1", &self.state, &self.index.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_depends_on_state_and_index_and_its_parts_differ() {
        let chain = Chain::new(3, &[7; 32]);
        let step = chain.step();
        let mut next = chain.clone();
        next.advance();
        assert_eq!(next.index(), 4);
        assert_ne!(next.state(), chain.state());
        assert_ne!(*step.encryption, *step.blinding);
        assert_ne!(*step.encryption, *next.state());
        assert_ne!(*step.encryption, *Chain::new(4, &[7; 32]).step().encryption);
        assert_ne!(*step.encryption, *Chain::new(3, &[8; 32]).step().encryption);
    }

    #[test]
    fn the_last_index_neither_wraps_nor_repeats_a_step() {
        let mut chain = Chain::new(u64::MAX, &[7; 32]);
        let before = chain.step();
        chain.advance();
        assert_eq!(chain.index(), u64::MAX);
        assert_ne!(*before.encryption, *chain.step().encryption);
    }
}
