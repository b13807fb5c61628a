//! The settings `listen` and `announce`: whether a node could listen there, and others dial it.
//!
//! Whether the port is free, and whether the announced address leads here, is for `doctor` to find out.

use std::net::SocketAddr;

use sotto_protocol::directory::is_address;
use sotto_transport::node::NodeError;

use super::NodeConfig;

/// Checks the addresses by themselves and together; `place_of` says where a setting stands.
pub(super) fn check(config: &NodeConfig, place_of: impl Fn(&str) -> String) -> Result<(), NodeError> {
    let wrong = |label, key: &str, value: &str, expected: &str| NodeError::Setting {
        label,
        place: place_of(key),
        message: format!("`{key}` is {value:?}: {expected}"),
    };
    let Ok(listen) = config.listen.parse::<SocketAddr>() else {
        let expected = "expected ip:port of this host, as 0.0.0.0:9000 or [::]:9000, with a port up to 65535; \
                        a name goes into `announce`";
        return Err(wrong("address", "listen", &config.listen, expected));
    };
    match &config.announce {
        Some(announce) if !is_address(announce) => {
            let expected = "expected host:port, with a port from 1 to 65535";
            return Err(wrong("address", "announce", announce, expected));
        }
        Some(announce) if announce.parse().is_ok_and(|at: SocketAddr| at.ip().is_unspecified()) => {
            let expected =
                "nobody can dial that: expected the address or the name by which others reach this host";
            return Err(wrong("address", "announce", announce, expected));
        }
        None if listen.ip().is_unspecified() => {
            let expected =
                "nobody can dial that: set `announce` to host:port, by which others reach this host";
            return Err(wrong("no-announce", "listen", &config.listen, expected));
        }
        _ => {}
    }
    match config.metrics {
        // Port 0 is another one each time.
        Some(metrics)
            if metrics.port() == listen.port()
                && metrics.port() != 0
                && (metrics.ip() == listen.ip() || listen.ip().is_unspecified()) =>
        {
            let expected = "that is where the node listens: expected another port";
            Err(wrong("address", "metrics", &metrics.to_string(), expected))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;

    #[test]
    fn addresses_that_cannot_work_are_refused_with_what_was_expected() {
        let dir = tempfile::tempdir().unwrap();
        let check = |listen: &str, announce: Option<&str>, metrics: &str| {
            let mut config = config(dir.path());
            listen.clone_into(&mut config.listen);
            config.announce = announce.map(str::to_owned);
            config.metrics = Some(metrics.parse().unwrap());
            super::check(&config, |key| format!("mix.toml:{key}"))
                .map_err(|error| (error.label().to_owned(), error.to_string()))
        };
        let metrics = "127.0.0.1:9464";
        for (listen, announce) in [
            ("127.0.0.1:0", None),
            ("127.0.0.1:9000", None),
            ("[::]:9", Some("a.example:9")),
            ("0.0.0.0:0", Some("[::1]:9")),
        ] {
            assert_eq!(check(listen, announce, metrics), Ok(()), "{listen}");
        }
        for listen in ["127.0.0.1", "localhost:9000", "127.0.0.1:65536", "9000", ""] {
            let (label, error) = check(listen, None, metrics).unwrap_err();
            assert_eq!(label, "address");
            assert!(
                error.starts_with("mix.toml:listen: `listen` is ") && error.contains("ip:port"),
                "{error}"
            );
        }
        for (announce, words) in [
            ("0.0.0.0:9", "nobody"),
            ("[::]:9", "nobody"),
            ("a.example", "host:port"),
            ("a.example:70000", "65535"),
        ] {
            let (label, error) = check("127.0.0.1:9000", Some(announce), metrics).unwrap_err();
            assert_eq!(label, "address");
            assert!(error.starts_with("mix.toml:announce: ") && error.contains(words), "{error}");
        }
        assert_eq!(check("0.0.0.0:9000", None, metrics).unwrap_err().0, "no-announce");
        for listen in [metrics, "0.0.0.0:9464"] {
            let (_, error) = check(listen, Some("a.example:1"), metrics).unwrap_err();
            assert!(error.starts_with("mix.toml:metrics: ") && error.contains("another port"), "{error}");
        }
        assert_eq!(check("127.0.0.1:0", None, "127.0.0.1:0"), Ok(()), "the system chooses two");
    }
}
