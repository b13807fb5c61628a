//! What a Tor node remembers from a past that this network does not have, written before its first start.

use std::path::Path;
use std::time::Duration;

use sotto_client::cli::when::utc;
use sotto_protocol::time::Timestamp;

use super::error::TornetError;

/// How long ago the made-up past ended.
const AGO: Duration = Duration::from_secs(3_600);
/// How long the made-up shared random values hold.
const HOLDS: Duration = Duration::from_secs(24 * 3_600);

/// A time as Tor's files write it: UTC to the second.
fn tor_time(at: Timestamp) -> String {
    utc(at.as_millis()).trim_end_matches('Z').to_owned()
}

/// Bandwidth that the node has "seen" in the past day. Without it the relays' weights start at nothing and soon differ
/// by three orders of magnitude, and clients no longer choose some of them at all.
pub(super) fn write_bandwidth(dir: &Path, now: Timestamp) -> Result<(), TornetError> {
    let ends = tor_time(now - AGO);
    let text: String = ["Read", "Write"]
        .iter()
        .map(|way| {
            format!(
                "BWHistory{way}Ends {ends}\nBWHistory{way}Interval 86400\n\
                 BWHistory{way}Values 86400000000\nBWHistory{way}Maxima 1000000\n"
            )
        })
        .collect();
    write(&dir.join("state"), &text)
}

/// Two shared random values, from which the places of onion services' descriptors are derived. An authority that has run
/// for a day has agreed on them with the others; without them arti's services never call themselves reachable.
pub(super) fn write_shared_random(dir: &Path, now: Timestamp) -> Result<(), TornetError> {
    let text = format!(
        "Version 1\nTorVersion 0.4.9.0\nValidAfter {}\nValidUntil {}\n\
         SharedRandPreviousValue 9 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n\
         SharedRandCurrentValue 9 AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\n",
        tor_time(now - AGO),
        tor_time(now + HOLDS)
    );
    write(&dir.join("sr-state"), &text)
}

pub(super) fn write(file: &Path, text: &str) -> Result<(), TornetError> {
    std::fs::write(file, text).map_err(TornetError::system(format!("write {}", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_tor_reads_them() {
        assert_eq!(tor_time(Timestamp::from_millis(1_777_638_896_789)), "2026-05-01 12:34:56");
    }
}
