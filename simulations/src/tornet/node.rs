//! One C tor process: its directory, how it is started, whether it has a network.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::error::TornetError;
use super::programs::TorPrograms;
use super::seed::write;
use crate::process::{Launch, Process, signal};

/// What a process says when it has a consensus and descriptors, and has built a circuit if it needs one.
const BOOTSTRAPPED: &str = "Bootstrapped 100%";

/// What it says when it has begun, and takes signals.
const BEGUN: &str = "Bootstrapped 0%";

/// A C tor process and its directory.
#[derive(Debug)]
pub(super) struct TorNode {
    name: String,
    dir: PathBuf,
    process: Option<Process>,
    /// Where in the log its present life begins.
    log_from: u64,
}

impl TorNode {
    /// Makes its directory below that of the network.
    pub(super) fn new(base: &Path, name: &str) -> Result<Self, TornetError> {
        let dir = base.join(name);
        sotto_transport::private::create_dir(&dir).map_err(|error| TornetError::System {
            doing: format!("make the directory {}", dir.display()),
            source: std::io::Error::other(error.to_string()),
        })?;
        // The system's own defaults, which name other directories and a user, are not for this process.
        write(&dir.join("defaults"), "")?;
        Ok(Self { name: name.to_owned(), dir, process: None, log_from: 0 })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn torrc(&self) -> PathBuf {
        self.dir.join("torrc")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The arguments that name its configuration.
    pub(super) fn args(&self) -> [String; 4] {
        let defaults = self.dir.join("defaults").display().to_string();
        ["--defaults-torrc".to_owned(), defaults, "-f".to_owned(), self.torrc().display().to_string()]
    }

    pub(super) fn start(&mut self, programs: &TorPrograms, detached: bool) -> Result<(), TornetError> {
        self.log_from = std::fs::metadata(self.log()).map_or(0, |file| file.len());
        let launch = Launch {
            program: programs.tor.clone(),
            args: self.args().to_vec(),
            env: Vec::new(),
            log: self.log(),
        };
        let process = launch.start(detached).map_err(TornetError::system(format!("start {}", self.name)))?;
        self.process = Some(process);
        Ok(())
    }

    pub(super) fn is_started(&self) -> bool {
        self.process.is_some()
    }

    pub(super) fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// SIGKILL: an authority has been seen to take no notice of SIGTERM and to keep its ports.
    pub(super) async fn kill(&mut self) -> Result<(), TornetError> {
        match self.process.take() {
            Some(process) => process.kill().await.map_err(TornetError::system(format!("kill {}", self.name))),
            None => Ok(()),
        }
    }

    /// An error if the process should run and does not.
    pub(super) fn check_alive(&mut self) -> Result<(), TornetError> {
        match self.process.as_mut().map(Process::ended) {
            Some(Ok(Some(status))) => Err(TornetError::Ended {
                name: self.name.clone(),
                status: status.to_string(),
                log: self.log(),
            }),
            _ => Ok(()),
        }
    }

    /// Whether it has had a working Tor network in its present life.
    pub(super) fn is_bootstrapped(&self) -> bool {
        self.has_said(BOOTSTRAPPED)
    }

    /// Whether its log holds a text since it was started last.
    fn has_said(&self, text: &str) -> bool {
        let read = || -> std::io::Result<String> {
            let mut file = std::fs::File::open(self.log())?;
            file.seek(SeekFrom::Start(self.log_from))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        self.is_started() && read().is_ok_and(|log| log.contains(text))
    }

    /// Lets it fetch what it lacks at once. While there was no consensus each failed fetch has made it wait longer
    /// before the next, up to half a minute; SIGHUP resets that.
    pub(super) fn hurry(&self) {
        // One that has only just begun would not take the signal but die of it.
        if let Some(process) = self.process.as_ref().filter(|_| self.has_said(BEGUN)) {
            // It may have ended; whoever waits for it notices.
            let _ = signal(process.pid(), Signal::HUP);
        }
    }
}
