//! A whole node between neighbours, as a process of its own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::RngExt;
use sotto_protocol::directory::Params;
use sotto_protocol::frame::Frame;
use sotto_protocol::sphinx::{Hop, draw_exponential};
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::link::{Link, LinkReader, LinkWriter};
use sotto_transport::rng::OsRng;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::error::BenchError;
use super::measured::percentile;
use super::report::{NodeReport, PacedReport};
use super::{BenchArgs, crypto, replay};
use crate::shell::MixStatus;
use crate::stage::{Cast, NodeProcess, Prepared, Sink, Stage, StageError, prepare};

/// Neighbours on each side.
const NEIGHBOURS: usize = 2;
/// A week: so long that hardly any measurement sees an epoch's end.
pub(super) const EPOCH_S: u32 = 7 * 24 * 3600;
/// The part of the greatest throughput at which delays are measured.
const LOAD: f64 = 0.7;
/// Packets written to a link together.
const WRITE_MAX: usize = 64;
/// How long packets may take to come out once all have gone in.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// The part of the packets before and after the stretch that is measured at full speed, in percent.
const EDGE_PERCENT: u64 = 15;
/// How often counts are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// A node on its stage.
pub(super) struct Play {
    pub(super) runtime: Runtime,
    pub(super) stage: Stage,
    pub(super) node: NodeProcess,
    pub(super) hop: Hop,
    pub(super) address: String,
    /// Packets that were made so far.
    made: u64,
    delay_mean: Duration,
    delay_max: Duration,
    dir: tempfile::TempDir,
}

/// Makes the directory for the node's files, which goes when the value is dropped.
pub(super) fn directory(args: &BenchArgs) -> Result<tempfile::TempDir, BenchError> {
    let dir = match &args.dir {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    };
    dir.map_err(BenchError::system("make a directory for the node"))
}

/// All that is measured of the node.
pub(super) fn measure(args: &BenchArgs, progress: &mut dyn FnMut(&str)) -> Result<NodeReport, BenchError> {
    let mut play = Play::begin(args, |_| Ok(()))?;
    progress(&format!("making {} packets", args.packets));
    let (saturated, workers, dropped) = play.saturate(args.packets, progress)?;
    play.end()?;
    // A node of its own, so that what it counts is of this rate alone.
    let mut play = Play::begin(args, |_| Ok(()))?;
    let paced = play.paced(saturated.in_per_s.min(saturated.out_per_s) * LOAD, args.seconds, progress)?;
    play.end()?;
    let memory = replay::measure(args, progress)?;
    Ok(NodeReport {
        workers,
        dropped,
        in_per_s: saturated.in_per_s,
        out_per_s: saturated.out_per_s,
        processors_busy: saturated.processors_busy,
        out_per_cpu_s: saturated.per_cpu_s,
        paced,
        memory,
    })
}

/// The node as fast as it goes.
struct Saturated {
    in_per_s: f64,
    out_per_s: f64,
    processors_busy: f64,
    /// Of all packets, from the first to the last.
    per_cpu_s: f64,
}

