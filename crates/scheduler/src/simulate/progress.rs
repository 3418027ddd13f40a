//! How far long work has come: a bar on a terminal, plain lines when standard error is piped. Short work shows nothing.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use simulator::Span;

/// Nothing is shown of work that takes less than this.
const QUIET: Duration = Duration::from_millis(700);
/// How often the bar moves, and how often a line is written.
const REDRAW: Duration = Duration::from_millis(100);
const LINE: Duration = Duration::from_secs(10);
const WIDTH: usize = 24;

/// A bar on standard error.
pub(crate) struct Bar {
    what: String,
    begun: Instant,
    shown: Option<Instant>,
    terminal: bool,
}

impl Bar {
    /// For this work.
    pub(crate) fn new(what: &str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { what: what.to_owned(), begun: Instant::now(), shown: None, terminal }
    }

    /// So many of so many are done.
    pub(crate) fn set(&mut self, done: usize, all: usize) {
        let now = Instant::now();
        let gap = if self.terminal { REDRAW } else { LINE };
        let first = if self.terminal { QUIET } else { LINE };
        let due = match self.shown {
            Some(shown) => now.duration_since(shown) >= gap,
            None => now.duration_since(self.begun) >= first,
        };
        if due {
            self.shown = Some(now);
            let words = words(&self.what, done, all, now.duration_since(self.begun));
            let mut stderr = std::io::stderr().lock();
            // Nobody is left to hear about an error in saying how far it is.
            let _written = if self.terminal {
                write!(stderr, "\r\x1b[2K{} {words}", drawn(done, all)).and_then(|()| stderr.flush())
            } else {
                writeln!(stderr, "{words}")
            };
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        if self.terminal && self.shown.is_some() {
            let mut stderr = std::io::stderr().lock();
            let _written = write!(stderr, "\r\x1b[2K").and_then(|()| stderr.flush());
        }
    }
}

fn drawn(done: usize, all: usize) -> String {
    let full = (done * WIDTH).checked_div(all).unwrap_or(0).min(WIDTH);
    format!("[{}{}]", "#".repeat(full), " ".repeat(WIDTH - full))
}

/// `simulation: 1200 of 18239 tasks, 5200/s, 3 s left`.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn words(what: &str, done: usize, all: usize, spent: Duration) -> String {
    let rate = done as f64 / spent.as_secs_f64().max(0.001);
    let left =
        if rate > 0.0 { Span::from_seconds((all.saturating_sub(done)) as f64 / rate) } else { Span::ZERO };
    format!("{what}: {done} of {all} tasks, {rate:.0}/s, {left} left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_have_rate_and_remaining_time() {
        assert_eq!(
            words("simulation", 500, 1500, Duration::from_secs(5)),
            "simulation: 500 of 1500 tasks, 100/s, 10 s left"
        );
        assert_eq!(drawn(1, 2), format!("[{}{}]", "#".repeat(12), " ".repeat(12)));
    }
}
