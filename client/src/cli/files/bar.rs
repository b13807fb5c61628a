//! Progress of one file on a terminal: a bar, bytes, rate and the time that is left.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::core::FileView;

/// The bar. It goes away with this value.
pub(super) struct FileBar {
    bar: Option<ProgressBar>,
    /// Nobody looks at it.
    is_off: bool,
}

impl FileBar {
    /// None is shown yet. `is_off` for output that is not for people.
    pub(super) const fn new(is_off: bool) -> Self {
        Self { bar: None, is_off }
    }

    /// Shows how far a file is. Where standard error is no terminal, nothing is written.
    pub(super) fn show(&mut self, file: &FileView) {
        if self.is_off {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(file.size), ProgressDrawTarget::stderr());
            // The template is ours; without it the bar has another form.
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes}  {msg}") {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        bar.set_position(file.done_bytes);
        bar.set_message(rate(file));
    }
}

/// Rate and the time that is left, or how far the file is.
fn rate(file: &FileView) -> String {
    match (file.rate_bytes_per_s, file.eta_s) {
        (Some(rate), Some(eta_s)) => format!("{rate} bytes/s, {} left", span(eta_s)),
        _ => file.state.label().to_owned(),
    }
}

impl Drop for FileBar {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// A span of seconds for people.
pub(super) fn span(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_by_people() {
        let spans = [0, 59, 60, 3599, 3600, 90_061].map(span);
        assert_eq!(spans, ["0 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "25 h 1 min"]);
    }
}
