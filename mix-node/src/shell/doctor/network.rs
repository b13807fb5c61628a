//! Whether the authorities answer, what they have signed, and whether this node is in it.

use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::directory::{Consensus, Freshness};
use sotto_protocol::ident::NodeId;
use sotto_transport::clock::Clock;
use sotto_transport::dial::TcpDialer;
use sotto_transport::directory_client::fetch_consensus;
use sotto_transport::link::{LinkConnector, LinkTimes};

use crate::shell::check::{Check, Verdict};
use crate::shell::config::NodeConfig;
use crate::shell::status::Observed;

/// A round trip that is worth a word, handshake and consensus together.
const ANSWER_SLOW: Duration = Duration::from_secs(5);

/// What the authorities answered.
pub(super) struct Network {
    answers: Vec<Answer>,
}

struct Answer {
    address: String,
    /// The consensus and how long it took, or label and words.
    outcome: Result<(Consensus, Duration), (String, String)>,
}

impl Network {
    /// The newest consensus that an authority served.
    pub(super) fn newest(&self) -> Option<&Consensus> {
        let served = self.answers.iter().filter_map(|answer| Some(&answer.outcome.as_ref().ok()?.0));
        served.max_by_key(|consensus| consensus.epoch)
    }
}

/// Asks every authority for the newest consensus, one after the other, as somebody without a key.
pub(super) async fn ask(config: &NodeConfig) -> Network {
    let mut answers = Vec::new();
    let connector = LinkConnector::anonymous(Arc::new(TcpDialer), LinkTimes::default());
    for authority in &config.network.authorities {
        let outcome = match config.network.authority_set() {
            Ok(set) => {
                let clock = Clock::system();
                let asked = clock.now();
                let fetched = fetch_consensus(&connector, &authority.key, &authority.address, &set).await;
                fetched
                    .map(|(_, consensus)| (consensus, clock.now().since(asked)))
                    .map_err(|error| (error.label().to_owned(), error.to_string()))
            }
            Err(error) => Err(("authority-set".to_owned(), error.to_string())),
        };
        answers.push(Answer { address: authority.address.clone(), outcome });
    }
    Network { answers }
}

/// What the answers say.
pub(super) fn check(
    network: &Network,
    config: &NodeConfig,
    node: &NodeId,
    running: Option<&Observed>,
) -> Vec<Check> {
    let mut checks: Vec<Check> = network.answers.iter().map(authority).collect();
    let newest = network.newest();
    checks.push(consensus(newest.map(|newest| (newest.epoch, newest.freshness(Clock::system().now())))));
    let place = newest.map(|newest| newest.nodes.iter().any(|listed| listed.node == *node));
    let refused = running.and_then(|running| running.failure("publish"));
    checks.push(admitted(place, running.is_some(), refused, &node.to_string(), config.role.name()));
    checks
}

fn authority(answer: &Answer) -> Check {
    let name = "authority";
    match &answer.outcome {
        Ok((_, took)) if *took > ANSWER_SLOW => Check::wrong(
            name,
            Verdict::Warn,
            format!("{} answered after {} ms", answer.address, took.as_millis()),
            "it takes long for a handshake and a consensus",
            "look at this host's line; the authority may be far away or busy",
        ),
        Ok((_, took)) => Check::ok(
            name,
            format!("{} answered after {} ms", answer.address, took.as_millis()),
            "it has the key that the network link names, and serves a consensus with valid signatures",
        ),
        Err((label, text)) if label == "refused" => Check::wrong(
            name,
            Verdict::Warn,
            format!("{} answers and serves no consensus", answer.address),
            text.clone(),
            "a new network signs when enough nodes have announced themselves: see whether this one runs",
        ),
        Err((label, text)) => Check::wrong(
            name,
            Verdict::Fail,
            format!("{}: {label}", answer.address),
            text.clone(),
            "see whether this host may open TCP connections to it, and whether the network link is current",
        ),
    }
}

