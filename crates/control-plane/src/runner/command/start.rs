//! How a command begins: its environment, its pipe, its limits, and what is said when it does not.

use std::io::{self, PipeReader, Read as _};
use std::process::Stdio;
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::CommandOptions;
use super::environment::withheld;
use crate::definition::CommandPayload;
use crate::runner::handler::Context;

/// How long a process that was just being started may hold the pipe of a command that did not begin.
const PASSING: Duration = Duration::from_secs(1);

/// Why a command did not begin.
#[derive(Debug)]
pub(super) enum NotBegun {
    /// It cannot run as it is.
    Never(String),
    /// This machine has no room for it now: processes, open files, memory.
    NoRoom(String),
}

/// Starts the child. What can fail for want of room is had before it, so that what is handed back has not begun.
pub(super) async fn start(
    payload: &CommandPayload,
    context: &Context,
    options: &CommandOptions,
) -> Result<(Child, Receiver), NotBegun> {
    let Some((program, arguments)) = payload.argv.split_first() else {
        return Err(NotBegun::Never("`argv` is empty: its first word is the program".into()));
    };
    let explain = |error: io::Error| {
        let why = match &payload.directory {
            Some(directory) => format!("could not run {program:?} in directory {directory:?}: {error}"),
            None => format!("could not run {program:?}: {error}"),
        };
        if is_no_room(&error) { NotBegun::NoRoom(why) } else { NotBegun::Never(why) }
    };
    let (reader, writer) = io::pipe().map_err(explain)?;
    let mut witness = reader.try_clone().map_err(explain)?;
    let receiver = Receiver::from_owned_fd(reader.into()).map_err(explain)?;
    let mut command = Command::new(program);
    for secret in withheld(std::env::vars_os().map(|(name, _)| name), options.withheld) {
        command.env_remove(secret);
    }
    command.args(arguments).envs(told(context)).envs(&payload.environment);
    if let Some(directory) = &payload.directory {
        command.current_dir(directory);
    }
    command.stdin(Stdio::null()).stdout(writer.try_clone().map_err(explain)?).stderr(writer);
    command.process_group(0).kill_on_drop(true);
    let spawned = command.spawn();
    // It holds the pipe's other end.
    drop(command);
    match spawned {
        Ok(child) => {
            limit(&child, options);
            Ok((child, receiver))
        }
        Err(error) => match explain(error) {
            NotBegun::NoRoom(why) if !is_closed(&mut witness).await => Err(NotBegun::Never(format!(
                "{why}; it may have begun all the same, and nobody watches over it then"
            ))),
            other => Err(other),
        },
    }
}

/// What a command is told of its task in its environment; what the payload says of the same variables counts.
fn told(context: &Context) -> impl Iterator<Item = (&'static str, String)> {
    let slice = context.slice.map(|slice| {
        [("SCHEDULER_SLICE", slice.number.to_string()), ("SCHEDULER_SLICES", slice.of.to_string())]
    });
    [("SCHEDULER_TASK", context.task.to_string())].into_iter().chain(slice.into_iter().flatten())
}

/// Whether the system could not give what a start needs, which says nothing of the command.
pub(super) fn is_no_room(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::AGAIN | Errno::NOMEM))
}

/// Whether nobody holds the other end of the pipe any more. A child may have been made before its start failed: it would hold it. So does,
/// for an instant, a process that another task is just starting.
async fn is_closed(pipe: &mut PipeReader) -> bool {
    let deadline = Instant::now() + PASSING;
    loop {
        match pipe.read(&mut [0]) {
            Ok(0) => return true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < deadline => {
                sleep(Duration::from_millis(10)).await;
            }
            _ => return false,
        }
    }
}

/// Gives the child the limit of open files that is meant for commands, as soon as there is a child to give it to.
fn limit(child: &Child, options: &CommandOptions) {
    #[cfg(target_os = "linux")]
    if let Some(open_files) = options.open_files
        && let Some(pid) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()))
    {
        use rustix::process::{Resource, Rlimit, getrlimit, prlimit};
        let limits = Rlimit { current: Some(open_files), ..getrlimit(Resource::Nofile) };
        // A child that has ended needs none.
        let _ = prlimit(Some(pid), Resource::Nofile, limits);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (child, options);
}
