//! From what arti says about itself to Sotto's status.

use arti_client::status::{BlockageKind, BootstrapStatus};

use crate::tor::status::{Blocking, TorBlockage, TorStage, TorStatus};

/// What is known about the client.
#[derive(Default)]
pub(super) struct Known {
    /// Its own report.
    pub(super) bootstrap: BootstrapStatus,
    /// What it says of the clock, if the clock seems wrong.
    pub(super) skew: Option<String>,
    /// Whether it has had the directory and a connection since the start.
    pub(super) has_worked: bool,
    /// Why the last attempt to bootstrap has failed.
    pub(super) failed: Option<String>,
    /// What the last probe has found in the way, once it worked.
    pub(super) lost: Option<TorBlockage>,
}

impl Known {
    /// All of it in one word, and in words.
    pub(super) fn status(&self) -> TorStatus {
        if let Some(blockage) = &self.lost {
            return TorStatus {
                stage: TorStage::Lost,
                percent: self.percent(),
                summary: "the connection to Tor is lost".to_owned(),
                blocked: Some(blockage.clone()),
            };
        }
        if self.bootstrap.ready_for_traffic() {
            let summary = match &self.skew {
                None => "connected".to_owned(),
                Some(skew) => format!("connected; the clock is {skew}: set it right"),
            };
            return TorStatus { stage: TorStage::Ready, percent: 100, summary, blocked: None };
        }
        let blocked = self.blocked();
        let stage = match (&blocked, self.has_worked) {
            (Some(_), true) => TorStage::Lost,
            (Some(_), false) => TorStage::Blocked,
            (None, _) => TorStage::Bootstrapping,
        };
        TorStatus { stage, percent: self.percent(), summary: self.bootstrap.to_string(), blocked }
    }

    /// Below 100 until it is ready.
    fn percent(&self) -> u8 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 99")]
        let percent = (self.bootstrap.as_frac() * 100.0).clamp(0.0, 99.0) as u8;
        percent
    }

    fn blocked(&self) -> Option<TorBlockage> {
        if let Some(skew) = &self.skew {
            return Some(Blocking::ClockSkewed.told(&format!("the clock is {skew}")));
        }
        if let Some(blockage) = self.bootstrap.blocked() {
            return Some(blocking(&blockage.kind()).told(&blockage.message().to_string()));
        }
        self.failed.as_ref().map(|why| Blocking::Stuck.told(why))
    }
}

const fn blocking(kind: &BlockageKind) -> Blocking {
    match kind {
        BlockageKind::Offline => Blocking::Offline,
        BlockageKind::Filtering => Blocking::Filtered,
        BlockageKind::CantReachTor => Blocking::Unreachable,
        BlockageKind::ClockSkewed => Blocking::ClockSkewed,
        // Disabled cannot be: the client bootstraps. What arti may add later is as vague as this.
        _ => Blocking::Stuck,
    }
}
