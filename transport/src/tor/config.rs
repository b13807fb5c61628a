//! The table `[tor]` of a configuration, and what can be found wrong with it before anything is started.

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{TorError, arti_config_too_long};

/// Bridges at once. Tor uses a few; more cost connections at each start.
pub const BRIDGES_MAX: usize = 32;

/// Transports at once: each is a program that runs along.
const TRANSPORTS_MAX: usize = 8;

/// Bytes of a file in arti's format: enough for a private network of hundreds of relays.
pub(super) const ARTI_CONFIG_LEN_MAX: u64 = 1 << 20;

/// How Tor is reached. Empty, which is the default: by the built-in client, directly.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TorConfig {
    /// The SOCKS5 port of a tor or arti that runs already (Tails, Whonix, Orbot, a system's tor), as `ip:port`.
    /// Then the settings below belong to that program, and are refused here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socks: Option<SocketAddr>,
    /// Bridge lines, for places where Tor is blocked. They are private: whoever knows them can block them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bridges: Vec<String>,
    /// Programs that reach such bridges in a form that is not recognised as Tor.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transports: Vec<PluggableTransport>,
    /// Full path of a TOML file in arti's own format, for private Tor networks and for experts. What is said here
    /// comes on top; `storage.state_dir` and `storage.cache_dir` in it are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arti_config: Option<PathBuf>,
}

/// A program that disguises the connection to a bridge (Tor's pt-spec).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluggableTransport {
    /// The transports that it provides, as bridge lines name them: `obfs4`, `snowflake`, `webtunnel`.
    pub protocols: Vec<String>,
    /// Full path of the program.
    pub path: PathBuf,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
}

impl TorConfig {
    /// Whether Tor can be started with it, as far as that can be told without a network.
    ///
    /// # Errors
    ///
    /// What is wrong first, with its label. In a program without the built-in client, bridge lines and the file in
    /// arti's format are not looked at: [`Tor::start`](super::Tor::start) refuses them.
    pub fn check(&self) -> Result<(), TorError> {
        if let Some(proxy) = self.socks {
            if !is_near(proxy.ip()) {
                return Err(TorError::SocksFar(proxy.ip()));
            }
            return self.check_socks_alone();
        }
        if self.bridges.len() > BRIDGES_MAX {
            return Err(TorError::Bridges(self.bridges.len()));
        }
        for (number, transport) in (1..).zip(&self.transports) {
            let reason = match number {
                ..=TRANSPORTS_MAX => transport.trouble(),
                _ => Some(format!("at most {TRANSPORTS_MAX} are used; remove some")),
            };
            if let Some(reason) = reason {
                return Err(TorError::Transport { number, reason });
            }
        }
        #[cfg(feature = "tor")]
        super::embedded::check(self)?;
        Ok(())
    }

    fn check_socks_alone(&self) -> Result<(), TorError> {
        let others = [
            ("bridges", !self.bridges.is_empty()),
            ("transports", !self.transports.is_empty()),
            ("arti_config", self.arti_config.is_some()),
        ];
        match others.into_iter().find(|(_, is_set)| *is_set) {
            Some((field, _)) => Err(TorError::SocksAlone(field)),
            None => Ok(()),
        }
    }
}

