//! The node with the replay tags of full epochs.
use super::BenchArgs;
use super::error::BenchError;
use super::report::MemoryReport;
pub(super) fn measure(
    _args: &BenchArgs,
    _progress: &mut dyn FnMut(&str),
) -> Result<MemoryReport, BenchError> {
    Ok(MemoryReport { tags: 0, start_s: 0.0, rate_per_s: 0.0, rss_mib: 0.0, rss_mib_max: 0.0, disk_mib: 0.0 })
}
