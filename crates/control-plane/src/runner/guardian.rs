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
    /// Waited for by the runtime once it is dropped.
    _child: Child,
}

impl Guardian {
    /// Tells it of a group. A node without a guardian (no shell, no room for a process) works all the same, and says so.
    pub(super) fn watch(&self, group: Pid) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let group = group.as_raw_nonzero().get();
        state.groups.insert(group);
        if let Err(error) = state.tell('+', group) {
            tracing::warn!(%error, "commands of this node would survive it, if it were killed");
        }
    }

    /// Tells it that a group is gone.
    pub(super) fn forget(&self, group: Pid) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let group = group.as_raw_nonzero().get();
        state.groups.remove(&group);
        // A shell that cannot be told any more is replaced with the next group.
        let _ = state.tell('-', group);
    }
}

impl State {
    /// Tells the shell; one that is gone is replaced by a new one, which is told everything.
    fn tell(&mut self, change: char, group: i32) -> io::Result<()> {
        if let Some(shell) = &mut self.shell {
            match writeln!(shell.pipe, "{change} {group}") {
                Ok(()) => return Ok(()),
                Err(_) => self.shell = None,
            }
        }
        if change == '+' {
            let mut shell = Shell::start()?;
            for group in &self.groups {
                writeln!(shell.pipe, "+ {group}")?;
            }
            self.shell = Some(shell);
        }
        Ok(())
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
        Ok(Self { pipe: File::from(std::os::fd::OwnedFd::from(pipe)), _child: child })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

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
        shell._child.kill().await.expect("it runs");
        guardian.0.lock().expect("no panic").shell = Some(shell);
        guardian.watch(two);
        drop(guardian);
        for child in [&mut first, &mut second] {
            assert_eq!(child.wait().await.expect("a child of ours").signal(), Some(9));
        }
    }
}
