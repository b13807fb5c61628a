//! The cost of a guess at a passphrase, and the derivation that has it.
//!
//! ```text
//! output = Argon2id(passphrase, salt of the file, memory, passes, lanes), 32 bytes      RFC 9106, version 0x13
//! ```
//!
//! Not here: measuring time. Whoever wants a cost for this machine gives [`Argon2Cost::calibrate`] a stopwatch.

use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::keys::Key;
use super::{Passphrase, VaultError};

/// The least memory for Argon2id, in MiB.
pub const ARGON2_MIB_MIN: u32 = 64;
/// The memory for Argon2id unless asked otherwise, in MiB.
pub const ARGON2_MIB_DEFAULT: u32 = 256;
/// The most memory for Argon2id, in MiB: a header cannot make the program ask for more.
pub const ARGON2_MIB_MAX: u32 = 4096;
/// Bounds of passes and lanes.
const ARGON2_PASSES_MAX: u32 = 64;
const ARGON2_LANES_MAX: u32 = 64;

/// What one guess at the passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    mib: u32,
    passes: u32,
    lanes: u32,
}

impl Default for Argon2Cost {
    /// 256 MiB, three passes, four lanes.
    fn default() -> Self {
        Self { mib: ARGON2_MIB_DEFAULT, passes: 3, lanes: 4 }
    }
}

impl Argon2Cost {
    /// Three passes and four lanes over `mib` MiB.
    ///
    /// # Errors
    /// [`VaultError::Argon2Cost`] below [`ARGON2_MIB_MIN`] or above [`ARGON2_MIB_MAX`].
    pub fn with_mib(mib: u32) -> Result<Self, VaultError> {
        Self { mib, ..Self::default() }.checked()
    }

    /// Raises the passes until a guess costs about `target`, with as much memory as the default, or `mib_max` if
    /// that is less. `measure` runs one derivation at a cost and says how long it took.
    ///
    /// # Errors
    /// [`VaultError::Argon2Cost`] if `mib_max` is below [`ARGON2_MIB_MIN`]; otherwise what `measure` gives.
    pub fn calibrate(
        target: Duration,
        mib_max: u32,
        mut measure: impl FnMut(Self) -> Result<Duration, VaultError>,
    ) -> Result<Self, VaultError> {
        let one = Self { mib: ARGON2_MIB_DEFAULT.min(mib_max), passes: 1, ..Self::default() }.checked()?;
        let base = measure(one)?.as_nanos().max(1);
        let passes = u32::try_from(target.as_nanos() / base).unwrap_or(ARGON2_PASSES_MAX);
        Ok(Self { passes: passes.clamp(Self::default().passes, ARGON2_PASSES_MAX), ..one })
    }

    /// Memory in MiB.
    #[must_use]
    pub const fn mib(self) -> u32 {
        self.mib
    }

    /// Passes over the memory.
    #[must_use]
    pub const fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes.
    #[must_use]
    pub const fn lanes(self) -> u32 {
        self.lanes
    }

    /// Derives a key from an empty passphrase at this cost, for a caller that measures how long it takes.
    ///
    /// # Errors
    /// [`VaultError::Argon2Memory`] if the system does not give the memory.
    pub fn rehearse(self) -> Result<(), VaultError> {
        let passphrase = Passphrase::new(Zeroizing::new(vec![0]))?;
        self.derive(&passphrase, &[0; 32]).map(drop)
    }

    /// A cost read from a file.
    pub(crate) fn from_parts(mib: u32, passes: u32, lanes: u32) -> Result<Self, VaultError> {
        Self { mib, passes, lanes }.checked()
    }

    fn checked(self) -> Result<Self, VaultError> {
        let Self { mib, passes, lanes } = self;
        let fits = (ARGON2_MIB_MIN..=ARGON2_MIB_MAX).contains(&mib)
            && (1..=ARGON2_PASSES_MAX).contains(&passes)
            && (1..=ARGON2_LANES_MAX).contains(&lanes);
        if fits { Ok(self) } else { Err(VaultError::Argon2Cost { mib, passes, lanes }) }
    }

    /// Runs Argon2id.
    pub(crate) fn derive(
        self,
        passphrase: &Passphrase,
        salt: &[u8; 32],
    ) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let Self { mib, passes, lanes } = self;
        let params = Params::new(mib.saturating_mul(1024), passes, lanes, Some(32))
            .map_err(|_| VaultError::Argon2Cost { mib, passes, lanes })?;
        let mut output = Zeroizing::new([0u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), salt, output.as_mut_slice())
            .map_err(|_| VaultError::Argon2Memory { mib })?;
        Ok(output)
    }
}

/// How a passphrase is stretched: [`Argon2Cost::derive`], or something quick in tests.
pub(super) type Stretch = fn(Argon2Cost, &Passphrase, &[u8; 32]) -> Result<Key, VaultError>;
