//! The command line: what people type, and what they get to read.
//!
//! Every command is written once against [`Connection`], so it does the same whether a daemon runs or not. Results go
//! to standard output, notes and errors to standard error; with `--json` the result, or the error, is one
//! JSON value on standard output. Text from peers is escaped before it is printed ([`escape`]). No secret is ever
//! taken from the arguments or the environment.

mod accept;
mod acting;
mod address;
mod argon2;
mod backup;
mod bar;
mod confirm;
mod contacts;
mod conversation;
mod daemon;
mod deleting;
mod doctor;
pub mod escape;
mod export;
mod factors;
mod files;
mod history;
mod init;
mod introduce;
mod introductions;
mod invite;
mod lock;
mod manual;
mod name;
mod network;
mod note;
mod output;
pub mod qr;
mod quoting;
mod recv;
mod rekey;
mod requests;
mod revoke;
mod route;
mod search;
mod send;
mod span;
mod status;
mod stored;
mod tor_key;
mod vault;
mod verify;
pub mod when;
mod wipe;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::shell::client::{Connection, Reach};
use crate::shell::factors::FactorSources;
use crate::shell::secret::Secret;
use crate::shell::{Failure, Profile};
use output::Output;
use zeroize::Zeroizing;

/// How a command ended, as its exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ended {
    /// 0: done.
    Well,
    /// 1: it was done, and what it found is not well.
    Trouble,
    /// 3: the time allowed ran out first. What was queued stays queued.
    TimedOut,
}

const EXIT_FAILED: u8 = 1;
const EXIT_USAGE: u8 = 2;
const EXIT_TIMED_OUT: u8 = 3;

/// Private messages through a mixnet, and through Tor.
///
/// Sotto sends messages through a mixnet: a network of relays that wrap, delay and reorder
/// packets of one size, made so that nobody who watches can tell who writes to whom, or when.
/// There are no accounts. Two people meet by an invitation that one hands to the other.
#[derive(Parser, Debug)]
#[command(name = "sotto", version, max_term_width = 100, after_long_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
  sotto init --network network.txt      make a profile for the network in network.txt
  sotto daemon                          stay connected (leave it running, in a terminal or as a service)
  sotto invite bob                      print an invitation to hand to Bob
  sotto accept alice sotto:invite:...   take up an invitation from Alice
  sotto verify alice                    make sure that nobody stands between you
  sotto send bob \"Lunch at noon?\"       send a message
  echo \"a long one\" | sotto send bob -  send what comes from standard input
  sotto send bob --reply-to 12 \"Yes\"    answer message 12
  sotto react bob 12 👍                   react to it
  sotto recv --follow                   show messages as they arrive
  sotto history bob                     show the last messages of a conversation
  sotto search \"noon\"                   find messages that hold a text
  sotto files send bob photo.jpg        send a file
  sotto status                          see what is connected and what still waits
  sotto status --network                see what the cover traffic costs a day, and how long messages take
  sotto route tor+mix                   reach the network by Tor
  sotto doctor                          find out what does not work, and what to do

Exit codes:
  0 done    1 error    2 wrong usage    3 the time allowed ran out (what was queued stays queued)

Leave the daemon running if you can. On the routes with mixes it sends packets at random times all day,
whether you write or not. Without it packets flow only while you use a command, and anybody who watches your
network sees when that is.";

/// Options of every command.
#[derive(Args, Debug)]
struct Common {
    /// Which profile to use: each has its own contacts, messages and passphrase.
    #[arg(long, global = true, default_value = "default", value_name = "NAME")]
    profile: String,
    /// Print one JSON value on standard output instead of text; errors too.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    factors: factors::FactorArgs,
}

impl Common {
    fn factors(&self) -> FactorSources {
        self.factors.sources()
    }

    fn profile(&self) -> Result<Profile, Failure> {
        Ok(Profile::locate(&self.profile)?)
    }

    async fn connect(&self, reach: Reach) -> Result<Connection, Failure> {
        Connection::open(&self.profile()?, &self.factors(), reach).await
    }

    /// A text that was given as an argument, or on standard input if the argument is `-`.
    ///
    /// With `--passphrase-fd 0` the first line of standard input is the passphrase, whether a daemon made it
    /// unnecessary or not: it must never become part of the text.
    fn text(
        &self,
        connection: &Connection,
        argument: &str,
        len_max: usize,
    ) -> Result<Zeroizing<String>, Failure> {
        if argument != "-" {
            return Ok(Zeroizing::new(argument.to_owned()));
        }
        if self.factors.passphrase_fd == Some(0) && !connection.is_alone() {
            drop(self.factors.passphrase().get(Secret::Passphrase)?);
        }
        send::read_stdin(len_max)
    }

