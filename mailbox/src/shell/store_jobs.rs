//! The store's work, on the threads that may block: one job at a time, in the order of asking.

use std::collections::VecDeque;

use sotto_protocol::time::Timestamp;
use tokio::task::JoinHandle;

use crate::core::{Batch, BatchId};
use crate::store::{Store, StoreError, StoreResult, Usage};

/// Something for the store to do.
pub(super) enum Job {
    /// Apply a batch.
    Apply(Timestamp, Batch),
    /// Forget at most so many records that have expired.
    Collect(Timestamp, usize),
}

/// What came of a job.
pub(super) enum Done {
    /// Of a batch.
    Applied(BatchId, Result<Vec<StoreResult>, StoreError>),
    /// Of a collection.
    Collected(Result<usize, StoreError>),
}

/// What a job gives back: the store, its outcome, and how full the store is now.
type Finished<S> = (S, Done, Result<Usage, StoreError>);

/// The store, at rest or at work.
pub(super) struct StoreJobs<S> {
    at_rest: Option<S>,
    at_work: Option<JoinHandle<Finished<S>>>,
    waiting: VecDeque<Job>,
    usage: Option<Usage>,
    failure: Option<String>,
}

impl<S: Store> StoreJobs<S> {
    pub(super) fn new(mut store: S) -> Result<Self, StoreError> {
        let usage = Some(store.usage()?);
        Ok(Self { at_rest: Some(store), at_work: None, waiting: VecDeque::new(), usage, failure: None })
    }

    /// How full the store was after its last job, unless it failed.
    pub(super) const fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Why the last job failed, if it did.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Whether nothing is at work or waits.
    pub(super) fn is_idle(&self) -> bool {
        self.at_work.is_none() && self.waiting.is_empty()
    }

    /// Asks for a job. At most a batch and a collection wait: the core asks for no second one of either.
    pub(super) fn ask(&mut self, job: Job) {
        self.waiting.push_back(job);
        self.begin_next();
    }

    /// The next job's outcome; pends while there is none. Cancelled, it loses nothing. Nothing, if a job
    /// has panicked and taken the store with it.
    pub(super) async fn done(&mut self) -> Option<Done> {
        let Some(work) = &mut self.at_work else {
            return std::future::pending().await;
        };
        let finished = work.await;
        self.at_work = None;
        let (store, done, usage) = finished.ok()?;
        self.at_rest = Some(store);
        self.note(&done, usage);
        self.begin_next();
        Some(done)
    }

    fn begin_next(&mut self) {
        if let Some(store) = self.at_rest.take() {
            match self.waiting.pop_front() {
                Some(job) => self.at_work = Some(tokio::task::spawn_blocking(move || work(store, job))),
                None => self.at_rest = Some(store),
            }
        }
    }

    fn note(&mut self, done: &Done, usage: Result<Usage, StoreError>) {
        let error = match done {
            Done::Applied(_, Err(error)) | Done::Collected(Err(error)) => Some(error),
            _ => usage.as_ref().err(),
        };
        let failure = error.map(ToString::to_string);
        if let Some(error) = error
            && failure != self.failure
        {
            tracing::error!(label = error.label(), "{error}");
        }
        self.failure = failure;
        self.usage = usage.ok();
    }
}

fn work<S: Store>(mut store: S, job: Job) -> Finished<S> {
    let done = match job {
        Job::Apply(now, batch) => Done::Applied(batch.id, store.apply(now, &batch.ops)),
        Job::Collect(now, records_max) => Done::Collected(store.collect_garbage(now, records_max)),
    };
    let usage = store.usage();
    (store, done, usage)
}
