//! The short texts in documents: addresses and names. Only their form is checked; nothing is resolved.

use std::net::{Ipv4Addr, SocketAddrV6};

use crate::limits::ADDRESS_LEN_MAX;

/// The longest name of a network, a cover class or a capability, in bytes.
pub const NAME_LEN_MAX: usize = 32;
/// An onion service's address without `.onion`: 35 bytes in base32 (Tor's rend-spec-v3, section 6).
const ONION_LEN: usize = 56;

/// Whether `text` is `host:port`: a DNS name, an IPv4 address or an IPv6 address in brackets, and a port
/// from 1 to 65535 without leading zeros, [`ADDRESS_LEN_MAX`] bytes at most.
#[must_use]
pub fn is_address(text: &str) -> bool {
    if text.len() > ADDRESS_LEN_MAX {
        return false;
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    if !is_port(port) {
        return false;
    }
    if host.starts_with('[') { text.parse::<SocketAddrV6>().is_ok() } else { is_host(host) }
}

/// Whether `text` is the `host:port` of an onion service, version 3.
#[must_use]
pub fn is_onion_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let base32 = |byte: u8| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte);
    is_port(port)
        && host.strip_suffix(".onion").is_some_and(|name| name.len() == ONION_LEN && name.bytes().all(base32))
}

/// Whether `text` is a name: 1 to [`NAME_LEN_MAX`] bytes of `a-z`, `0-9`, `-` and `.`, starting with a letter.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.len() <= NAME_LEN_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
}

fn is_port(text: &str) -> bool {
    !text.starts_with(['0', '+']) && text.parse::<u16>().is_ok()
}

fn is_host(text: &str) -> bool {
    let looks_like_ipv4 = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if looks_like_ipv4 {
        return text.parse::<Ipv4Addr>().is_ok();
    }
    text.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_can_be_dialled() {
        let longest = format!("{}.{}:65535", "a".repeat(63), "b".repeat(26));
        assert_eq!(longest.len(), ADDRESS_LEN_MAX);
        for good in ["127.0.0.1:9001", "[::1]:443", "mix.example.org:1", "localhost:65535", longest.as_str()]
        {
            assert!(is_address(good), "{good}");
        }
    }

    #[test]
    fn addresses_that_cannot() {
        let too_long = format!("{}.{}:65535", "a".repeat(63), "b".repeat(27));
        for bad in [
            "",
            ":",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:0",
            "127.0.0.1:+1",
            "127.0.0.1:080",
            "127.0.0.1:65536",
            "127.0.0.256:1",
            "1.2.3:1",
            ":80",
            "::1:80",
            "[::1:80",
            "[::g]:80",
            "a..b:80",
            "-a.b:80",
            "a b:80",
            "a/b:80",
            "b\u{fc}cher.example:80",
            "host:80\n",
            too_long.as_str(),
        ] {
            assert!(!is_address(bad), "{bad:?}");
        }
    }

    #[test]
    fn onion_addresses_have_56_base32_characters() {
        let name = "a2".repeat(28);
        assert!(is_onion_address(&format!("{name}.onion:80")));
        assert!(!is_onion_address(&format!("{name}.onion")));
        assert!(!is_onion_address(&format!("{name}a.onion:80")));
        assert!(!is_onion_address(&format!("{}1.onion:80", &name[1..])));
        assert!(!is_onion_address(&format!("{name}.example:80")));
    }

    #[test]
    fn names_are_short_and_lower_case() {
        for good in ["a", "demo", "sotto.example", "cover-2"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "2a", "-a", "Demo", "a b", "a\n", "a_b", &"a".repeat(33)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
