//! Man pages and shell completions, made from the command line's own definition.

use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, Ended, SimError, output};

/// Writes `sotto-sim.1` and a page for each command.
pub(super) fn man(directory: &Path) -> Result<Ended, SimError> {
    std::fs::create_dir_all(directory).map_err(SimError::files("create", directory))?;
    clap_mangen::generate_to(Cli::command(), directory).map_err(SimError::files("write to", directory))?;
    Ok(Ended::Well)
}

/// Prints the completion script of a shell.
pub(super) fn completions(shell: Shell) -> Result<Ended, SimError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sotto-sim", &mut script);
    output::print(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Ended::Well)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_page_for_every_command() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("new");
        man(&directory).unwrap();
        for page in ["sotto-sim.1", "sotto-sim-run.1", "sotto-sim-merge.1", "sotto-sim-export.1"] {
            assert!(directory.join(page).exists(), "{page}");
        }
        assert_eq!(man(Path::new("/dev/null/directory")).unwrap_err().label(), "sim-files");
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
