//! Whether the authorities answer, what they have signed, and whether this node is in it.

use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::directory::{Consensus, Freshness, SignedConsensus, epoch_start};
use sotto_protocol::ident::NodeId;
use sotto_protocol::limits::DOCUMENT_LEN_MAX;
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::dial::TcpDialer;
use sotto_transport::directory_client::fetch_consensus;
use sotto_transport::link::{LinkConnector, LinkTimes};
use sotto_transport::node::layout;
use sotto_transport::private;

use crate::shell::check::{Check, Verdict};
use crate::shell::config::NodeConfig;
use crate::shell::status::{Observed, of_membership, span};

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

/// The newest consensus that is known, and where it was found.
struct Known {
    epoch: u64,
    freshness: Freshness,
    age: Duration,
    source: Source,
    /// Whether it lists this node.
    is_listed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Authority,
    /// The running node.
    Node,
    /// The file that a node keeps for its next start.
    File,
}

/// What the answers say.
pub(super) fn check(
    network: &Network,
    config: &NodeConfig,
    node: &NodeId,
    running: Option<&Observed>,
) -> Vec<Check> {
    let mut checks: Vec<Check> = network.answers.iter().map(authority).collect();
    let now = Clock::system().now();
    let known = network
        .newest()
        .map(|newest| Known::from(newest, Source::Authority, node, now))
        .or_else(|| of_node(running?, config.network.epoch_s, now))
        .or_else(|| Some(Known::from(&kept(config)?, Source::File, node, now)));
    checks.push(consensus(known.as_ref()));
    checks.push(admitted(&Standing {
        is_listed: known.as_ref().map(|known| known.is_listed),
        is_reachable: network.answers.iter().any(Answer::is_reachable),
        is_running: running.is_some(),
        is_draining: running.is_some_and(|running| running.status.report.drain.is_some()),
        refused: running.and_then(|running| running.failure("publish")),
        node: &node.to_string(),
        role: config.role.name(),
    }));
    checks
}

impl Answer {
    /// Whether the authority was there, whatever it said.
    fn is_reachable(&self) -> bool {
        self.outcome.as_ref().err().is_none_or(|(label, _)| label == "refused")
    }
}

impl Known {
    fn from(consensus: &Consensus, source: Source, node: &NodeId, now: Timestamp) -> Self {
        Self {
            epoch: consensus.epoch,
            freshness: consensus.freshness(now),
            age: now.since(consensus.valid_after),
            source,
            is_listed: consensus.nodes.iter().any(|listed| listed.node == *node),
        }
    }
}

/// What the running node goes by.
fn of_node(running: &Observed, epoch_s: u32, now: Timestamp) -> Option<Known> {
    let report = &running.status.report;
    let epoch = report.consensus_epoch?;
    let freshness = match running.epochs_behind(now, epoch_s)? {
        0 => Freshness::Fresh,
        1 => Freshness::Grace,
        _ => Freshness::Expired,
    };
    let age = now.since(epoch_start(epoch, epoch_s));
    Some(Known { epoch, freshness, age, source: Source::Node, is_listed: report.place.is_some() })
}

/// The consensus in the node's directory, if its signatures hold.
fn kept(config: &NodeConfig) -> Option<Consensus> {
    let bytes = private::read(&layout::consensus_file(&config.dir), DOCUMENT_LEN_MAX).ok()?;
    SignedConsensus::from_bytes(&bytes).ok()?.verify(&config.network.authority_set().ok()?).ok()
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

fn consensus(known: Option<&Known>) -> Check {
    let name = "consensus";
    let Some(Known { epoch, freshness, age, source, .. }) = known else {
        return Check::wrong(
            name,
            Verdict::Fail,
            "none",
            "without one the node drops every packet",
            "see `authority` above",
        );
    };
    let verdict = match freshness {
        Freshness::Fresh => Verdict::Ok,
        Freshness::Grace => Verdict::Warn,
        Freshness::NotYet | Freshness::Expired => Verdict::Fail,
    };
    let of = match source {
        Source::Authority if verdict == Verdict::Ok => {
            return Check::ok(name, format!("epoch {epoch}"), "it is for now");
        }
        Source::Authority => {
            return Check::wrong(
                name,
                verdict,
                format!("epoch {epoch}, not for now"),
                "the authorities have no consensus for the present epoch by this host's clock",
                "see `clock` above; if that is right, ask the authorities' operators",
            );
        }
        Source::Node => "of the running node",
        Source::File => "of the node's directory",
    };
    Check::wrong(
        name,
        verdict.max(Verdict::Warn),
        format!("epoch {epoch}, {} old, {of}", span(*age)),
        "no authority served one; the node works by this one until it is too old",
        "see `authority` above",
    )
}

/// What is known of the node's part in the network.
struct Standing<'a> {
    /// Nothing where there is no consensus.
    is_listed: Option<bool>,
    /// Whether an authority is there.
    is_reachable: bool,
    is_running: bool,
    is_draining: bool,
    /// Label and words of why the running node could not announce itself.
    refused: Option<(&'a str, &'a str)>,
    node: &'a str,
    role: &'a str,
}

