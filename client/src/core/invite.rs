//! An invitation: one secret, from which both sides derive where their keys meet and what vouches for them.
//!
//! ```text
//! link = "sotto:invite:" base32(lower case, no padding) of 41 bytes
//! +---------+---------+------------------------+----------+
//! | 0       | 1 .. 32 | 33 .. 36               | 37 .. 40 |
//! | version | secret  | expiry, minutes since  | checksum |
//! |         |         | 1970, big endian       |          |
//! +---------+---------+------------------------+----------+
//! checksum = first 4 bytes of SHA-256("sotto invitation checksum v1" || bytes 0 .. 36)
//! tag      = first 16 bytes of SHA-256("sotto invitation tag v1" || secret)
//! seeds    = HKDF-SHA256(secret, salt "sotto invitation v1", info "inviter to joiner" / "joiner to inviter")
//! psk      = HKDF-SHA256(secret, salt "sotto invitation v1", info "pre-shared key")
//! ```
//!
//! The checksum finds typing errors; it authenticates nothing, because whoever holds the link holds the
//! secret. The tag lets a profile recognise an invitation again without keeping its secret. Who took an
//! invitation up is not decided here: the first box on the joiner's stream is.

use std::fmt;
use std::time::Duration;

use data_encoding::{BASE32_NOPAD, Encoding};
use hkdf::Hkdf;
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use sotto_protocol::time::Timestamp;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::limits::{INVITE_TTL_MAX, INVITE_TTL_MIN};

/// What every link starts with.
pub(crate) const LINK_PREFIX: &str = "sotto:invite:";
const VERSION: u8 = 1;
const BODY_LEN: usize = 1 + 32 + 4;
const CHECKSUM_LEN: usize = 4;

/// Why a link is of no use, or cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InviteError {
    /// The text is not a link, or a letter of it is wrong or missing.
    #[error(
        "this is not an invitation, or a letter of it is wrong or missing: it starts with `sotto:invite:` and has 79 characters; copy it again (a contact address starts with `sotto:address:`; a link that starts with `sotto:network:` is for `sotto init`)"
    )]
    Mistyped,
    /// The link is of a version that this program does not know.
    #[error("this link has version {0}, this program knows version 1; install a newer one")]
    Version(u8),
    /// The link has run out.
    #[error("this invitation has run out; ask for a new one")]
    Expired,
    /// A contact of this profile came from this link.
    #[error(
        "this profile has taken up this invitation already; every invitation is for one use, ask for a new one"
    )]
    Used,
    /// The link was made by this profile.
    #[error("this profile made this link itself; give it to the person you want to talk to")]
    Own,
    /// The text is not an address, or a letter of it is wrong or missing.
    #[error(
        "this is not a contact address, or a letter of it is wrong or missing: it starts with `sotto:address:` and has 74 characters; copy it again"
    )]
    AddressMistyped,
    /// This profile has asked at this address already.
    #[error("this profile has asked at this address already; `sotto contacts` shows how far that is")]
    Asked,
    /// The time asked for is too short or too long.
    #[error("an invitation holds for one minute to 14 days; choose a time between them")]
    Ttl,
}

impl InviteError {
    /// The stable name of this error.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Mistyped => "invite-mistyped",
            Self::AddressMistyped => "address-mistyped",
            Self::Asked => "address-asked",
            Self::Version(_) => "invite-version",
            Self::Expired => "invite-expired",
            Self::Used => "invite-used",
            Self::Own => "invite-own",
            Self::Ttl => "invite-ttl",
        }
    }
}

/// The secret of an invitation and when it runs out. `Debug` shows no secret; dropped, it is wiped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Invite {
    secret: [u8; 32],
    #[zeroize(skip)]
    expires_min: u32,
}

