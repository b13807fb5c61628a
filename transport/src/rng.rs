//! The operating system's random generator, handed by the shells to the cores.
//!
//! There is no user-space generator in between: no state that a fork or a snapshot could repeat.

use std::convert::Infallible;

use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use rand::{TryCryptoRng, TryRng};

/// Reads each value from the operating system.
///
/// # Panics
///
/// If the operating system refuses randomness. On the supported systems that can happen only before the
/// kernel's pool is initialised, and nothing safe could be done without it.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRng;

impl TryRng for OsRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        UnwrapErr(SysRng).try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        UnwrapErr(SysRng).try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        UnwrapErr(SysRng).try_fill_bytes(bytes)
    }
}

impl TryCryptoRng for OsRng {}

#[cfg(test)]
mod tests {
    use rand::{CryptoRng, Rng};

    use super::*;

    fn draw(rng: &mut impl CryptoRng) -> [u8; 32] {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        bytes
    }

    #[test]
    fn two_draws_differ() {
        assert_ne!(draw(&mut OsRng), draw(&mut OsRng));
        assert_ne!(OsRng.next_u64(), OsRng.next_u64());
    }
}
