//! `sotto init`: makes a profile.

use clap::Args;
use serde_json::json;
use sotto_transport::rng::OsRng;

use super::{Common, Ended, escape};
use crate::shell::settings::{self, Config};
use crate::shell::{Failure, ProfileError, ProfileLock};
use crate::vault::{ARGON2_MIB_DEFAULT, ARGON2_MIB_MAX, ARGON2_MIB_MIN, Argon2Cost, Vault};

/// Make a profile: choose a network and a passphrase.
///
/// The network comes as a link (`sotto:network:...`) or as a file that holds one, from somebody you
/// trust: whoever makes the link chooses the network. The passphrase protects everything that is
/// kept on this device. It cannot be recovered or reset.
#[derive(Args, Debug)]
pub(super) struct InitArgs {
    /// The network: its link, or a file that holds the link.
    #[arg(long, value_name = "LINK_OR_FILE")]
    network: String,
    /// How much cover traffic to send: a class that the network offers. More is faster and uses more data.
    #[arg(long, value_name = "CLASS", default_value = "standard")]
    cover_class: String,
    /// Memory in MiB that each guess at the passphrase costs.
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = ARGON2_MIB_DEFAULT,
        value_parser = clap::value_parser!(u32).range(i64::from(ARGON2_MIB_MIN)..=i64::from(ARGON2_MIB_MAX))
    )]
    argon2_mib: u32,
}

pub(super) fn run(common: &Common, args: &InitArgs) -> Result<Ended, Failure> {
    let network = settings::network_from(&args.network)?;
    let profile = common.profile()?;
    let exists = || ProfileError::Exists {
        name: profile.name().to_owned(),
        directory: profile.directory().to_owned(),
    };
    if profile.exists() {
        return Err(exists().into());
    }
    let passphrase = common.passphrase().get_new()?;
    profile.create_directories()?;
    let _lock = ProfileLock::take(&profile)?;
    if profile.exists() {
        return Err(exists().into());
    }
    settings::write_network(&profile, &network)?;
    Config::new(&args.cover_class).write(&profile)?;
    // The vault last: it is what makes the profile one.
    drop(Vault::create(&profile.vault(), &passphrase, Argon2Cost::with_mib(args.argon2_mib)?, OsRng)?);
    let made = json!({
        "profile": profile.name(),
        "directory": profile.directory(),
        "network": network.network,
        "cover_class": args.cover_class,
    });
    common.output().result(&made, |_| {
        format!(
            "Profile {:?} for the network {:?} is ready in {}.\nNext: leave `sotto daemon` running, then `sotto invite \
             NAME` or `sotto accept NAME LINK`.",
            profile.name(),
            network.network,
            escape::line(&profile.directory().display().to_string()),
        )
    })?;
    Ok(Ended::Well)
}