impl Play {
    /// Sets the stage and starts the node; `before` gets its directory first.
    pub(super) fn begin(
        args: &BenchArgs,
        before: impl FnOnce(&Path) -> Result<(), BenchError>,
    ) -> Result<Self, BenchError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(BenchError::system("start the benchmark's threads"))?;
        let dir = directory(args)?;
        let cast = Cast { sources: NEIGHBOURS, sinks: NEIGHBOURS, epoch_s: EPOCH_S };
        let stage = runtime.block_on(Stage::set(cast, args.delay_ms_mean))?;
        let mut config = stage.config(&dir.path().join("node"));
        config.limits.workers = usize::try_from(args.workers).unwrap_or(usize::MAX);
        config.x25519 = Some(crypto::x25519(args.x25519.as_deref())?);
        let (_, path) = config.set_up().map_err(StageError::from)?;
        before(&config.dir)?;
        let program =
            std::env::current_exe().map_err(BenchError::system("find the program that is running"))?;
        let log: PathBuf = dir.path().join("node.log");
        let node = NodeProcess::start(&program, &path, &config.control_socket(), &log)?;
        let address = runtime.block_on(node.ready(NEIGHBOURS))?;
        let hop = runtime.block_on(stage.hop())?;
        let delay_mean = Duration::from_millis(args.delay_ms_mean.into());
        let delay_max = Duration::from_millis(Params::default().delay_ms_max.into());
        Ok(Self { runtime, stage, node, hop, address, made: 0, delay_mean, delay_max, dir })
    }

    /// Ends the node and clears the stage.
    pub(super) fn end(self) -> Result<(), BenchError> {
        let Self { node, stage, dir, runtime, .. } = self;
        node.stop()?;
        drop(stage);
        drop(runtime);
        dir.close().map_err(BenchError::system("remove the node's directory"))
    }

    fn prepare(&mut self, count: u64) -> Result<Vec<Prepared>, BenchError> {
        let sinks: Vec<Hop> = self.stage.sinks.iter().map(Sink::hop).collect();
        let first = self.made;
        self.made += count;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(prepare(self.hop, &sinks, first, count, self.delay_mean, self.delay_max)?)
    }

    fn out(&self) -> u64 {
        self.stage.sinks.iter().map(Sink::count).sum()
    }

    async fn links(&self) -> Result<Vec<Link>, BenchError> {
        let mut links = Vec::new();
        for source in &self.stage.sources {
            links.push(source.connect(&self.hop.node, &self.address).await?);
        }
        Ok(links)
    }

    /// Sends as fast as the node takes, and measures the stretch in the middle.
    fn saturate(
        &mut self,
        count: u64,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(Saturated, usize, u64), BenchError> {
        let packets = self.prepare(count)?;
        progress("as fast as the node takes them");
        let this = &*self;
        let clock = Clock::system();
        this.runtime.block_on(async {
            let shares = split(packets, this.stage.sources.len());
            let before = this.look(&clock).await?;
            let mut sending = JoinSet::new();
            for (link, share) in this.links().await?.into_iter().zip(shares) {
                sending.spawn(send_all(link, share));
            }
            let (low, high) = (count * EDGE_PERCENT / 100, count - count * EDGE_PERCENT / 100);
            this.wait_for_taken(low).await?;
            let begin = this.look(&clock).await?;
            this.wait_for_taken(high).await?;
            let end = this.look(&clock).await?;
            let status = this.node.wait_for("the outcome of every packet", settled(count)).await?;
            let after = this.look(&clock).await?;
            sending.abort_all();
            let span = end.at.since(begin.at).as_secs_f64();
            let packets = |from: u64, to: u64| f64::from(u32::try_from(to - from).unwrap_or(u32::MAX));
            let saturated = Saturated {
                in_per_s: packets(begin.received, end.received) / span,
                out_per_s: packets(begin.forwarded, end.forwarded) / span,
                processors_busy: (end.cpu_s - begin.cpu_s) / span,
                per_cpu_s: packets(before.forwarded, after.forwarded) / (after.cpu_s - before.cpu_s),
            };
            Ok((saturated, status.report.pipeline.workers, status.report.ledger.dropped_total()))
        })
    }

    /// Sends at a rate, as a Poisson process, and measures how long packets take beyond their delays.
    pub(super) fn paced(
        &mut self,
        rate_per_s: f64,
        seconds: u64,
        progress: &mut dyn FnMut(&str),
    ) -> Result<PacedReport, BenchError> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate of packets, and positive"
        )]
        let count = (rate_per_s as u64).saturating_mul(seconds).max(1);
        progress(&format!("making {count} packets"));
        let packets = self.prepare(count)?;
        progress(&format!("{rate_per_s:.0} packets/s for {seconds} s"));
        for sink in &self.stage.sinks {
            sink.keep(true);
        }
        let before_out = self.out();
        let clock = Clock::system();
        let this = &*self;
        let (sent, span_s, cpu_s, status) = this.runtime.block_on(async {
            let links = this.links().await?;
            let begin = this.look(&clock).await?;
            let sent =
                send_paced(links, packets, Duration::from_secs_f64(rate_per_s.recip()), &clock).await?;
            let end = this.look(&clock).await?;
            let status = this.node.wait_for("the outcome of every packet", settled(count)).await?;
            this.wait_for_out(before_out + status.report.ledger.forwarded).await?;
            let span_s = end.at.since(begin.at).as_secs_f64();
            Ok::<_, BenchError>((sent, span_s, end.cpu_s - begin.cpu_s, status))
        })?;
        let mut excess_ms = Vec::with_capacity(sent.len());
        for sink in &self.stage.sinks {
            sink.keep(false);
            for (number, at) in sink.numbers()? {
                if let Some((sent_at, delay)) = sent.get(&number) {
                    let in_node = at.since(*sent_at);
                    excess_ms.push((in_node.as_secs_f64() - delay.as_secs_f64()) * 1000.0);
                }
            }
        }
        excess_ms.sort_by(f64::total_cmp);
        let pipeline = status.report.pipeline;
        Ok(PacedReport {
            rate_per_s: f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / span_s,
            processors_busy: cpu_s / span_s,
            dropped: status.report.ledger.dropped_total(),
            excess_ms_p50: percentile(&excess_ms, 50),
            excess_ms_p99: percentile(&excess_ms, 99),
            node_excess_ms_p99: pipeline.excess.ms_p99,
            commit_ms_p50: pipeline.commit.ms_p50,
            commit_ms_p99: pipeline.commit.ms_p99,
        })
    }

    /// Waits until the node has taken so many packets in.
    async fn wait_for_taken(&self, count: u64) -> Result<(), BenchError> {
        let taken = |status: &MixStatus| status.report.ledger.received >= count;
        self.node.wait_for("packets taken in", taken).await?;
        Ok(())
    }

    async fn wait_for_out(&self, count: u64) -> Result<(), BenchError> {
        let (mut out_before, mut waited) = (self.out(), Duration::ZERO);
        while self.out() < count {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let out = self.out();
            waited = if out == out_before { waited + LOOK_INTERVAL } else { Duration::ZERO };
            out_before = out;
            if waited > DRAIN_MAX {
                let outcomes = self.node.status().await.map(|status| status.report.ledger);
                let (sent, lost) = (count, count - out);
                return Err(BenchError::Lost { lost, sent, outcomes: format!("{outcomes:?}") });
            }
        }
        Ok(())
    }

    async fn look(&self, clock: &Clock) -> Result<Look, BenchError> {
        let cpu_s = self.node.cpu_s().ok_or(BenchError::Untold { what: "processor time" })?;
        let at = clock.now();
        let ledger = self.node.status().await.map(|status| status.report.ledger).unwrap_or_default();
        Ok(Look { at, received: ledger.received, forwarded: ledger.forwarded, cpu_s })
    }
}

