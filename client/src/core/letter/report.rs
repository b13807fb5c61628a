//! Reports: what one side tells the other about letters, its own and the other's. It has receipts, it asks again for
//! what is missing, and it says what cannot be given any more.
//!
//! ```text
//! version 1 (1)
//! n (1) || n x ( series (8) || last number (8) )                              own letters so far
//! n (1) || n x ( series (8) || delivered up to (8) || read up to (8)
//!                || m (1) || m x ( first (8) || last (8) ) )                  the other side's; m ranges are missing
//! n (1) || n x ( series (8) || first (8) || last (8) )                        own letters that are gone for good
//! ```
//!
//! A report counts everything that was sealed before it in the stream, so whoever reads it knows that a number up to
//! `last` that has not come will not come by itself. `Up to` 0 tells nothing: so speaks who sends no receipts. What has
//! come is all up to `delivered up to` without the ranges that are missing. Numbers are big endian.

use super::name::Series;
use crate::core::limits::{GONE_RANGES_MAX, MISSING_RANGES_MAX, SERIES_MAX};

const VERSION: u8 = 1;

/// A range of numbers, both ends included.
pub(crate) type Range = (u64, u64);

/// Why bytes are no report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum ReportRefusal {
    /// It ends too early, or something follows its end.
    #[error("a report is longer or shorter than it says")]
    Length,
    /// Of another version.
    #[error("a report of version {0}, this program knows version {VERSION}")]
    Version(u8),
    /// More of something than a report has.
    #[error("a report has too many entries")]
    Count,
    /// A range that ends before it begins, or ranges that are not in order.
    #[error("the ranges of a report are not in order")]
    Order,
}

impl ReportRefusal {
    /// The stable name of this refusal.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Length => "report-length",
            Self::Version(_) => "report-version",
            Self::Count => "report-count",
            Self::Order => "report-order",
        }
    }
}

/// How many letters of a series there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sent {
    pub(crate) series: Series,
    pub(crate) last: u64,
}

/// What has come of a series.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Got {
    pub(crate) series: Series,
    /// 0 if it is not told.
    pub(crate) delivered_to: u64,
    /// 0 if it is not told.
    pub(crate) read_to: u64,
    /// In order, apart from each other.
    pub(crate) missing: Vec<Range>,
}

/// One report.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Report {
    pub(crate) sent: Vec<Sent>,
    pub(crate) got: Vec<Got>,
    pub(crate) gone: Vec<(Series, Range)>,
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ReportRefusal> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(ReportRefusal::Length)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn count(&mut self, max: usize) -> Result<usize, ReportRefusal> {
        let [count] = self.take()?;
        Some(usize::from(count)).filter(|count| *count <= max).ok_or(ReportRefusal::Count)
    }

    fn series(&mut self) -> Result<Series, ReportRefusal> {
        Ok(Series::from_bytes(self.take()?))
    }

    fn number(&mut self) -> Result<u64, ReportRefusal> {
        Ok(u64::from_be_bytes(self.take()?))
    }

    fn range(&mut self) -> Result<Range, ReportRefusal> {
        let (first, last) = (self.number()?, self.number()?);
        if first == 0 || first > last { Err(ReportRefusal::Order) } else { Ok((first, last)) }
    }
}

