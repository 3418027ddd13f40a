//! How far long work has come: a bar with rate and remaining time on a terminal, plain lines when standard error is piped.
//!
//! It knows counts and time, not the work. Work of less than a moment shows nothing; a caller may report as often as it
//! likes, since drawing is limited here.

use std::io::{IsTerminal, Read, Write};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use simulator::Span;

/// Nothing is shown of work that takes less than this.
const QUIET: Duration = Duration::from_millis(700);
/// How often a line is written where there is no terminal, the first time included.
const LINE: Duration = Duration::from_secs(10);
/// How often a second a terminal is drawn on.
const DRAWN_PER_SECOND: u8 = 10;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Tasks.
    Tasks,
    /// Bytes of a file.
    Bytes,
    /// Draws of a forecast.
    Draws,
    /// Migrations of the tables.
    Migrations,
}

impl Unit {
    fn amount(self, count: u64) -> String {
        match self {
            Self::Tasks | Self::Draws | Self::Migrations => count.to_string(),
            Self::Bytes => HumanBytes(count).to_string(),
        }
    }

    /// What stands behind a count; bytes name their own unit.
    const fn word(self) -> &'static str {
        match self {
            Self::Tasks => " tasks",
            Self::Bytes => "",
            Self::Draws => " draws",
            Self::Migrations => " migrations",
        }
    }

    const fn template(self) -> &'static str {
        match self {
            Self::Tasks => "{msg} [{bar:24}] {human_pos} of {human_len} tasks, {rate}, {eta_precise} left",
            Self::Bytes => "{msg} [{bar:24}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta_precise} left",
            Self::Draws => "{msg} [{bar:24}] {pos} of {len} draws, {rate}, {eta_precise} left",
            Self::Migrations => "{msg} [{bar:24}] {pos} of {len} migrations, {eta_precise} left",
        }
    }
}

/// How far one piece of work has come, on standard error.
pub(crate) struct Progress {
    what: String,
    unit: Unit,
    begun: Instant,
    shown: Option<Instant>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Of this work.
    pub(crate) fn new(what: impl Into<String>, unit: Unit) -> Self {
        let what = what.into();
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(unit.template())
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    // Nothing can be done about a formatter that fails.
                    let _written = write!(out, "{:.0}/s", state.per_sec());
                })
                .progress_chars("=> ");
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
            bar.with_style(style).with_message(what.clone())
        });
        Self { what, unit, begun: Instant::now(), shown: None, bar }
    }

    /// So many of so many are done.
    pub(crate) fn set(&mut self, done: usize, all: usize) {
        let (done, all) = (done as u64, all as u64);
        let now = Instant::now();
        let spent = now.duration_since(self.begun);
        let Some(bar) = &self.bar else {
            if now.duration_since(self.shown.unwrap_or(self.begun)) >= LINE {
                self.shown = Some(now);
                // Nobody is left to hear about an error in saying how far it is.
                let _written =
                    writeln!(std::io::stderr().lock(), "{}", words(&self.what, self.unit, done, all, spent));
            }
            return;
        };
        if self.shown.is_none() && spent >= QUIET {
            self.shown = Some(now);
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWN_PER_SECOND));
        }
        bar.set_length(all);
        bar.set_position(done);
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `simulation: 1200 of 18239 tasks, 5200/s, 3 s left`.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people")]
fn words(what: &str, unit: Unit, done: u64, all: u64, spent: Duration) -> String {
    let rate = done as f64 / spent.as_secs_f64().max(0.001);
    let left =
        if rate > 0.0 { Span::from_seconds(all.saturating_sub(done) as f64 / rate) } else { Span::ZERO };
    format!(
        "{what}: {} of {}{}, {}/s, {left} left",
        unit.amount(done),
        unit.amount(all),
        unit.word(),
        unit.amount(rate.round() as u64)
    )
}

/// Reads all of something whose size is known, and tells how far it has come.
pub(crate) fn read_to_end(
    from: &mut impl Read,
    size: u64,
    what: impl Into<String>,
    bytes: &mut Vec<u8>,
) -> std::io::Result<()> {
    const PIECE: u64 = 1 << 20;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let mut progress = Progress::new(what, Unit::Bytes);
    let read = loop {
        match from.by_ref().take(PIECE).read_to_end(bytes) {
            Ok(0) => break Ok(()),
            Ok(_) => progress.set(bytes.len(), size.max(bytes.len())),
            Err(error) => break Err(error),
        }
    };
    progress.finish();
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_have_rate_and_remaining_time() {
        assert_eq!(
            words("simulation", Unit::Tasks, 500, 1500, Duration::from_secs(5)),
            "simulation: 500 of 1500 tasks, 100/s, 10 s left"
        );
        assert_eq!(
            words("reading log", Unit::Bytes, 1 << 20, 3 << 20, Duration::from_secs(1)),
            "reading log: 1.00 MiB of 3.00 MiB, 1.00 MiB/s, 2 s left"
        );
    }

    #[test]
    fn every_template_is_one() {
        for unit in [Unit::Tasks, Unit::Bytes, Unit::Draws, Unit::Migrations] {
            assert!(ProgressStyle::with_template(unit.template()).is_ok(), "{unit:?}");
        }
    }

    #[test]
    fn all_is_read_whatever_the_size_was_said_to_be() {
        let text = vec![b'x'; 3_000_000];
        for size in [0, 10, 3_000_000, u64::MAX] {
            let mut bytes = Vec::new();
            read_to_end(&mut text.as_slice(), size, "reading", &mut bytes).unwrap_or_default();
            assert_eq!(bytes.len(), text.len());
        }
    }
}
