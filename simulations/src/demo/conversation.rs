//! Two people's conversation, and how long each message takes to arrive. What they say is in [`super::script`].
//!
//! How they meet is in [`super::meeting`]; what survives a killed program is in [`super::killed`], what survives a lost
//! device in [`super::lost`].

use sotto_client::core::Route;
use sotto_transport::clock::Clock;

use super::narrator::Narrator;
use super::report::Figures;
use super::script;
use super::side::Side;
use super::steps::{Step, StepReport, Steps, count};
use crate::localnet::{LocalnetError, Person};

/// The length of the long message, in bytes.
const LONG_LEN: usize = 20_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Speaker {
    /// Who invited.
    First,
    /// Who was invited.
    Second,
}

impl Speaker {
    pub(super) fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// The conversation of two people.
pub(super) struct Conversation {
    pub(super) first: Side,
    pub(super) second: Side,
    pub(super) route: Route,
    pub(super) clock: Clock,
    pub(super) narrator: Narrator,
    pub(super) figures: Figures,
    pub(super) steps: Steps,
}

/// What is left when it is over.
pub(super) struct Ended {
    pub(super) people: [Person; 2],
    pub(super) figures: Figures,
    pub(super) steps: Vec<StepReport>,
}

impl Conversation {
    /// Connects to both daemons.
    pub(super) async fn begin(
        [first, second]: [Person; 2],
        route: Route,
        clock: Clock,
        narrator: Narrator,
    ) -> Result<Self, LocalnetError> {
        Ok(Self {
            first: Side::of(first).await?,
            second: Side::of(second).await?,
            route,
            clock,
            narrator,
            figures: Figures::default(),
            steps: Steps::default(),
        })
    }

    /// The script, and one long message.
    pub(super) async fn talk(&mut self) -> Result<(), LocalnetError> {
        let long: String = ('a'..='z').cycle().take(LONG_LEN).collect();
        let mut arrived = 0;
        let lines = script::lines(self.route);
        let all = lines.iter().copied().chain([(Speaker::First, long.as_str())]);
        for (speaker, text) in all {
            arrived += usize::from(self.say(speaker, text).await?);
        }
        let sent = lines.len() + 1;
        let found = format!("{arrived} of {} arrived intact.", count(sent, "message", "messages"));
        self.record(Step::Talk, arrived == sent, found);
        Ok(())
    }

    /// One message, awaited at the other side and compared. Returns whether it arrived intact.
    pub(super) async fn say(&mut self, speaker: Speaker, text: &str) -> Result<bool, LocalnetError> {
        let begin = self.clock.now();
        let (from, to) = match speaker {
            Speaker::First => (&mut self.first, &mut self.second),
            Speaker::Second => (&mut self.second, &mut self.first),
        };
        from.send(to.name(), text).await?;
        self.figures.sent += 1;
        let is_intact = to.hear_text(text).await?;
        let latency_ms = self.clock.now().since(begin).as_secs_f64() * 1000.0;
        if is_intact {
            self.figures.delivered += 1;
            self.figures.latencies_ms.push(latency_ms);
            self.narrator.message(from.name(), to.name(), text, latency_ms);
        } else {
            let text = format!("A message of {} has not arrived, or not as it was sent.", from.name());
            self.narrator.trouble(&text);
        }
        Ok(is_intact)
    }

    /// Tells how a step ended, and keeps it.
    pub(super) fn record(&mut self, step: Step, passed: bool, found: String) {
        self.steps.record(step, passed, found, self.narrator);
    }

    pub(super) fn names(&self) -> (&str, &str) {
        (self.first.name(), self.second.name())
    }

    pub(super) fn end(self) -> Ended {
        Ended {
            people: [self.first.person, self.second.person],
            figures: self.figures,
            steps: self.steps.into_reports(),
        }
    }
}
