//! tcpdump in a namespace, on all its interfaces.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::namespace::{Namespace, is_root};
use crate::pcap::{self, Packet};

/// Bytes kept of each packet: headers suffice.
const SNAP_LEN: &str = "160";
/// KiB that the kernel holds for tcpdump, so that none is lost while it does not run.
const BUFFER_KIB: &str = "16384";
/// How long tcpdump may take to begin and to end.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// A capture that runs.
#[derive(Debug)]
pub(crate) struct Capture {
    tcpdump: Child,
    said: Lines<BufReader<ChildStderr>>,
    file: PathBuf,
}

impl Capture {
    /// Begins, and returns when every further packet is seen.
    pub(crate) async fn start(namespace: &Namespace, file: &Path) -> Self {
        let wrapper = namespace.wrapper();
        let (first, rest) = wrapper.split_first().unwrap();
        let mut command = Command::new(first);
        command
            .args(rest)
            .args(["tcpdump", "-i", "any", "-n", "-U", "-s", SNAP_LEN, "-B", BUFFER_KIB, "-w", "-"]);
        if is_root() {
            // Else it becomes a user of its own, who may not exist here.
            command.args(["-Z", "root"]);
        }
        let output = std::fs::File::create(file).unwrap();
        let mut tcpdump =
            command.stdout(output).stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("tcpdump starts");
        let said = BufReader::new(tcpdump.stderr.take().unwrap()).lines();
        let mut capture = Self { tcpdump, said, file: file.to_owned() };
        capture.wait_said("listening on any").await;
        capture
    }

    /// Ends, makes sure that no packet was missed, and returns all that were seen.
    pub(crate) async fn stop(mut self) -> Vec<Packet> {
        let pid = Pid::from_raw(i32::try_from(self.tcpdump.id().unwrap()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        let dropped = self.wait_said("dropped by kernel").await;
        assert!(dropped.starts_with("0 packets"), "the capture has gaps: {dropped}");
        let status = tokio::time::timeout(WAIT_MAX, self.tcpdump.wait()).await.expect("it ends").unwrap();
        assert!(status.success(), "tcpdump: {status}");
        pcap::read(&std::fs::read(&self.file).unwrap())
    }

    /// Reads what tcpdump says until a line holds `wanted`.
    async fn wait_said(&mut self, wanted: &str) -> String {
        let mut lines = Vec::new();
        let reading = async {
            while let Some(line) = self.said.next_line().await.unwrap() {
                if line.contains(wanted) {
                    return Some(line);
                }
                lines.push(line);
            }
            None
        };
        match tokio::time::timeout(WAIT_MAX, reading).await {
            Ok(Some(line)) => line,
            _ => panic!("tcpdump (Debian: tcpdump) does not say {wanted:?}: {lines:?}"),
        }
    }
}
