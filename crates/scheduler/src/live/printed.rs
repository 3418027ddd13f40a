//! `scheduler output`: what a task printed.

use std::io::Write as _;

use scheduler_core::TaskId;

use super::{title, unknown_task};
use crate::Found;
use crate::cli::live::OutputArgs;
use crate::failure::Failure;
use crate::open;
use crate::output::Output;

/// Prints it as it is, and on standard error what there is to add.
pub(crate) fn run(wanted: &OutputArgs) -> Result<Found, Failure> {
    let id = TaskId::new(wanted.task);
    let (task, printed) = open::block_on(async {
        let store = open::store(&wanted.database)?;
        let task = store.task(id).await?.ok_or_else(|| unknown_task(id))?;
        Ok((task, store.output(id).await?))
    })?;
    let note = match &printed {
        None if !task.status.is_finished() => {
            return Err(Failure::new(format!(
                "{} has not ended: it is {}",
                title(&task),
                task.status.token()
            ))
            .remedy("what it prints is kept when it ends"));
        }
        None => Some("printed nothing"),
        Some(printed) if printed.truncated => Some("printed more than is kept"),
        Some(_) => None,
    };
    if let Some(printed) = printed {
        let mut out = Output::stdout();
        out.write_all(printed.text.as_bytes())?;
        if !printed.text.ends_with('\n') {
            writeln!(out)?;
        }
        out.finish()?;
    }
    if let Some(note) = note {
        // A closed standard error is no reason to fail.
        let _printed = writeln!(anstream::stderr().lock(), "{} {note}", title(&task));
    }
    Ok(Found::Nothing)
}
