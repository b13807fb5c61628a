//! The status for people: what the node does, how full it is, what is wrong and what to do about it.

use std::fmt;
use std::time::Duration;

use sotto_protocol::directory::epoch_start;
use sotto_protocol::ledger::LedgerReport;
use sotto_protocol::time::Timestamp;

use super::advice;
use super::findings::{Evidence, findings, labels, percent, short};
use super::observed::Observed;
use crate::core::{LoopReport, MixReport, TimesReport};
use crate::shell::config::MixRole;

/// A status as it is shown.
pub(crate) struct StatusView<'a> {
    pub(crate) observed: &'a Observed,
    /// An earlier look and how long ago it was; without one, rates are those since the start.
    pub(crate) before: Option<(&'a Observed, Duration)>,
    pub(crate) now: Timestamp,
    pub(crate) epoch_s: u32,
}

impl fmt::Display for StatusView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node(f)?;
        self.packets(f)?;
        self.rates(f)?;
        self.delays(f)?;
        self.sessions(f)?;
        self.loops(f)?;
        self.peers(f)?;
        self.room(f)?;
        self.wrong(f)
    }
}

impl StatusView<'_> {
    fn node(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = &self.observed.status;
        let (member, report) = (&status.member, &status.report);
        let place = match report.place.as_deref() {
            None => ", not in the consensus".to_owned(),
            // An entry's place says no more than its role.
            Some(place) if place == status.role.name() => String::new(),
            Some(place) => match place.strip_prefix("mix-") {
                Some(layer) => format!(", layer {layer}"),
                None => format!(", {place}"),
            },
        };
        writeln!(f, "{} of network {}{place}", status.role.name(), member.network)?;
        writeln!(f, "node      {}", member.node)?;
        writeln!(f, "address   {}, {}", member.address, member.software)?;
        match report.consensus_epoch {
            Some(epoch) => {
                let age = self.now.since(epoch_start(epoch, self.epoch_s));
                writeln!(f, "consensus epoch {epoch}, {} old, of {} s", span(age), self.epoch_s)?;
            }
            None => writeln!(f, "consensus none yet")?,
        }
        let keys: Vec<String> = report.key_epochs.iter().map(u64::to_string).collect();
        writeln!(f, "keys      of epochs {}", keys.join(", "))?;
        let rss_kib = member.rss_kib.unwrap_or_default();
        let uptime = span(Duration::from_secs(member.uptime_s));
        writeln!(f, "running   {uptime}, {} MiB resident", rss_kib / 1024)?;
        if let Some(onion) = &member.onion {
            writeln!(f, "onion     {onion}")?;
        }
        if let Some(drain) = &report.drain {
            match drain.ends_s.map(|ends_s| Timestamp::from_millis(ends_s.saturating_mul(1_000))) {
                Some(ends) => writeln!(f, "draining  ends by itself in {}", span(ends.since(self.now)))?,
                None => writeln!(f, "draining  as soon as an authority knows of it")?,
            }
        }
        if report.quiesced {
            writeln!(f, "quiesced  no loops and no dummies of its own")?;
        }
        Ok(())
    }

    fn packets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledger = &self.observed.status.report.ledger;
        writeln!(
            f,
            "packets   {} received = {} forwarded + {} delivered + {} dropped + {} held{}",
            ledger.received,
            ledger.forwarded,
            ledger.delivered_total(),
            ledger.dropped_total(),
            ledger.held,
            if ledger.balanced() { "" } else { " (does not balance!)" },
        )?;
        for (label, count) in &ledger.dropped {
            let meaning = advice::of_drop(label).map(|advice| format!(" ({})", advice.meaning));
            writeln!(f, "          {count} dropped: {label}{}", meaning.unwrap_or_default())?;
        }
        Ok(())
    }

    fn rates(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledger = &self.observed.status.report.ledger;
        let (before, span_s, since) = match &self.before {
            Some((before, span)) => (
                before.status.report.ledger.clone(),
                span.as_secs_f64(),
                format!("over {:.1} s", span.as_secs_f64()),
            ),
            None => {
                let uptime = Duration::from_secs(self.observed.status.member.uptime_s.max(1));
                (LedgerReport::default(), uptime.as_secs_f64(), "since the start".to_owned())
            }
        };
        let rate = |count: fn(&LedgerReport) -> u64| {
            let grown = count(ledger).saturating_sub(count(&before));
            Duration::from_secs(grown).as_secs_f64() / span_s
        };
        writeln!(
            f,
            "rates     {:.1} received, {:.1} forwarded, {:.1} delivered, {:.1} dropped, {:.1} own a second {since}",
            rate(|ledger| ledger.received),
            rate(|ledger| ledger.forwarded),
            rate(LedgerReport::delivered_total),
            rate(LedgerReport::dropped_total),
            rate(LedgerReport::originated_total),
        )
    }

    /// Where packets wait, and how long they are in the node beyond the delay that they asked for.
    fn delays(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MixReport { held, pipeline, delays_clamped, .. } = &self.observed.status.report;
        writeln!(
            f,
            "delays    {} packets in their delay, {} waiting for a client, {} on their way out, {} clamped so far",
            held.delayed, held.downlink, held.sending, delays_clamped
        )?;
        writeln!(
            f,
            "          before it {} being unwrapped, {} until their tags are durable",
            held.unwrapping, held.committing
        )?;
        writeln!(f, "          beyond it {}", times(&pipeline.excess, "packets"))?;
        writeln!(
            f,
            "commits   {}; {} failed",
            times(&pipeline.commit, "of replay tags"),
            pipeline.commits_failed
        )?;
        writeln!(f, "workers   {}, X25519 by {}", pipeline.workers, pipeline.x25519)
    }

    fn sessions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.observed.status.role != MixRole::Entry {
            return Ok(());
        }
        let sessions = &self.observed.status.report.sessions;
        writeln!(
            f,
            "sessions  {} connected, {} resumable; {} opened, {} resumed, {} expired, {} refused",
            sessions.connected,
            sessions.resumable,
            sessions.opened,
            sessions.resumed,
            sessions.expired,
            sessions.refused,
        )
    }

    fn loops(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LoopReport { sent, returned, lost, tampered, alarms, alarms_raised, .. } =
            &self.observed.status.report.loops;
        writeln!(f, "loops     {sent} sent, {returned} returned, {lost} lost, {tampered} tampered with")?;
        writeln!(f, "          {} alarms stand, {alarms_raised} raised so far", alarms.len())
    }

    fn peers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peers = &self.observed.peers;
        let up = peers.iter().filter(|peer| peer.up).count();
        let queued: u64 = peers.iter().map(|peer| peer.queued).sum();
        writeln!(f, "peers     {up} of {} up, {queued} frames wait", peers.len())?;
        for peer in peers.iter().filter(|peer| !peer.up || !peer.failures.is_empty() || peer.queued > 0) {
            writeln!(
                f,
                "          {} {}, {} frames wait, {} packets sent, {} lost; {}",
                short(&peer.node),
                if peer.up { "up" } else { "down" },
                peer.queued,
                peer.packets_sent,
                peer.packets_lost,
                labels(&peer.failures),
            )?;
        }
        let refused = &self.observed.status.member.link_failures;
        if refused.is_empty() {
            return Ok(());
        }
        writeln!(f, "refused   incoming links: {}", labels(refused))
    }

    /// What is left of the limits.
    fn room(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.observed.status.report;
        let (held_max, sessions_max) = (report.limits.held_max, report.limits.sessions_max);
        let held = usize::try_from(report.ledger.held).unwrap_or(usize::MAX);
        write!(f, "room      {held} of {held_max} packets held ({} %)", percent(held, held_max))?;
        if self.observed.status.role == MixRole::Entry {
            let sessions = self.observed.sessions();
            write!(f, ", {sessions} of {sessions_max} sessions ({} %)", percent(sessions, sessions_max))?;
        }
        if let Some((tags, tags_max)) = self.observed.tags() {
            write!(f, ", {tags} of {tags_max} replay tags of a key ({} %)", percent(tags, tags_max))?;
        }
        writeln!(f)
    }

    fn wrong(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = findings(&Evidence {
            observed: self.observed,
            before: self.before.map(|(before, _)| before),
            now: self.now,
            epoch_s: self.epoch_s,
        });
        if found.is_empty() {
            return writeln!(f, "trouble   none");
        }
        for finding in found {
            writeln!(f, "trouble   {}\n          do: {}", finding.what, finding.remedy)?;
        }
        Ok(())
    }
}

/// How many there were, and how long they took.
fn times(times: &TimesReport, what: &str) -> String {
    let TimesReport { count, ms_p50, ms_p99, ms_max } = times;
    format!("{count} {what}, p50 {ms_p50:.1} ms, p99 {ms_p99:.1} ms, at most {ms_max:.1} ms")
}

/// A span in the largest unit that leaves a number worth reading.
pub(crate) fn span(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}
