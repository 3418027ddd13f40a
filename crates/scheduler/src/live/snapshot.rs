//! `scheduler snapshot`: what a pass would read now, for a desk.

use std::io::{self, Write};

use crate::Found;
use crate::args::live::SnapshotArgs;
use crate::failure::Failure;
use crate::open;
use crate::output::{Output, write_file};

/// Reads without the lock and without a trace, and prints the JSON that `plan` takes.
pub(crate) fn run(wanted: &SnapshotArgs) -> Result<Found, Failure> {
    let reading = open::block_on(async { Ok(open::store(&wanted.database)?.read().await?) })?;
    let fill = |out: &mut dyn Write| -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, &reading.snapshot)?;
        writeln!(out)
    };
    match &wanted.output {
        Some(path) => write_file(path, fill)?,
        None => {
            let mut out = Output::stdout();
            fill(&mut out)?;
            out.finish()?;
        }
    }
    Ok(Found::Nothing)
}
