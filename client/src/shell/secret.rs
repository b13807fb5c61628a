//! Where a secret that somebody knows comes from: the terminal, an open file descriptor, or the output of a program.
//!
//! Never a command-line argument and never the environment: other processes can read both. Which secrets open a vault is
//! told in [`super::factors`].

use std::io::{IsTerminal, Read};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

/// The longest secret, in bytes. Passphrases have a limit of their own, which is not higher.
const SECRET_LEN_MAX: usize = 1024;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Secret {
    /// The passphrase of an existing vault.
    Passphrase,
    /// A passphrase that is to be.
    NewPassphrase,
    /// The passphrase that destroys.
    Duress,
    /// The recovery words.
    Words,
    /// The PIN of a security token.
    TokenPin,
}

impl Secret {
    const fn name(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::NewPassphrase => "new passphrase",
            Self::Duress => "duress passphrase",
            Self::Words => "recovery words",
            Self::TokenPin => "PIN of the token",
        }
    }

    const fn prompt(self) -> &'static str {
        match self {
            Self::Passphrase => "Passphrase: ",
            Self::NewPassphrase => "New passphrase: ",
            Self::Duress => "Duress passphrase: ",
            Self::Words => "Recovery words: ",
            Self::TokenPin => "PIN of the token (empty if it has none): ",
        }
    }

    /// The options that give it where there is no terminal.
    const fn options(self) -> &'static str {
        match self {
            Self::Passphrase => "--passphrase-fd N or --passphrase-command CMD",
            Self::NewPassphrase | Self::Duress => "--new-passphrase-fd N or --new-passphrase-command CMD",
            Self::Words => "--recovery-words-fd N",
            Self::TokenPin => "--token-pin-fd N",
        }
    }
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Nobody to ask.
    #[error(
        "the {name} is needed and there is no terminal to ask at: give it by {options}",
        name = .0.name(),
        options = .0.options()
    )]
    NoTerminal(Secret),
    /// The terminal, the descriptor or the program's output cannot be read.
    #[error("cannot read the {name} from {from}: {reason}", name = .what.name())]
    Io {
        /// What was to be read.
        what: Secret,
        /// From where.
        from: String,
        /// Why.
        reason: std::io::Error,
    },
    /// The program failed.
    #[error("the passphrase command ended with {0}: run it by hand to see why")]
    Command(std::process::ExitStatus),
    /// Typed twice, and differently.
    #[error("the two passphrases differ: nothing was changed, try again")]
    Differ,
}

impl SecretError {
    /// The stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::NoTerminal(_) => "no-terminal",
            Self::Io { .. } => "passphrase-io",
            Self::Command(_) => "passphrase-command",
            Self::Differ => "passphrases-differ",
        }
    }
}

/// Where to get a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SecretSource {
    /// Ask at the terminal, without echo.
    Terminal,
    /// The first line from this file descriptor. What follows the line on standard input stays there.
    Descriptor(u32),
    /// The first line that this shell command prints.
    Command(String),
}

impl SecretSource {
    /// The secret, asked for once.
    ///
    /// # Errors
    /// Any [`SecretError`] but [`SecretError::Differ`].
    pub fn get(&self, what: Secret) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        match self {
            Self::Terminal => ask(what, what.prompt()),
            Self::Descriptor(number) => from_descriptor(what, *number),
            Self::Command(command) => from_command(what, command),
        }
    }

    /// A secret that is to be: asked for twice at a terminal.
    ///
    /// # Errors
    /// Any [`SecretError`].
    pub fn get_new(&self, what: Secret) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let first = self.get(what)?;
        if *self == Self::Terminal && *ask(what, "Again: ")? != *first {
            return Err(SecretError::Differ);
        }
        Ok(first)
    }
}

/// Whether somebody is there to be asked.
#[must_use]
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal() || std::io::stdin().is_terminal()
}

fn ask(what: Secret, prompt: &str) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    if !is_terminal() {
        return Err(SecretError::NoTerminal(what));
    }
    let typed = rpassword::prompt_password(prompt).map_err(|reason| SecretError::Io {
        what,
        from: "the terminal".to_owned(),
        reason,
    })?;
    Ok(Zeroizing::new(typed.into_bytes()))
}

fn from_descriptor(what: Secret, number: u32) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let io = |reason| SecretError::Io { what, from: format!("file descriptor {number}"), reason };
    // Standard input is read without a buffer, so that a message after the passphrase stays unread.
    if number == 0 {
        return first_line(Unbuffered).map_err(io);
    }
    first_line(std::fs::File::open(format!("/dev/fd/{number}")).map_err(io)?).map_err(io)
}

fn from_command(what: Secret, command: &str) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let io = |reason| SecretError::Io { what, from: "the passphrase command".to_owned(), reason };
    let mut child =
        Command::new("/bin/sh").arg("-c").arg(command).stdout(Stdio::piped()).spawn().map_err(io)?;
    let line = match child.stdout.take() {
        Some(output) => first_line(output),
        None => Err(std::io::ErrorKind::BrokenPipe.into()),
    };
    let status = child.wait().map_err(io)?;
    if !status.success() {
        return Err(SecretError::Command(status));
    }
    line.map_err(io)
}

struct Unbuffered;

impl Read for Unbuffered {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        rustix::io::retry_on_intr(|| rustix::io::read(rustix::stdio::stdin(), &mut *buffer))
            .map_err(Into::into)
    }
}

/// Everything up to the first line feed, without it and without a carriage return before it. A line that is too long
/// comes back one byte too long.
fn first_line(mut from: impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    // Room for everything from the start: a buffer that grows would leave copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(SECRET_LEN_MAX + 2));
    let mut byte = Zeroizing::new([0u8; 1]);
    while line.len() < SECRET_LEN_MAX + 2 {
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
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    fn line(bytes: &[u8]) -> Vec<u8> {
        first_line(bytes).unwrap().to_vec()
    }

    #[test]
    fn the_first_line_is_the_secret() {
        assert_eq!(line(b"one two\nthree"), b"one two");
        assert_eq!(line(b"one two\r\n"), b"one two");
        assert_eq!(line(b" one two "), b" one two ");
        assert_eq!(line(b""), b"");
        assert_eq!(line(b"\nsecond"), b"");
        assert!(line(&[b'x'; 5000]).len() > SECRET_LEN_MAX);
    }

    #[test]
    fn what_follows_the_line_is_not_read() {
        let mut input: &[u8] = b"one two\nthe message";
        first_line(&mut input).unwrap();
        assert_eq!(input, b"the message");
    }

    #[test]
    fn a_command_prints_the_secret_or_fails() {
        let get = |command: &str| SecretSource::Command(command.to_owned()).get(Secret::Passphrase);
        assert_eq!(get("echo 'one two'").unwrap().as_slice(), b"one two");
        assert_eq!(get("printf 'a\\nb\\n'").unwrap().as_slice(), b"a");
        assert_eq!(get("exit 3").unwrap_err().label(), "passphrase-command");
        assert_eq!(get("true").unwrap().as_slice(), b"");
    }

    #[test]
    fn a_descriptor_gives_its_first_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one two\n").unwrap();
        let number = u32::try_from(file.as_file().as_raw_fd()).unwrap();
        let get = |number| SecretSource::Descriptor(number).get(Secret::Words);
        assert_eq!(get(number).unwrap().as_slice(), b"one two");
        let refused = get(987).unwrap_err();
        assert_eq!(refused.label(), "passphrase-io");
        assert!(refused.to_string().contains("recovery words from file descriptor 987"), "{refused}");
    }
}
