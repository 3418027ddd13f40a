//! `scheduler snapshot`: what a pass would read now, for a desk.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use crate::Found;
use crate::args::Database;
use crate::failure::Failure;
use crate::open;
use crate::output::{Output, write_file};

#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    /// Write it here instead of to standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) database: Database,
}

/// Reads without the lock and without a trace, and prints the JSON that `plan` takes.
pub(crate) fn run(args: &SnapshotArgs) -> Result<Found, Failure> {
    let reading = open::block_on(async { Ok(open::store(&args.database)?.read().await?) })?;
    let fill = |out: &mut dyn Write| -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, &reading.snapshot)?;
        writeln!(out)
    };
    match &args.output {
        Some(path) => write_file(path, fill)?,
        None => {
            let mut out = Output::stdout();
            fill(&mut out)?;
            out.finish()?;
        }
    }
    Ok(Found::Nothing)
}
