//! `scheduler audit`: a plan checked against the rules.

use std::io::Write;

use clap::Args;
use scheduler_core::words::visible;

use crate::Found;
use crate::failure::Failure;
use crate::output::Output;
use crate::read;
use crate::source::Source;

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The snapshot, a JSON file, or `-`
    #[arg(value_name = "FILE")]
    pub(crate) snapshot: Source,
    /// The plan, a JSON file as `plan --json` prints it, or `-`
    pub(crate) plan: Source,
    /// The rule set: `tower-2018`, `awx-2024`, or a JSON file
    #[arg(long, value_name = "SET|FILE", default_value = "tower-2018")]
    pub(crate) rules: String,
}

/// Audits and prints each violation.
pub(crate) fn run(args: &AuditArgs) -> Result<Found, Failure> {
    if args.snapshot == Source::Stdin && args.plan == Source::Stdin {
        return Err(Failure::new(
            "only one of them can be read from standard input, and both are `-`".to_owned(),
        )
        .remedy("name a file for the snapshot or for the plan"));
    }
    let rules = read::rules(&args.rules)?;
    let snapshot = read::snapshot(&args.snapshot)?;
    let plan = read::plan(&args.plan)?;
    let name = visible(&rules.name);
    let violations = scheduler_core::audit(&snapshot, &rules, &plan);
    let mut out = Output::stdout();
    for violation in &violations {
        writeln!(out, "{violation}")?;
    }
    match violations.len() {
        0 => writeln!(out, "the plan is what the rules of {name} say")?,
        1 => writeln!(out, "1 violation of the rules of {name}")?,
        count => writeln!(out, "{count} violations of the rules of {name}")?,
    }
    out.finish()?;
    Ok(Found::something_if(!violations.is_empty()))
}
