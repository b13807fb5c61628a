//! A person's device is lost, and the profile restored from a backup that is older than the last messages.
//!
//! The backup holds no session, so that nothing is used twice: the restored profile makes new ones, which the other
//! side notices by itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use sotto_client::core::{Direction, MessageKind, MessageView, Route, StatusView, Trust};
use sotto_protocol::time::Timestamp;

use super::conversation::{Conversation, Speaker};
use super::side::{ARRIVAL_WAIT_MAX, texts};
use super::since;
use super::steps::{Step, count};
use crate::localnet::LocalnetError;
use crate::wait::wait_for;

/// How long both sides may take to have a new session: some looks at the places where keys are laid out.
const RENEWAL_WAIT_MAX: Duration = Duration::from_secs(120);

impl Conversation {
    /// The first makes a backup, loses the device, and restores the profile. Messages go on in both directions, and what
    /// was sent to the lost device since the backup comes again.
    pub(super) async fn survive_loss(&mut self) -> Result<(), LocalnetError> {
        let digits = self.digits(true).await?;
        let file = self.back_up().await?;
        let since_backup = [
            (Speaker::Second, "This is not in your backup."),
            (Speaker::First, "Nor is this answer."),
            (Speaker::Second, "Then do not drop it."),
        ];
        for (speaker, text) in since_backup {
            self.say(speaker, text).await?;
        }
        self.lose().await?;
        let connected = self.restore(&file).await?;
        self.be_told(&digits, connected).await?;
        self.catch_up().await?;
        let mut went_on = self.say(Speaker::First, "New device, same me.").await?;
        went_on &= self.say(Speaker::Second, "I know: nothing to verify.").await?;
        let found =
            if went_on { "The conversation goes on in both directions." } else { "It does not go on." };
        self.record(Step::GoOn, went_on, found.to_owned());
        Ok(())
    }

    async fn back_up(&mut self) -> Result<PathBuf, LocalnetError> {
        let begin = self.clock.now();
        let file = self.first.person.dir().join("backup.sotto");
        self.first.person.backup(&file).await?;
        let len = file.metadata().map_err(LocalnetError::system("look at the backup"))?.len();
        let found = format!(
            "{} makes a backup: a file of {} KiB under a passphrase of its own ({}).",
            self.first.name(),
            len.div_ceil(1024),
            since(&self.clock, begin)
        );
        self.record(Step::Backup, len > 0, found);
        Ok(file)
    }

    async fn lose(&mut self) -> Result<(), LocalnetError> {
        let ended = self.first.person.stop_daemon().await?;
        self.first.person.lose_profile()?;
        self.second.send(self.first.name(), "Are you still there?").await?;
        self.figures.sent += 1;
        let found = format!(
            "{0} loses the device: the profile is removed. {1} does not know, and writes to {0}.",
            self.first.name(),
            self.second.name()
        );
        self.record(Step::Lose, ended, found);
        Ok(())
    }

    /// Returns when the restored profile was connected.
    async fn restore(&mut self, file: &Path) -> Result<Timestamp, LocalnetError> {
        let begin = self.clock.now();
        self.first.person.restore(file).await?;
        self.first.forget_seen();
        self.first.start().await?;
        let connected = self.clock.now();
        let second = self.second.name().to_owned();
        let is_known = self.first.contact(&second).await?.trust == Trust::Verified;
        let found = format!(
            "{} restores the backup on another device and is connected ({}). {second} is {} in it.",
            self.first.name(),
            since(&self.clock, begin),
            if is_known { "verified" } else { "not verified" }
        );
        self.record(Step::Restore, is_known, found);
        if self.route == Route::Tor {
            self.look_again().await?;
        }
        Ok(connected)
    }

    /// On route `tor` a program looks for new keys when it starts, and then every half an hour.
    async fn look_again(&mut self) -> Result<(), LocalnetError> {
        let laid_out = || async {
            let status = self.first.ask::<StatusView>("status", json!({})).await.ok()?;
            (status.counters.sent_write > 0 && status.outbox_boxes == 0).then_some(())
        };
        if wait_for(&self.clock, ARRIVAL_WAIT_MAX, laid_out).await.is_none() {
            return Err(self.first.odd("the new keys are not stored"));
        }
        let second = self.second.name();
        self.narrator.say(&format!(
            "On route tor a program looks for a contact's new keys twice an hour only, and when it starts: {second} starts anew."
        ));
        self.second.person.stop_daemon().await?;
        self.second.start().await
    }

    /// Both programs have made a new session, and say so; nobody has to verify anew.
    async fn be_told(&mut self, digits: &str, connected: Timestamp) -> Result<(), LocalnetError> {
        let (first, second) = (self.first.name().to_owned(), self.second.name().to_owned());
        let mut told = Vec::new();
        for (side, other) in [(&self.first, &second), (&self.second, &first)] {
            let notice = || async {
                let messages = json!({ "contact": other });
                let page = side.call("messages", messages).await.ok()?;
                let messages: Vec<MessageView> =
                    serde_json::from_value(page.get("messages")?.clone()).ok()?;
                messages.into_iter().find(|message| message.kind == MessageKind::Notice)
            };
            let found = wait_for(&self.clock, RENEWAL_WAIT_MAX, notice).await;
            if let Some(notice) = &found {
                self.narrator.say(&format!("The program tells {}: {}.", side.name(), notice.text));
            }
            told.push(found.is_some());
        }
        let trusts = [self.first.contact(&second).await?.trust, self.second.contact(&first).await?.trust];
        let same = self.digits(true).await? == digits && self.digits(false).await? == digits;
        let is_verified = trusts == [Trust::Verified; 2] && same;
        let passed = told == [true; 2] && is_verified;
        let found = if passed {
            format!(
                "Both have new keys and were told so, {} after {first} was connected; both are still verified, by the same digits.",
                since(&self.clock, connected)
            )
        } else {
            format!("Told: {told:?}; verified: {is_verified}.")
        };
        self.record(Step::Told, passed, found);
        Ok(())
    }

    /// Everything that the second has ever sent is there once, in order.
    async fn catch_up(&mut self) -> Result<(), LocalnetError> {
        let (first, second) = (self.first.name().to_owned(), self.second.name().to_owned());
        let sent = self.second.history(&first).await?;
        let sent = texts(&sent, Direction::Out);
        let deadline = self.clock.now() + ARRIVAL_WAIT_MAX;
        let received = loop {
            let received = self.first.history(&second).await?;
            if texts(&received, Direction::In).len() >= sent.len() || self.clock.now() > deadline {
                break received;
            }
            crate::wait::pause(&self.clock).await;
        };
        let is_same = texts(&received, Direction::In) == sent;
        self.figures.delivered += u64::from(is_same);
        let missing = texts(&self.second.history(&first).await?, Direction::In).len()
            - texts(&received, Direction::Out).len();
        let found = if is_same {
            format!(
                "What was sent to {first} since the backup has come again: {} in all, each once, in order. {} that {first} sent \
                 since then {} with {second} only.",
                count(sent.len(), "message", "messages"),
                count(missing, "message", "messages"),
                if missing == 1 { "is" } else { "are" }
            )
        } else {
            format!(
                "{first} has {} of {second} and should have {}.",
                texts(&received, Direction::In).len(),
                sent.len()
            )
        };
        self.record(Step::CatchUp, is_same, found);
        Ok(())
    }
}
