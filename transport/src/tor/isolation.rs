//! Which streams may share a circuit.

use std::fmt;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::rng::OsRng;

/// Bytes of the name and of the password by which a proxy knows a group: enough that two never meet.
const NAME_LEN: usize = 16;

/// A group of streams that may share circuits with each other, and with nobody else's. Clones are the same group.
#[derive(Clone)]
pub struct Isolation(Arc<Group>);

struct Group {
    user: Zeroizing<String>,
    password: Zeroizing<String>,
    #[cfg(feature = "tor")]
    token: arti_client::IsolationToken,
}

impl Isolation {
    /// A group of its own.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "two default values that differ would surprise")]
    pub fn new() -> Self {
        Self(Arc::new(Group {
            user: name(&mut OsRng),
            password: name(&mut OsRng),
            #[cfg(feature = "tor")]
            token: arti_client::IsolationToken::new(),
        }))
    }

    /// User name and password by which a SOCKS proxy tells this group from others.
    pub(super) fn credentials(&self) -> (&str, &str) {
        (&self.0.user, &self.0.password)
    }

    /// By which the embedded client does.
    #[cfg(feature = "tor")]
    pub(super) fn token(&self) -> arti_client::IsolationToken {
        self.0.token
    }
}

impl fmt::Debug for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Isolation").finish_non_exhaustive()
    }
}

fn name(rng: &mut impl CryptoRng) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; NAME_LEN]);
    rng.fill_bytes(bytes.as_mut_slice());
    Zeroizing::new(HEXLOWER.encode(bytes.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_groups_differ_and_clones_are_one() {
        let (first, second) = (Isolation::new(), Isolation::new());
        assert_ne!(first.credentials().0, second.credentials().0);
        assert_ne!(first.credentials().1, second.credentials().1);
        assert_ne!(first.credentials().0, first.credentials().1);
        assert_eq!(first.clone().credentials(), first.credentials());
        #[cfg(feature = "tor")]
        {
            assert_ne!(first.token(), second.token());
            assert_eq!(first.clone().token(), first.token());
        }
    }

    #[test]
    fn debug_shows_no_name_of_a_group() {
        insta::assert_snapshot!(format!("{:?}", Isolation::new()), @"Isolation { .. }");
    }
}
