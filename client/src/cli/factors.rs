//! The options that say which factors open the vault, and where they come from.

use std::path::PathBuf;

use clap::Args;

use crate::shell::factors::FactorSources;
use crate::shell::secret::SecretSource;

/// The factors of the vault as it is.
#[derive(Args, Debug)]
pub(super) struct FactorArgs {
    /// Read the passphrase from the first line of this open file descriptor (0 is standard input).
    #[arg(long, global = true, value_name = "N", conflicts_with = "passphrase_command")]
    pub(super) passphrase_fd: Option<u32>,
    /// Read the passphrase from the first line that this shell command prints.
    #[arg(long, global = true, value_name = "CMD")]
    passphrase_command: Option<String>,
    /// Ask for no passphrase: the other factors are enough.
    #[arg(long, global = true, conflicts_with_all = ["passphrase_fd", "passphrase_command"])]
    no_passphrase: bool,
    /// Use this key file.
    #[arg(long, global = true, value_name = "PATH")]
    key_file: Option<PathBuf>,
    /// Use the security token (FIDO2) that is plugged in.
    #[arg(long, global = true)]
    token: bool,
    /// Read the token's PIN from the first line of this open file descriptor.
    #[arg(long, global = true, value_name = "N", requires = "token")]
    token_pin_fd: Option<u32>,
    /// Use recovery words, which are asked for at the terminal, in the place of the passphrase.
    #[arg(long, global = true, conflicts_with = "recovery_words_fd")]
    recovery_words: bool,
    /// Read the recovery words from the first line of this open file descriptor.
    #[arg(long, global = true, value_name = "N")]
    recovery_words_fd: Option<u32>,
}

impl FactorArgs {
    /// Where the passphrase comes from, if it is asked for.
    pub(super) fn passphrase(&self) -> SecretSource {
        match (self.passphrase_fd, &self.passphrase_command) {
            (Some(number), _) => SecretSource::Descriptor(number),
            (None, Some(command)) => SecretSource::Command(command.clone()),
            (None, None) => SecretSource::Terminal,
        }
    }

    pub(super) fn sources(&self) -> FactorSources {
        let words = match (self.recovery_words_fd, self.recovery_words) {
            (Some(number), _) => Some(SecretSource::Descriptor(number)),
            (None, true) => Some(SecretSource::Terminal),
            (None, false) => None,
        };
        // Words open a slot by themselves as a rule; who uses a passphrase with them says where it comes from.
        let is_asked = self.passphrase() != SecretSource::Terminal || words.is_none();
        FactorSources {
            passphrase: (is_asked && !self.no_passphrase).then(|| self.passphrase()),
            key_file: self.key_file.clone(),
            words,
            token: self.token,
            token_pin: self.token_pin_fd.map(SecretSource::Descriptor),
        }
    }
}

/// The factors of a slot that is to be. Without any of them a passphrase is asked for at the terminal.
#[derive(Args, Debug)]
pub(super) struct NewFactorArgs {
    /// Ask for the new passphrase at the terminal, together with the other factors given.
    #[arg(long, conflicts_with_all = ["new_passphrase_fd", "new_passphrase_command"])]
    new_passphrase: bool,
    /// Read the new passphrase from the first line of this open file descriptor.
    #[arg(long, value_name = "N", conflicts_with = "new_passphrase_command")]
    new_passphrase_fd: Option<u32>,
    /// Read the new passphrase from the first line that this shell command prints.
    #[arg(long, value_name = "CMD")]
    new_passphrase_command: Option<String>,
    /// A key file; if there is none, one of random bytes is made, with mode 0600.
    #[arg(long, value_name = "PATH")]
    new_key_file: Option<PathBuf>,
    /// The security token that is plugged in.
    #[arg(long)]
    new_token: bool,
}

impl NewFactorArgs {
    pub(super) fn sources(&self, common: &FactorArgs) -> FactorSources {
        let others = self.new_key_file.is_some() || self.new_token;
        FactorSources {
            passphrase: self
                .passphrase()
                .or_else(|| (self.new_passphrase || !others).then_some(SecretSource::Terminal)),
            key_file: self.new_key_file.clone(),
            words: None,
            token: self.new_token,
            token_pin: common.token_pin_fd.map(SecretSource::Descriptor),
        }
    }

    fn passphrase(&self) -> Option<SecretSource> {
        let command = self.new_passphrase_command.clone().map(SecretSource::Command);
        self.new_passphrase_fd.map(SecretSource::Descriptor).or(command)
    }
}

/// A new passphrase and nothing else.
#[derive(Args, Debug)]
pub(super) struct NewPassphraseArgs {
    /// Read the new passphrase from the first line of this open file descriptor.
    #[arg(long, value_name = "N", conflicts_with = "new_passphrase_command")]
    new_passphrase_fd: Option<u32>,
    /// Read the new passphrase from the first line that this shell command prints.
    #[arg(long, value_name = "CMD")]
    new_passphrase_command: Option<String>,
}

impl NewPassphraseArgs {
    pub(super) fn source(&self) -> SecretSource {
        match (self.new_passphrase_fd, &self.new_passphrase_command) {
            (Some(number), _) => SecretSource::Descriptor(number),
            (None, Some(command)) => SecretSource::Command(command.clone()),
            (None, None) => SecretSource::Terminal,
        }
    }
}
