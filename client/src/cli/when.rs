//! Points in time for people: UTC, because the time zone would be one more thing to get wrong in a log or a script.

const DAY_MS: u64 = 24 * 3600 * 1000;

/// `2026-05-01 12:34:56Z`, from milliseconds since the Unix epoch.
#[must_use]
pub fn utc(at_ms: u64) -> String {
    let (year, month, day) = civil_from_days(at_ms / DAY_MS);
    let second = at_ms % DAY_MS / 1000;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
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
}