fn consensus(newest: Option<(u64, Freshness)>) -> Check {
    let name = "consensus";
    match newest {
        Some((epoch, Freshness::Fresh)) => Check::ok(name, format!("epoch {epoch}"), "it is for now"),
        Some((epoch, freshness)) => Check::wrong(
            name,
            if freshness == Freshness::Grace { Verdict::Warn } else { Verdict::Fail },
            format!("epoch {epoch}, not for now"),
            "the authorities have no consensus for the present epoch by this host's clock",
            "see `clock` above; if that is right, ask the authorities' operators",
        ),
        None => Check::wrong(
            name,
            Verdict::Fail,
            "none",
            "without one the node drops every packet",
            "see `authority` above",
        ),
    }
}

/// `listed` is nothing where there is no consensus, `refused` the label and words of an authority that refused the
/// running node.
fn admitted(
    listed: Option<bool>,
    is_running: bool,
    refused: Option<(&str, &str)>,
    node: &str,
    role: &str,
) -> Check {
    let name = "admitted";
    let ask = || format!("send the authorities this name, for their `admit`: {node}");
    match (listed, refused) {
        (_, Some((label, text))) => {
            Check::wrong(name, Verdict::Fail, format!("refused, {label}"), text.to_owned(), ask())
        }
        (Some(true), None) => {
            Check::ok(name, "listed", format!("the consensus lists this node; role {role}"))
        }
        (Some(false), None) if is_running => Check::wrong(
            name,
            Verdict::Warn,
            "not listed yet",
            "the node runs, and the newest consensus does not list it; an admitted node is listed from the next \
             epoch on",
            ask(),
        ),
        (Some(false), None) => Check::wrong(
            name,
            Verdict::Warn,
            "not listed",
            "the newest consensus does not list this node, which does not run: whether it is admitted shows when \
             it announces itself",
            "start the node",
        ),
        (None, None) => Check::wrong(
            name,
            Verdict::Warn,
            "not known",
            "there is no consensus that could list this node",
            "see `authority` above",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_listed_node_is_surely_admitted() {
        let verdict = |listed, runs, refused| {
            let check = admitted(listed, runs, refused, "abcd", "mix");
            (check.verdict, check.remedy.unwrap_or_default().contains("abcd"))
        };
        assert_eq!(verdict(Some(true), true, None), (Verdict::Ok, false));
        assert_eq!(verdict(Some(false), true, None), (Verdict::Warn, true));
        assert_eq!(verdict(Some(false), false, None), (Verdict::Warn, false));
        assert_eq!(verdict(None, true, None), (Verdict::Warn, false));
        let refused = Some(("not-admitted", "list it"));
        assert_eq!(verdict(Some(false), true, refused), (Verdict::Fail, true));
    }

    #[test]
    fn a_consensus_that_is_not_for_now_is_told() {
        assert_eq!(consensus(Some((7, Freshness::Fresh))).verdict, Verdict::Ok);
        assert_eq!(consensus(Some((7, Freshness::Grace))).verdict, Verdict::Warn);
        assert_eq!(consensus(Some((7, Freshness::Expired))).verdict, Verdict::Fail);
        assert_eq!(consensus(Some((7, Freshness::NotYet))).verdict, Verdict::Fail);
        assert_eq!(consensus(None).verdict, Verdict::Fail);
    }

    #[test]
    fn an_authority_that_refuses_is_told_from_one_that_is_away() {
        let answer = |label: &str| Answer {
            address: "192.0.2.1:9000".to_owned(),
            outcome: Err((label.to_owned(), "why".to_owned())),
        };
        assert_eq!(authority(&answer("refused")).verdict, Verdict::Warn);
        let away = authority(&answer("unreachable"));
        assert_eq!((away.verdict, away.value.as_str()), (Verdict::Fail, "192.0.2.1:9000: unreachable"));
    }
}
