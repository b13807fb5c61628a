//! Accepts links, one task each, so that a peer that misbehaves harms only itself.
//!
//! Before anything is done for a connection the [limits](ListenLimits) are looked at: how many there are, how many of
//! them from its address, how fast handshakes follow one another. Nobody proves anything until the handshake is over, so
//! nothing before it costs more than that. Which of a link's frames are welcome is for the shell's own task to say.

mod addresses;
mod denial;
mod failures;
mod gate;
mod handshakes;
mod limits;
mod policy;
mod rate;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

pub use denial::Denial;
pub use failures::LinkFailures;
pub use limits::{ListenLimits, ListenLimitsError};
pub use policy::{ListenPolicy, Members};

use crate::clock::Clock;
use crate::dial::{BoxStream, Listener};
use crate::link::{Link, LinkAcceptor, LinkError};
use crate::node::shutdown::Shutdown;
use gate::{Admitted, Gate, Handshake};

/// How long to wait after the system could not accept a connection, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts links until `shutdown`, or until the policy [closes](ListenPolicy::closing), and gives each to `on_link` in a task of its own.
///
/// The connection closes when the future of `on_link` ends (it owns the link) or at shutdown. Its error,
/// like an error of the handshake and a [`Denial`], is counted in `failures` by label.
pub async fn serve_links<L, F, Fut>(
    mut listener: L,
    acceptor: LinkAcceptor,
    failures: Arc<LinkFailures>,
    policy: ListenPolicy,
    shutdown: Shutdown,
    on_link: F,
) where
    L: Listener,
    F: Fn(Link) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), LinkError>> + Send + 'static,
{
    let on_link = Arc::new(on_link);
    let (gate, clock) = (Gate::default(), Clock::system());
    let mut tasks = JoinSet::new();
    let mut is_closed = false;
    loop {
        let accepted = tokio::select! {
            () = shutdown.triggered() => return,
            () = policy.closed(), if !is_closed => {
                is_closed = true;
                continue;
            }
            Some(ended) = tasks.join_next() => {
                if ended.is_err() {
                    failures.count("task-panicked");
                }
                continue;
            }
            accepted = listener.accept(), if !is_closed => accepted,
        };
        match accepted {
            Ok((stream, caller)) => match gate.admit(clock.now(), caller, &policy.limits()) {
                Ok(admitted) => {
                    let (acceptor, failures, on_link, policy) =
                        (acceptor.clone(), Arc::clone(&failures), Arc::clone(&on_link), policy.clone());
                    tasks.spawn(async move {
                        if let Err(error) =
                            serve(&acceptor, stream, admitted, &policy, &failures, &*on_link).await
                        {
                            tracing::debug!(label = error.label(), "link ended");
                            failures.record(&error);
                        }
                    });
                }
                Err(denial) => count(&failures, denial),
            },
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                failures.count("accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection from its handshake to its end.
async fn serve<F, Fut>(
    acceptor: &LinkAcceptor,
    stream: BoxStream,
    admitted: Admitted,
    policy: &ListenPolicy,
    failures: &LinkFailures,
    on_link: &F,
) -> Result<(), LinkError>
where
    F: Fn(Link) -> Fut,
    Fut: Future<Output = Result<(), LinkError>>,
{
    let Admitted { mut place, handshake } = admitted;
    // On the heap, so that a link that lives for days does not keep the room that its handshake took.
    let link = Box::pin(shake_hands(acceptor, stream, handshake)).await?;
    if !policy.knows(&link.peer())
        && let Err(denial) = place.becomes_anonymous(&policy.limits())
    {
        count(failures, denial);
        link.refuse(denial.label(), &denial.to_string());
        return Ok(());
    }
    Box::pin(on_link(link)).await
}

async fn shake_hands(
    acceptor: &LinkAcceptor,
    stream: BoxStream,
    mut handshake: Handshake,
) -> Result<Link, LinkError> {
    tokio::select! {
        link = acceptor.accept(stream) => link,
        () = handshake.evicted() => Err(LinkError::HandshakeEvicted),
    }
}

fn count(failures: &LinkFailures, denial: Denial) {
    tracing::debug!(label = denial.label(), "turned away");
    failures.count(denial.label());
}
