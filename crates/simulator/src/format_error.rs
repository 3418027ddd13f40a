//! What does not fit in a file, where, and what to do about it.

use std::fmt;

/// A place in a file that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FormatError {
    /// The line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// The column, from 1; 0 when only the line is known.
    pub column: usize,
    /// What does not fit; the field stands first where there is one.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl FormatError {
    /// About a file as a whole.
    pub(crate) fn whole(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::at((0, 0), what, remedy)
    }

    /// About a line and a column.
    pub(crate) fn at(place: (usize, usize), what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { line: place.0, column: place.1, what: what.into(), remedy: remedy.into() }
    }

    /// The place as it follows a file's name: `:12:7`, `:12`, or nothing.
    #[must_use]
    pub fn place(&self) -> String {
        match (self.line, self.column) {
            (0, _) => String::new(),
            (line, 0) => format!(":{line}"),
            (line, column) => format!(":{line}:{column}"),
        }
    }
}

/// `12:7: what does not fit`; the remedy is told apart.
impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place();
        match place.strip_prefix(':') {
            Some(place) => write!(f, "{place}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// The line and the column of a byte.
pub(crate) fn place_of(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = bytes.get(..at.min(bytes.len())).unwrap_or_default();
    let line = before.iter().filter(|&&byte| byte == b'\n').count().saturating_add(1);
    let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count().saturating_add(1);
    (line, column)
}
