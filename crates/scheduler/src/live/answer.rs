//! `scheduler approve` and `scheduler deny`: a person's word on approvals.

use std::io::Write as _;

use control_plane::ports::{Answer, Answered};
use scheduler_core::TaskId;

use super::{title, unknown_task};
use crate::Found;
use crate::args::TasksArgs;
use crate::failure::Failure;
use crate::open;
use crate::output::Output;

/// Gives the same word on each of them, in order, up to the first that does not wait for one.
pub(crate) fn run(args: &TasksArgs, answer: Answer) -> Result<Found, Failure> {
    let mut out = Output::stdout();
    let word = match answer {
        Answer::Approve => "approved",
        Answer::Deny => "denied",
    };
    open::block_on(async {
        let store = open::store(&args.database)?;
        for id in args.tasks.iter().copied().map(TaskId::new) {
            match store.answer(id, answer).await? {
                Answered::Recorded => writeln!(out, "{id}: {word}")?,
                Answered::Unknown => return Err(unknown_task(id)),
                Answered::NotWaiting => {
                    let task = store.task(id).await?.ok_or_else(|| unknown_task(id))?;
                    return Err(Failure::new(format!(
                        "{} does not wait for a word: it is {}",
                        title(&task),
                        task.status.token()
                    ))
                    .remedy("only running approvals do; `scheduler status` lists them"));
                }
            }
        }
        Ok(())
    })
    .and_then(|()| out.finish())?;
    Ok(Found::Nothing)
}
