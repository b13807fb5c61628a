//! A progress bar for Tor's bootstrap, on a terminal and nowhere else.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::escape;

/// The bar. It goes away with this value.
pub(super) struct TorBar {
    bar: Option<ProgressBar>,
    /// Nobody looks at it.
    is_off: bool,
}

impl TorBar {
    /// None is shown yet. `is_off` for output that is not for people.
    pub(super) const fn new(is_off: bool) -> Self {
        Self { bar: None, is_off }
    }

    /// Shows how far Tor is. Where standard error is no terminal, nothing is written.
    pub(super) fn show(&mut self, percent: u8, summary: &str) {
        if self.is_off {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr());
            // The template is ours; without it the bar has another form.
            if let Ok(style) = ProgressStyle::with_template("Tor {bar:30} {pos:>3} %  {msg}") {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        bar.set_position(percent.into());
        bar.set_message(escape::line(summary));
    }

    /// Takes it away.
    pub(super) fn hide(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for TorBar {
    fn drop(&mut self) {
        self.hide();
    }
}