    const fn output(&self) -> Output {
        Output::new(self.json)
    }
}

/// How long to wait for mailboxes.
#[derive(Args, Debug)]
struct Wait {
    /// Wait until the mailboxes have it, even if a daemon could see to that. Without a daemon the command always
    /// waits.
    #[arg(long)]
    wait: bool,
    /// Give up waiting after this many seconds (exit code 3). What was queued stays queued.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
}

#[derive(Subcommand, Debug)]
enum Command {
    Init(init::InitArgs),
    Invite(invite::InviteArgs),
    Accept(accept::AcceptArgs),
    Revoke(revoke::RevokeArgs),
    Verify(verify::VerifyArgs),
    Rekey(rekey::RekeyArgs),
    Address(address::AddressArgs),
    Requests(requests::RequestsArgs),
    Introduce(introduce::IntroduceArgs),
    Introductions(introductions::IntroductionsArgs),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    Export(export::ExportArgs),
    Wipe(wipe::WipeArgs),
    Contacts(contacts::ContactsArgs),
    Send(send::SendArgs),
    React(acting::ReactArgs),
    Edit(acting::EditArgs),
    Delete(acting::DeleteArgs),
    Disappearing(conversation::DisappearingArgs),
    Receipts(conversation::ReceiptsArgs),
    Note(note::NoteArgs),
    Recv(recv::RecvArgs),
    History(history::HistoryArgs),
    Search(search::SearchArgs),
    Files(files::FilesArgs),
    Status(status::StatusArgs),
    Route(route::RouteArgs),
    /// Find out what works and what does not, and what to do about it.
    ///
    /// It looks at the profile, connects as the profile's routes say, compares the clock with the network's, and
    /// tries the entry or the mailboxes. With a daemon running the daemon does it. Exit code 1 if something is wrong.
    Doctor,
    TorKey(tor_key::TorKeyArgs),
    Daemon(daemon::DaemonArgs),
    /// Close the vault while the daemon goes on.
    ///
    /// Contacts, messages and keys leave the daemon's memory, and every command but `status` and `unlock` is refused. The
    /// cover traffic goes on as before, so that nobody who watches sees that you are away. Nothing is received until
    /// `sotto unlock`. The setting `auto_lock_min` in config.toml does it after so many minutes without a command.
    Lock,
    /// Open the vault of a daemon that is locked.
    Unlock,
    Vault(vault::VaultArgs),
    /// Write the man pages into a directory.
    #[command(hide = true)]
    Man {
        /// The directory.
        directory: PathBuf,
    },
    /// Print completions for a shell.
    #[command(hide = true)]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return wrong_usage(&error),
    };
    let output = cli.common.output();
    match run(&cli) {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::Trouble) => ExitCode::from(EXIT_FAILED),
        Ok(Ended::TimedOut) => ExitCode::from(EXIT_TIMED_OUT),
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(EXIT_FAILED)
        }
    }
}

/// Help and version on standard output; a mistake as the kind of output that was asked for.
fn wrong_usage(error: &clap::Error) -> ExitCode {
    let wants_json = std::env::args_os().skip(1).take_while(|arg| arg != "--").any(|arg| arg == "--json");
    if error.use_stderr() && wants_json {
        Output::new(true).failure(&Failure::new("usage", error.render().to_string()));
        return ExitCode::from(EXIT_USAGE);
    }
    // If this cannot be printed, the exit code still tells.
    let _printed = error.print();
    if error.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS }
}

fn run(cli: &Cli) -> Result<Ended, Failure> {
    start_log(cli)?;
    // Two threads at least: a disk that is slow to commit must not hold up a packet whose moment has come.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new("runtime", format!("cannot start: {error}")))?;
    runtime.block_on(dispatch(cli))
}

