//! A stage with a node in a directory that outlives the process.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sotto_mix_node::shell::NodeConfig;
use sotto_mix_node::stage::{Cast, NodeProcess, Prepared, Sink, Stage, prepare};
use sotto_protocol::frame::Frame;
use sotto_protocol::sphinx::Hop;
use sotto_transport::link::Link;
use sotto_transport::node::layout;

/// Far more than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Long enough that no test sees its end.
const EPOCH_S: u32 = 7 * 24 * 3600;
const DELAY_MAX: Duration = Duration::from_secs(10);

pub struct Theatre {
    pub stage: Stage,
    pub config: NodeConfig,
    /// What is started as the node.
    pub program: PathBuf,
    config_file: PathBuf,
    dir: tempfile::TempDir,
    made: u64,
}

impl Theatre {
    pub async fn open(sinks: usize, delay_ms_mean: u32) -> Self {
        Self::open_with_epochs(sinks, delay_ms_mean, EPOCH_S).await
    }

    pub async fn open_with_epochs(sinks: usize, delay_ms_mean: u32, epoch_s: u32) -> Self {
        let stage = Stage::set(Cast { sources: 2, sinks, epoch_s }, delay_ms_mean).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let config = stage.config(&dir.path().join("node"));
        let (_, config_file) = config.set_up().unwrap();
        let program = PathBuf::from(env!("CARGO_BIN_EXE_sotto-mix"));
        Self { stage, config, program, config_file, dir, made: 0 }
    }

    /// Starts the node; returns when it has its place and its links.
    pub async fn start(&self) -> (NodeProcess, String) {
        let log = self.dir.path().join("log");
        let node = NodeProcess::start(&self.program, &self.config_file, &self.config.control_socket(), &log)
            .unwrap();
        match node.ready(self.stage.sinks.len()).await {
            Ok(address) => (node, address),
            Err(error) => panic!("{error}\n{}", std::fs::read_to_string(&log).unwrap()),
        }
    }

    /// Packets that nobody has sent yet.
    pub async fn packets(&mut self, count: usize, delay_mean: Duration) -> Vec<Prepared> {
        let hop = self.stage.hop().await.unwrap();
        self.packets_over(hop, count, delay_mean)
    }

    /// Packets that nobody has sent yet, under this key of the node.
    pub fn packets_over(&mut self, hop: Hop, count: usize, delay_mean: Duration) -> Vec<Prepared> {
        let sinks: Vec<Hop> = self.stage.sinks.iter().map(Sink::hop).collect();
        let packets = prepare(hop, &sinks, self.made, count, delay_mean, DELAY_MAX).unwrap();
        self.made += u64::try_from(count).unwrap();
        packets
    }

    pub async fn link(&self, address: &str) -> Link {
        let node = self.stage.hop().await.unwrap().node;
        self.stage.sources[0].connect(&node, address).await.unwrap()
    }

    /// Runs a command of the program on the node, and returns whether it went well and what it said.
    pub fn command(&self, words: &[&str]) -> (bool, String) {
        let mut command = Command::new(&self.program);
        command.arg(words[0]).arg("--config").arg(&self.config_file).args(&words[1..]);
        let done = command.output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8(said).unwrap())
    }

    /// The counts in the last words of a node that has ended.
    pub fn ended(&self) -> BTreeMap<String, u64> {
        let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap();
        let words =
            log.lines().rev().find(|line| line.contains(": ended ")).unwrap_or_else(|| panic!("{log}"));
        assert!(words.contains("balanced=true"), "{words}");
        let counts = words.split_whitespace().filter_map(|word| word.split_once('='));
        counts.filter_map(|(name, count)| Some((name.to_owned(), count.parse().ok()?))).collect()
    }

    /// Waits until as many packets have come to the sinks together.
    pub async fn came(&self, count: u64) {
        let all_came = async {
            while self.stage.sinks.iter().map(Sink::count).sum::<u64>() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, all_came).await.expect("what was forwarded arrives");
    }

    /// The files in which the node keeps its hop keys and their replay tags, as epochs: keys, then logs.
    pub fn key_files(&self) -> (Vec<u64>, Vec<u64>) {
        let names: Vec<String> = std::fs::read_dir(layout::hop_keys_dir(&self.config.dir))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let epochs = |suffix: &str| {
            let mut epochs: Vec<u64> = names
                .iter()
                .filter_map(|name| name.strip_prefix("epoch-")?.strip_suffix(suffix)?.parse().ok())
                .collect();
            epochs.sort_unstable();
            epochs
        };
        (epochs(".key"), epochs(".tags"))
    }

    /// How often each packet has come to a sink since the last call.
    pub fn arrived(&self) -> BTreeMap<u64, usize> {
        let mut counts = BTreeMap::new();
        for sink in &self.stage.sinks {
            for (number, _) in sink.numbers().unwrap() {
                *counts.entry(number).or_default() += 1;
            }
        }
        counts
    }
}

pub fn frames(packets: &[Prepared]) -> Vec<Frame> {
    packets.iter().map(|prepared| Frame::Packet(prepared.packet.clone())).collect()
}