/// Whether so many packets came, and none is held.
fn settled(count: u64) -> impl Fn(&MixStatus) -> bool {
    move |status| status.report.ledger.received >= count && status.report.ledger.held == 0
}

/// What is known at one time.
struct Look {
    at: Timestamp,
    received: u64,
    forwarded: u64,
    cpu_s: f64,
}

fn split(packets: Vec<Prepared>, parts: usize) -> Vec<Vec<Frame>> {
    let mut shares: Vec<Vec<Frame>> = vec![Vec::new(); parts.max(1)];
    for (place, prepared) in packets.into_iter().enumerate() {
        let part = place % parts.max(1);
        if let Some(share) = shares.get_mut(part) {
            share.push(Frame::Packet(prepared.packet));
        }
    }
    shares
}

/// Sends all, then keeps the link until the task is ended.
async fn send_all(link: Link, frames: Vec<Frame>) {
    let (_reader, mut writer) = link.split();
    for frames in frames.chunks(WRITE_MAX) {
        if writer.send_all(frames).await.is_err() {
            return;
        }
    }
    std::future::pending::<()>().await;
}

/// Sends each packet at its time, over the links in turn. Tells when each was due and what it asks for.
async fn send_paced(
    links: Vec<Link>,
    packets: Vec<Prepared>,
    interval_mean: Duration,
    clock: &Clock,
) -> Result<HashMap<u64, (Timestamp, Duration)>, BenchError> {
    let mut links: Vec<(LinkReader, LinkWriter)> = links.into_iter().map(Link::split).collect();
    let mut sent = HashMap::with_capacity(packets.len());
    let mut packets = packets.into_iter().peekable();
    let mut due = clock.now();
    let mut frames = Vec::new();
    while packets.peek().is_some() {
        clock.sleep_until(due).await;
        let now = clock.now();
        frames.clear();
        while due <= now
            && let Some(prepared) = packets.next()
        {
            sent.insert(prepared.number, (now, prepared.delay));
            frames.push(Frame::Packet(prepared.packet));
            due = due + draw_exponential(interval_mean, &mut OsRng);
        }
        let place = OsRng.random_range(0..links.len());
        if let Some((_, writer)) = links.get_mut(place) {
            writer.send_all(&frames).await.map_err(|(_, error)| StageError::from(error))?;
        }
    }
    Ok(sent)
}
