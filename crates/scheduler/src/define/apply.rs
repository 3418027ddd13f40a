//! `scheduler apply`: a whole file of definitions, in one transaction.

use std::io::Write as _;

use clap::Args;

use super::{file, print_applied};
use crate::Found;
use crate::args::Database;
use crate::failure::Failure;
use crate::open;
use crate::output::Output;
use crate::source::Source;

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Definitions in TOML or JSON, or `-`
    #[arg(value_name = "FILE")]
    pub(crate) file: Source,
    /// Only check the file; needs no database
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

/// Checks the file, and then lets the store create or change what it names.
pub(crate) fn run(args: &ApplyArgs) -> Result<Found, Failure> {
    let definitions = file::read(&args.file)?;
    if args.check {
        let mut out = Output::stdout();
        writeln!(
            out,
            "{}: {} definitions, nothing to object to; names that are not in it are the database's to know",
            args.file,
            definitions.names().len()
        )?;
        out.finish()?;
        return Ok(Found::Nothing);
    }
    let applied = open::block_on(async {
        let store = open::store(&args.database)?;
        store.define(&definitions).await.map_err(|error| Failure::from(error).at(&args.file))
    })?;
    print_applied(&applied)?;
    Ok(Found::Nothing)
}
