//! How far Tor is, and what is in its way: labels for programs, sentences for people.

use serde::Serialize;

/// How far Tor is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TorStage {
    /// Nothing is known yet.
    Starting,
    /// Connecting, and fetching the directory.
    Bootstrapping,
    /// Streams can be opened.
    Ready,
    /// It has never worked since the start, and something is in the way. It goes on trying.
    Blocked,
    /// It worked and does not any more. It goes on trying.
    Lost,
}

/// What is in Tor's way, as far as can be told from here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TorBlockage {
    /// A stable name: one of the labels of [`TorBlockage::label`].
    pub label: &'static str,
    /// What it is and what to do about it.
    pub text: String,
}

impl TorBlockage {
    /// A stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        self.label
    }
}

/// The state of the way into Tor.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TorStatus {
    /// How far it is.
    pub stage: TorStage,
    /// From 0, just started, to 100, ready.
    pub percent: u8,
    /// What it is doing, in a few words.
    pub summary: String,
    /// What is in the way, if anything is.
    pub blocked: Option<TorBlockage>,
}

impl TorStatus {
    /// Before anything is known.
    pub(super) fn starting() -> Self {
        Self { stage: TorStage::Starting, percent: 0, summary: "starting".to_owned(), blocked: None }
    }

    /// Streams can be opened.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self.stage, TorStage::Ready)
    }
}

/// What can be in the way, told to people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Blocking {
    #[cfg(feature = "tor")]
    Offline,
    #[cfg(feature = "tor")]
    Filtered,
    #[cfg(feature = "tor")]
    Unreachable,
    #[cfg(feature = "tor")]
    ClockSkewed,
    #[cfg(feature = "tor")]
    Stuck,
    ProxyUnreachable,
    ProxyUnusable,
}

impl Blocking {
    /// A stable name of the reason.
    pub(super) const fn label(self) -> &'static str {
        match self {
            #[cfg(feature = "tor")]
            Self::Offline => "tor-offline",
            #[cfg(feature = "tor")]
            Self::Filtered => "tor-filtered",
            #[cfg(feature = "tor")]
            Self::Unreachable => "tor-unreachable",
            #[cfg(feature = "tor")]
            Self::ClockSkewed => "tor-clock-skewed",
            #[cfg(feature = "tor")]
            Self::Stuck => "tor-stuck",
            Self::ProxyUnreachable => "tor-proxy-unreachable",
            Self::ProxyUnusable => "tor-proxy-unusable",
        }
    }

    /// What to do about it.
    const fn advice(self) -> &'static str {
        match self {
            #[cfg(feature = "tor")]
            Self::Offline => "check the network connection and the firewall; Tor needs outgoing TCP",
            #[cfg(feature = "tor")]
            Self::Filtered => {
                "somebody between here and Tor's relays interferes; use bridges (`bridges` and `transports` in [tor])"
            }
            #[cfg(feature = "tor")]
            Self::Unreachable => {
                "check the network connection; if others work, Tor may be blocked here: use bridges \
                 (`bridges` and `transports` in [tor])"
            }
            #[cfg(feature = "tor")]
            Self::ClockSkewed => "set the system's clock, its date and its time zone right",
            #[cfg(feature = "tor")]
            Self::Stuck => {
                "wait a few minutes; if it stays so, check the clock and the connection, and try bridges \
                 (`bridges` in [tor])"
            }
            Self::ProxyUnreachable => "start tor, or correct `socks` in [tor]",
            Self::ProxyUnusable => {
                "`socks` in [tor] must name the SOCKS5 port of tor or arti, which takes user names to keep circuits apart"
            }
        }
    }

    /// With `what` happened in front of the advice.
    pub(super) fn told(self, what: &str) -> TorBlockage {
        TorBlockage { label: self.label(), text: format!("{what}: {}", self.advice()) }
    }
}
