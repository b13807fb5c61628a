//! What a guess at the passphrase is to cost, chosen or measured.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use sotto_transport::clock::Clock;

use crate::shell::Failure;
use crate::vault::{ARGON2_MIB_MAX, ARGON2_MIB_MIN, Argon2Cost};

/// How long one guess should take on this machine.
const GUESS_TARGET: Duration = Duration::from_secs(1);
/// The most memory that measuring takes by itself, in MiB.
const CALIBRATED_MIB_MAX: u32 = 1024;

/// The cost of a guess at the passphrase.
#[derive(Args, Debug)]
pub(super) struct CostArgs {
    /// Memory in MiB that each guess at the passphrase costs, with three passes. Without it, 256 MiB and as many passes as
    /// take about a second on this machine.
    #[arg(
        long,
        value_name = "MIB",
        value_parser = clap::value_parser!(u32).range(i64::from(ARGON2_MIB_MIN)..=i64::from(ARGON2_MIB_MAX))
    )]
    argon2_mib: Option<u32>,
}

impl CostArgs {
    /// The cost that was asked for, or what fits this machine. Without a passphrase nothing is measured.
    ///
    /// # Errors
    /// `argon2-memory` if this machine does not give the memory.
    pub(super) fn choose(&self, has_passphrase: bool) -> Result<Argon2Cost, Failure> {
        if let Some(mib) = self.argon2_mib {
            return Ok(Argon2Cost::with_mib(mib)?);
        }
        if !has_passphrase {
            return Ok(Argon2Cost::default());
        }
        let clock = Clock::system();
        Ok(Argon2Cost::calibrate(GUESS_TARGET, CALIBRATED_MIB_MAX, |cost| {
            let begun = clock.now();
            cost.rehearse()?;
            Ok(clock.now().since(begun))
        })?)
    }
}

pub(super) fn cost_json(cost: Argon2Cost) -> Value {
    json!({ "mib": cost.mib(), "passes": cost.passes(), "lanes": cost.lanes() })
}
