//! `sotto vault`: the ways in to what is kept on this device, while no daemon runs.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sotto_transport::clock::Clock;
use sotto_transport::rng::OsRng;

use super::argon2::{CostArgs, cost_json};
use super::factors::{NewFactorArgs, NewPassphraseArgs};
use super::{Common, Ended, escape, when, words};
use crate::shell::client::{DaemonConnection, open_vault};
use crate::shell::config::Config;
use crate::shell::factors::Given;
use crate::shell::secret::{Secret, SecretSource};
use crate::shell::{Failure, Profile, ProfileError, ProfileLock, settings};
use crate::vault::{Argon2Cost, Credentials, Factor, Factors, Passphrase, RecoveryWords, SlotView, Vault};

type OpenVault = Vault<OsRng>;

/// Change how the vault opens: passphrase, key file, security token, recovery words, duress.
///
/// The vault holds contacts, messages and keys. It has up to eight slots, each a way in: one factor, or several that are
/// required together. The global options (`--passphrase-fd`, `--key-file`, `--token`, `--recovery-words`) open the vault as it
/// is; those with `--new-` say what is to be. A running daemon has the vault open: stop it first.
#[derive(Args, Debug)]
pub(super) struct VaultArgs {
    #[command(subcommand)]
    command: VaultCommand,
}

#[derive(Subcommand, Debug)]
enum VaultCommand {
    /// Make an empty vault for a profile whose vault is gone; its network and settings stay.
    Create {
        #[command(flatten)]
        cost: CostArgs,
    },
    /// Add a way in: one factor, or several that are required together.
    AddFactor {
        /// What to call it in lists, for example "paper in the safe".
        #[arg(long, value_name = "TEXT")]
        label: String,
        #[command(flatten)]
        new: NewFactorArgs,
    },
    /// Destroy a way in: its bytes are overwritten.
    RemoveFactor {
        /// Its number in `sotto vault list`.
        number: u8,
    },
    /// List the ways in, and what a guess at a passphrase costs.
    #[command(visible_alias = "slots")]
    List,
    /// Put another passphrase in the place of the present one.
    ///
    /// Other factors that are required with it stay required: give them as you do to open the vault.
    ChangePassphrase {
        /// The slot whose passphrase is changed; that by which the vault was opened if left out.
        #[arg(long, value_name = "N")]
        slot: Option<u8>,
        #[command(flatten)]
        new: NewPassphraseArgs,
    },
    /// Add a way in by 24 words on paper, and show them once.
    RecoveryWords {
        /// What to call it in lists.
        #[arg(long, value_name = "TEXT", default_value = "recovery words")]
        label: String,
    },
    /// Set a passphrase that destroys the vault and shows an empty one.
    ///
    /// Whoever opens the vault by it, here or by `sotto unlock`, destroys the keys of everything that is in it. It works on this
    /// device only: a copy of the files that somebody made before is not reached, and on flash storage and file systems that
    /// copy on write old blocks can outlive being overwritten. Whoever copied the files first can see that you did it.
    Duress {
        /// Remove it instead.
        #[arg(long, conflicts_with_all = ["new_passphrase_fd", "new_passphrase_command"])]
        clear: bool,
        #[command(flatten)]
        new: NewPassphraseArgs,
    },
}

