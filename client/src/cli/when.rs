//! Points in time for people: UTC, because the time zone would be one more thing to get wrong in a log or a script.

use std::str::FromStr;

const DAY_MS: u64 = 24 * 3600 * 1000;
/// The last year that can be written.
const YEAR_MAX: u64 = 9999;

/// `2026-05-01 12:34:56Z`, from milliseconds since the Unix epoch.
#[must_use]
pub fn utc(at_ms: u64) -> String {
    let (year, month, day) = civil_from_days(at_ms / DAY_MS);
    let second = at_ms % DAY_MS / 1000;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// A time span in units that suit it, from milliseconds.
#[must_use]
pub fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// A moment as people write it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// In milliseconds since the Unix epoch.
    At(u64),
    /// So many milliseconds ago.
    Ago(u64),
}

impl Moment {
    /// In whole seconds, as milliseconds since the Unix epoch.
    #[must_use]
    pub const fn at_ms(self, now_ms: u64) -> u64 {
        match self {
            Self::At(at_ms) => at_ms,
            Self::Ago(ago_ms) => now_ms.saturating_sub(ago_ms) / 1000 * 1000,
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    /// Takes `2026-05-01`, `2026-05-01 12:34`, `2026-05-01T12:34:56Z` and what lies between, all UTC; `90m`, `24h`, `7d`.
    fn from_str(text: &str) -> Result<Self, String> {
        ago(text).map(Self::Ago).or_else(|| at(text).map(Self::At)).ok_or_else(|| {
            "expected a time such as 2026-05-01, 2026-05-01T12:34:56Z (both UTC), 90m, 24h or 7d".to_owned()
        })
    }
}

fn ago(text: &str) -> Option<u64> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_ms = match unit {
        "m" => 60 * 1000,
        "h" => 3600 * 1000,
        "d" => DAY_MS,
        _ => return None,
    };
    number(count, 1..=6).map(|count| count.saturating_mul(unit_ms))
}

fn at(text: &str) -> Option<u64> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time.strip_suffix('Z').unwrap_or(time))),
        None => (text, None),
    };
    let mut fields = date.splitn(3, '-');
    let (year, month, day) = (fields.next()?, fields.next()?, fields.next()?);
    let (year, month, day) = (number(year, 4..=4)?, number(month, 2..=2)?, number(day, 2..=2)?);
    if !(1970..=YEAR_MAX).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let days = days_from_civil(year, month, day);
    // The thirtieth of February is a day of March.
    if civil_from_days(days) != (year, month, day) {
        return None;
    }
    let mut fields = time.map_or_else(|| "00:00".split(':'), |time| time.split(':'));
    let (hour, minute) = (number(fields.next()?, 2..=2)?, number(fields.next()?, 2..=2)?);
    let second = fields.next().map_or(Some(0), |second| number(second, 2..=2))?;
    let fits = hour < 24 && minute < 60 && second < 60 && fields.next().is_none();
    fits.then_some(days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000)
}

/// A number of so many decimal digits.
fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u64> {
    let is_number = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// Year, month and day of the proleptic Gregorian calendar, by Howard Hinnant's algorithm for days since 1970-01-01
/// (<https://howardhinnant.github.io/date_algorithms.html#civil_from_days>).
const fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// The inverse, by the same author, for years from 1970 on.
const fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let era = year / 400;
    let year_of_era = year % 400;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        assert_eq!(utc(0), "1970-01-01 00:00:00Z");
        assert_eq!(utc(951_782_399_999), "2000-02-28 23:59:59Z");
        assert_eq!(utc(951_782_400_000), "2000-02-29 00:00:00Z");
        assert_eq!(utc(1_777_638_896_000), "2026-05-01 12:34:56Z");
        assert_eq!(utc(4_107_542_400_000), "2100-03-01 00:00:00Z");
    }

    #[test]
    fn a_moment_is_read_as_it_is_printed_and_in_shorter_forms() {
        for days in 0..60_000 {
            let at_ms = days * DAY_MS + 45_296_000;
            assert_eq!(utc(at_ms).parse(), Ok(Moment::At(at_ms)));
        }
        let noon = Ok(Moment::At(1_777_638_896_000));
        assert_eq!("2026-05-01T12:34:56Z".parse(), noon);
        assert_eq!("2026-05-01 12:34:56".parse(), noon);
        assert_eq!("2026-05-01T12:34".parse(), Ok(Moment::At(1_777_638_840_000)));
        assert_eq!("2026-05-01".parse(), Ok(Moment::At(1_777_593_600_000)));
        assert_eq!("9999-12-31T23:59:59Z".parse(), Ok(Moment::At(253_402_300_799_000)));
        assert_eq!("90m".parse(), Ok(Moment::Ago(5_400_000)));
        assert_eq!("24h".parse(), Ok(Moment::Ago(DAY_MS)));
        assert_eq!("999999d".parse(), Ok(Moment::Ago(999_999 * DAY_MS)));
        assert_eq!(Moment::Ago(1500).at_ms(10_999), 9000);
        assert_eq!(Moment::Ago(u64::MAX).at_ms(10_999), 0);
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "d",
            "-1d",
            "+1d",
            "1 d",
            "1w",
            "1.5h",
            "9999999d",
            "é",
            "2026",
            "2026-5-1",
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "2026-02-30",
            "2025-02-29",
            "1969-12-31",
            "10000-01-01",
            "2026-05-01Z",
            "2026-05-01T",
            "2026-05-01T24:00",
            "2026-05-01T12",
            "2026-05-01T12:60",
            "2026-05-01T12:34:60",
            "2026-05-01T12:34:56:78",
            "2026-05-01T12:34:56+02:00",
            "2026-05-01-01",
            "01.05.2026",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }
}
