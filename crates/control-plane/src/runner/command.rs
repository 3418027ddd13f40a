//! Runs a command as a child process.
//!
//! The child leads a process group of its own, so that a stop reaches whatever it started: SIGTERM to the group, after
//! a grace time SIGKILL. Nothing that stays in the group outlives the command: when the command has ended, so has its
//! group. What leaves the group (`setsid`) is on its own: it outlives the command and a stop, as a daemon that is started on purpose must, and only what
//! contains the node ends it: its container, or the control group of its service. No shell is between, standard input is empty, and both outputs go into
//! one pipe, which is read to the end whatever is kept of it, so that a child that prints much is never blocked. Where the
//! child writes besides, and whether there is room, is between it and its disk.
//!
//! A command that was told to stop and ends with exit code 0 all the same is successful, as any handler that returns success is. One that
//! this machine has no room to start is no failure of its task, which is handed back.
//!
//! If the node itself is killed, nobody is left to signal the group. Its [guardian] is: a small shell that
//! kills the groups of a node that is gone, or frozen.

mod capture;
mod census;
mod environment;
mod group;
mod guardian;
mod start;

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::pin::pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use scheduler_core::{Outcome, Seconds};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::Child;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use self::capture::Capture;
use self::group::Group;
pub(super) use self::group::Groups;
use self::start::{NotBegun, start};
use super::NoRoom;
use super::handler::{Context, Handler};
use crate::definition::CommandPayload;
use crate::ports::Ended;

/// How often a group that was told to stop is looked at.
const POLL: Duration = Duration::from_millis(50);

/// How long the pipe may stay open after the group is gone: only who left the group can still hold it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long a command may take to end after SIGKILL: one that hangs in the kernel does not.
const KILL_LIMIT: Duration = Duration::from_secs(3);

/// How commands are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandOptions {
    /// How many bytes of output are kept; 64 KiB. Half of it is the beginning, half the end.
    pub output_limit: usize,
    /// How long after SIGTERM a command has before SIGKILL; 5 s.
    pub term_grace: Duration,
    /// Variables that commands do not inherit, besides the scheduler's own secrets (`DATABASE_URL`, `AMQP_URL`, `PGPASSWORD` and their
    /// like, `SCHEDULER_…`); none.
    pub withheld: &'static [&'static str],
    /// How many files a command may have open at first, where it is not as many as its node: a node wants many, and some programs
    /// cannot deal with that; `None`, the default, for as many as the node. On Linux only.
    pub open_files: Option<u64>,
}

impl Default for CommandOptions {
    fn default() -> Self {
        Self { output_limit: 64 * 1024, term_grace: Duration::from_secs(5), withheld: &[], open_files: None }
    }
}

/// The handler of commands.
pub(super) fn handler(options: CommandOptions, groups: Arc<Groups>) -> Handler {
    Handler::of(move |payload: CommandPayload, context| run(payload, context, options, Arc::clone(&groups)))
}

async fn run(
    payload: CommandPayload,
    context: Context,
    options: CommandOptions,
    groups: Arc<Groups>,
) -> Result<Ended, NoRoom> {
    let (mut child, mut pipe) = match start(&payload, &context, &options).await {
        Ok(started) => started,
        Err(NotBegun::Never(explanation)) => return Ok(Ended::because(Outcome::Error, explanation)),
        Err(NotBegun::NoRoom(why)) => return Err(NoRoom(why)),
    };
    let Some(group) = child.id().and_then(|leader| Group::led_by(leader, groups)) else {
        return Ok(Ended::because(Outcome::Error, "the command was started without a process id"));
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
    Ok(ended)
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
        status = child.wait() => return conclude(status, group),
        () = context.stopped() => Cause::Told,
        limit = timed_out => Cause::Timeout(limit),
    };
    let stopped = stop(child, group, grace).await;
    match cause {
        Cause::Told if stopped.well => {
            Ended::because(Outcome::Successful, "it was told to stop and ended with exit code 0 all the same")
        }
        Cause::Told => Ended::because(Outcome::Canceled, stopped.how),
        Cause::Timeout(limit) => Ended::because(
            Outcome::Failed,
            format!("not done within its timeout of {limit}: {}", stopped.how),
        ),
    }
}

/// How a command that had to stop did.
struct Stopped {
    how: String,
    /// With exit code 0.
    well: bool,
}

/// Ends the group, first gently.
async fn stop(child: &mut Child, group: &Group, grace: Duration) -> Stopped {
    let deadline = Instant::now() + grace;
    group.signal(Signal::TERM);
    // An error means that there is no such child any more.
    let is_well = |status: io::Result<ExitStatus>| status.is_ok_and(|status| status.success());
    let gone = async {
        let well = is_well(child.wait().await);
        while group.lives().await {
            sleep(POLL).await;
        }
        well
    };
    tokio::select! {
        biased;
        well = gone => return Stopped { how: "stopped with SIGTERM".into(), well },
        () = sleep_until(deadline) => group.signal(Signal::KILL),
    }
    let how = format!("killed with SIGKILL, since SIGTERM did not end it within {} s", grace.as_secs_f32());
    match timeout(KILL_LIMIT, child.wait()).await {
        Ok(status) => Stopped { how, well: is_well(status) },
        Err(_) => {
            Stopped { how: format!("{how}; it hangs in the kernel and has not ended yet"), well: false }
        }
    }
}

fn conclude(status: io::Result<ExitStatus>, group: &Group) -> Ended {
    match status {
        Ok(status) if status.success() => Ended::of(Outcome::Successful),
        Ok(status) if status.signal() == Some(Signal::KILL.as_raw()) && group.was_fenced() => Ended::because(
            Outcome::Failed,
            "its node was frozen for longer than the heartbeat grace, and the node's guardian ended it",
        ),
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
