//! Runs a command as a child process.
//!
//! The child leads a process group of its own, so that a stop reaches whatever it started: SIGTERM to the group, after
//! a grace time SIGKILL. Nothing that stays in the group outlives the command: when the command has ended, so has its
//! group; a daemon that shall stay leaves the group (`setsid`). No shell is between, standard input is empty, and both outputs go into
//! one pipe, which is read to the end whatever is kept of it, so that a child that prints much is never blocked. Where the
//! child writes besides, and whether there is room, is between it and its disk.
//!
//! If the node itself is killed, nobody is left to signal the group. Its [guardian](super::guardian) is: a small shell that
//! kills the groups of a node that is gone.

use std::io::{self, PipeReader};
use std::os::unix::process::ExitStatusExt as _;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use scheduler_core::{Outcome, Seconds};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::capture::Capture;
use super::group::Group;
use super::guardian::Guardian;
use super::handlers::{Context, Handler};
use crate::definition::CommandPayload;
use crate::ports::Ended;

/// How often a group that was told to stop is looked at.
const POLL: Duration = Duration::from_millis(50);

/// How long the pipe may stay open after the group is gone: only who left the group can still hold it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How commands are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandOptions {
    /// How many bytes of output are kept; 64 KiB. Half of it is the beginning, half the end.
    pub output_limit: usize,
    /// How long after SIGTERM a command has before SIGKILL; 5 s.
    pub term_grace: Duration,
}

impl Default for CommandOptions {
    fn default() -> Self {
        Self { output_limit: 64 * 1024, term_grace: Duration::from_secs(5) }
    }
}

/// The handler of commands.
pub(super) fn handler(options: CommandOptions) -> Handler {
    let guardian = Arc::new(Guardian::default());
    Handler::new(move |payload: CommandPayload, context| {
        run(payload, context, options, Arc::clone(&guardian))
    })
}

async fn run(
    payload: CommandPayload,
    context: Context,
    options: CommandOptions,
    guardian: Arc<Guardian>,
) -> Ended {
    let (mut child, mut pipe) = match start(&payload, &context) {
        Ok(started) => started,
        Err(explanation) => return Ended::because(Outcome::Error, explanation),
    };
    let Some(group) = child.id().and_then(|leader| Group::led_by(leader, guardian)) else {
        return Ended::because(Outcome::Error, "the command was started without a process id");
    };
    let mut capture = Capture::up_to(options.output_limit);
    let mut ended = {
        let mut reading = pin!(read(&mut pipe, &mut capture));
        let mut attending = pin!(attend(&mut child, &group, payload.timeout, &context, options.term_grace));
        let mut open = true;
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut attending => break ended,
                () = &mut reading, if open => open = false,
            }
        };
        group.signal(Signal::KILL);
        if open && timeout(LAST_WORDS, &mut reading).await.is_err() {
            tracing::debug!("a process that left the command's group still holds its output");
        }
        ended
    };
    group.release();
    ended.output = capture.into_output();
    ended
}

/// What a command is told of its task in its environment; what the payload says of the same variables counts.
fn told(context: &Context) -> impl Iterator<Item = (&'static str, String)> {
    let slice = context.slice.map(|slice| {
        [("SCHEDULER_SLICE", slice.number.to_string()), ("SCHEDULER_SLICES", slice.of.to_string())]
    });
    [("SCHEDULER_TASK", context.task.to_string())].into_iter().chain(slice.into_iter().flatten())
}

/// Starts the child; an error is the explanation.
fn start(payload: &CommandPayload, context: &Context) -> Result<(Child, Receiver), String> {
    let Some((program, arguments)) = payload.argv.split_first() else {
        return Err("`argv` is empty: its first word is the program".into());
    };
    let explain = |error: io::Error| match &payload.directory {
        Some(directory) => format!("could not run {program:?} in directory {directory:?}: {error}"),
        None => format!("could not run {program:?}: {error}"),
    };
    let (reader, writer) = io::pipe().map_err(explain)?;
    let mut command = Command::new(program);
    // Whoever may change tasks by the node's page is a person: a task that prints its environment must not give that away.
    command.args(arguments).env_remove("SCHEDULER_HTTP_TOKEN").envs(told(context)).envs(&payload.environment);
    if let Some(directory) = &payload.directory {
        command.current_dir(directory);
    }
    command.stdin(Stdio::null()).stdout(writer.try_clone().map_err(explain)?).stderr(writer);
    command.process_group(0).kill_on_drop(true);
    let child = command.spawn().map_err(explain)?;
    Ok((child, receiver(reader).map_err(explain)?))
}

fn receiver(reader: PipeReader) -> io::Result<Receiver> {
    Receiver::from_owned_fd(reader.into())
}

/// Reads until everybody has closed the pipe. An error ends it too: what was printed so far is kept.
async fn read(pipe: &mut Receiver, capture: &mut Capture) {
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        capture.push(buffer.split_at(count).0);
    }
}

/// Why the child was told to stop.
#[derive(Clone, Copy)]
enum Cause {
    Told,
    Timeout(Seconds),
}

/// Waits for the child to end, by itself or because it must.
async fn attend(
    child: &mut Child,
    group: &Group,
    limit: Option<Seconds>,
    context: &Context,
    grace: Duration,
) -> Ended {
    let timed_out = async {
        match limit {
            Some(limit) => {
                sleep(Duration::from_secs(limit.get().into())).await;
                limit
            }
            None => std::future::pending().await,
        }
    };
    let cause = tokio::select! {
        biased;
        status = child.wait() => return conclude(status),
        () = context.stopped() => Cause::Told,
        limit = timed_out => Cause::Timeout(limit),
    };
    let how = stop(child, group, grace).await;
    match cause {
        Cause::Told => Ended::because(Outcome::Canceled, how),
        Cause::Timeout(limit) => {
            Ended::because(Outcome::Failed, format!("not done within its timeout of {limit}: {how}"))
        }
    }
}

/// Ends the group, first gently; in words, how.
async fn stop(child: &mut Child, group: &Group, grace: Duration) -> String {
    let deadline = Instant::now() + grace;
    group.signal(Signal::TERM);
    let gone = async {
        // An error means that there is no such child any more.
        let _ = child.wait().await;
        while group.lives() {
            sleep(POLL).await;
        }
    };
    tokio::select! {
        biased;
        () = gone => return "stopped with SIGTERM".into(),
        () = sleep_until(deadline) => group.signal(Signal::KILL),
    }
    let _ = child.wait().await;
    format!("killed with SIGKILL, since SIGTERM did not end it within {} s", grace.as_secs_f32())
}

fn conclude(status: io::Result<ExitStatus>) -> Ended {
    match status {
        Ok(status) if status.success() => Ended::of(Outcome::Successful),
        Ok(status) => {
            let how = match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (None, Some(signal)) => format!("killed by signal {signal}"),
                (None, None) => status.to_string(),
            };
            Ended::because(Outcome::Failed, how)
        }
        Err(error) => Ended::because(Outcome::Error, format!("lost sight of the command: {error}")),
    }
}

#[cfg(test)]
mod tests;