async fn dispatch(cli: &Cli) -> Result<Ended, Failure> {
    let common = &cli.common;
    match &cli.command {
        Command::Init(args) => init::run(common, args),
        Command::Invite(args) => invite::run(common, args).await,
        Command::Accept(args) => accept::run(common, args).await,
        Command::Revoke(args) => revoke::run(common, args).await,
        Command::Verify(args) => verify::run(common, args).await,
        Command::Rekey(args) => rekey::run(common, args).await,
        Command::Address(args) => address::run(common, args).await,
        Command::Requests(args) => requests::run(common, args).await,
        Command::Introduce(args) => introduce::run(common, args).await,
        Command::Introductions(args) => introductions::run(common, args).await,
        Command::Backup(args) => backup::run(common, args).await,
        Command::Restore(args) => backup::restore(common, args),
        Command::Export(args) => export::run(common, args).await,
        Command::Wipe(args) => wipe::run(common, args).await,
        Command::Contacts(args) => contacts::run(common, args).await,
        Command::Send(args) => send::run(common, args).await,
        Command::React(args) => acting::react(common, args).await,
        Command::Edit(args) => acting::edit(common, args).await,
        Command::Delete(args) => acting::delete(common, args).await,
        Command::Disappearing(args) => conversation::disappearing(common, args).await,
        Command::Receipts(args) => conversation::receipts(common, args).await,
        Command::Note(args) => note::run(common, args).await,
        Command::Recv(args) => recv::run(common, args).await,
        Command::History(args) => history::run(common, args).await,
        Command::Search(args) => search::run(common, args).await,
        Command::Files(args) => files::run(common, args).await,
        Command::Status(args) => status::run(common, args).await,
        Command::Route(args) => route::run(common, args).await,
        Command::Doctor => doctor::run(common).await,
        Command::TorKey(args) => tor_key::run(common, args),
        Command::Daemon(args) => daemon::run(common, args).await,
        Command::Lock => lock::lock(common).await,
        Command::Unlock => lock::unlock(common).await,
        Command::Vault(args) => vault::run(common, args).await,
        Command::Man { directory } => manual::man(directory),
        Command::Completions { shell } => manual::completions(*shell),
    }
}

/// The daemon logs; other commands only when asked to by `SOTTO_LOG`.
fn start_log(cli: &Cli) -> Result<(), Failure> {
    use sotto_transport::node::log::{FILTER_VARIABLE, LogFormat, init};
    if !matches!(cli.command, Command::Daemon(_)) && std::env::var_os(FILTER_VARIABLE).is_none() {
        return Ok(());
    }
    let format = if cli.common.json { LogFormat::Json } else { LogFormat::Human };
    init(format).map_err(|error| Failure::new("log", error.to_string()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::shell::secret::SecretSource;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_passphrase_comes_from_one_place_and_never_from_an_argument() {
        assert!(Cli::try_parse_from(["sotto", "status", "--passphrase", "secret"]).is_err());
        let both = ["sotto", "status", "--passphrase-fd", "0", "--passphrase-command", "true"];
        assert!(Cli::try_parse_from(both).is_err());
        let cli = Cli::try_parse_from(["sotto", "status", "--passphrase-fd", "3"]).unwrap();
        assert_eq!(cli.common.factors(), FactorSources::passphrase_only(SecretSource::Descriptor(3)));
    }

    #[test]
    fn routes_are_named_as_in_the_settings() {
        let parse = |args: &[&str]| Cli::try_parse_from(args).map(|cli| format!("{:?}", cli.command));
        let shown = parse(&["sotto", "route"]).unwrap();
        assert!(shown.contains("route: None"), "{shown}");
        let set = parse(&["sotto", "route", "tor+mix", "--fallback", "tor", "--fallback", "mix"]).unwrap();
        assert!(set.contains("Some(TorMix)") && set.contains("[Tor, Mix]"), "{set}");
        assert!(parse(&["sotto", "route", "--contact", "bob", "tor"]).is_ok());
        assert!(parse(&["sotto", "route", "--contact", "bob", "--default"]).is_ok());
        for wrong in [
            &["sotto", "route", "pigeon"][..],
            &["sotto", "route", "--fallback", "tor"],
            &["sotto", "route", "--default"],
            &["sotto", "route", "--contact", "bob", "--default", "tor"],
            &["sotto", "init", "--network", "x", "--route", "TOR"],
            &["sotto", "init", "--network", "x", "--tor-socks", "localhost:9050"],
            &["sotto", "init", "--network", "x", "--tor-socks", "127.0.0.1:9050", "--tor-bridge", "x"],
            &["sotto", "tor-key"],
            &["sotto", "doctor", "--contact", "bob"],
        ] {
            assert!(Cli::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_help_explains_in_words_and_by_examples() {
        let help = Cli::command().render_long_help().to_string();
        for word in ["mixnet", "Examples:", "Exit codes:", "sotto daemon", "--passphrase-fd"] {
            assert!(help.contains(word), "{word} is missing from the help");
        }
        assert!(!help.contains("completions"), "hidden commands stay hidden");
    }
}