impl Invite {
    /// A fresh invitation that holds for `ttl`, rounded up to whole minutes.
    ///
    /// # Errors
    /// [`InviteError::Ttl`] outside one minute to 14 days.
    pub(crate) fn generate(
        now: Timestamp,
        ttl: Duration,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, InviteError> {
        if ttl < INVITE_TTL_MIN || ttl > INVITE_TTL_MAX {
            return Err(InviteError::Ttl);
        }
        let expires_min = u32::try_from((now + ttl).as_secs().div_ceil(60)).map_err(|_| InviteError::Ttl)?;
        let mut secret = [0u8; 32];
        rng.fill_bytes(&mut secret);
        Ok(Self { secret, expires_min })
    }

    /// Reads a link. Surrounding space and upper case are forgiven; expiry is not looked at.
    ///
    /// # Errors
    /// [`InviteError::Mistyped`] or [`InviteError::Version`].
    pub fn parse(link: &str) -> Result<Self, InviteError> {
        let link = Zeroizing::new(link.trim().to_ascii_lowercase());
        let text = link.strip_prefix(LINK_PREFIX).ok_or(InviteError::Mistyped)?;
        let bytes = base32_lower()
            .and_then(|base32| base32.decode(text.as_bytes()).ok())
            .map(Zeroizing::new)
            .ok_or(InviteError::Mistyped)?;
        let (body, sum) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(InviteError::Mistyped)?;
        if checksum(body) != *sum {
            return Err(InviteError::Mistyped);
        }
        match body.split_first() {
            Some((&VERSION, _)) if body.len() == BODY_LEN => {}
            Some((&VERSION, _)) | None => return Err(InviteError::Mistyped),
            Some((&version, _)) => return Err(InviteError::Version(version)),
        }
        let secret = body.get(1..33).and_then(|bytes| bytes.try_into().ok()).ok_or(InviteError::Mistyped)?;
        let minutes = body.get(33..).and_then(|bytes| bytes.try_into().ok()).ok_or(InviteError::Mistyped)?;
        Ok(Self { secret, expires_min: u32::from_be_bytes(minutes) })
    }

    /// The text to hand to the other person, over a channel that only the two can read: 79 characters.
    #[must_use]
    pub fn link(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(BODY_LEN + CHECKSUM_LEN));
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.secret);
        bytes.extend_from_slice(&self.expires_min.to_be_bytes());
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum);
        let upper = Zeroizing::new(BASE32_NOPAD.encode(&bytes));
        Zeroizing::new(format!("{LINK_PREFIX}{}", Zeroizing::new(upper.to_ascii_lowercase()).as_str()))
    }

    /// When it runs out.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        Timestamp::from_millis(u64::from(self.expires_min).saturating_mul(60_000))
    }

    /// By which a profile recognises the invitation again.
    pub(crate) fn tag(&self) -> [u8; 16] {
        first_bytes(b"sotto invitation tag v1", &self.secret)
    }

    /// The seed of the stream that begins with the inviter's bundle.
    pub(crate) fn inviter_seed(&self) -> Zeroizing<[u8; 32]> {
        self.seed(b"inviter to joiner")
    }

    /// The seed of the stream that begins with the joiner's answer.
    pub(crate) fn joiner_seed(&self) -> Zeroizing<[u8; 32]> {
        self.seed(b"joiner to inviter")
    }

    /// What vouches for the keys that both sides exchange.
    pub(crate) fn psk(&self) -> Zeroizing<[u8; 32]> {
        self.seed(b"pre-shared key")
    }

    #[cfg(test)]
    pub(super) const fn secret_bytes(&self) -> &[u8; 32] {
        &self.secret
    }

    fn seed(&self, info: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut seed = Zeroizing::new([0u8; 32]);
        let expanded =
            Hkdf::<Sha256>::new(Some(b"sotto invitation v1"), &self.secret).expand(info, seed.as_mut_slice());
        debug_assert!(expanded.is_ok(), "HKDF-SHA256 gives up to 8,160 bytes");
        seed
    }
}

impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invite([scrubbed], expires {:?})", self.expires())
    }
}

pub(crate) fn base32_lower() -> Option<Encoding> {
    let mut spec = BASE32_NOPAD.specification();
    spec.symbols.make_ascii_lowercase();
    spec.encoding().ok()
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_LEN] {
    first_bytes(b"sotto invitation checksum v1", body)
}

pub(crate) fn first_bytes<const N: usize>(domain: &[u8], content: &[u8]) -> [u8; N] {
    let digest = Sha256::new().chain_update(domain).chain_update(content).finalize();
    let mut first = [0u8; N];
    for (to, from) in first.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    first
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn invite() -> Invite {
        Invite::generate(NOW, Duration::from_secs(3600), &mut ChaCha20Rng::seed_from_u64(1)).unwrap()
    }

    #[test]
    fn a_link_round_trips_and_is_short() {
        let made = invite();
        let link = made.link();
        assert_eq!(link.len(), 79);
        let read = Invite::parse(&format!("  {}\n", link.to_uppercase())).unwrap();
        assert_eq!(read.secret, made.secret);
        assert_eq!(read.expires(), made.expires());
        assert_eq!(read.tag(), made.tag());
        assert!(made.expires() >= NOW + Duration::from_secs(3600));
        assert!(made.expires() < NOW + Duration::from_secs(3660));
    }

    #[test]
    fn every_single_typing_error_is_found() {
        let link = invite().link();
        for at in 0..link.len() {
            for letter in ["a", "7", "0", "-"] {
                let mut typed = link.to_string();
                typed.replace_range(at..=at, letter);
                if typed != *link {
                    assert_eq!(Invite::parse(&typed).unwrap_err(), InviteError::Mistyped, "{typed}");
                }
            }
            let mut shorter = link.to_string();
            shorter.remove(at);
            assert_eq!(Invite::parse(&shorter).unwrap_err(), InviteError::Mistyped);
        }
        for text in ["", "sotto:invite:", "http://example.org", "sotto:invite:ü"] {
            assert_eq!(Invite::parse(text).unwrap_err(), InviteError::Mistyped);
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut body = vec![2u8; 50];
        let sum = checksum(&body);
        body.extend_from_slice(&sum);
        let link = format!("{LINK_PREFIX}{}", BASE32_NOPAD.encode(&body));
        assert_eq!(Invite::parse(&link).unwrap_err(), InviteError::Version(2));
    }

    #[test]
    fn the_time_it_holds_is_bounded() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for ttl in [Duration::ZERO, Duration::from_secs(59), INVITE_TTL_MAX + Duration::from_secs(1)] {
            assert_eq!(Invite::generate(NOW, ttl, &mut rng).unwrap_err(), InviteError::Ttl);
        }
        assert!(Invite::generate(NOW, INVITE_TTL_MAX, &mut rng).is_ok());
    }

    #[test]
    fn the_two_seeds_and_the_tag_differ() {
        let made = invite();
        assert_ne!(made.inviter_seed(), made.joiner_seed());
        assert_ne!(made.inviter_seed()[..16], made.tag());
    }

    #[test]
    fn debug_shows_no_secret() {
        insta::assert_snapshot!(format!("{:?}", invite()), @"Invite([scrubbed], expires 1800003600.000000s)");
    }
}
