//! Room, kind and speed of the file system that holds the node's directory.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use sotto_transport::clock::Clock;

use crate::shell::check::{Check, Verdict};
use crate::shell::metrics::disk_room;

/// Room below which the node is in danger, and below which a word is due, in bytes.
const FREE_MIN: u64 = 64 * 1_024 * 1_024;
const FREE_LOW: u64 = 1_024 * 1_024 * 1_024;
/// Writes that are timed, and bytes of each.
const WRITES: usize = 64;
const WRITE_LEN: usize = 4_096;
/// A durable write that is worth a word, and one that holds packets up.
const WRITE_SLOW: Duration = Duration::from_millis(50);
const WRITE_TOO_SLOW: Duration = Duration::from_millis(500);
/// The name of the file that is written for the measurement and removed.
const PROBE_FILE: &str = ".doctor-probe";

/// What durable writes took.
pub(super) type Writes = io::Result<Vec<Duration>>;

/// Looks at the file system of `dir`, where `writes` were measured.
pub(super) fn check(dir: &Path, writes: &Writes) -> Vec<Check> {
    vec![room(disk_room(dir)), kind(dir), latency(writes)]
}

/// What a durable write took on average.
pub(super) fn mean(spans: &[Duration]) -> Option<Duration> {
    spans.iter().sum::<Duration>().checked_div(u32::try_from(spans.len()).ok()?)
}

fn room(free_and_size: Option<(u64, u64)>) -> Check {
    let name = "disk-room";
    let Some((free, size)) = free_and_size else {
        return Check::wrong(
            name,
            Verdict::Warn,
            "not known",
            "the system does not tell the room on the disk",
            "look at it with `df`",
        );
    };
    let value = format!("{} MB free of {} MB", free / 1_000_000, size / 1_000_000);
    let low = |verdict| {
        Check::wrong(
            name,
            verdict,
            value.clone(),
            "without room the node cannot keep keys or what it has seen, and stops passing packets on",
            "make room, or move the node's directory to a larger disk",
        )
    };
    match free {
        ..FREE_MIN => low(Verdict::Fail),
        FREE_MIN..FREE_LOW => low(Verdict::Warn),
        _ => Check::ok(name, value, "enough for keys; what the logs of replay tags need is under `tag-logs`"),
    }
}

fn kind(dir: &Path) -> Check {
    let name = "disk-kind";
    let Ok(stat) = rustix::fs::statfs(dir) else {
        return Check::wrong(
            name,
            Verdict::Warn,
            "not known",
            "the system does not tell the kind of file system",
            "make sure that it is one on a disk of this host",
        );
    };
    // The field's type differs between architectures; the numbers do not.
    judge_kind(u64::try_from(stat.f_type).unwrap_or_default())
}

/// The numbers of file systems, from `linux/magic.h` and, of ZFS, from its sources.
const TMPFS: u64 = 0x0102_1994;
const RAMFS: u64 = 0x8584_58f6;
const NFS: u64 = 0x6969;
const CIFS: u64 = 0xff53_4d42;
const SMB: u64 = 0x517b;
const SMB2: u64 = 0xfe53_4d42;
const OVERLAY: u64 = 0x794c_7630;
const BTRFS: u64 = 0x9123_683e;
const ZFS: u64 = 0x2fc1_2fc1;
const EXT: u64 = 0xef53;
const XFS: u64 = 0x5846_5342;
const F2FS: u64 = 0xf2f5_2010;

/// What people call the file system; its number, if it is none that they often meet.
fn kind_name(magic: u64) -> String {
    let name = match magic {
        TMPFS => "tmpfs, in memory",
        RAMFS => "ramfs, in memory",
        NFS => "nfs, on another host",
        CIFS | SMB | SMB2 => "smb, on another host",
        OVERLAY => "overlay, of a container",
        BTRFS => "btrfs, copies on write",
        ZFS => "zfs, copies on write",
        EXT => "ext4",
        XFS => "xfs",
        F2FS => "f2fs",
        other => return format!("number {other:#x}"),
    };
    name.to_owned()
}

fn judge_kind(magic: u64) -> Check {
    let name = "disk-kind";
    let kind = kind_name(magic);
    let (verdict, explanation, remedy) = match magic {
        TMPFS | RAMFS => (
            Verdict::Fail,
            "keys, and what the node has seen, vanish with a restart of the host",
            "put the node's directory on a disk",
        ),
        NFS | CIFS | SMB | SMB2 => (
            Verdict::Warn,
            "whoever runs the other host has the keys, and durable writes wait for the line",
            "put the node's directory on a disk of this host",
        ),
        OVERLAY => (
            Verdict::Warn,
            "what is not in a volume is gone with the container",
            "put the node's directory in a volume",
        ),
        BTRFS | ZFS => (
            Verdict::Warn,
            "keys that are wiped stay on the disk until their blocks are used again, longer with snapshots",
            "encrypt the disk, and keep the directory out of snapshots",
        ),
        _ => return Check::ok(name, kind, "a file system on a disk of this host"),
    };
    Check::wrong(name, verdict, kind, explanation, remedy)
}

