//! From what arti says about itself to Sotto's status.

use arti_client::status::{BlockageKind, BootstrapStatus};

use crate::tor::status::{Blocking, TorBlockage, TorStage, TorStatus};

/// What is known about the client at hand, and about those before it.
#[derive(Default)]
pub(super) struct Known {
    /// Its own report.
    bootstrap: BootstrapStatus,
    /// What it says of the clock, if the clock seems wrong.
    skew: Option<String>,
    /// Whether any client was connected since the start.
    has_worked: bool,
    /// Why the client could not be made, or bootstrapped.
    pub(super) failed: Option<String>,
    /// Whether it has made no progress for long.
    has_stalled: bool,
    /// What the last probe has found in the way.
    pub(super) lost: Option<TorBlockage>,
    /// Whether this client was connected once. It may say otherwise for moments, when it fetches a new directory;
    /// the old one serves meanwhile.
    is_up: bool,
    /// What was in the way of the client before, until this one has come further.
    before: Option<(u8, TorBlockage)>,
}

/// How far a client is, as to how long it is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// It has not spoken to any relay.
    Connecting,
    /// It fetches the directory.
    Fetching,
    /// It works.
    Up,
    /// It worked.
    Lost,
}

impl Known {
    /// A new client is at hand.
    pub(super) fn begin(&mut self, bootstrap: BootstrapStatus) {
        let percent = self.percent();
        self.before = self.blocked().map(|blockage| (percent, blockage));
        self.bootstrap = bootstrap;
        (self.failed, self.has_stalled, self.lost, self.is_up) = (None, false, None, false);
    }

    /// The client at hand has told something.
    pub(super) fn note_report(&mut self, report: BootstrapStatus) {
        let percent = self.percent();
        self.bootstrap = report;
        self.has_stalled &= self.percent() <= percent;
        if self.bootstrap.ready_for_traffic() {
            (self.is_up, self.has_worked, self.has_stalled, self.before) = (true, true, false, None);
        }
    }

    /// The client at hand has made no progress for long.
    pub(super) fn note_stall(&mut self) {
        self.has_stalled = !self.bootstrap.ready_for_traffic();
    }

    /// How far the client at hand is.
    pub(super) fn phase(&self) -> Phase {
        match (self.is_up, self.blocked()) {
            (true, None) => Phase::Up,
            (true, Some(_)) => Phase::Lost,
            (false, _) if self.has_no_relay() => Phase::Connecting,
            (false, _) => Phase::Fetching,
        }
    }

    /// Whether no relay has been spoken to, as arti's percentage tells: it gives 15 for connections, half of them when
    /// something takes a TCP connection, and 85 for the directory, which may be there from the last time.
    fn has_no_relay(&self) -> bool {
        matches!(self.percent(), 0..15 | 84..)
    }

    /// What the relays' clocks say about this one; `None` if all is well.
    pub(super) fn note_skew(&mut self, skew: Option<String>) {
        self.skew = skew;
    }

    /// All of it in one word, and in words.
    pub(super) fn status(&self) -> TorStatus {
        let blocked = self.blocked();
        if self.is_up && blocked.is_none() {
            let summary = match &self.skew {
                None => "connected".to_owned(),
                Some(skew) => format!("connected; the clock is {skew}: set it right"),
            };
            return TorStatus { stage: TorStage::Ready, percent: 100, summary, blocked: None };
        }
        let stage = match (&blocked, self.has_worked) {
            (Some(_), true) => TorStage::Lost,
            (Some(_), false) => TorStage::Blocked,
            (None, _) => TorStage::Bootstrapping,
        };
        TorStatus { stage, percent: self.percent(), summary: self.summary(), blocked }
    }

    /// What arti says of itself, without the percentage in front.
    fn summary(&self) -> String {
        if self.is_up && self.lost.is_some() {
            return "the connection to Tor is lost".to_owned();
        }
        let text = self.bootstrap.to_string();
        text.split_once("%: ").map_or(text.clone(), |(_, summary)| summary.to_owned())
    }

    /// Below 100 until it is ready.
    fn percent(&self) -> u8 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 99")]
        let percent = (self.bootstrap.as_frac() * 100.0).clamp(0.0, 99.0) as u8;
        percent
    }

    fn blocked(&self) -> Option<TorBlockage> {
        // A client that works says what is wrong with the clock in its summary.
        if let Some(skew) = self.skew.as_ref().filter(|_| !self.bootstrap.ready_for_traffic()) {
            return Some(Blocking::ClockSkewed.told(&format!("the clock is {skew}")));
        }
        // A client that waits to be told to bootstrap is told at once.
        let is_told = |kind: BlockageKind| !matches!(kind, BlockageKind::Disabled);
        if let Some(blockage) = self.bootstrap.blocked().filter(|blockage| is_told(blockage.kind())) {
            return Some(blocking(&blockage.kind()).told(&blockage.message().to_string()));
        }
        if self.lost.is_some() {
            return self.lost.clone();
        }
        if let Some(why) = &self.failed {
            return Some(Blocking::Stuck.told(why));
        }
        if let Some((_, blockage)) = self.before.as_ref().filter(|(percent, _)| self.percent() <= *percent) {
            return Some(blockage.clone());
        }
        if !self.has_stalled {
            return None;
        }
        Some(match self.percent() {
            0 | 84..=86 => Blocking::Unreachable.told("no relay of Tor answers"),
            1..15 | 87.. => Blocking::Filtered.told("relays of Tor can be reached, and do not speak"),
            percent => Blocking::Stuck.told(&format!("no progress at {percent} %: {}", self.summary())),
        })
    }
}

const fn blocking(kind: &BlockageKind) -> Blocking {
    match kind {
        BlockageKind::Offline => Blocking::Offline,
        BlockageKind::Filtering => Blocking::Filtered,
        BlockageKind::CantReachTor => Blocking::Unreachable,
        BlockageKind::ClockSkewed => Blocking::ClockSkewed,
        // What arti may add later is as vague as this.
        _ => Blocking::Stuck,
    }
}