pub(super) async fn run(common: &Common, args: &VaultArgs) -> Result<Ended, Failure> {
    let profile = common.profile()?;
    if let VaultCommand::Create { cost } = &args.command {
        return create(common, &profile, cost);
    }
    profile.require()?;
    if DaemonConnection::open(&profile).await?.is_some() {
        return Err(Failure::new(
            "daemon-running",
            "the daemon has the vault open: end it with `sotto daemon --stop`, and start it again afterwards",
        ));
    }
    let _lock = ProfileLock::wait(&profile).await?;
    let given = common.factors().get()?;
    let mut vault = open_vault(&profile, &given)?;
    match &args.command {
        VaultCommand::Create { .. } => {}
        VaultCommand::AddFactor { label, new } => {
            let mut credentials = new.sources(&common.factors).get_new()?.new_credentials()?;
            let number = vault.add_slot(label, &mut credentials, now_ms())?;
            let made = json!({ "slot": number, "label": label, "factors": names(credentials.factors()) });
            common.output().result(&made, |_| {
                format!("Slot {number} opens the vault with {}.", together(credentials.factors()))
            })?;
        }
        VaultCommand::RemoveFactor { number } => {
            vault.remove_slot(*number)?;
            let removed = json!({ "removed": number });
            common.output().result(&removed, |_| format!("Slot {number} is destroyed."))?;
        }
        VaultCommand::List => list(common, &vault)?,
        VaultCommand::ChangePassphrase { slot, new } => {
            change_passphrase(common, &mut vault, &given, *slot, new)?;
        }
        VaultCommand::RecoveryWords { label } => recovery_words(common, &mut vault, label)?,
        VaultCommand::Duress { clear, new } => duress(common, &mut vault, *clear, new)?,
    }
    Ok(Ended::Well)
}

/// A vault that is to be made.
pub(super) struct NewVault {
    credentials: Credentials,
    cost: Argon2Cost,
}

impl NewVault {
    /// With the factors that the global options give, required together. Nothing but a key file is made yet.
    ///
    /// # Errors
    /// What the factors or Argon2id refuse.
    pub(super) fn prepare(common: &Common, cost: &CostArgs) -> Result<Self, Failure> {
        let credentials = common.factors().get_new()?.new_credentials()?;
        let cost = cost.choose(credentials.passphrase.is_some())?;
        Ok(Self { credentials, cost })
    }

    /// Makes it, and says in JSON how it opens.
    ///
    /// # Errors
    /// What the disk refuses, or a token.
    pub(super) fn make(mut self, profile: &Profile) -> Result<Value, Failure> {
        drop(Vault::create(&profile.vault(), &mut self.credentials, self.cost, OsRng)?);
        Ok(json!({ "factors": names(self.credentials.factors()), "argon2": cost_json(self.cost) }))
    }
}

fn create(common: &Common, profile: &Profile, cost: &CostArgs) -> Result<Ended, Failure> {
    if profile.exists() {
        let (name, directory) = (profile.name().to_owned(), profile.directory().to_owned());
        return Err(ProfileError::Exists { name, directory }.into());
    }
    if !profile.config_file().exists() {
        return Err(ProfileError::Missing {
            name: profile.name().to_owned(),
            directory: profile.directory().to_owned(),
        }
        .into());
    }
    Config::read(profile)?;
    settings::read_network(profile)?;
    let new = NewVault::prepare(common, cost)?;
    let _lock = ProfileLock::take(profile)?;
    let made = new.make(profile)?;
    common.output().result(&made, |_| {
        format!("Profile {:?} has an empty vault. `sotto vault list` shows how it opens.", profile.name())
    })?;
    Ok(Ended::Well)
}

fn list(common: &Common, vault: &OpenVault) -> Result<(), Failure> {
    let slots = vault.slots()?;
    let rows: Vec<Value> = slots
        .iter()
        .map(|slot| {
            json!({
                "slot": slot.number,
                "label": slot.label,
                "factors": names(slot.factors),
                "created_ms": (slot.created_ms > 0).then_some(slot.created_ms),
                "current": slot.is_current,
                "duress": slot.is_duress,
            })
        })
        .collect();
    let cost = vault.argon2_cost();
    let listed = json!({ "slots": rows, "argon2": cost_json(cost) });
    common.output().result(&listed, |_| {
        let mut lines: Vec<String> = slots.iter().map(line).collect();
        lines.push(format!(
            "A guess at a passphrase takes {} MiB and {} passes of Argon2id.",
            cost.mib(),
            cost.passes()
        ));
        lines.join("\n")
    })
}

/// One slot on a line.
fn line(slot: &SlotView) -> String {
    let made =
        if slot.created_ms > 0 { format!(", made {}", when::utc(slot.created_ms)) } else { String::new() };
    let note = match (slot.is_duress, slot.is_current) {
        (true, _) => ", DESTROYS the vault",
        (false, true) => ", opened it just now",
        (false, false) => "",
    };
    format!("{}  {}: {}{made}{note}", slot.number, escape::line(&slot.label), together(slot.factors))
}

