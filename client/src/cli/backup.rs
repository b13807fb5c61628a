//! `sotto backup` and `sotto restore`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use sotto_transport::private;
use sotto_transport::rng::OsRng;

use super::argon2::CostArgs;
use super::{Common, Ended, escape, vault, when};
use crate::backup;
use crate::core::restored;
use crate::shell::client::Reach;
use crate::shell::config::Config;
use crate::shell::secret::{Secret, SecretSource};
use crate::shell::{Failure, ProfileError, ProfileLock, settings, wipe};
use crate::store::{RecordKind, Store as _};
use crate::vault::Passphrase;

/// How long to wait for a backup: a key that takes seconds to derive on a slow machine, and a slow stick.
const BACKUP_MAX: Duration = Duration::from_secs(300);

/// Where the backup's own passphrase comes from.
#[derive(Args, Debug)]
struct BackupPassphraseArgs {
    /// Read the backup's passphrase from the first line of this open file descriptor.
    #[arg(long, value_name = "N", conflicts_with = "backup_passphrase_command")]
    backup_passphrase_fd: Option<u32>,
    /// Read the backup's passphrase from the first line that this shell command prints.
    #[arg(long, value_name = "CMD")]
    backup_passphrase_command: Option<String>,
}

impl BackupPassphraseArgs {
    fn source(&self) -> SecretSource {
        match (self.backup_passphrase_fd, &self.backup_passphrase_command) {
            (Some(number), _) => SecretSource::Descriptor(number),
            (None, Some(command)) => SecretSource::Command(command.clone()),
            (None, None) => SecretSource::Terminal,
        }
    }
}

/// Write a backup of contacts, messages and addresses.
///
/// The file is encrypted under a passphrase of its own and padded to a power of two. It holds the keys by which your
/// contacts know you, and no session: a profile that is restored from it makes new keys with everybody, who are told so.
/// Whoever has the file and its passphrase can pass for you. Invitations that nobody has taken up are not in it.
#[derive(Args, Debug)]
pub(super) struct BackupArgs {
    /// The file to write. There must be none of that name.
    file: PathBuf,
    #[command(flatten)]
    passphrase: BackupPassphraseArgs,
    #[command(flatten)]
    cost: CostArgs,
}

pub(super) async fn run(common: &Common, args: &BackupArgs) -> Result<Ended, Failure> {
    let file = std::path::absolute(&args.file)
        .map_err(|error| Failure::new("backup-io", format!("{}: {error}", args.file.display())))?;
    let connection = common.connect(Reach::Vault).await?;
    let outcome = async {
        let passphrase = args.passphrase.source().get_new(Secret::Backup)?;
        let text = std::str::from_utf8(&passphrase).map_err(|_| {
            Failure::new("secret-not-text", "the backup's passphrase: expected UTF-8, got other bytes")
        })?;
        let cost = args.cost.choose(true)?;
        let params = json!({
            "file": file,
            "passphrase": text,
            "argon2_mib": cost.mib(),
            "argon2_passes": cost.passes(),
            "argon2_lanes": cost.lanes(),
        });
        connection.call_within(BACKUP_MAX, "backup", params).await
    }
    .await;
    connection.close().await;
    common.output().result(&outcome?, |made| {
        let bytes = made.get("bytes").and_then(Value::as_u64).unwrap_or_default();
        format!(
            "{} has {bytes} bytes. Keep it and its passphrase apart from this device. Invitations that nobody has taken up are not \
             in it. `sotto restore` makes a profile from it, which takes the place of this one: only one of them can go on.",
            escape::line(&file.display().to_string())
        )
    })?;
    Ok(Ended::Well)
}

/// Make a profile from a backup.
///
/// The profile must not exist. It gets a vault of its own with the factors that the global options give, or a passphrase that
/// is asked for. With every contact new keys are made as soon as sotto is connected; what they have sent since the backup
/// comes again, and verified contacts stay verified. Do not go on using the profile that the backup was made of.
#[derive(Args, Debug)]
pub(super) struct RestoreArgs {
    /// The backup.
    file: PathBuf,
    #[command(flatten)]
    passphrase: BackupPassphraseArgs,
    #[command(flatten)]
    cost: CostArgs,
}

pub(super) fn restore(common: &Common, args: &RestoreArgs) -> Result<Ended, Failure> {
    let profile = common.profile()?;
    let exists = || ProfileError::Exists {
        name: profile.name().to_owned(),
        directory: profile.directory().to_owned(),
    };
    if profile.exists() {
        return Err(exists().into());
    }
    let bytes = backup::read(&args.file)?;
    let passphrase = Passphrase::new(args.passphrase.source().get(Secret::Backup)?)?;
    let content = backup::open(&bytes, &passphrase)?;
    drop(passphrase);
    let network = settings::network_from(&content.network)?;
    let made_ms = content.made_ms;
    let contacts = content.records.iter().filter(|(key, _)| key.kind == RecordKind::Contact).count();
    let messages = content.records.iter().filter(|(key, _)| key.kind == RecordKind::Message).count();
    let changes = restored(content.records, &mut OsRng)
        .map_err(|error| Failure::new(error.label(), format!("the backup cannot be used: {error}")))?;
    let new = vault::NewVault::prepare(common, &args.cost)?;
    profile.create_directories()?;
    let _lock = ProfileLock::take(&profile)?;
    if profile.exists() {
        return Err(exists().into());
    }
    settings::write_network(&profile, &network)?;
    private::replace(&profile.config_file(), content.config.as_bytes())?;
    Config::read(&profile)?;
    // The vault last: it is what makes the profile one.
    let (mut vault, described) = new.open(&profile)?;
    if let Err(error) = vault.commit(changes) {
        drop(vault);
        crate::shell::client::wipe_vault(&profile)?;
        return Err(Failure::new(error.label(), error.to_string()));
    }
    let restored = json!({
        "profile": profile.name(),
        "directory": profile.directory(),
        "network": network.network,
        "made_ms": made_ms,
        "contacts": contacts,
        "messages": messages,
        "vault": described,
    });
    common.output().result(&restored, |_| {
        format!(
            "Profile {:?} is restored from the backup of {}: {contacts} contacts, {messages} messages.\nNext: `sotto daemon`. New \
             keys are made with every contact, which takes until each has been online. Do not run the profile again that the \
             backup was made of: what it sends is not read by anybody any more.",
            profile.name(),
            when::utc(made_ms)
        )
    })?;
    wipe(restored);
    Ok(Ended::Well)
}
