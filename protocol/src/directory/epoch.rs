//! Epochs: the network's time, counted in equal steps from the Unix epoch.

use crate::time::Timestamp;

/// The epoch that `now` lies in, for epochs of `epoch_s` seconds.
#[must_use]
pub const fn epoch_of(now: Timestamp, epoch_s: u32) -> u64 {
    match now.as_secs().checked_div(epoch_s as u64) {
        Some(epoch) => epoch,
        None => 0,
    }
}

/// The first moment of `epoch`; saturates.
#[must_use]
pub const fn epoch_start(epoch: u64, epoch_s: u32) -> Timestamp {
    Timestamp::from_micros(epoch.saturating_mul(epoch_s as u64).saturating_mul(1_000_000))
}

/// How a consensus stands to the present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Its time has not come.
    NotYet,
    /// Its time is now.
    Fresh,
    /// Its time is over, but nodes and clients go on with it while there is no newer one.
    Grace,
    /// Its grace is over: not to be used.
    Expired,
}

impl Freshness {
    /// Whether routes may be drawn from such a consensus.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Fresh | Self::Grace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_starts_at_a_multiple_of_its_length() {
        let start = Timestamp::from_millis(7_200_000);
        assert_eq!(epoch_of(start, 3600), 2);
        assert_eq!(epoch_start(2, 3600), start);
        assert_eq!(epoch_of(Timestamp::from_micros(start.as_micros() - 1), 3600), 1);
    }

    #[test]
    fn extremes_saturate() {
        assert_eq!(epoch_of(Timestamp::NEVER, 0), 0);
        assert_eq!(epoch_start(u64::MAX, u32::MAX), Timestamp::NEVER);
    }
}
