//! The JSON Schema of each format, generated from the types.

use std::io::Write;

use clap::ValueEnum;
use scheduler_core::{Plan, RuleSet, Snapshot};
use schemars::Schema;
use schemars::transform::{RecursiveTransform, Transform as _};

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
    let mut schema = match of {
        Format::Snapshot => schemars::schema_for!(Snapshot),
        Format::Plan => schemars::schema_for!(Plan),
        Format::Rules => schemars::schema_for!(RuleSet),
    };
    RecursiveTransform(summarize).transform(&mut schema);
    let mut out = Output::stdout();
    writeln!(out, "{:#}", schema.as_value())?;
    out.finish()?;
    Ok(Found::Nothing)
}

/// Descriptions are the first paragraphs of the types': how a type is used in Rust says nothing to whoever writes JSON.
fn summarize(schema: &mut Schema) {
    let said = schema.get("description").and_then(|said| said.as_str());
    if let Some((words, _)) = said.and_then(|said| said.split_once("\n\n")) {
        let words = words.to_owned();
        schema.insert("description".to_owned(), words.into());
    }
}
