//! The threads that unwrap packets, one a processor.
//!
//! They are threads of their own, and less urgent than the others, so that a packet whose delay is over never waits
//! for one that is being unwrapped. How much work is under way is bounded by the engine, which takes no packets while
//! there is enough.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use sotto_protocol::sphinx::fast::{BatchUnwrapper, X25519};
use sotto_transport::node::NodeError;
use tokio::sync::mpsc;

use crate::core::{UnwrapDone, UnwrapJob};

/// Workers at most, whatever the configuration says.
pub(crate) const WORKERS_MAX: usize = 256;

/// By how much the workers' threads are less urgent, on the scale of nice(2).
const NICE: i32 = 5;

/// The threads, and how much each has to do.
pub(crate) struct Workers {
    lanes: Vec<Lane>,
    done: mpsc::UnboundedReceiver<Ended>,
    backend: X25519,
    /// For jobs whose thread is gone.
    spare: BatchUnwrapper,
}

/// What comes from a thread: its lane with what came of a job, or nothing if the thread was lost with one.
type Ended = Option<(usize, UnwrapDone)>;

struct Lane {
    jobs: Sender<UnwrapJob>,
    /// Jobs that have not come back.
    under_way: usize,
}

impl Workers {
    /// Starts `count` threads, or one for each processor if `count` is zero.
    ///
    /// # Errors
    /// [`NodeError::System`] if a thread cannot be started.
    pub(crate) fn start(count: usize, backend: X25519) -> Result<Self, NodeError> {
        let count = match count {
            0 => thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        let (done_in, done) = mpsc::unbounded_channel();
        let lanes = (0..count.min(WORKERS_MAX)).map(|lane| {
            let (jobs, jobs_out) = channel();
            let done_in = done_in.clone();
            thread::Builder::new()
                .name(format!("unwrap-{lane}"))
                .spawn(move || work(lane, backend, &jobs_out, &done_in))
                .map_err(NodeError::system("start a thread that unwraps packets"))?;
            Ok(Lane { jobs, under_way: 0 })
        });
        let lanes = lanes.collect::<Result<_, NodeError>>()?;
        Ok(Self { lanes, done, backend, spare: BatchUnwrapper::new(backend) })
    }

    /// How many threads there are.
    pub(crate) const fn count(&self) -> usize {
        self.lanes.len()
    }

    /// The X25519 that they use.
    pub(crate) const fn backend(&self) -> X25519 {
        self.backend
    }

    /// Gives a job to the thread with the least to do. If that thread is gone the job is done here, and what came of
    /// it is returned.
    pub(crate) fn submit(&mut self, job: UnwrapJob) -> Option<UnwrapDone> {
        let Some(lane) = self.lanes.iter_mut().min_by_key(|lane| lane.under_way) else {
            return Some(job.run(&mut self.spare));
        };
        match lane.jobs.send(job) {
            Ok(()) => {
                lane.under_way += 1;
                None
            }
            Err(refused) => Some(refused.0.run(&mut self.spare)),
        }
    }

    /// Waits for the next job that is done; `None` if a thread was lost with its jobs.
    pub(crate) async fn next(&mut self) -> Option<UnwrapDone> {
        let (lane, done) = self.done.recv().await.flatten()?;
        self.ended(lane);
        Some(done)
    }

    /// The next job that is done already.
    pub(crate) fn try_next(&mut self) -> Option<UnwrapDone> {
        let (lane, done) = self.done.try_recv().ok().flatten()?;
        self.ended(lane);
        Some(done)
    }

    fn ended(&mut self, lane: usize) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.under_way = lane.under_way.saturating_sub(1);
        }
    }
}

/// One thread, until the engine is gone.
fn work(lane: usize, backend: X25519, jobs: &Receiver<UnwrapJob>, done: &mpsc::UnboundedSender<Ended>) {
    let watch = LossWatch(done);
    // On Linux this is the thread's own. Where it is not allowed, the threads are as urgent as the others.
    let _niceness = rustix::process::nice(NICE);
    let mut unwrapper = BatchUnwrapper::new(backend);
    while let Ok(job) = jobs.recv() {
        if watch.0.send(Some((lane, job.run(&mut unwrapper)))).is_err() {
            return;
        }
    }
}

/// Tells when its thread ends by a panic.
struct LossWatch<'a>(&'a mpsc::UnboundedSender<Ended>);

impl Drop for LossWatch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            // An engine that is gone need not know.
            let _told = self.0.send(None);
        }
    }
}