/// How long each of several durable writes in `dir` took, shortest first.
pub(super) fn measure(dir: &Path) -> Writes {
    let path = dir.join(PROBE_FILE);
    let measured = write_repeatedly(&path);
    fs::remove_file(&path)?;
    let mut spans = measured?;
    spans.sort_unstable();
    Ok(spans)
}

fn write_repeatedly(path: &Path) -> io::Result<Vec<Duration>> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let clock = Clock::system();
    let bytes = [0x5a; WRITE_LEN];
    let mut spans = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let began = clock.now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        spans.push(clock.now().since(began));
    }
    Ok(spans)
}

fn latency(measured: &Writes) -> Check {
    let name = "disk-sync";
    let spans = match measured {
        Ok(spans) => spans,
        Err(error) => {
            return Check::wrong(
                name,
                Verdict::Fail,
                error.to_string(),
                "the node's directory cannot be written",
                "see whether the disk is full, read-only, or another user's",
            );
        }
    };
    let (p50, p99) = (quantile(spans, 50), quantile(spans, 99));
    let ms = |span: Duration| span.as_secs_f64() * 1_000.0;
    let value = format!("p50 {:.1} ms, p99 {:.1} ms", ms(p50), ms(p99));
    let slow = |verdict, explanation: &str| {
        Check::wrong(
            name,
            verdict,
            value.clone(),
            explanation,
            "a disk of flash memory, or one with fewer users",
        )
    };
    if p50 >= WRITE_TOO_SLOW {
        slow(Verdict::Fail, "a durable write takes longer than most packets are held")
    } else if p99 >= WRITE_SLOW {
        slow(Verdict::Warn, "some durable writes are slow: packets with short delays wait for them")
    } else {
        Check::ok(name, value, format!("{WRITES} writes of {WRITE_LEN} bytes, each made durable (fdatasync)"))
    }
}

/// The smallest of the sorted `spans` that so many per cent do not exceed.
fn quantile(spans: &[Duration], percent: usize) -> Duration {
    let rank = (spans.len() * percent).div_ceil(100).max(1);
    spans.get(rank - 1).or_else(|| spans.last()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_a_warning_and_none_a_failure() {
        let verdict = |free| room(Some((free, 1 << 40))).verdict;
        assert_eq!((verdict(FREE_LOW), verdict(FREE_LOW - 1)), (Verdict::Ok, Verdict::Warn));
        assert_eq!((verdict(FREE_MIN), verdict(FREE_MIN - 1)), (Verdict::Warn, Verdict::Fail));
        assert_eq!(room(None).verdict, Verdict::Warn);
    }

    #[test]
    fn a_directory_in_memory_is_a_failure() {
        assert_eq!(judge_kind(0x0102_1994).verdict, Verdict::Fail);
        assert_eq!(judge_kind(0x794c_7630).verdict, Verdict::Warn);
        let disk = judge_kind(EXT);
        assert_eq!((disk.verdict, disk.value.as_str()), (Verdict::Ok, "ext4"));
        assert_eq!(judge_kind(7).value, "number 0x7");
    }

    #[test]
    fn the_slow_writes_count() {
        let spans = |fast: usize, slow: usize, slow_ms: u64| {
            let fast = vec![Duration::from_millis(1); fast];
            Ok([fast, vec![Duration::from_millis(slow_ms); slow]].concat())
        };
        assert_eq!(latency(&spans(100, 0, 0)).verdict, Verdict::Ok);
        assert_eq!(latency(&spans(99, 1, 60)).verdict, Verdict::Ok, "one in a hundred");
        assert_eq!(latency(&spans(98, 2, 60)).verdict, Verdict::Warn);
        assert_eq!(latency(&spans(40, 60, 600)).verdict, Verdict::Fail);
        assert_eq!(latency(&Err(io::ErrorKind::StorageFull.into())).verdict, Verdict::Fail);
        assert_eq!(latency(&spans(98, 2, 60)).value, "p50 1.0 ms, p99 60.0 ms");
    }

    #[test]
    fn the_mean_is_that_of_all_writes() {
        assert_eq!(
            mean(&[Duration::from_millis(1), Duration::from_millis(4)]),
            Some(Duration::from_micros(2_500))
        );
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn a_measurement_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(measure(dir.path()).unwrap().len(), WRITES);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(measure(&dir.path().join("absent")).is_err());
    }
}
