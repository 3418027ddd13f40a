//! `scheduler cancel`: asks to cancel tasks.

use std::io::Write as _;

use control_plane::ports::CancelAnswer;
use scheduler_core::TaskId;

use super::unknown_task;
use crate::Found;
use crate::args::TasksArgs;
use crate::failure::Failure;
use crate::open;
use crate::output::Output;

/// Asks for all of them at once; an unknown one is an error, once the others are said.
pub(crate) fn run(args: &TasksArgs) -> Result<Found, Failure> {
    let ids: Vec<TaskId> = args.tasks.iter().copied().map(TaskId::new).collect();
    let answers = open::block_on(async { Ok(open::store(&args.database)?.cancel(&ids).await?) })?;
    let mut out = Output::stdout();
    let mut unknown = None;
    for (&id, answer) in ids.iter().zip(answers) {
        match answer {
            CancelAnswer::Requested => writeln!(out, "{id}: asked to cancel")?,
            CancelAnswer::Canceled => writeln!(out, "{id}: canceled; nobody had taken it up yet")?,
            CancelAnswer::AlreadyFinished => writeln!(out, "{id}: had ended before")?,
            CancelAnswer::Unknown => unknown = unknown.or(Some(id)),
        }
    }
    out.finish()?;
    unknown.map_or(Ok(Found::Nothing), |id| Err(unknown_task(id)))
}
