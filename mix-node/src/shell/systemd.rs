//! What a service manager is told: that the node is ready, that it reloads, that it ends, and that it is alive.
//!
//! Without `NOTIFY_SOCKET` in the environment nothing is told to anybody. The sign of life comes from the task that
//! owns the core, not from this one: a node whose core is stuck is started again.

use sd_notify::NotifyState;

use super::asking::Asker;
use sotto_transport::node::shutdown::Shutdown;

/// Signs of life that fall due in the time after which a silent node counts as dead.
const SIGNS_PER_DEADLINE: u32 = 3;

/// The node serves.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
}

/// The node reads its configuration again; [`ready`] follows when it has.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot tell the service manager of the reload"),
    }
}

/// Tells that the node is ending, when `shutdown` comes.
pub(crate) async fn tell_stop(shutdown: Shutdown) {
    shutdown.triggered().await;
    tell(&[NotifyState::Stopping]);
}

/// Gives signs of life for as long as the core does, until `shutdown`; nothing, if nobody watches.
pub(crate) async fn give_signs_of_life(asker: Asker, shutdown: Shutdown) {
    let Some(deadline) = sd_notify::watchdog_enabled() else { return };
    let interval = deadline / SIGNS_PER_DEADLINE;
    tracing::info!(deadline_s = deadline.as_secs_f32(), "watched by the service manager");
    loop {
        tokio::select! {
            () = shutdown.triggered() => return,
            () = tokio::time::sleep(interval) => {}
        }
        if asker.is_alive().await {
            tell(&[NotifyState::Watchdog]);
        } else if !shutdown.is_triggered() {
            tracing::error!("the core takes no events: the service manager gets no sign of life");
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot reach the service manager");
    }
}
