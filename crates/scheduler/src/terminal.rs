//! What stands between the texts of others and a terminal.
//!
//! Names, explanations and errors of others may hold what a terminal obeys: sequences that clear it, that fill the clipboard, that
//! turn the direction of writing. Whatever the program prints goes through here, and what is left of such characters is their
//! code, as JSON writes it: a JSON document stays the same document. Lines and colours pass, since the program makes some itself;
//! where names become words, [`scheduler_core::words::visible`] has taken them away.

use std::io::{self, StderrLock, Write};

use anstream::AutoStream;
use scheduler_core::words::{is_hidden, write_code};

/// The longest text that is shown of an error: a name in it may be of any length.
const LONGEST: usize = 10_000;

/// A writer that lets through what is to be seen, lines and colours.
pub(crate) struct Guard<W> {
    out: W,
    open: bool,
}

impl<W: Write> Guard<W> {
    /// Before this one.
    pub(crate) const fn new(out: W) -> Self {
        Self { out, open: false }
    }

    /// One that lets everything through.
    pub(crate) const fn open(out: W) -> Self {
        Self { out, open: true }
    }
}

impl<W: Write> Write for Guard<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.open || bytes.iter().all(|byte| matches!(byte, b'\n' | b'\t' | b' '..=b'~')) {
            self.out.write_all(bytes)?;
        } else {
            self.out.write_all(guarded(&String::from_utf8_lossy(bytes)).as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// With colours.
fn guarded(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let (taken, left) = rest.split_at(colour(rest).unwrap_or(letter.len_utf8()));
        if taken.len() > letter.len_utf8() {
            safe.push_str(taken);
        } else {
            push(&mut safe, letter);
        }
        rest = left;
    }
    safe
}

/// The length of the sequence of a colour at the beginning of a text.
fn colour(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find(|letter: char| !letter.is_ascii_digit() && letter != ';')?;
    numbers.get(end..)?.starts_with('m').then_some(end + 3)
}

/// Lines of text without colours, and not too long: an error, or what a task printed.
pub(crate) fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    text.chars().for_each(|letter| push(&mut safe, letter));
    safe
}

/// An error with what others gave to it. Its lines but the first are set in, so that none can be taken for another error.
pub(crate) fn said(text: &str) -> String {
    let cut = text.char_indices().nth(LONGEST).map(|(at, _)| at);
    let safe = match cut.and_then(|at| text.get(..at)) {
        Some(kept) => plain(kept) + "…",
        None => plain(text),
    };
    let lines: Vec<&str> = safe.lines().map(str::trim_start).collect();
    lines.join("\n       ")
}

fn push(safe: &mut String, letter: char) {
    if is_hidden(letter) && !matches!(letter, '\n' | '\t') {
        // A string takes whatever is written to it.
        let _written = write_code(safe, letter);
    } else {
        safe.push(letter);
    }
}

/// Standard error, under the guard.
pub(crate) fn stderr() -> Guard<AutoStream<StderrLock<'static>>> {
    Guard::new(anstream::stderr().lock())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(text: &[u8]) -> String {
        let mut guard = Guard::new(Vec::new());
        guard.write_all(text).unwrap();
        String::from_utf8(guard.out).unwrap()
    }

    #[test]
    fn colours_and_lines_pass_and_nothing_else_that_a_terminal_obeys() {
        for (text, shown) in [
            ("\u{1b}[1;38;5;9mred\u{1b}[0m\n", "\u{1b}[1;38;5;9mred\u{1b}[0m\n"),
            ("\u{1b}[2J\u{1b}[H", "\\u001b[2J\\u001b[H"),
            ("\u{1b}]0;title\u{7}", "\\u001b]0;title\\u0007"),
            ("\u{1b}[", "\\u001b["),
            ("a\rb\u{9b}2J\u{202e}c", "a\\u000db\\u009b2J\\u202ec"),
            ("größe", "größe"),
        ] {
            assert_eq!(through(text.as_bytes()), shown);
        }
        assert_eq!(through(b"a\xffb"), "a\u{fffd}b");
    }

    #[test]
    fn a_document_stays_the_same_document() {
        let value = serde_json::json!({ "name": "\u{1b}[2J\u{9b}\u{202e}\u{e0041}\n" });
        let shown = through(serde_json::to_string_pretty(&value).unwrap().as_bytes());
        assert!(!shown.chars().any(|letter| is_hidden(letter) && letter != '\n'), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn an_error_is_without_colours_and_bounded() {
        assert_eq!(
            said("one\n\u{1b}[8mtwo\n   error: three"),
            "one\n       \\u001b[8mtwo\n       error: three"
        );
        assert_eq!(said(&"x".repeat(1 << 20)).chars().count(), LONGEST + 1);
    }
}