/// Whether an address is of this machine or of a private network, such as that of a virtual machine and its gateway.
/// What goes to a SOCKS proxy is not encrypted: on the way to any other address everybody could read which onion
/// services somebody uses.
const fn is_near(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

impl PluggableTransport {
    /// What is wrong with it.
    fn trouble(&self) -> Option<String> {
        let path = self.path.display();
        if self.protocols.is_empty() {
            return Some("`protocols` is empty: name what it provides, for example [\"obfs4\"]".to_owned());
        }
        if !self.path.is_absolute() {
            return Some(format!("{path} is not a full path; write it from the root on"));
        }
        match self.path.metadata() {
            Err(error) => Some(format!("{path}: {error}; install the program, or correct `path`")),
            Ok(metadata) if !metadata.is_file() => {
                Some(format!("{path} is not a file; `path` must name the program itself"))
            }
            Ok(metadata) if metadata.permissions().mode() & 0o111 == 0 => {
                Some(format!("{path} may not be executed; run: chmod +x {path}"))
            }
            Ok(_) => None,
        }
    }
}

/// Reads the file in arti's format, of a bounded length.
#[cfg_attr(not(feature = "tor"), expect(dead_code, reason = "the built-in client alone reads the file"))]
pub(super) fn read_arti_config(path: &Path) -> Result<String, TorError> {
    let wrong = |reason| TorError::ArtiConfig { path: path.to_owned(), reason };
    if !path.is_absolute() {
        return Err(wrong("not a full path; write it from the root on".to_owned()));
    }
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(ARTI_CONFIG_LEN_MAX + 1).read_to_string(&mut text));
    let len = read.map_err(|error| wrong(format!("{error}; correct the path, or remove the setting")))?;
    if u64::try_from(len).is_ok_and(|len| len <= ARTI_CONFIG_LEN_MAX) {
        Ok(text)
    } else {
        Err(wrong(arti_config_too_long()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const FINGERPRINT: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

    fn executable(dir: &Path) -> PathBuf {
        let path = dir.join("obfs4proxy");
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn transport(path: &Path) -> PluggableTransport {
        PluggableTransport { protocols: vec!["obfs4".to_owned()], path: path.to_owned(), arguments: vec![] }
    }

    fn label(config: &TorConfig) -> &'static str {
        config.check().unwrap_err().label()
    }

    #[test]
    fn the_table_reads_as_written_and_takes_nothing_unknown() {
        let text = r#"
            bridges = ["192.0.2.1:443 0123456789ABCDEF0123456789ABCDEF01234567"]
            [[transports]]
            protocols = ["obfs4"]
            path = "/usr/bin/obfs4proxy"
        "#;
        let config: TorConfig = toml::from_str(text).unwrap();
        assert_eq!(config.transports, [transport(Path::new("/usr/bin/obfs4proxy"))]);
        assert_eq!(toml::from_str::<TorConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
        assert_eq!(toml::from_str::<TorConfig>("").unwrap(), TorConfig::default());
        assert_eq!(toml::to_string(&TorConfig::default()).unwrap(), "");
        assert!(toml::from_str::<TorConfig>("bridge = []").is_err());
        let socks: TorConfig = toml::from_str("socks = \"127.0.0.1:9050\"").unwrap();
        socks.check().unwrap();
        assert!(toml::from_str::<TorConfig>("socks = \"localhost\"").is_err());
    }

    #[test]
    fn a_proxy_stands_alone() {
        let socks = TorConfig { socks: Some(([127, 0, 0, 1], 9050).into()), ..TorConfig::default() };
        for config in [
            TorConfig { bridges: vec!["x".to_owned()], ..socks.clone() },
            TorConfig { transports: vec![transport(Path::new("/x"))], ..socks.clone() },
            TorConfig { arti_config: Some("/x".into()), ..socks },
        ] {
            assert_eq!(label(&config), "tor-socks-alone");
        }
    }

    #[test]
    fn a_proxy_is_on_this_machine_or_in_a_private_network() {
        let with = |text: &str| TorConfig { socks: Some(text.parse().unwrap()), ..TorConfig::default() };
        for near in ["127.0.0.1:9050", "127.8.9.1:1", "10.152.152.10:9050", "192.168.1.1:9050", "[::1]:9050"]
        {
            with(near).check().unwrap();
        }
        with("[fd00::1]:9050").check().unwrap();
        with("[::ffff:127.0.0.1]:9050").check().unwrap();
        for far in
            ["192.0.2.7:9050", "0.0.0.0:9050", "[2001:db8::1]:9050", "[::]:9050", "[::ffff:192.0.2.7]:1"]
        {
            assert_eq!(label(&with(far)), "tor-socks-far", "{far}");
        }
    }

    #[test]
    fn a_transport_is_a_program_that_can_be_run() {
        let dir = tempfile::tempdir().unwrap();
        let path = executable(dir.path());
        let with = |transport| TorConfig { transports: vec![transport], ..TorConfig::default() };
        with(transport(&path)).check().unwrap();
        for wrong in [
            transport(Path::new("obfs4proxy")),
            transport(&dir.path().join("absent")),
            transport(dir.path()),
            PluggableTransport { protocols: vec![], ..transport(&path) },
        ] {
            assert_eq!(label(&with(wrong.clone())), "tor-transport", "{wrong:?}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = with(transport(&path)).check().unwrap_err();
        assert!(error.to_string().contains("chmod +x"), "{error}");
        let many = TorConfig { transports: vec![transport(Path::new("/x")); 9], ..TorConfig::default() };
        assert_eq!(label(&many), "tor-transport");
    }

    #[test]
    fn there_are_so_many_bridges_at_most() {
        let bridges = vec![format!("192.0.2.1:443 {FINGERPRINT}"); BRIDGES_MAX + 1];
        assert_eq!(label(&TorConfig { bridges, ..TorConfig::default() }), "tor-bridges");
    }

    #[cfg(feature = "tor")]
    #[test]
    fn bridge_lines_are_checked_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let with = |lines: &[&str]| TorConfig {
            bridges: lines.iter().map(|line| (*line).to_owned()).collect(),
            transports: vec![transport(&executable(dir.path()))],
            ..TorConfig::default()
        };
        let good = format!("192.0.2.1:443 {FINGERPRINT}");
        let disguised = format!("obfs4 192.0.2.1:443 {FINGERPRINT} cert=abc iat-mode=0");
        with(&[&good, &format!("Bridge {good}"), &disguised]).check().unwrap();
        for wrong in ["", "192.0.2.77:443", "192.0.2.77", "192.0.2.77:443 0123", "a@b 192.0.2.77:443 0123"] {
            let error = with(&[&good, wrong]).check().unwrap_err();
            assert_eq!(error.label(), "tor-bridge-line", "{wrong}: {error}");
            assert!(error.to_string().contains("number 2"), "{error}");
            assert!(!error.to_string().contains("192.0.2.77"), "{error}");
        }
        let unknown = format!("snowflake 192.0.2.1:443 {FINGERPRINT}");
        assert_eq!(label(&with(&[&good, &unknown])), "tor-transport-missing");
    }

    #[cfg(feature = "tor")]
    #[test]
    fn a_file_in_artis_format_is_read_whole_or_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("arti.toml");
        let config = TorConfig { arti_config: Some(path.clone()), ..TorConfig::default() };
        assert_eq!(label(&config), "tor-arti-config");
        fs::write(&path, "[path_rules]\nipv4_subnet_family_prefix = 33\n").unwrap();
        config.check().unwrap();
        for wrong in ["[", "path_rules = 1", "[tor_network]\nauthorities = { v3idents = [\"zz\"] }\n"] {
            fs::write(&path, wrong).unwrap();
            assert_eq!(label(&config), "tor-arti-config", "{wrong}");
        }
        fs::write(&path, "[bridges]\nenabled = false\n").unwrap();
        config.check().unwrap();
        let with_bridge =
            TorConfig { bridges: vec![format!("192.0.2.1:443 {FINGERPRINT}")], ..config.clone() };
        assert_eq!(label(&with_bridge), "tor-arti-config", "the bridge would be passed over");
        fs::write(&path, "[bridges]\nenabled = \"auto\"\n").unwrap();
        with_bridge.check().unwrap();
        fs::write(&path, "#".repeat(1 << 20)).unwrap();
        config.check().unwrap();
        fs::write(&path, "#".repeat((1 << 20) + 1)).unwrap();
        assert_eq!(label(&config), "tor-arti-config");
        let relative = TorConfig { arti_config: Some("arti.toml".into()), ..TorConfig::default() };
        let error = relative.check().unwrap_err();
        assert!(error.to_string().contains("full path"), "{error}");
    }

    #[cfg(not(feature = "tor"))]
    #[test]
    fn without_the_client_built_in_only_a_proxy_will_do() {
        use crate::node::shutdown::Shutdown;
        use crate::tor::Tor;

        let dir = tempfile::tempdir().unwrap();
        let error = Tor::start(&TorConfig::default(), dir.path(), Shutdown::new()).unwrap_err();
        assert_eq!(error.label(), "tor-not-built");
        let error = Tor::make_service_discovery_key(
            &TorConfig::default(),
            dir.path(),
            "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion",
        );
        assert_eq!(error.unwrap_err().label(), "tor-not-built");
    }
}
