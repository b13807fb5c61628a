//! What the operator's parts of the program ask of the task that owns the core.

use std::time::Duration;

use serde_json::Value;
use sotto_transport::node::control::ControlRequest;
use tokio::sync::{mpsc, oneshot};

use super::config::Limits;
use super::engine::Event;
use super::status::Observed;
use crate::core::Mix;

/// How long an answer may take. The task answers in the order of its events, so this is also how long it may be
/// behind before it counts as stuck.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Something that is asked besides what the control socket asks.
pub(crate) enum EngineRequest {
    /// Show that the task still takes its events.
    Alive { reply: oneshot::Sender<()> },
    /// Keep these limits from now on.
    Limits(Limits),
}

impl EngineRequest {
    /// Does what is asked.
    pub(crate) fn perform(self, mix: &mut Mix) {
        match self {
            Self::Alive { reply } => {
                // Who asked may have given up.
                let _answered = reply.send(());
            }
            Self::Limits(limits) => mix.set_limits(limits.held_packets_max, limits.sessions_max),
        }
    }
}

/// The way to ask.
#[derive(Clone)]
pub(crate) struct Asker {
    events: mpsc::Sender<Event>,
    answer_max: Duration,
}

impl Asker {
    pub(crate) const fn new(events: mpsc::Sender<Event>) -> Self {
        Self { events, answer_max: ANSWER_MAX }
    }

    /// Whether the task answers in time.
    pub(crate) async fn is_alive(&self) -> bool {
        self.ask(|reply| Event::Asked(EngineRequest::Alive { reply })).await.is_some()
    }

    /// The node's state; `None` if the node is ending, or does not answer in time.
    pub(crate) async fn status(&self) -> Option<Observed> {
        let value: Value = self.ask(|reply| Event::Control(ControlRequest::Status { reply })).await?;
        Observed::from_value(value).ok()
    }

    /// Hands over other limits.
    pub(crate) async fn set_limits(&self, limits: Limits) {
        // A node that is ending needs none.
        let _taken = self.events.send(Event::Asked(EngineRequest::Limits(limits))).await;
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Event) -> Option<T> {
        let answer = async {
            let (reply, replied) = oneshot::channel();
            self.events.send(question(reply)).await.ok()?;
            replied.await.ok()
        };
        tokio::time::timeout(self.answer_max, answer).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use sotto_protocol::ident::NodeId;

    use super::*;
    use crate::core::MixConfig;

    #[tokio::test]
    async fn a_core_that_takes_no_events_counts_as_stuck() {
        let (events_in, mut events) = mpsc::channel(1);
        let asker = Asker { answer_max: Duration::from_millis(20), ..Asker::new(events_in) };
        assert!(!asker.is_alive().await, "the question is queued, and nobody takes it");
        assert!(!asker.is_alive().await, "not even the question finds room");
        assert!(asker.status().await.is_none());

        drop(events.try_recv());
        let asker = Asker { answer_max: ANSWER_MAX, ..asker };
        let core = tokio::spawn(async move {
            let mut mix = Mix::new(MixConfig::new(NodeId::from_bytes([1; 32])));
            while let Some(event) = events.recv().await {
                if let Event::Asked(request) = event {
                    request.perform(&mut mix);
                }
            }
            mix.report().limits
        });
        assert!(asker.is_alive().await);
        asker.set_limits(Limits { held_packets_max: 2_000, sessions_max: 3, ..Limits::default() }).await;
        drop(asker);
        let limits = core.await.unwrap();
        assert_eq!((limits.held_max, limits.sessions_max), (2_000, 3));
    }
}