impl Report {
    /// From its bytes.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ReportRefusal> {
        let mut rest = Rest(bytes);
        let [version] = rest.take()?;
        if version != VERSION {
            return Err(ReportRefusal::Version(version));
        }
        let mut report = Self::default();
        for _ in 0..rest.count(SERIES_MAX)? {
            report.sent.push(Sent { series: rest.series()?, last: rest.number()? });
        }
        for _ in 0..rest.count(SERIES_MAX)? {
            let (series, delivered_to, read_to) = (rest.series()?, rest.number()?, rest.number()?);
            let mut missing: Vec<Range> = Vec::new();
            for _ in 0..rest.count(MISSING_RANGES_MAX)? {
                let range = rest.range()?;
                let apart = missing.last().is_none_or(|(_, last)| last.saturating_add(1) < range.0);
                if !apart {
                    return Err(ReportRefusal::Order);
                }
                missing.push(range);
            }
            report.got.push(Got { series, delivered_to, read_to, missing });
        }
        for _ in 0..rest.count(GONE_RANGES_MAX)? {
            report.gone.push((rest.series()?, rest.range()?));
        }
        if rest.0.is_empty() { Ok(report) } else { Err(ReportRefusal::Length) }
    }

    /// Its bytes: what is beyond the limits is left out, and told another time.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        let count = |bytes: &mut Vec<u8>, len: usize, max: usize| {
            bytes.push(u8::try_from(len.min(max)).unwrap_or(u8::MAX));
        };
        count(&mut bytes, self.sent.len(), SERIES_MAX);
        for Sent { series, last } in self.sent.iter().take(SERIES_MAX) {
            bytes.extend_from_slice(series.as_bytes());
            bytes.extend_from_slice(&last.to_be_bytes());
        }
        count(&mut bytes, self.got.len(), SERIES_MAX);
        for Got { series, delivered_to, read_to, missing } in self.got.iter().take(SERIES_MAX) {
            bytes.extend_from_slice(series.as_bytes());
            bytes.extend_from_slice(&delivered_to.to_be_bytes());
            bytes.extend_from_slice(&read_to.to_be_bytes());
            count(&mut bytes, missing.len(), MISSING_RANGES_MAX);
            for range in missing.iter().take(MISSING_RANGES_MAX) {
                push_range(&mut bytes, *range);
            }
        }
        count(&mut bytes, self.gone.len(), GONE_RANGES_MAX);
        for (series, range) in self.gone.iter().take(GONE_RANGES_MAX) {
            bytes.extend_from_slice(series.as_bytes());
            push_range(&mut bytes, *range);
        }
        bytes
    }
}

fn push_range(bytes: &mut Vec<u8>, (first, last): Range) {
    bytes.extend_from_slice(&first.to_be_bytes());
    bytes.extend_from_slice(&last.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::fragment::FRAGMENT_LEN_MAX;

    fn full() -> Report {
        let series = Series::from_bytes([1; 8]);
        let missing = (1..).map(|n| (n * 10, n * 10 + 1)).take(MISSING_RANGES_MAX).collect();
        let got = Got { series, delivered_to: 9, read_to: 8, missing };
        Report {
            sent: vec![Sent { series, last: 7 }; SERIES_MAX],
            got: vec![got; SERIES_MAX],
            gone: vec![(series, (1, 2)); GONE_RANGES_MAX],
        }
    }

    fn refusal_of(change: impl Fn(&mut Vec<u8>)) -> &'static str {
        let mut bytes = full().to_bytes();
        change(&mut bytes);
        Report::parse(&bytes).err().map_or("accepted", ReportRefusal::label)
    }

    #[test]
    fn the_longest_report_fits_one_box_and_round_trips() {
        let bytes = full().to_bytes();
        assert!(bytes.len() <= FRAGMENT_LEN_MAX, "{}", bytes.len());
        assert_eq!(Report::parse(&bytes).unwrap(), full());
        let mut more = full();
        more.gone.push(more.gone[0]);
        assert_eq!(more.to_bytes(), bytes, "the rest is told another time");
    }

    #[test]
    fn every_field_is_checked() {
        assert_eq!(refusal_of(|_| ()), "accepted");
        assert_eq!(refusal_of(|bytes| bytes[0] = 2), "report-version");
        assert_eq!(refusal_of(|bytes| bytes[1] = 200), "report-count");
        assert_eq!(refusal_of(|bytes| bytes.push(0)), "report-length");
        assert_eq!(refusal_of(|bytes| bytes.truncate(bytes.len() - 1)), "report-length");
        assert_eq!(refusal_of(|bytes| *bytes.last_mut().unwrap() = 0), "report-order");
        let reversed = Report {
            got: vec![Got {
                series: Series::from_bytes([1; 8]),
                delivered_to: 0,
                read_to: 0,
                missing: vec![(5, 6), (2, 3)],
            }],
            ..Report::default()
        };
        assert_eq!(Report::parse(&reversed.to_bytes()).unwrap_err().label(), "report-order");
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_reencode_to_themselves(mut bytes in prop::collection::vec(0u8..4, 0..200)) {
            if let Some(first) = bytes.first_mut() { *first = VERSION; }
            if let Ok(report) = Report::parse(&bytes) {
                prop_assert_eq!(report.to_bytes(), bytes);
            }
        }
    }
}
