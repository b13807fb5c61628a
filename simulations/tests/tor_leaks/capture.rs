//! tcpdump in a namespace, on all its interfaces.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sotto_transport::clock::Clock;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::namespace::{Namespace, is_root};
use crate::pcap::{self, Packet};

/// Bytes kept of each packet: headers suffice.
const SNAP_LEN: &str = "160";
/// KiB that the kernel holds for tcpdump, so that none is lost while it does not run.
const BUFFER_KIB: &str = "16384";
/// The discard service, which nobody runs here.
const MARK_PORT: u16 = 9;
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
        command.args(rest).args([
            "tcpdump",
            "-i",
            "any",
            "-n",
            "-U",
            "--immediate-mode",
            "-s",
            SNAP_LEN,
            "-B",
            BUFFER_KIB,
            "-w",
            "-",
        ]);
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
    ///
    /// Its own last packet, to a port of the gateway that nobody has, marks the end: once that is in the file, so is
    /// everything before it.
    pub(crate) async fn stop(mut self, namespace: &Namespace) -> Vec<Packet> {
        let mark = SocketAddr::new(namespace.gateway().into(), MARK_PORT);
        namespace.ask(mark.ip(), mark.port()).await;
        let clock = Clock::system();
        let deadline = clock.now() + WAIT_MAX;
        let mut packets = loop {
            let packets = pcap::read(&std::fs::read(&self.file).unwrap());
            if packets.iter().any(|packet| packet.is_to(mark)) {
                break packets;
            }
            assert!(clock.now() < deadline, "the capture's own packet is not seen");
            clock.sleep_until(clock.now() + Duration::from_millis(50)).await;
        };
        let end = packets.iter().position(|packet| packet.is_to(mark)).unwrap();
        packets.truncate(end);
        let pid = Pid::from_raw(i32::try_from(self.tcpdump.id().unwrap()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        let dropped = self.wait_said("dropped by kernel").await;
        assert!(dropped.starts_with("0 packets"), "the capture has gaps: {dropped}");
        let status = tokio::time::timeout(WAIT_MAX, self.tcpdump.wait()).await.expect("it ends").unwrap();
        assert!(status.success(), "tcpdump: {status}");
        packets
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
