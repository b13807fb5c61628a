//! One child process: started with its log in a file, killed, ended, looked at.
//!
//! Not here: what the process is. A node, an authority, a person's daemon and a Tor relay are all started alike.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::process::{Child, Command};

/// How long a process may take to end by itself after SIGTERM before it is killed.
pub(crate) const TERMINATE_WAIT_MAX: Duration = Duration::from_secs(10);

/// How to start a process.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments; never a secret, since any user of the machine can read them.
    pub(crate) args: Vec<String>,
    /// Environment variables set for it.
    pub(crate) env: Vec<(String, String)>,
    /// Where its standard output and error go, appended.
    pub(crate) log: PathBuf,
}

/// A running child.
#[derive(Debug)]
pub(crate) struct Process {
    launch: Launch,
    child: Child,
    pid: u32,
}

impl Launch {
    /// Starts the process. With `detached` it outlives the starter; otherwise it is killed with it.
    ///
    /// # Errors
    /// The program cannot be run or the log cannot be opened.
    pub(crate) fn start(self, detached: bool) -> io::Result<Process> {
        let log = open_log(&self.log)?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(!detached)
            .process_group(0);
        let child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("cannot start {}: {error}", self.program.display()))
        })?;
        let pid = child.id().ok_or_else(|| io::Error::other("the child ended at once"))?;
        Ok(Process { launch: self, child, pid })
    }
}

impl Process {
    /// The process id.
    #[must_use]
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// How it was started.
    #[must_use]
    pub(crate) fn launch(&self) -> &Launch {
        &self.launch
    }

    /// SIGKILL, and waits until the process is gone.
    ///
    /// # Errors
    /// The operating system's refusal to kill it.
    pub(crate) async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// SIGTERM, then waits; SIGKILL after [`TERMINATE_WAIT_MAX`]. Returns whether it ended by itself with status 0.
    ///
    /// # Errors
    /// The operating system's refusal to signal or await it.
    pub(crate) async fn terminate(mut self) -> io::Result<bool> {
        signal(self.pid, Signal::TERM)?;
        if let Ok(status) = tokio::time::timeout(TERMINATE_WAIT_MAX, self.child.wait()).await {
            return Ok(status?.success());
        }
        self.child.kill().await?;
        Ok(false)
    }

    /// Whether it has ended, and how.
    ///
    /// # Errors
    /// The operating system's error.
    pub(crate) fn ended(&mut self) -> io::Result<Option<std::process::ExitStatus>> {
        self.child.try_wait()
    }
}

/// Sends a signal to a process by number. A process that is already gone is not an error.
///
/// # Errors
/// No permission, or a number that is no process id.
pub(crate) fn signal(pid: u32, which: Signal) -> io::Result<()> {
    match kill_process(parse_pid(pid)?, which) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether the process exists and runs `program`: a number that another program has taken over does not count.
#[must_use]
pub(crate) fn runs(pid: u32, program: &Path) -> bool {
    parse_pid(pid).is_ok_and(|pid| test_kill_process(pid).is_ok())
        && std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| {
            // A rebuilt program shows as "path (deleted)".
            exe == program
                || exe.to_string_lossy().trim_end_matches(" (deleted)") == program.to_string_lossy()
        })
}

fn parse_pid(pid: u32) -> io::Result<Pid> {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("{pid} is no process id")))
}

fn open_log(path: &Path) -> io::Result<File> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}
