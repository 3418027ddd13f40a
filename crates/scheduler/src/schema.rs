//! The JSON Schema of each format, generated from the types.

use std::io::Write;

use clap::ValueEnum;
use scheduler_core::{Plan, RuleSet, Snapshot};

use crate::Found;
use crate::failure::Failure;
use crate::output::Output;

/// The documented formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// What a pass is given
    Snapshot,
    /// What a pass decides
    Plan,
    /// What a pass goes by
    Rules,
}

/// Prints one.
pub(crate) fn run(of: Format) -> Result<Found, Failure> {
    let schema = match of {
        Format::Snapshot => schemars::schema_for!(Snapshot),
        Format::Plan => schemars::schema_for!(Plan),
        Format::Rules => schemars::schema_for!(RuleSet),
    };
    let mut out = Output::stdout();
    writeln!(out, "{:#}", schema.as_value())?;
    out.finish()?;
    Ok(Found::Nothing)
}
