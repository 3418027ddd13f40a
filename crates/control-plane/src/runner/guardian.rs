//! Kills the process groups of a node that is gone.
//!
//! A node that is killed cannot signal its children any more, and they would go on beside whatever the cluster does about
//! their tasks. So a node that runs commands has a guardian: one small shell, started with the first command, that is told
//! each group through a pipe and kills those that are left when the pipe breaks, however the node ended. The kernel's own means
//! (a death signal for the child) needs code between fork and exec, which cannot be safe code.
//!
//! What it cannot do: survive a kill of the whole machine or container, which needs no guardian, and know a command in
//! the instant between its start and the message.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write as _};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use rustix::io::ioctl_fionbio;
use rustix::process::Pid;
use tokio::process::{Child, Command};

/// Reads `+ group` and `- group`; kills what is left at the end.
const SCRIPT: &str = r#"
groups=
while read -r change group; do
  rest=
  for one in $groups; do [ "$one" = "$group" ] || rest="$rest $one"; done
  case $change in +) groups="$rest $group" ;; -) groups=$rest ;; esac
done
for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null
"#;

/// The guardian of a node's commands.
#[derive(Debug, Default)]
pub(super) struct Guardian(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    groups: BTreeSet<i32>,
    shell: Option<Shell>,
}

#[derive(Debug)]
struct Shell {
    pipe: File,
    /// What it lists once it has read all that was written: lines that found the pipe full are the difference to the node's groups.
    told: BTreeSet<i32>,
    /// Waited for by the runtime once it is dropped.
    child: Child,
}

impl Guardian {
    /// Tells it of a group. A node without a guardian (no shell, no room for a process) works all the same, and says so.
    pub(super) fn watch(&self, group: Pid) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.groups.insert(group.as_raw_nonzero().get());
        if let Err(error) = state.tell() {
            tracing::warn!(%error, "commands of this node would survive it, if it were killed");
        }
    }

    /// Tells it that a group is gone.
    pub(super) fn forget(&self, group: Pid) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.groups.remove(&group.as_raw_nonzero().get());
        if let Err(error) = state.tell() {
            tracing::warn!(%error, "the guardian of this node's commands could not be told that one ended");
        }
    }
}

impl State {
    /// Brings the shell up to date. One that is gone is replaced by a new one, which is told everything; one that only does not
    /// read fast enough keeps its place, because the end of its input would make it kill the groups of a node that lives.
    fn tell(&mut self) -> io::Result<()> {
        if let Some(shell) = &mut self.shell {
            match shell.tell(&self.groups) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.disarm(),
                outcome => return outcome,
            }
        }
        if self.groups.is_empty() {
            return Ok(());
        }
        let outcome = self.shell.insert(Shell::start()?).tell(&self.groups);
        if outcome.is_err() {
            self.disarm();
        }
        outcome
    }

    /// Ends the shell before its pipe breaks.
    fn disarm(&mut self) {
        if let Some(mut shell) = self.shell.take()
            && let Err(error) = shell.child.start_kill()
        {
            tracing::debug!(%error, "the guardian that is replaced had ended");
        }
    }
}

impl Shell {
    /// In a group of its own, so that what is typed at the node's terminal does not end it first.
    fn start() -> io::Result<Self> {
        let (stdin, pipe) = io::pipe()?;
        ioctl_fionbio(&pipe, true)?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]).env_clear().current_dir("/").process_group(0);
        command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn()?;
        Ok(Self { pipe: File::from(std::os::fd::OwnedFd::from(pipe)), told: BTreeSet::new(), child })
    }

    /// Writes what it was not told yet, as far as the pipe has room; the next change brings the rest.
    fn tell(&mut self, groups: &BTreeSet<i32>) -> io::Result<()> {
        let changed: Vec<i32> = self.told.symmetric_difference(groups).copied().collect();
        for group in changed {
            let gone = self.told.contains(&group);
            // One write a line: the kernel takes so few bytes whole or not at all.
            let line = format!("{} {group}\n", if gone { '-' } else { '+' });
            match self.pipe.write_all(line.as_bytes()) {
                Ok(()) if gone => drop(self.told.remove(&group)),
                Ok(()) => drop(self.told.insert(group)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use rustix::process::{Signal, kill_process};

    use super::*;

    fn sleeper() -> (Child, Pid) {
        let child = Command::new("sleep").arg("60").process_group(0).spawn().expect("sleep can run");
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).expect("it runs");
        (child, pid)
    }

    #[tokio::test]
    async fn the_groups_of_a_node_that_is_gone_are_killed_and_no_others() {
        let ((mut ours, watched), (mut done, forgotten)) = (sleeper(), sleeper());
        let guardian = Guardian::default();
        guardian.watch(watched);
        guardian.watch(forgotten);
        guardian.forget(forgotten);
        drop(guardian);
        let status = ours.wait().await.expect("a child of ours");
        assert_eq!(status.signal(), Some(9));
        assert_eq!(done.try_wait().expect("a child of ours"), None, "it was not the guardian's any more");
        done.kill().await.expect("it still runs");
    }

    #[tokio::test]
    async fn a_guardian_that_is_killed_itself_is_replaced() {
        let ((mut first, one), (mut second, two)) = (sleeper(), sleeper());
        let guardian = Guardian::default();
        guardian.watch(one);
        let shell = guardian.0.lock().expect("no panic").shell.take();
        let mut shell = shell.expect("it runs");
        shell.child.kill().await.expect("it runs");
        guardian.0.lock().expect("no panic").shell = Some(shell);
        let is_gone =
            || guardian.0.lock().expect("no panic").shell.as_ref().is_none_or(|one| one.child.id().is_none());
        // Its end of the pipe lives a little longer in a process that another test is just starting.
        while is_gone() {
            guardian.forget(two);
            guardian.watch(two);
        }
        drop(guardian);
        for child in [&mut first, &mut second] {
            assert_eq!(child.wait().await.expect("a child of ours").signal(), Some(9));
        }
    }

    #[tokio::test]
    async fn a_guardian_that_reads_slowly_kills_nobody_and_learns_the_rest_later() {
        let ((mut long, lasting), (mut short, passing)) = (sleeper(), sleeper());
        let guardian = Guardian::default();
        guardian.watch(lasting);
        let shell = || {
            let state = guardian.0.lock().expect("no panic");
            let shell = state.shell.as_ref().expect("it runs");
            (
                shell.child.id().and_then(|id| Pid::from_raw(id.cast_signed())).expect("it runs"),
                shell.told == state.groups,
            )
        };
        let (slow, _) = shell();
        kill_process(slow, Signal::STOP).expect("it runs");
        while shell().1 {
            guardian.watch(passing);
            guardian.forget(passing);
            assert_eq!(shell().0, slow, "a full pipe is no reason to replace it");
        }
        kill_process(slow, Signal::CONT).expect("it is stopped");
        guardian.forget(lasting);
        guardian.watch(passing);
        while !shell().1 {
            tokio::task::yield_now().await;
            guardian.watch(passing);
        }
        assert_eq!(shell().0, slow);
        drop(guardian);
        assert_eq!(short.wait().await.expect("a child of ours").signal(), Some(9));
        assert_eq!(long.try_wait().expect("a child of ours"), None, "it was not the guardian's any more");
        long.kill().await.expect("it still runs");
    }
}
