//! Whether the clock is right, as far as that can be known.
//!
//! No authority tells its time: the protocol has no such message. What can be compared is the newest consensus,
//! which an authority signs when its epoch begins by its own clock, and what the host says of NTP.

use std::time::Duration;

use sotto_protocol::directory::Freshness;
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;

use super::network::Network;
use crate::shell::check::{Check, Verdict};

/// How long after the beginning of its epoch a consensus may come without a word.
const SIGNED_LATE: Duration = Duration::from_secs(60);
/// How long the host may take to say whether it is synchronised.
const NTP_ANSWER_MAX: Duration = Duration::from_secs(5);

/// Compares the clock with the newest consensus.
pub(super) fn against_consensus(network: &Network, epoch_s: u32) -> Check {
    let Some(consensus) = network.newest() else {
        return Check::wrong(
            "clock",
            Verdict::Warn,
            "not compared",
            "no authority served a consensus that this clock could be compared with",
            "see `authority` below",
        );
    };
    judge(
        Clock::system().now(),
        (consensus.valid_after, consensus.valid_until),
        consensus.freshness(Clock::system().now()),
        epoch_s,
    )
}

fn judge(now: Timestamp, valid: (Timestamp, Timestamp), freshness: Freshness, epoch_s: u32) -> Check {
    let name = "clock";
    let (valid_after, valid_until) = valid;
    let into = now.since(valid_after).as_secs();
    let remedy = "compare `date -u` with a clock that is right; if it is this host's, let NTP set it and \
                  restart the node; if not, the authority has stopped to sign";
    match freshness {
        Freshness::Fresh => Check::ok(
            name,
            format!("{into} s after the beginning of the epoch"),
            format!(
                "the newest consensus is for now. An authority tells no more of its clock than that, so this \
                 one can be wrong by seconds, up to an epoch of {epoch_s} s, without its showing here"
            ),
        ),
        Freshness::NotYet => Check::wrong(
            name,
            Verdict::Fail,
            format!("at least {} s behind", valid_after.since(now).as_secs()),
            "the newest consensus is not valid yet by this clock",
            remedy,
        ),
        Freshness::Grace if now.since(valid_until) < SIGNED_LATE => Check::ok(
            name,
            format!("{} s after the end of the epoch", now.since(valid_until).as_secs()),
            "the next consensus is due",
        ),
        Freshness::Grace | Freshness::Expired => Check::wrong(
            name,
            Verdict::Fail,
            format!("{} s after the end of the newest consensus", now.since(valid_until).as_secs()),
            "this clock is ahead by at least as much, or the authorities have signed nothing since: which of the \
             two cannot be told from here",
            remedy,
        ),
    }
}

/// Asks the host whether it keeps its clock by NTP.
pub(super) async fn against_ntp() -> Check {
    let asking = tokio::process::Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .kill_on_drop(true)
        .output();
    let answer = match tokio::time::timeout(NTP_ANSWER_MAX, asking).await {
        Ok(Ok(output)) if output.status.success() => String::from_utf8(output.stdout).ok(),
        _ => None,
    };
    judge_ntp(answer.as_deref().map(str::trim))
}

fn judge_ntp(answer: Option<&str>) -> Check {
    let name = "ntp";
    match answer {
        Some("yes") => {
            Check::ok(name, "synchronised", "the host keeps its clock by NTP, as timedatectl says")
        }
        Some("no") => Check::wrong(
            name,
            Verdict::Warn,
            "not synchronised",
            "nobody keeps this host's clock right, as timedatectl says; a node needs it right to within seconds",
            "timedatectl set-ntp true, or install chrony",
        ),
        _ => Check::wrong(
            name,
            Verdict::Warn,
            "not known",
            "timedatectl does not answer here, as in a container",
            "make sure that the host, which owns the clock, keeps it by NTP",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_outside_the_newest_consensus_is_wrong() {
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1_000);
        let verdict = |now, freshness| judge(at(now), (at(3_600), at(7_200)), freshness, 3_600);
        assert_eq!(verdict(3_700, Freshness::Fresh).verdict, Verdict::Ok);
        let behind = verdict(3_500, Freshness::NotYet);
        assert_eq!((behind.verdict, behind.value.as_str()), (Verdict::Fail, "at least 100 s behind"));
        assert_eq!(verdict(7_210, Freshness::Grace).verdict, Verdict::Ok, "the next one is due");
        assert_eq!(verdict(7_300, Freshness::Grace).verdict, Verdict::Fail);
        assert_eq!(verdict(90_000, Freshness::Expired).verdict, Verdict::Fail);
    }

    #[test]
    fn what_the_host_says_of_ntp_is_taken_as_it_is() {
        assert_eq!(judge_ntp(Some("yes")).verdict, Verdict::Ok);
        assert_eq!(judge_ntp(Some("no")).value, "not synchronised");
        assert_eq!(judge_ntp(None).value, "not known");
        assert_eq!(judge_ntp(Some("")).verdict, Verdict::Warn);
    }
}
