//! Closing the vault and opening it again while the daemon runs.
//!
//! Both take long: deriving a key takes about a second by design, and wiping what was read takes time as well. They are
//! done on threads of their own, so that no packet waits for them; the engine goes on over an empty store meanwhile.
//! What the lock is for and what it leaves open is told in the guide to the vault. Credentials are read in
//! [`super::factors`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sotto_protocol::time::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::Failure;
use super::auto_lock::AutoLock;
use super::factors::Given;
use crate::core::{Engine, Opened};
use crate::session::KemPolicy;
use crate::store::{Lockable, Store};

/// Opens the user's store with what was given.
pub type Reopen<S> = Arc<dyn Fn(&Given) -> Result<S, Failure> + Send + Sync>;

/// Where the answer to a call goes.
pub(super) type Answer = oneshot::Sender<Result<Value, Failure>>;

/// A store that has been read, or why it could not be.
pub(super) type Reopened<S> = Result<Opened<Lockable<S>>, Failure>;

/// How a process that can be locked opens its store again, and when it locks by itself.
pub struct LockAccess<S> {
    /// Opens the store.
    pub reopen: Reopen<S>,
    /// Locks after so long without a command; none for never.
    pub idle_max: Option<Duration>,
}

impl<S> fmt::Debug for LockAccess<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LockAccess({:?})", self.idle_max)
    }
}

/// The lock of a running engine.
pub(super) struct Locking<S: Store> {
    /// None where nothing could be unlocked: then nothing is locked.
    reopen: Option<Reopen<S>>,
    auto: AutoLock,
    is_locked: watch::Sender<bool>,
    /// Who waits for the store that is being opened.
    opening: Option<Answer>,
    reopened: mpsc::Receiver<Reopened<S>>,
    reopened_here: mpsc::Sender<Reopened<S>>,
    /// What closes or opens a store at present.
    busy: Option<JoinHandle<()>>,
}

impl<S: Store + Send + 'static> Locking<S> {
    pub(super) fn new(access: Option<LockAccess<S>>, now: Timestamp) -> Self {
        let (reopened_here, reopened) = mpsc::channel(1);
        let idle_max = access.as_ref().and_then(|access| access.idle_max);
        Self {
            reopen: access.map(|access| access.reopen),
            auto: AutoLock::new(idle_max, now),
            is_locked: watch::Sender::new(false),
            opening: None,
            reopened,
            reopened_here,
            busy: None,
        }
    }

    pub(super) fn is_locked(&self) -> bool {
        *self.is_locked.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<bool> {
        self.is_locked.subscribe()
    }

    /// The user has done something.
    pub(super) fn active(&mut self, now: Timestamp) {
        self.auto.active(now);
    }

    /// When to lock by itself.
    pub(super) fn deadline(&self) -> Timestamp {
        if self.is_locked() { Timestamp::NEVER } else { self.auto.deadline() }
    }

    /// Locks, unless it is locked; answers when the store is closed and what was read from it is wiped. Whether it was
    /// open before.
    pub(super) fn lock(
        &mut self,
        engine: &mut Engine<Lockable<S>>,
        now: Timestamp,
        answer: Option<Answer>,
    ) -> bool {
        let tell = move |outcome| {
            // Who asked may have gone.
            let _heard = answer.map(|answer| answer.send(outcome));
        };
        if self.reopen.is_none() {
            tell(Err(no_daemon()));
            return false;
        }
        if let Some(unlocking) = self.opening.take() {
            let _heard = unlocking.send(Err(locked()));
        }
        if self.is_locked() {
            tell(Ok(json!({ "locked": true })));
            return false;
        }
        let empty = match Opened::read(Lockable::locked(), KemPolicy::default()) {
            Ok(empty) => empty,
            Err(error) => {
                tell(Err(Failure::new(error.label(), error.to_string())));
                return false;
            }
        };
        let aside = engine.set_aside(now, empty);
        self.is_locked.send_replace(true);
        self.busy = Some(tokio::task::spawn_blocking(move || {
            drop(aside);
            tell(Ok(json!({ "locked": true })));
        }));
        true
    }

    /// Begins to open the store again.
    pub(super) fn unlock(&mut self, given: Given, answer: Answer) {
        let refused = match &self.reopen {
            None => Err(no_daemon()),
            Some(_) if !self.is_locked() => Ok(json!({ "locked": false })),
            Some(_) if self.opening.is_some() => {
                Err(Failure::new("unlock-busy", "another attempt to unlock is under way: wait for its end"))
            }
            Some(reopen) => {
                let (reopen, reopened) = (Arc::clone(reopen), self.reopened_here.clone());
                let closing = self.busy.take();
                self.opening = Some(answer);
                self.busy = Some(tokio::spawn(async move {
                    if let Some(closing) = closing {
                        // A panic has been reported where it happened; the file is closed either way.
                        let _closed = closing.await;
                    }
                    let open = move || {
                        let store = reopen(&given)?;
                        drop(given);
                        Opened::read(Lockable::Open(store), KemPolicy::default())
                            .map_err(|error| Failure::new(error.label(), error.to_string()))
                    };
                    let opened = tokio::task::spawn_blocking(open).await.unwrap_or_else(|_| {
                        Err(Failure::new("internal", "opening the vault ended unexpectedly: try again"))
                    });
                    // Whoever wanted it may have ended.
                    let _taken = reopened.send(opened).await;
                }));
                return;
            }
        };
        let _heard = answer.send(refused);
    }

    /// The next store that has been opened, or not. Cancelled, it loses none.
    pub(super) async fn next(&mut self) -> Reopened<S> {
        match self.reopened.recv().await {
            Some(reopened) => reopened,
            // Cannot come: one sender is held here.
            None => std::future::pending().await,
        }
    }

    /// Goes on over the store that was opened. Whether it did.
    pub(super) fn take(
        &mut self,
        engine: &mut Engine<Lockable<S>>,
        now: Timestamp,
        reopened: Reopened<S>,
    ) -> bool {
        let Some(answer) = self.opening.take() else {
            // It was locked again while it was being opened.
            if let Ok(opened) = reopened {
                self.busy = Some(tokio::task::spawn_blocking(move || drop(opened)));
            }
            return false;
        };
        let outcome = reopened.map(|opened| {
            drop(engine.take_up(now, opened));
            self.auto.active(now);
            self.is_locked.send_replace(false);
            json!({ "locked": false })
        });
        let is_open = outcome.is_ok();
        let _heard = answer.send(outcome);
        is_open
    }

    /// Waits until nothing is being closed or opened.
    pub(super) async fn end(mut self) {
        self.reopened.close();
        if let Some(busy) = self.busy.take() {
            let _ended = busy.await;
        }
    }
}

/// Why a call is refused while the profile is locked.
pub(super) fn locked() -> Failure {
    Failure::new(
        "locked",
        "the profile is locked: its contacts and messages are closed and none arrive; open it with `sotto unlock`",
    )
}

fn no_daemon() -> Failure {
    Failure::new(
        "lock-no-daemon",
        "only a daemon can be locked and unlocked: this process closes the vault when it ends",
    )
}
