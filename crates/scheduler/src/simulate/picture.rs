//! `--html`: the timeline as a page.

use std::path::Path;

use scheduler_core::Timestamp;
use simulator::{Outcome, Workload};
use timeline::Picture;

use super::args::SimulateArgs;
use crate::failure::Failure;
use crate::output::write_file;

/// Writes the page of an outcome, if one was asked for. `changes` are the words of what is different about this run.
pub(super) fn write(
    args: &SimulateArgs,
    workload: &Workload,
    outcome: &Outcome,
    changes: &[String],
) -> Result<(), Failure> {
    let Some(path) = &args.html else { return Ok(()) };
    if path == Path::new("-") {
        return Err(Failure::new("--html: standard output is for the report".into()).remedy("name a file"));
    }
    let mut about = format!("simulated by {}, seed {}", outcome.rules, outcome.seed.get());
    if !changes.is_empty() {
        about = format!("{about}, with {}", changes.join(", "));
    }
    let name = Path::new(&outcome.workload).file_name().and_then(|name| name.to_str());
    let picture = Picture {
        title: name.unwrap_or(&outcome.workload),
        about: &about,
        // A log without a date begins with the epoch, which is no day to show.
        origin: Some(outcome.start).filter(|&start| start != Timestamp::UNIX_EPOCH),
        ..Picture::of(outcome, &workload.cluster.groups)
    };
    write_file(path, |out| timeline::write(&picture, out))
}
