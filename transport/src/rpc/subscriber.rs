//! Connections that asked to be told of things as they happen.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::message::{LINE_LEN_MAX, notification_line};

/// Lines that may wait to be read by one connection.
pub const QUEUE_MAX: usize = 256;

/// The sending side of one connection. Clones are the same connection.
#[derive(Clone, Debug)]
pub struct Subscriber {
    lines: mpsc::Sender<Vec<u8>>,
    /// True when the connection is to end.
    cut_off: Arc<watch::Sender<bool>>,
}

impl Subscriber {
    pub(super) fn new() -> (Self, mpsc::Receiver<Vec<u8>>) {
        let (lines, queue) = mpsc::channel(QUEUE_MAX);
        (Self { lines, cut_off: Arc::new(watch::Sender::new(false)) }, queue)
    }

    /// Sends a notification, and says whether the connection still stands. One that has not read its last
    /// [`QUEUE_MAX`] lines is cut off: a notification left out would go unnoticed, a lost connection does not.
    ///
    /// A notification of more than [`LINE_LEN_MAX`] bytes cannot be sent, and cuts the connection off too.
    pub fn notify(&self, method: &str, params: &Value) -> bool {
        if self.is_closed() {
            return false;
        }
        let line = notification_line(method, params);
        let is_sent = line.len() <= LINE_LEN_MAX && self.lines.try_send(line).is_ok();
        if !is_sent {
            tracing::warn!(label = "slow-subscriber", method, "cut off a connection that does not read");
            self.cut_off();
        }
        is_sent
    }

    /// Whether the connection has ended, or is about to.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        *self.cut_off.borrow() || self.lines.is_closed()
    }

    /// Queues a response. Unlike a notification it waits for room: its reader asked for it.
    pub(super) async fn respond(&self, line: Vec<u8>) -> bool {
        self.lines.send(line).await.is_ok()
    }

    pub(super) fn cut_off(&self) {
        self.cut_off.send_replace(true);
    }

    pub(super) async fn until_cut_off(&self) {
        // The sender lives as long as `self`, so the wait cannot end for another reason.
        let mut changes = self.cut_off.subscribe();
        drop(changes.wait_for(|cut_off| *cut_off).await);
    }
}

/// The connections that asked for one kind of notification.
#[derive(Debug, Default)]
pub struct Subscribers(Mutex<Vec<Subscriber>>);

impl Subscribers {
    /// Adds one.
    pub fn add(&self, subscriber: Subscriber) {
        let mut subscribers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|other| !other.is_closed());
        subscribers.push(subscriber);
    }

    /// Sends each of them a notification, and forgets those that have gone.
    pub fn publish(&self, method: &str, params: &Value) {
        let mut subscribers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| subscriber.notify(method, params));
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        let mut subscribers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| !subscriber.is_closed());
        subscribers.len()
    }
}
