//! The node as a process of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sotto_transport::node::control;

use super::error::StageError;
use crate::shell::MixStatus;

/// How long a node may take to start and to find its place.
const READY_MAX: Duration = Duration::from_secs(30);

/// How often the node is asked how it is while it is waited for.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// How often the system counts a process's time in a second (USER_HZ of Linux, the same on every machine).
const TICKS_PER_S: f64 = 100.0;

/// A node that runs. Dropped, it is killed.
pub struct NodeProcess {
    child: Child,
    control_socket: PathBuf,
    log: PathBuf,
}

impl NodeProcess {
    /// Starts `program run` with this configuration; its words go to `log`.
    ///
    /// # Errors
    /// [`StageError::System`] if it cannot be started.
    pub fn start(
        program: &Path,
        config: &Path,
        control_socket: &Path,
        log: &Path,
    ) -> Result<Self, StageError> {
        let words = File::create(log).map_err(StageError::system("make the node's log"))?;
        let child = Command::new(program)
            .arg("run")
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(words)
            .spawn()
            .map_err(StageError::system("start the node"))?;
        Ok(Self { child, control_socket: control_socket.to_owned(), log: log.to_owned() })
    }

    /// Its number in the system.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the node tells of itself; `None` while it does not answer.
    pub async fn status(&self) -> Option<MixStatus> {
        let value = control::status(&self.control_socket).await.ok()?;
        serde_json::from_value(value).ok()
    }

    /// Waits until the node says that something holds.
    ///
    /// # Errors
    /// [`StageError::Late`] if that takes too long.
    pub async fn wait_for(
        &self,
        what: &'static str,
        mut holds: impl FnMut(&MixStatus) -> bool,
    ) -> Result<MixStatus, StageError> {
        let waiting = async {
            loop {
                if let Some(status) = self.status().await
                    && holds(&status)
                {
                    return status;
                }
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        let late =
            StageError::Late { what, wait_s: READY_MAX.as_secs(), log: self.log.display().to_string() };
        tokio::time::timeout(READY_MAX, waiting).await.map_err(|_| late)
    }

    /// Waits until the node has a place and links to `links` others; returns its address.
    ///
    /// # Errors
    /// As [`NodeProcess::wait_for`].
    pub async fn ready(&self, links: usize) -> Result<String, StageError> {
        let is_ready = |status: &MixStatus| {
            let peers = status.member.peers.as_array().map_or(0, |peers| {
                peers
                    .iter()
                    .filter(|peer| peer.get("up").and_then(serde_json::Value::as_bool) == Some(true))
                    .count()
            });
            status.report.place.is_some() && peers >= links
        };
        let status = self.wait_for("the node's place in the network", is_ready).await?;
        Ok(status.member.address)
    }

    /// Processor time that it has used, in seconds.
    #[must_use]
    pub fn cpu_s(&self) -> Option<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The name in brackets may hold spaces; after it the fields are numbers, of which utime and stime are
        // the 12th and 13th.
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
        Some(ticks / TICKS_PER_S)
    }

    /// Resident memory now and at most so far, in KiB.
    #[must_use]
    pub fn rss_kib(&self) -> Option<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix("kB")?.trim().parse().ok()
        };
        Some((field("VmRSS:")?, field("VmHWM:")?))
    }

    /// Waits until it has ended by itself; whether it ended well.
    ///
    /// # Errors
    /// [`StageError::Late`] if it does not end, [`StageError::System`] if the system does not tell.
    pub async fn ended(mut self) -> Result<bool, StageError> {
        let waiting = async {
            loop {
                if let Some(status) =
                    self.child.try_wait().map_err(StageError::system("wait for the node"))?
                {
                    return Ok(status.success());
                }
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        let ended = tokio::time::timeout(READY_MAX, waiting).await;
        ended.unwrap_or_else(|_| {
            let log = self.log.display().to_string();
            Err(StageError::Late { what: "the node's end", wait_s: READY_MAX.as_secs(), log })
        })
    }

    /// Lets it do nothing until [`NodeProcess::resume`], as on a machine that sleeps.
    ///
    /// # Errors
    /// [`StageError::System`] if the system does not take the signal.
    pub fn pause(&self) -> Result<(), StageError> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// As [`NodeProcess::pause`].
    pub fn resume(&self) -> Result<(), StageError> {
        self.signal(Signal::CONT)
    }

    /// Kills it without any warning.
    ///
    /// # Errors
    /// [`StageError::System`] if it cannot be waited for.
    pub fn kill(mut self) -> Result<(), StageError> {
        self.end(Signal::KILL)
    }

    /// Asks it to end, and waits for that.
    ///
    /// # Errors
    /// [`StageError::System`] if it cannot be waited for.
    pub fn stop(mut self) -> Result<(), StageError> {
        self.end(Signal::TERM)
    }

    fn signal(&self, signal: Signal) -> Result<(), StageError> {
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else { return Ok(()) };
        kill_process(pid, signal).map_err(|error| StageError::system("signal the node")(error.into()))
    }

    fn end(&mut self, signal: Signal) -> Result<(), StageError> {
        // If it is gone already, the wait tells.
        let _sent = self.signal(signal);
        self.child.wait().map(|_| ()).map_err(StageError::system("wait for the node's end"))
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // Waited for already, or to be gone now.
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}