fn admitted(standing: &Standing<'_>) -> Check {
    let name = "admitted";
    let Standing { is_listed, is_reachable, is_running, is_draining, refused, node, role } = *standing;
    let ask = || format!("send the authorities this name, for their `admit`: {node}");
    let wrong = |verdict, value: String, explanation: &str, remedy: String| {
        Check::wrong(name, verdict, value, explanation, remedy)
    };
    match (is_listed, refused) {
        _ if is_draining => Check::ok(
            name,
            "draining",
            "the node leaves the network, so that consensuses to come do not list it; `drain --cancel` takes that back",
        ),
        (Some(true), _) if !is_reachable => Check::ok(
            name,
            "listed",
            format!("the last consensus that is known lists this node; role {role}"),
        ),
        _ if !is_reachable => wrong(
            Verdict::Warn,
            "not known: the authority cannot be reached".to_owned(),
            "only an authority can say whether it admits this node",
            "see `authority` above".to_owned(),
        ),
        (_, Some((label, text))) => {
            let remedy = if label == "not-admitted" { ask() } else { of_membership(label).to_owned() };
            wrong(Verdict::Fail, label.to_owned(), text, remedy)
        }
        (Some(true), None) => {
            Check::ok(name, "listed", format!("the consensus lists this node; role {role}"))
        }
        (Some(false), None) if is_running => wrong(
            Verdict::Warn,
            "not listed yet".to_owned(),
            "the node runs, and the newest consensus does not list it; an admitted node is listed from the next \
             epoch on",
            ask(),
        ),
        (Some(false), None) => wrong(
            Verdict::Warn,
            "not listed".to_owned(),
            "the newest consensus does not list this node, which does not run: whether it is admitted shows when \
             it announces itself",
            "start the node".to_owned(),
        ),
        (None, None) => wrong(
            Verdict::Warn,
            "not known".to_owned(),
            "there is no consensus that could list this node",
            "see `authority` above".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDING: Standing<'static> = Standing {
        is_listed: Some(true),
        is_reachable: true,
        is_running: true,
        is_draining: false,
        refused: None,
        node: "abcd",
        role: "mix",
    };

    #[test]
    fn only_a_listed_node_is_surely_admitted() {
        let verdict = |standing: Standing<'_>| {
            let check = admitted(&standing);
            (check.verdict, check.remedy.unwrap_or_default().contains("abcd"))
        };
        assert_eq!(verdict(STANDING), (Verdict::Ok, false));
        assert_eq!(verdict(Standing { is_listed: Some(false), ..STANDING }), (Verdict::Warn, true));
        let idle = Standing { is_listed: Some(false), is_running: false, ..STANDING };
        assert_eq!(verdict(idle), (Verdict::Warn, false));
        assert_eq!(verdict(Standing { is_listed: None, ..STANDING }), (Verdict::Warn, false));
        let refused = |label| Standing { refused: Some((label, "words")), ..STANDING };
        assert_eq!(verdict(refused("not-admitted")), (Verdict::Fail, true));
        assert_eq!(verdict(refused("future-dated")), (Verdict::Fail, false));
        assert_eq!(admitted(&refused("not-admitted")).value, "not-admitted");
    }

    #[test]
    fn an_authority_that_is_away_says_nothing_of_the_node_and_a_drain_is_told() {
        let away = Standing {
            is_listed: None,
            is_reachable: false,
            refused: Some(("unreachable", "no")),
            ..STANDING
        };
        let check = admitted(&away);
        assert_eq!(check.value, "not known: the authority cannot be reached");
        assert_eq!((check.verdict, check.remedy.unwrap().contains("abcd")), (Verdict::Warn, false));
        assert_eq!(admitted(&Standing { is_listed: Some(true), ..away }).value, "listed");
        let draining = Standing { is_listed: Some(false), is_draining: true, ..STANDING };
        assert_eq!(
            (admitted(&draining).verdict, admitted(&draining).value.as_str()),
            (Verdict::Ok, "draining")
        );
    }

    #[test]
    fn a_consensus_that_is_not_for_now_is_told() {
        let check = |freshness, source| {
            consensus(Some(&Known {
                epoch: 7,
                freshness,
                age: Duration::from_secs(300),
                source,
                is_listed: true,
            }))
        };
        let verdict = |freshness| check(freshness, Source::Authority).verdict;
        assert_eq!(verdict(Freshness::Fresh), Verdict::Ok);
        assert_eq!(verdict(Freshness::Grace), Verdict::Warn);
        assert_eq!(verdict(Freshness::Expired), Verdict::Fail);
        assert_eq!(verdict(Freshness::NotYet), Verdict::Fail);
        assert_eq!(consensus(None).verdict, Verdict::Fail);
        let held = check(Freshness::Fresh, Source::Node);
        assert_eq!(
            (held.verdict, held.value.as_str()),
            (Verdict::Warn, "epoch 7, 5 min old, of the running node")
        );
        assert_eq!(check(Freshness::Expired, Source::File).verdict, Verdict::Fail);
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
