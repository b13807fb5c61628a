//! Whether the node's port is its own, and whether others reach it where it says.
//!
//! If the node runs, its own port is dialled; if not, the port is opened for one handshake. Either way the link has
//! to show the node's key. The dial comes from this host: it shows that the address leads here, and not what a
//! firewall further out lets through.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::ident::NodeSecret;
use sotto_transport::dial::{BoxStream, TcpDialer};
use sotto_transport::link::{LinkAcceptor, LinkConnector, LinkTimes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::shell::check::{Check, Verdict};
use crate::shell::config::NodeConfig;
use crate::shell::status::short;

/// How long whoever listens there may take to show metrics, and how many bytes of them are looked at.
const METRICS_ANSWER_MAX: Duration = Duration::from_secs(5);
const METRICS_READ_MAX: u64 = 1_024 * 1_024;

/// Who has the port.
enum Port {
    /// The node, which runs.
    Node,
    /// This program, for the moment.
    Ours(TcpListener),
    /// Nobody could get it.
    Refused(std::io::Error),
}

/// Looks at the port and at the announced address, and at the port of the metrics.
pub(super) async fn check(config: &NodeConfig, secret: &NodeSecret, is_running: bool) -> Vec<Check> {
    let port = if is_running {
        Port::Node
    } else {
        TcpListener::bind(&config.listen).await.map_or_else(Port::Refused, Port::Ours)
    };
    let mut checks = vec![listening(&config.listen, &port)];
    checks.push(match target(config) {
        Some(address) => announced(&address, reach(&address, port, secret).await),
        None => Check::wrong(
            "reachable",
            Verdict::Warn,
            "not dialled",
            "the port is chosen at each start (port 0), so there is no address to dial",
            "set `listen` to a port of its own",
        ),
    });
    checks.push(metrics(config.metrics, is_running, &secret.id().to_string()).await);
    checks
}

/// Where others are told to reach the node, if that is known before it starts.
fn target(config: &NodeConfig) -> Option<String> {
    let address = config.announce.as_ref().unwrap_or(&config.listen);
    let is_chosen_later = address.parse::<SocketAddr>().is_ok_and(|address| address.port() == 0);
    (!is_chosen_later).then(|| address.clone())
}

fn listening(listen: &str, port: &Port) -> Check {
    let name = "port";
    match port {
        Port::Node => Check::ok(name, listen.to_owned(), "the running node has it"),
        Port::Ours(_) => Check::ok(name, listen.to_owned(), "it is free; the node does not run"),
        Port::Refused(error) => Check::wrong(
            name,
            Verdict::Fail,
            format!("{listen}: {error}"),
            "the node does not run, and cannot get its port",
            "see who has it: ss -ltnp; ports below 1024 need CAP_NET_BIND_SERVICE; the address must be this host's",
        ),
    }
}

/// Makes a link to `address` that has to show the node's own key; label and words if there is none.
async fn reach(address: &str, port: Port, secret: &NodeSecret) -> Result<(), (String, String)> {
    let connector = LinkConnector::anonymous(Arc::new(TcpDialer), LinkTimes::default());
    let node = secret.id();
    let dial = async {
        let linked = connector.connect(&node, address).await;
        linked.map(drop).map_err(|error| (error.label().to_owned(), error.to_string()))
    };
    match port {
        Port::Node => dial.await,
        Port::Refused(_) => Err(("no-port".to_owned(), "the port could not be opened".to_owned())),
        Port::Ours(listener) => {
            let acceptor = LinkAcceptor::new(secret, LinkTimes::default())
                .map_err(|error| (error.label().to_owned(), error.to_string()))?;
            let answer = async {
                // Whoever else comes meanwhile gets its handshake and no more.
                loop {
                    if let Ok((stream, _)) = listener.accept().await {
                        let stream: BoxStream = Box::new(stream);
                        drop(acceptor.accept(stream).await);
                    }
                }
            };
            tokio::select! {
                reached = dial => reached,
                () = answer => Ok(()),
            }
        }
    }
}

fn announced(address: &str, reached: Result<(), (String, String)>) -> Check {
    let name = "reachable";
    match reached {
        Ok(()) => Check::ok(
            name,
            address.to_owned(),
            "a link from this host to the announced address shows this node's key. Whether a firewall further out \
             lets others in has to be tried from another host",
        ),
        Err((label, text)) => Check::wrong(
            name,
            if label == "wrong-key" { Verdict::Fail } else { Verdict::Warn },
            format!("{address}: {label}"),
            format!("{text}. A router that does not lead its own address back inside looks the same"),
            "let the port through the firewall and the router, correct `announce`, and dial it from another host",
        ),
    }
}

/// Who answers where metrics are to be shown.
enum Shown {
    /// This node.
    Metrics,
    /// A mix that is another node, or that does not say which one it is.
    OtherNode,
    /// Something else, or nothing in time.
    Other,
    /// Nobody listens.
    Nobody,
}

async fn metrics(address: Option<SocketAddr>, is_running: bool, node: &str) -> Check {
    match address {
        Some(address) => judge_metrics(address, is_running, &shown(address, node).await),
        None => Check::ok("metrics", "off", "Prometheus reads nothing; `status` works all the same"),
    }
}

async fn shown(address: SocketAddr, node: &str) -> Shown {
    let Ok(mut stream) = TcpStream::connect(address).await else { return Shown::Nobody };
    let asking = async {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.take(METRICS_READ_MAX).read_to_end(&mut answer).await?;
        std::io::Result::Ok(whose(&String::from_utf8_lossy(&answer), node))
    };
    match tokio::time::timeout(METRICS_ANSWER_MAX, asking).await {
        Ok(Ok(shown)) => shown,
        _ => Shown::Other,
    }
}

/// Whether a page of metrics is this node's.
fn whose(page: &str, node: &str) -> Shown {
    let Some(line) = page.lines().find(|line| line.starts_with("sotto_mix_build_info{")) else {
        return Shown::Other;
    };
    if line.contains(&format!("node=\"{}\"", short(node))) { Shown::Metrics } else { Shown::OtherNode }
}

fn judge_metrics(address: SocketAddr, is_running: bool, shown: &Shown) -> Check {
    let name = "metrics";
    let taken = |who: &str| {
        Check::wrong(
            name,
            Verdict::Warn,
            format!("{who} has {address}"),
            "the node works without metrics until the port is free",
            "set `metrics` to another port, one for each node on this host",
        )
    };
    match (is_running, shown) {
        (true, Shown::Metrics) => Check::ok(name, address.to_string(), "metrics are shown there"),
        (true, Shown::Nobody) => Check::wrong(
            name,
            Verdict::Warn,
            format!("nobody listens on {address}"),
            "the running node shows no metrics: it was started with another setting",
            "sotto-mix reload --config FILE",
        ),
        (false, Shown::Nobody) => Check::ok(name, address.to_string(), "the port is free"),
        (_, Shown::OtherNode) => taken("another node"),
        (_, Shown::Other) | (false, Shown::Metrics) => taken("another program"),
    }
}

#[cfg(test)]
mod tests {
    use sotto_transport::rng::OsRng;

    use super::*;

    const NODE: &str = "b7af2e7700";

    #[test]
    fn an_address_that_leads_elsewhere_is_worse_than_one_that_leads_nowhere() {
        let failed = |label: &str| announced("a:1", Err((label.to_owned(), String::new()))).verdict;
        assert_eq!(announced("a:1", Ok(())).verdict, Verdict::Ok);
        assert_eq!((failed("wrong-key"), failed("unreachable")), (Verdict::Fail, Verdict::Warn));
    }

    #[tokio::test]
    async fn a_port_of_ours_answers_with_the_nodes_key_and_no_other() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let secret = NodeSecret::generate(&mut OsRng);
        let taken = TcpListener::bind(&address).await.unwrap_err();
        assert_eq!(listening(&address, &Port::Refused(taken)).verdict, Verdict::Fail);
        assert_eq!(reach(&address, Port::Ours(listener), &secret).await, Ok(()));
        let (label, _) = reach(&address, Port::Node, &secret).await.unwrap_err();
        assert_eq!(label, "unreachable", "nobody listens any more");
    }

    #[tokio::test]
    async fn metrics_are_judged_by_who_answers() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let other = tokio::spawn(async move { drop(listener.accept().await) });
        assert!(matches!(shown(address, NODE).await, Shown::Other));
        other.await.unwrap();
        assert!(matches!(shown(address, NODE).await, Shown::Nobody));
        let page =
            |labels: &str| format!("# TYPE sotto_mix_build_info gauge\nsotto_mix_build_info{{{labels}}} 1\n");
        assert!(matches!(whose(&page("role=\"mix\",node=\"b7af2e77\""), NODE), Shown::Metrics));
        assert!(matches!(whose(&page("role=\"mix\",node=\"00000000\""), NODE), Shown::OtherNode));
        assert!(matches!(whose(&page("role=\"mix\""), NODE), Shown::OtherNode));
        let verdict = |is_running, shown| judge_metrics(address, is_running, &shown).verdict;
        assert_eq!(
            (verdict(true, Shown::Metrics), verdict(false, Shown::Nobody)),
            (Verdict::Ok, Verdict::Ok)
        );
        for (is_running, shown) in [
            (true, Shown::Nobody),
            (true, Shown::OtherNode),
            (true, Shown::Other),
            (false, Shown::Metrics),
            (false, Shown::Other),
        ] {
            assert_eq!(verdict(is_running, shown), Verdict::Warn);
        }
        assert_eq!(metrics(None, true, NODE).await.value, "off");
    }
}
