//! What validation objects to, for standard error.

use std::fmt::Display;
use std::io::{self, Write};

use anstyle::AnsiColor;
use scheduler_core::{Problem, RuleSet, Severity, Snapshot};

/// So many are shown of one file; a snapshot with a defect in each row would hide the plan.
const MOST: usize = 20;

/// Prints the problems of a snapshot and of a rule set. Planning goes on: the pass contains malformed rows (R11).
pub(crate) fn print(source: &dyn Display, snapshot: &Snapshot, rules: &RuleSet) {
    let mut of_rules = rules.problems();
    of_rules.extend(rules.problems_with(snapshot));
    let mut stderr = anstream::stderr().lock();
    // A closed standard error is no reason to print no plan.
    let _printed = list(&mut stderr, source, &snapshot.problems())
        .and_then(|()| list(&mut stderr, &format_args!("rules {}", rules.name), &of_rules));
}

fn list(out: &mut impl Write, of: &dyn Display, problems: &[Problem]) -> io::Result<()> {
    for problem in problems.iter().take(MOST) {
        let style = match problem.severity {
            Severity::Error => AnsiColor::Red,
            Severity::Warning => AnsiColor::Yellow,
        }
        .on_default();
        writeln!(out, "{of}: {style}{problem}{style:#}")?;
    }
    match problems.len().saturating_sub(MOST) {
        0 => Ok(()),
        more => writeln!(out, "{of}: … and {more} more problems"),
    }
}
