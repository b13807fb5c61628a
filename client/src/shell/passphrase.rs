//! Where a passphrase comes from: the terminal, an open file descriptor, or the output of a program.
//!
//! Never a command-line argument and never the environment: other processes can read both.

use std::io::{IsTerminal, Read};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use crate::vault::{PASSPHRASE_LEN_MAX, Passphrase, VaultError};

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// Nobody to ask.
    #[error(
        "the vault needs its passphrase and there is no terminal to ask at: give it by --passphrase-fd N or \
         --passphrase-command CMD"
    )]
    NoTerminal,
    /// The terminal, the descriptor or the program's output cannot be read.
    #[error("cannot read the passphrase from {from}: {reason}")]
    Io {
        /// From where.
        from: String,
        /// Why.
        reason: std::io::Error,
    },
    /// The program failed.
    #[error("the passphrase command ended with {0}: run it by hand to see why")]
    Command(std::process::ExitStatus),
    /// Typed twice, and differently.
    #[error("the two passphrases differ: nothing was made, try again")]
    Differ,
    /// Empty or too long.
    #[error(transparent)]
    Length(#[from] VaultError),
}

impl PassphraseError {
    /// The stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::NoTerminal => "no-terminal",
            Self::Io { .. } => "passphrase-io",
            Self::Command(_) => "passphrase-command",
            Self::Differ => "passphrases-differ",
            Self::Length(error) => error.label(),
        }
    }
}

/// Where to get the passphrase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PassphraseSource {
    /// Ask at the terminal, without echo.
    Terminal,
    /// The first line from this file descriptor. What follows the line on standard input stays there.
    Descriptor(u32),
    /// The first line that this shell command prints.
    Command(String),
}

impl PassphraseSource {
    /// The passphrase of an existing vault.
    ///
    /// # Errors
    /// Any [`PassphraseError`] but [`PassphraseError::Differ`].
    pub fn get(&self) -> Result<Passphrase, PassphraseError> {
        match self {
            Self::Terminal => ask("Passphrase: "),
            Self::Descriptor(number) => from_descriptor(*number),
            Self::Command(command) => from_command(command),
        }
    }

    /// The passphrase of a new vault: asked for twice at a terminal.
    ///
    /// # Errors
    /// Any [`PassphraseError`].
    pub fn get_new(&self) -> Result<Passphrase, PassphraseError> {
        if *self != Self::Terminal {
            return self.get();
        }
        let first = ask("New passphrase: ")?;
        let second = ask("Again: ")?;
        if first.same_as(&second) { Ok(first) } else { Err(PassphraseError::Differ) }
    }
}

fn ask(prompt: &str) -> Result<Passphrase, PassphraseError> {
    if !std::io::stderr().is_terminal() && !std::io::stdin().is_terminal() {
        return Err(PassphraseError::NoTerminal);
    }
    let typed = rpassword::prompt_password(prompt)
        .map_err(|reason| PassphraseError::Io { from: "the terminal".to_owned(), reason })?;
    let typed = Zeroizing::new(typed);
    Ok(Passphrase::new(Zeroizing::new(typed.as_bytes().to_vec()))?)
}

fn from_descriptor(number: u32) -> Result<Passphrase, PassphraseError> {
    let io = |reason| PassphraseError::Io { from: format!("file descriptor {number}"), reason };
    // Standard input is read without a buffer, so that a message after the passphrase stays unread.
    if number == 0 {
        return first_line(Unbuffered).map_err(io)?;
    }
    let file = std::fs::File::open(format!("/dev/fd/{number}")).map_err(io)?;
    first_line(file).map_err(io)?
}

fn from_command(command: &str) -> Result<Passphrase, PassphraseError> {
    let io = |reason| PassphraseError::Io { from: "the passphrase command".to_owned(), reason };
    let mut child =
        Command::new("/bin/sh").arg("-c").arg(command).stdout(Stdio::piped()).spawn().map_err(io)?;
    let line = match child.stdout.take() {
        Some(output) => first_line(output),
        None => Err(std::io::ErrorKind::BrokenPipe.into()),
    };
    let status = child.wait().map_err(io)?;
    if !status.success() {
        return Err(PassphraseError::Command(status));
    }
    line.map_err(io)?
}

struct Unbuffered;

impl Read for Unbuffered {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        rustix::io::retry_on_intr(|| rustix::io::read(rustix::stdio::stdin(), &mut *buffer))
            .map_err(Into::into)
    }
}

/// Everything up to the first line feed, without it and without a carriage return before it.
fn first_line(mut from: impl Read) -> std::io::Result<Result<Passphrase, PassphraseError>> {
    // Room for everything from the start: a buffer that grows would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(PASSPHRASE_LEN_MAX + 2));
    let mut byte = Zeroizing::new([0u8; 1]);
    while line.len() < PASSPHRASE_LEN_MAX + 2 {
        match from.read(byte.as_mut_slice()) {
            Ok(0) => break,
            Ok(_) if *byte == [b'\n'] => break,
            Ok(_) => line.extend_from_slice(byte.as_slice()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Passphrase::new(line).map_err(PassphraseError::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    fn typed(text: &str) -> Passphrase {
        Passphrase::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
    }

    fn line(bytes: &[u8]) -> Result<Passphrase, &'static str> {
        first_line(bytes).unwrap().map_err(|error| error.label())
    }

    #[test]
    fn the_first_line_is_the_passphrase() {
        assert!(line(b"one two\nthree").unwrap().same_as(&typed("one two")));
        assert!(line(b"one two\r\n").unwrap().same_as(&typed("one two")));
        assert!(line(b" one two ").unwrap().same_as(&typed(" one two ")));
        assert_eq!(line(b"").unwrap_err(), "passphrase-length");
        assert_eq!(line(b"\nsecond").unwrap_err(), "passphrase-length");
        assert_eq!(line(&[b'x'; 5000]).unwrap_err(), "passphrase-length");
    }

    #[test]
    fn what_follows_the_line_is_not_read() {
        let mut input: &[u8] = b"one two\nthe message";
        first_line(&mut input).unwrap().unwrap();
        assert_eq!(input, b"the message");
    }

    #[test]
    fn a_command_prints_the_passphrase_or_fails() {
        let get = |command: &str| PassphraseSource::Command(command.to_owned()).get();
        assert!(get("echo 'one two'").unwrap().same_as(&typed("one two")));
        assert!(get("printf 'a\\nb\\n'").unwrap().same_as(&typed("a")));
        assert_eq!(get("exit 3").unwrap_err().label(), "passphrase-command");
        assert_eq!(get("true").unwrap_err().label(), "passphrase-length");
    }

    #[test]
    fn a_descriptor_gives_its_first_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one two\n").unwrap();
        let number = u32::try_from(file.as_file().as_raw_fd()).unwrap();
        assert!(PassphraseSource::Descriptor(number).get().unwrap().same_as(&typed("one two")));
        assert_eq!(PassphraseSource::Descriptor(987).get().unwrap_err().label(), "passphrase-io");
    }
}