fn change_passphrase(
    common: &Common,
    vault: &mut OpenVault,
    given: &Given,
    slot: Option<u8>,
    new: &NewPassphraseArgs,
) -> Result<(), Failure> {
    let slots = vault.slots()?;
    let is_meant = |view: &&SlotView| slot.map_or(view.is_current, |number| view.number == number);
    let chosen = slots.iter().find(is_meant).ok_or_else(|| {
        let number = slot.map_or_else(|| "by which the vault was opened".to_owned(), |slot| slot.to_string());
        Failure::new("slot-missing", format!("there is no slot {number}: `sotto vault list` shows them"))
    })?;
    if chosen.is_duress || !chosen.factors.contains(Factor::Passphrase) {
        return Err(Failure::new(
            "slot-no-passphrase",
            format!(
                "slot {} opens with {}, and no passphrase that could be changed: choose another by --slot, or add one \
                 with `sotto vault add-factor`",
                chosen.number,
                together(chosen.factors)
            ),
        ));
    }
    let (number, factors) = (chosen.number, chosen.factors);
    // The other factors of the slot, as they opened the vault.
    let mut credentials = given.credentials()?;
    if !factors.contains(Factor::KeyFile) {
        credentials.key_file = None;
    }
    if !factors.contains(Factor::Token) {
        credentials.token = None;
    }
    if !factors.contains(Factor::Words) {
        credentials.words = None;
    }
    credentials.passphrase = Some(Passphrase::new(new.source().get_new(Secret::NewPassphrase)?)?);
    vault.replace_slot(number, &mut credentials, None)?;
    let changed = json!({ "slot": number });
    common.output().result(&changed, |_| format!("The passphrase of slot {number} is changed."))
}

fn recovery_words(common: &Common, vault: &mut OpenVault, label: &str) -> Result<(), Failure> {
    let made = RecoveryWords::generate(&mut OsRng);
    let text = made.words();
    if !common.output().is_json() {
        words::show_and_ask(&text)?;
    }
    let mut credentials = Credentials { words: Some(made), ..Credentials::default() };
    let number = vault.add_slot(label, &mut credentials, now_ms())?;
    let slot = json!({ "slot": number, "label": label, "words": text.as_str() });
    let shown = common.output().result(&slot, |_| {
        format!("Slot {number} opens the vault with these words (--recovery-words), and with nothing else.")
    });
    crate::shell::wipe(slot);
    shown
}

fn duress(
    common: &Common,
    vault: &mut OpenVault,
    clear: bool,
    new: &NewPassphraseArgs,
) -> Result<(), Failure> {
    if clear {
        vault.clear_duress()?;
        return common.output().result(&json!({ "duress": false }), |_| {
            "No passphrase destroys the vault any more.".to_owned()
        });
    }
    common.output().note(DURESS_LIMITS);
    let source: SecretSource = new.source();
    let passphrase = Passphrase::new(source.get_new(Secret::Duress)?)?;
    vault.set_duress(&mut passphrase.into())?;
    common.output().result(&json!({ "duress": true }), |_| {
        "Set. Whoever opens the vault with that passphrase destroys it and sees an empty one.".to_owned()
    })
}

const DURESS_LIMITS: &str = "The duress passphrase destroys the keys in this vault's files. It does not reach copies, backups and snapshots that \
     were made before; flash storage and file systems that copy on write may keep old blocks. The profile's settings stay, and \
     so do your contacts' copies of messages.";

fn names(factors: Factors) -> Vec<&'static str> {
    factors.iter().map(Factor::name).collect()
}

/// The factors in words.
fn together(factors: Factors) -> String {
    let names: Vec<&str> = factors
        .iter()
        .map(|factor| match factor {
            Factor::Passphrase => "a passphrase",
            Factor::KeyFile => "a key file",
            Factor::Token => "a security token",
            Factor::Words => "recovery words",
        })
        .collect();
    let all = if names.len() > 1 { " together" } else { "" };
    format!("{}{all}", names.join(" and "))
}

fn now_ms() -> u64 {
    Clock::system().now().as_millis()
}
