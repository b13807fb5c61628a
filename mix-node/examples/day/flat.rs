//! What has to hold at the end of each hour, and what must not have grown by the end of the day.

use allocation_counter::measure;
use sotto_protocol::ledger::LedgerReport;

use super::world::{Day, Hour};

/// The hour from which on nothing grows any more: every key before the first consensus is wiped, and sessions
/// have begun to expire.
const SETTLED: usize = 3;
/// By how much what is allocated may be above that of the third hour. Tables that fill slowly and have a limit
/// (loops of the window, addresses of expired sessions), and chance, take less.
const HEAP_GROWTH_MAX: i64 = 768 << 10;
/// The hour by which the tables that fill slowly are full, too.
const FULL: usize = 20;
/// By how much what is allocated may be above that of this hour: chance alone.
const FULL_HEAP_GROWTH_MAX: i64 = 32 << 10;
/// The same of resident memory, of which the allocator keeps some.
const RSS_GROWTH_MAX_KIB: u64 = 8 << 10;

/// The hours of a day, each with the bytes that were allocated and not freed since its begin.
#[derive(Default)]
pub struct Hours {
    pub hours: Vec<(Hour, i64)>,
    heap: i64,
}

impl Hours {
    /// Lets one more hour pass, and checks what is there at its end.
    pub fn pass(&mut self, day: &mut Day) {
        let number = u64::try_from(self.hours.len()).unwrap();
        let mut passed = None;
        self.heap += measure(|| passed = Some(day.hour(number))).bytes_current;
        let hour = passed.clone().unwrap();
        // What was looked at is kept here, and no part of the day.
        self.heap += measure(|| drop(passed)).bytes_current;
        check(&hour);
        self.hours.push((hour, self.heap));
    }

    /// Compares the last hour with the third.
    pub fn check_growth(&self) {
        let (settled, settled_heap) = &self.hours[SETTLED - 1];
        let (last, last_heap) = self.hours.last().unwrap();
        let grown = last_heap - settled_heap;
        assert!(grown <= HEAP_GROWTH_MAX, "{grown} bytes more are allocated than in the third hour");
        let grown = last_heap - self.hours[FULL - 1].1;
        assert!(grown <= FULL_HEAP_GROWTH_MAX, "{grown} bytes more are allocated than in hour {FULL}");
        assert!(
            last.rss_kib <= settled.rss_kib + RSS_GROWTH_MAX_KIB,
            "{} KiB, {} before",
            last.rss_kib,
            settled.rss_kib
        );
        let largest =
            |part: fn(&Hour) -> u64, hours: &[(Hour, i64)]| hours.iter().map(|(hour, _)| part(hour)).max();
        // Hours differ by chance; their largest do not by much, if what they are drawn from stays the same.
        let (early, late) = self.hours[SETTLED - 1..].split_at((self.hours.len() - SETTLED).div_ceil(2));
        for part in [|hour: &Hour| hour.report.pipeline.tags_bytes, |hour: &Hour| hour.files_bytes] {
            let (early, late) = (largest(part, early).unwrap(), largest(part, late).unwrap());
            assert!(late <= early + early / 10, "{late} in the second half of the day, {early} in the first");
        }
    }
}

/// What holds at the end of every hour.
fn check(hour: &Hour) {
    let Hour { report, .. } = hour;
    assert!(report.ledger.balanced(), "{:?}", report.ledger);
    assert_eq!(
        dropped(&report.ledger, "replayed"),
        hour.replays,
        "each replay is refused as one, and nothing else is"
    );
    assert_eq!(dropped(&report.ledger, "header-mac"), hour.old, "a wiped key opens nothing");
    assert!(report.pipeline.commits_failed == 0 && report.loops.alarms.is_empty());
    // This hour's and the one before, and three to come.
    assert!(hour.keys_alive <= 5 && report.key_epochs.len() == hour.keys_alive, "{:?}", report.key_epochs);
    assert_eq!(hour.files, 2 * hour.keys_alive, "a key and its log for each epoch, and nothing else");
    assert!(
        hour.files_bytes <= hour.files_bytes_max,
        "{} bytes in files, not {}",
        hour.files_bytes,
        hour.files_bytes_max
    );
    assert!(report.held.unwrapping == 0 && report.held.sending == 0);
    assert!(report.sessions.expired_remembered <= 4_096);
    assert!(report.loops.outstanding <= 1_024 && report.loops.links.len() <= 1_024);
}

pub fn dropped(ledger: &LedgerReport, label: &str) -> u64 {
    ledger.dropped.get(label).copied().unwrap_or_default()
}
