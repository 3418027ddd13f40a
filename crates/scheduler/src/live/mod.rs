//! The commands that ask a running control plane, each one question or one request to its store.
//!
//! They decide nothing: what a pass would do is asked of the pure function, on what the store holds now.

pub(crate) mod answer;
pub(crate) mod cancel;
pub(crate) mod launch;
pub(crate) mod output;
pub(crate) mod purge;
pub(crate) mod rpc;
pub(crate) mod snapshot;
pub(crate) mod status;

use std::io::Write as _;

use chrono::TimeDelta;
use control_plane::ports::{TaskStatus, TaskView};
use scheduler_core::words::visible;
use scheduler_core::{TaskId, Timestamp};

use crate::Found;
use crate::args::Database;
use crate::decisions::Tone;
use crate::failure::Failure;
use crate::open;
use crate::output::Output;

/// The longest explanation of an end that is shown.
pub(crate) const LONGEST_WHY: usize = 2000;

/// `scheduler migrate`.
pub(crate) fn migrate(database: &Database) -> Result<Found, Failure> {
    open::block_on(open::migrate(database))?;
    let mut out = Output::stdout();
    writeln!(out, "the tables in schema {:?} are up to date", database.database_schema)?;
    out.finish()?;
    Ok(Found::Nothing)
}

/// `job 42 deploy-web`.
pub(crate) fn title(task: &TaskView) -> String {
    format!("{} {} {}", task.kind, task.id, visible(&task.name)).trim_end().to_owned()
}

pub(crate) fn unknown_task(id: TaskId) -> Failure {
    Failure::new(format!("there is no task {id}"))
        .remedy("`scheduler status` lists those that have not ended, and those that ended last")
}

/// How a status looks.
pub(crate) const fn tone(status: TaskStatus) -> Tone {
    match status {
        TaskStatus::Pending | TaskStatus::Waiting => Tone::Waiting,
        TaskStatus::Running => Tone::Plain,
        TaskStatus::Successful => Tone::Good,
        TaskStatus::Failed | TaskStatus::Error | TaskStatus::Canceled => Tone::Bad,
    }
}

/// A time between two moments for people: `0.4 s`, `75 s`, `12 min`, `7 h`, `3 d`.
pub(crate) fn span(from: Timestamp, to: Timestamp) -> String {
    let span = to.signed_duration_since(from).max(TimeDelta::zero());
    match span.num_seconds() {
        0..10 => format!("{:.1} s", span.as_seconds_f64()),
        seconds @ 10..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}
