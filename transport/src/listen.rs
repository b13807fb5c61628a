//! Accepts links, one task each, so that a peer that misbehaves harms only itself.
//!
//! Which of a link's frames are welcome is for the shell's own task to say.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sotto_protocol::limits::NODES_MAX;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use tokio::task::JoinSet;

use crate::dial::{BoxStream, Listener};
use crate::link::{Link, LinkAcceptor, LinkError, Peer};
use crate::node::shutdown::Shutdown;

/// Handshakes under way at once. When one more comes, the oldest is given up: an honest handshake takes
/// milliseconds, so the oldest of so many is one that somebody lets hang.
pub const HANDSHAKES_MAX: usize = 256;

/// Links of peers without a key at once: clients and whoever asks for the consensus. One more is closed after
/// its handshake, which is when it shows that it has no key.
pub const ANONYMOUS_LINKS_MAX: usize = 4096;

/// Links and handshakes at once, so that peers with a key find room however many there are without. One more is
/// closed at once.
pub const LINKS_MAX: usize = ANONYMOUS_LINKS_MAX + NODES_MAX + HANDSHAKES_MAX;

/// How long to wait after the system could not accept a connection, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many links failed, by label, since the start.
#[derive(Debug, Default)]
pub struct LinkFailures(Mutex<BTreeMap<&'static str, u64>>);

impl LinkFailures {
    /// Counts one failure under its label. A link that was simply closed is no failure.
    pub fn record(&self, error: &LinkError) {
        if !matches!(error, LinkError::Closed) {
            self.count(error.label());
        }
    }

    /// Counts one failure under `label`.
    pub fn count(&self, label: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(label).or_default();
        *count = count.saturating_add(1);
    }

    /// The counts so far.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<String, u64> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect()
    }
}

/// Accepts links until `shutdown`, and gives each to `on_link` in a task of its own.
///
/// The connection closes when the future of `on_link` ends (it owns the link) or at shutdown. Its error,
/// like an error of the handshake, is counted in `failures` by label.
pub async fn serve_links<L, F, Fut>(
    mut listener: L,
    acceptor: LinkAcceptor,
    failures: Arc<LinkFailures>,
    shutdown: Shutdown,
    on_link: F,
) where
    L: Listener,
    F: Fn(Link) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), LinkError>> + Send + 'static,
{
    let on_link = Arc::new(on_link);
    let anonymous = Arc::new(Semaphore::new(ANONYMOUS_LINKS_MAX));
    let mut handshakes = Handshakes::default();
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.triggered() => return,
            Some(ended) = tasks.join_next() => {
                if ended.is_err() {
                    failures.count("task-panicked");
                }
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(_) if tasks.len() >= LINKS_MAX => failures.record(&LinkError::LinksFull(LINKS_MAX)),
            Ok(stream) => {
                let evicted = handshakes.admit();
                let (acceptor, failures, on_link, anonymous) =
                    (acceptor.clone(), Arc::clone(&failures), Arc::clone(&on_link), Arc::clone(&anonymous));
                tasks.spawn(async move {
                    let served = match shake_hands(&acceptor, stream, evicted).await {
                        Ok(link) => match place_of(&link, &anonymous) {
                            Ok(_place) => on_link(link).await,
                            Err(error) => Err(error),
                        },
                        Err(error) => Err(error),
                    };
                    if let Err(error) = served {
                        tracing::debug!(label = error.label(), "link ended");
                        failures.record(&error);
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                failures.count("accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn shake_hands(
    acceptor: &LinkAcceptor,
    stream: BoxStream,
    evicted: oneshot::Receiver<()>,
) -> Result<Link, LinkError> {
    tokio::select! {
        link = acceptor.accept(stream) => link,
        Ok(()) = evicted => Err(LinkError::HandshakeEvicted),
    }
}

/// A place among the links without a key, if the link is one of these.
fn place_of<'a>(link: &Link, anonymous: &'a Semaphore) -> Result<Option<SemaphorePermit<'a>>, LinkError> {
    match link.peer() {
        Peer::Node(_) => Ok(None),
        Peer::Anonymous => {
            anonymous.try_acquire().map(Some).map_err(|_| LinkError::LinksFull(ANONYMOUS_LINKS_MAX))
        }
    }
}

/// The handshakes under way, oldest first.
#[derive(Default)]
struct Handshakes(VecDeque<oneshot::Sender<()>>);

impl Handshakes {
    /// Makes room for one more. The receiver hears when it has to go itself, and its drop says that it is done.
    fn admit(&mut self) -> oneshot::Receiver<()> {
        if self.0.len() >= HANDSHAKES_MAX {
            self.0.retain(|handshake| !handshake.is_closed());
        }
        if self.0.len() >= HANDSHAKES_MAX
            && let Some(oldest) = self.0.pop_front()
        {
            // It may have finished just now: then there is nobody to tell, and room all the same.
            let _told = oldest.send(());
        }
        let (evict, evicted) = oneshot::channel();
        self.0.push_back(evict);
        evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_unfinished_handshake_makes_room() {
        let mut handshakes = Handshakes::default();
        let mut held: Vec<_> = (0..HANDSHAKES_MAX).map(|_| handshakes.admit()).collect();
        drop(held.remove(0));
        let mut newer = handshakes.admit();
        assert!(held[0].try_recv().is_err(), "a finished one made room");
        let mut newest = handshakes.admit();
        assert_eq!(held[0].try_recv(), Ok(()), "now the oldest has to go");
        assert!(held[1].try_recv().is_err());
        assert!(newer.try_recv().is_err() && newest.try_recv().is_err());
        assert_eq!(handshakes.0.len(), HANDSHAKES_MAX);
    }
}
