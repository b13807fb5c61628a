//! Man pages and shell completions, made from the command line's own definition.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use super::output::print;
use super::{Cli, Ended};
use crate::shell::Failure;

/// Writes `sotto.1` and a page for each command.
pub(super) fn man(directory: &Path) -> Result<Ended, Failure> {
    clap_mangen::generate_to(Cli::command(), directory)
        .map_err(|error| Failure::new("man", format!("cannot write to {}: {error}", directory.display())))?;
    Ok(Ended::Well)
}

/// Prints the completion script of a shell.
pub(super) fn completions(shell: Shell) -> Result<Ended, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sotto", &mut script);
    print(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Ended::Well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_page_for_every_command() {
        let directory = tempfile::tempdir().unwrap();
        man(directory.path()).unwrap();
        for page in ["sotto.1", "sotto-init.1", "sotto-send.1", "sotto-daemon.1", "sotto-contacts-delete.1"] {
            assert!(directory.path().join(page).exists(), "{page}");
        }
        assert_eq!(man(Path::new("/no/such/directory")).unwrap_err().label, "man");
    }
}
