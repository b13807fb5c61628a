//! Where Sotto's programs are, and running one of them to its end.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
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
        self.run_with(name, args, &[], "").await
    }

    /// As [`Programs::run`], with environment variables and standard input.
    ///
    /// # Errors
    /// It cannot be run, or ends with a status other than 0.
    pub async fn run_with(
        &self,
        name: &str,
        args: &[&str],
        env: &[(String, String)],
        stdin: &str,
    ) -> Result<String, LocalnetError> {
        let doing = || format!("run {name}");
        let mut child = Command::new(self.path(name))
            .args(args)
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(LocalnetError::system(doing()))?;
        if let Some(mut pipe) = child.stdin.take() {
            // A program that does not read its input may be gone already; its status tells.
            let _ = pipe.write_all(stdin.as_bytes()).await;
        }
        let output = child.wait_with_output().await.map_err(LocalnetError::system(doing()))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let printed = [output.stderr, output.stdout].concat();
        Err(LocalnetError::Command {
            command: format!("{name} {}", args.join(" ")),
            output: String::from_utf8_lossy(&printed).trim().to_owned(),
        })
    }
}
