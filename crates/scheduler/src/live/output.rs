//! `scheduler output`: what a task printed.

use std::io::{IsTerminal as _, Write as _};

use clap::Args;
use scheduler_core::TaskId;

use super::{title, unknown_task};
use crate::Found;
use crate::args::Database;
use crate::failure::Failure;
use crate::open;
use crate::output::Output;
use crate::terminal::{plain, stderr};

#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Its id
    #[arg(value_name = "TASK")]
    pub(crate) task: i64,
    /// Print it as it is on a terminal too, which then obeys whatever is in it; elsewhere it always is
    #[arg(long)]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) database: Database,
}

/// Prints it, and on standard error what there is to add.
pub(crate) fn run(args: &OutputArgs) -> Result<Found, Failure> {
    let id = TaskId::new(args.task);
    let (task, printed) = open::block_on(async {
        let store = open::store(&args.database)?;
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
        print(&printed.text, args.raw)?;
    }
    if let Some(note) = note {
        // A closed standard error is no reason to fail.
        let _printed = writeln!(stderr(), "{} {note}", title(&task));
    }
    Ok(Found::Nothing)
}

/// As it is where a program or a file takes it; a terminal would obey it, and gets to see it only, unless it is wanted raw.
fn print(text: &str, raw: bool) -> Result<(), Failure> {
    let mut out = Output::raw();
    if raw || !std::io::stdout().is_terminal() {
        out.write_all(text.as_bytes())?;
    } else {
        out.write_all(plain(&text.replace("\r\n", "\n")).as_bytes())?;
    }
    if !text.ends_with('\n') {
        writeln!(out)?;
    }
    out.finish()
}
