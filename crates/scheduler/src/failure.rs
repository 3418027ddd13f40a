//! What went wrong, where, and what to do about it.

use std::fmt::{self, Display};
use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::terminal::{said, stderr};

/// The reason why a command gives up. Printed to standard error; the exit code is 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    what: String,
    remedy: Option<String>,
}

impl Failure {
    /// What went wrong; the place, if there is one, stands first, as in `snapshot.json:12:7: …`.
    pub(crate) fn new(what: String) -> Self {
        Self { what, remedy: None }
    }

    /// Where it went wrong, put first.
    pub(crate) fn at(mut self, place: impl Display) -> Self {
        self.what = format!("{place}: {}", self.what);
        self
    }

    /// What to do about it.
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// What to do about it, unless that was said already.
    pub(crate) fn or_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy.get_or_insert_with(|| remedy.into());
        self
    }

    /// Prints it.
    pub(crate) fn print(&self) {
        let error = AnsiColor::Red.on_default().bold();
        let help = Style::new().bold();
        let mut stderr = stderr();
        // Nobody is left to hear about an error in printing this one.
        let _printed = writeln!(stderr, "{error}error:{error:#} {}", said(&self.what));
        if let Some(remedy) = &self.remedy {
            let _printed = writeln!(stderr, "{help} help:{help:#} {}", said(remedy));
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.remedy.as_ref().map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}
