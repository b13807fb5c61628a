//! Where Sotto's programs are, and running one of them to its end.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::error::LocalnetError;

/// The directory that holds Sotto's programs.
#[derive(Clone, Debug)]
pub struct Programs {
    dir: PathBuf,
}

impl Programs {
    /// The programs beside the one that runs, or, in a test, one directory up.
    ///
    /// # Errors
    /// [`LocalnetError::NoProgram`] names the first that is missing.
    pub fn beside_this_one() -> Result<Self, LocalnetError> {
        let this = std::env::current_exe().map_err(LocalnetError::system("find this program's own file"))?;
        let mut dir = this.parent().map(Path::to_path_buf).unwrap_or_default();
        if dir.ends_with("deps") {
            dir.pop();
        }
        let programs = Self { dir };
        for name in ["sotto-directory", "sotto-mix", "sotto-mailbox", "sotto"] {
            if !programs.path(name).is_file() {
                return Err(LocalnetError::NoProgram { name, dir: programs.dir });
            }
        }
        Ok(programs)
    }

    /// The file of a program.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Runs a program to its end and returns what it printed.
    ///
    /// # Errors
    /// It cannot be run, or ends with a status other than 0.
    pub async fn run(&self, name: &str, args: &[&str]) -> Result<String, LocalnetError> {
        let command = Command::new(self.path(name));
        run_to_end(command, name, args).await
    }

    /// A program's command line after that of a wrapper, such as one that enters a namespace.
    #[must_use]
    pub(super) fn wrapped(&self, wrapper: &[String], name: &str) -> (PathBuf, Vec<String>) {
        let own = self.path(name);
        match wrapper {
            [] => (own, Vec::new()),
            [first, rest @ ..] => {
                let args = rest.iter().cloned().chain([own.display().to_string()]).collect();
                (PathBuf::from(first), args)
            }
        }
    }

    /// As [`Programs::run`], behind a wrapper and with environment variables.
    ///
    /// # Errors
    /// It cannot be run, or ends with a status other than 0.
    pub(super) async fn run_wrapped(
        &self,
        wrapper: &[String],
        name: &str,
        args: &[&str],
        env: &[(String, String)],
    ) -> Result<String, LocalnetError> {
        let (program, before) = self.wrapped(wrapper, name);
        let mut command = Command::new(program);
        command.args(before).envs(env.iter().map(|(name, value)| (name, value)));
        run_to_end(command, name, args).await
    }
}

async fn run_to_end(mut command: Command, name: &str, args: &[&str]) -> Result<String, LocalnetError> {
    let doing = || format!("run {name}");
    let output = command
        .args(args)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(LocalnetError::system(doing()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let printed = [output.stderr, output.stdout].concat();
    Err(LocalnetError::Command {
        command: format!("{name} {}", args.join(" ")),
        output: String::from_utf8_lossy(&printed).trim().to_owned(),
    })
}
