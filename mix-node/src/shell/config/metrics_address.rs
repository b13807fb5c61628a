//! The setting `metrics`: where the node shows its metrics, and to whom.
//!
//! Counts by the second tell an observer when an entry's clients come and go, so they are for this machine
//! only, unless the operator says otherwise.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Deserializer};
use sotto_transport::node::NodeError;

/// Where metrics are shown if nothing else is set.
pub const METRICS_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9_464);

/// The word that turns metrics off; an empty text does, too.
const OFF: &str = "off";

/// The address that `text` names, `None` if metrics are off.
pub(crate) fn parse(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() || text == OFF {
        return Ok(None);
    }
    let wrong = |_| {
        format!("{text:?} is not where metrics can be shown: expected \"ip:port\", or \"off\" for no metrics")
    };
    text.parse().map(Some).map_err(wrong)
}

/// For `#[serde(deserialize_with)]`.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// For a field that is left out.
#[expect(clippy::unnecessary_wraps, reason = "the type of the field")]
pub(super) const fn default() -> Option<SocketAddr> {
    Some(METRICS_ADDRESS)
}

/// What stands in the file.
pub(super) fn text(address: Option<SocketAddr>) -> String {
    address.map_or_else(|| OFF.to_owned(), |address| address.to_string())
}

/// Refuses an address that others can reach, unless `public` allows it. `place` says where the setting stands.
pub(super) fn check(
    address: Option<SocketAddr>,
    public: bool,
    place: impl FnOnce() -> String,
) -> Result<(), NodeError> {
    match address {
        Some(address) if !public && !address.ip().is_loopback() => Err(NodeError::Setting {
            label: "metrics-public",
            place: place(),
            message: format!(
                "`metrics` is {address}, which other machines can reach: expected an address of this machine \
                 alone, as 127.0.0.1:{}; set `metrics_public` to true if a firewall lets nobody but your \
                 Prometheus in",
                address.port()
            ),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_off_and_nothing_else() {
        assert_eq!(parse("127.0.0.1:9464"), Ok(Some(METRICS_ADDRESS)));
        assert_eq!((parse(""), parse("off")), (Ok(None), Ok(None)));
        assert!(parse("localhost:1").unwrap_err().contains("expected \"ip:port\""));
        for address in [None, Some(METRICS_ADDRESS)] {
            assert_eq!(parse(&text(address)), Ok(address));
        }
    }

    #[test]
    fn others_reach_it_only_if_they_are_allowed_to() {
        let check = |text: &str, public| {
            check(parse(text).unwrap(), public, || "mix.toml:7".to_owned())
                .map_err(|error| (error.label().to_owned(), error.to_string()))
        };
        for private in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "off"] {
            assert_eq!(check(private, false), Ok(()));
        }
        for reachable in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1"] {
            let (label, error) = check(reachable, false).unwrap_err();
            assert_eq!(label, "metrics-public");
            assert!(error.starts_with("mix.toml:7: "), "{error}");
            assert_eq!(check(reachable, true), Ok(()));
        }
    }
}
