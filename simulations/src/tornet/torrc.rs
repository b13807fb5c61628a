//! The configuration files of the C tor processes. Each line that is not obvious says what fails without it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

/// Seconds for votes, and again for signatures. Two is the least that tor accepts.
const VOTE_DELAY_S: u64 = 2;
/// Seconds from one consensus to the next, once there is one.
const VOTING_INTERVAL_S: u64 = 300;
/// How many of these intervals a consensus is valid.
const VALID_INTERVALS: u64 = 3;
/// Minutes of a time period of onion services. C tor uses 24 voting intervals in a testing network, whatever the
/// consensus says; arti uses what the consensus says.
const HSDIR_INTERVAL_MIN: u64 = VOTING_INTERVAL_S * 24 / 60;

/// What a process is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    /// Votes, and relays.
    Authority {
        /// Where it serves documents.
        dir_port: SocketAddr,
        /// Seconds until the first consensus.
        first_interval_s: u64,
        /// When in that interval votes fall due, in seconds since midnight modulo the interval.
        offset_s: u64,
    },
    /// Relays.
    Relay,
    /// Relays for those who know its address; in no consensus.
    Bridge,
    /// Offers SOCKS5 to programs on this machine.
    Client {
        /// Where.
        socks: SocketAddr,
    },
}

/// One process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Torrc<'a> {
    pub(super) name: &'a str,
    pub(super) dir: &'a Path,
    /// Where it accepts other relays' connections; a client accepts none.
    pub(super) or_port: Option<SocketAddr>,
    /// The process with which it ends, if it ends with one.
    pub(super) owner: Option<u32>,
    pub(super) role: Role,
}

impl Torrc<'_> {
    /// The file's text, without the line that names the authority.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "TestingTorNetwork 1\n\
             DataDirectory {}\n\
             Nickname {}\n\
             ExitRelay 0\n\
             ExitPolicy reject *:*\n\
             ContactInfo lab@example.invalid\n\
             ShutdownWaitLength 0\n\
             NumCPUs 1\n\
             MaxMemInQueues 256 MB\n\
             Log notice stdout\n\
             # KIST, the default, sends every 10 ms: a round trip of six hops would be slower by that much each.\n\
             Schedulers Vanilla\n",
            self.dir.display(),
            self.name,
        );
        if let Some(owner) = self.owner {
            line(&mut text, &format!("__OwningControllerProcess {owner}"));
        }
        if let Some(or_port) = self.or_port {
            line(&mut text, &format!("Address {}", or_port.ip()));
            line(&mut text, &format!("ORPort {or_port} IPv4Only"));
            // Else it publishes no descriptor before a self-test, which takes a minute.
            line(&mut text, "AssumeReachable 1");
        }
        match self.role {
            Role::Client { socks } => line(&mut text, &format!("SocksPort {socks}")),
            _ => line(&mut text, "SocksPort 0"),
        }
        match self.role {
            Role::Authority { dir_port, first_interval_s, offset_s } => {
                text.push_str(&authority(dir_port, first_interval_s, offset_s));
            }
            Role::Bridge => {
                line(&mut text, "BridgeRelay 1\nPublishServerDescriptor 0\nBridgeDistribution none");
            }
            Role::Relay | Role::Client { .. } => {}
        }
        text
    }
}

fn authority(dir_port: SocketAddr, first_interval_s: u64, offset_s: u64) -> String {
    format!(
        "DirPort {dir_port} IPv4Only\n\
         AuthoritativeDirectory 1\n\
         V3AuthoritativeDirectory 1\n\
         TestingV3AuthInitialVotingInterval {first_interval_s}\n\
         TestingV3AuthVotingStartOffset {offset_s}\n\
         TestingV3AuthInitialVoteDelay {VOTE_DELAY_S}\n\
         TestingV3AuthInitialDistDelay {VOTE_DELAY_S}\n\
         V3AuthVotingInterval {VOTING_INTERVAL_S}\n\
         V3AuthVoteDelay {VOTE_DELAY_S}\n\
         V3AuthDistDelay {VOTE_DELAY_S}\n\
         V3AuthNIntervalsValid {VALID_INTERVALS}\n\
         # Uptimes differ by milliseconds, and whoever is below the median would lose the flag that circuits need.\n\
         AuthDirVoteStableGuaranteeMinUptime 0\n\
         AuthDirVoteStableGuaranteeMTBF 0\n\
         # Without the first, C tor and arti look for descriptors in different places.\n\
         ConsensusParams hsdir_interval={HSDIR_INTERVAL_MIN} cbtdisabled=1\n\
         TestingDirAuthVoteGuard *\n\
         TestingDirAuthVoteHSDir *\n"
    )
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
