//! What validation objects to, for standard error.

use std::fmt::Display;
use std::io::{self, Write};

use anstyle::AnsiColor;
use scheduler_core::words::visible;
use scheduler_core::{Problem, RuleSet, Severity, Snapshot};

use crate::terminal::{said, stderr};

/// So many are shown of one file; a snapshot with a defect in each row would hide the plan.
const MOST: usize = 20;

/// Prints the problems of a snapshot and of a rule set. Planning goes on: the pass contains malformed rows (R11).
pub(crate) fn print(source: &dyn Display, snapshot: &Snapshot, rules: &RuleSet) {
    let mut of_rules = rules.problems();
    of_rules.extend(rules.problems_with(snapshot));
    let mut stderr = stderr();
    // A closed standard error is no reason to print no plan.
    let _printed = list(&mut stderr, source, &snapshot.problems())
        .and_then(|()| list(&mut stderr, &format_args!("rules {}", visible(&rules.name)), &of_rules));
}

/// Prints what a reader had to guess at or leave out.
pub(crate) fn remark(source: &dyn Display, remarks: &[String]) {
    let style = AnsiColor::Yellow.on_default();
    let mut stderr = stderr();
    for remark in remarks {
        // The file is read all the same.
        let _printed = writeln!(stderr, "{source}: {style}{}{style:#}", visible(remark));
    }
}

fn list(out: &mut impl Write, of: &dyn Display, problems: &[Problem]) -> io::Result<()> {
    for problem in problems.iter().take(MOST) {
        let style = match problem.severity {
            Severity::Error => AnsiColor::Red,
            Severity::Warning => AnsiColor::Yellow,
        }
        .on_default();
        writeln!(out, "{of}: {style}{}{style:#}", said(&problem.to_string()))?;
    }
    match problems.len().saturating_sub(MOST) {
        0 => Ok(()),
        more => writeln!(out, "{of}: … and {more} more problems"),
    }
}
