//! The manual page of a node's program: one page with every command and its options, and what is common to all nodes.
//!
//! What clap knows is rendered by `clap_mangen`; here the pages of the commands are put into one, and what no command
//! line tells is added: exit codes, files, the environment, signals.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::log::FILTER_VARIABLE;

/// A page in the format of man(7).
///
/// # Errors
///
/// None that memory does not give.
pub(super) fn page(command: Command) -> io::Result<Vec<u8>> {
    let command =
        command.disable_help_subcommand(true).mut_subcommands(|command| command.disable_help_flag(true));
    let mut built = command.clone();
    built.build();
    let man = Man::new(command);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    heading(&mut page, "COMMANDS")?;
    for command in built.get_subcommands().filter(|command| !command.is_hide_set()) {
        subcommand(&mut page, command)?;
    }
    for (name, entries) in sections(&built) {
        heading(&mut page, name)?;
        for (term, text) in entries {
            let mut roff = Roff::new();
            roff.control("TP", []).text([bold(term)]).text([roman(text)]);
            append(&mut page, &roff)?;
        }
    }
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// One command: what its own page says, below a heading of its own.
fn subcommand(page: &mut Vec<u8>, command: &Command) -> io::Result<()> {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let man = Man::new(command.clone());
    let mut parts = Vec::new();
    man.render_description_section(&mut parts)?;
    parts.extend_from_slice(b".PP\n");
    man.render_synopsis_section(&mut parts)?;
    man.render_options_section(&mut parts)?;
    let mut roff = Roff::new();
    roff.control("SS", [name.as_str()]);
    append(page, &roff)?;
    for line in String::from_utf8_lossy(&parts).lines().filter(|line| !is_frame(line)) {
        page.extend_from_slice(line.as_bytes());
        page.push(b'\n');
    }
    Ok(())
}

/// Whether a line begins a section, or belongs to what comes before each text that is rendered.
fn is_frame(line: &str) -> bool {
    [".SH", ".ie ", ".el "].iter().any(|beginning| line.starts_with(beginning))
}

fn heading(page: &mut Vec<u8>, name: &str) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [name]);
    append(page, &roff)
}

fn append(page: &mut Vec<u8>, roff: &Roff) -> io::Result<()> {
    let text = roff.to_roff();
    for line in text.lines().filter(|line| !line.is_empty()) {
        page.extend_from_slice(line.as_bytes());
        page.push(b'\n');
    }
    Ok(())
}

/// A term and what is to be said of it.
type Entry = (&'static str, &'static str);

/// What no command line tells, of this program.
fn sections(command: &Command) -> Vec<(&'static str, Vec<Entry>)> {
    let has = |name: &str| command.find_subcommand(name).is_some();
    let mut exit = vec![("0", "Everything went well.")];
    exit.push(if has("doctor") {
        (
            "1",
            "Something went wrong, which standard error says; a check of check-config or doctor failed; status --check \
             found trouble; a setting could not be reloaded.",
        )
    } else {
        ("1", "Something went wrong, which standard error says.")
    });
    exit.push(("2", "The command line is not one."));
    let mut signals = vec![("SIGTERM, SIGINT", "The node ends in order.")];
    if has("reload") {
        signals.push(("SIGHUP", "The node reads its configuration again, as by the command reload."));
    }
    vec![
        ("EXIT STATUS", exit),
        ("FILES", FILES.to_vec()),
        (
            "ENVIRONMENT",
            vec![(
                FILTER_VARIABLE,
                "What the node logs, as in \"info,sotto_transport=debug\"; it goes before the configuration.",
            )],
        ),
        ("SIGNALS", signals),
    ]
}

/// What is in a node's directory.
const FILES: [Entry; 5] = [
    ("DIR/*.toml", "The configuration, which init writes."),
    ("DIR/identity.key", "The key that the node is known by. Whoever has it can pass for the node."),
    (
        "DIR/hop-keys/",
        "Of entries, mixes and mailboxes: the keys of the epochs. They are never to be backed up.",
    ),
    ("DIR/consensus", "Of entries, mixes and mailboxes: the last consensus, for the next start."),
    ("DIR/control.sock", "The control socket, by which the commands reach the running node."),
];

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn one_page_has_every_command_with_its_options_and_no_section_twice() {
        let command = |name: &'static str, option: &'static str| {
            Command::new(name).about("It does so.").arg(Arg::new(option).long(option).help("How far."))
        };
        let program = |commands: Vec<Command>| {
            String::from_utf8(page(Command::new("node").version("1").subcommands(commands)).unwrap()).unwrap()
        };
        let page = program(vec![command("reload", "deep"), command("secret", "x").hide(true)]);
        for words in [".SS \"node reload\"", "\\-\\-deep", "It does so.", "How far.", "SOTTO_LOG", "SIGHUP"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        for section in
            ["NAME", "SYNOPSIS", "OPTIONS", "COMMANDS", "EXIT STATUS", "FILES", "ENVIRONMENT", "SIGNALS"]
        {
            let headings =
                page.lines().filter(|line| line.trim_start_matches(".SH ").trim_matches('"') == section);
            assert_eq!(headings.count(), 1, "{section}: {page}");
        }
        assert!(!page.contains("secret"), "{page}");
        assert!(!program(vec![command("run", "x")]).contains("SIGHUP"));
    }
}
