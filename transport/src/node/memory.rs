//! How much memory this process has resident, for the status of a node.

/// Resident memory in KiB, as the system counts it (`VmRSS`); `None` where there is no `/proc`.
#[must_use]
pub fn rss_kib() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_size_is_read() {
        assert_eq!(parse("Name:\tx\nVmRSS:\t    1234 kB\nThreads:\t1\n"), Some(1234));
        assert_eq!(parse("Name:\tx\n"), None);
        assert_eq!(parse("VmRSS:\t many kB\n"), None);
    }
}
