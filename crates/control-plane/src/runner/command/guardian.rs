//! Kills the process groups of a node that is gone, or frozen for so long that others take it for lost.
//!
//! A node that is killed cannot signal its children any more, and they would go on beside whatever the cluster does about
//! their tasks. So a node that runs commands has a guardian: a small shell, started with the first command, that is told
//! each group through a pipe and kills those that are left when the pipe breaks, however the node ended. The kernel's own means
//! (a death signal for the child) needs code between fork and exec, which cannot be safe code.
//!
//! A node that is frozen (stopped, or without a turn of its runtime) cannot fence itself either, and its commands are not frozen with
//! it. So the node tells its guardian again and again for how long it may be silent, and a guardian that hears nothing for
//! so long kills the groups in its stead. It counts seconds by `sleep`, since shells cannot wait for a line with a limit.
//!
//! What it cannot do: survive a kill of the whole machine or container, which needs no guardian, and know a command in
//! the instant between its start and the message.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write as _};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::ioctl_fionbio;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

/// Two halves: one passes on the lines of the node and says when they end, with a tick every second between them; the other keeps the list.
/// It reads `+ group`, `- group` and `= seconds` (or `=`: no limit), and kills what is listed at the end and when so many ticks came
/// without another `=`.
const SCRIPT: &str = r#"
{
  while sleep 1; do echo tick; done &
  while read -r line; do echo "$line"; done
  kill $!
  echo end
} | {
  groups= left=
  kill_all() { for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null; }
  while read -r change what; do
    case $change in
      tick)
        [ -n "$left" ] || continue
        left=$((left - 1))
        if [ "$left" -le 0 ]; then kill_all; left=; fi ;;
      =) left=$what ;;
      end) kill_all; break ;;
      *)
        rest=
        for one in $groups; do [ "$one" = "$what" ] || rest="$rest $one"; done
        case $change in +) groups="$rest $what" ;; -) groups=$rest ;; esac ;;
    esac
  done
}
"#;

/// The shortest silence that is allowed. A node tells its guardian every second when its time runs out, and is given the time to
/// fence itself.
const SHORTEST: u64 = 3;

/// The guardian of a node's commands.
#[derive(Debug, Default)]
pub(super) struct Guardian(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    groups: BTreeSet<i32>,
    /// When the silence that is allowed ends; `None` for never.
    until: Option<Instant>,
    shell: Option<Shell>,
}

#[derive(Debug)]
struct Shell {
    pipe: File,
    /// What it lists once it has read all that was written: lines that found the pipe full are the difference to the node's groups.
    told: BTreeSet<i32>,
    /// Waited for by the runtime once it is dropped.
    child: Child,
    /// It leads a group of its own, since it is several processes.
    group: Pid,
}

impl Guardian {
    /// Tells it of a group. A node without a guardian (no shell, no room for a process) works all the same, and says so.
    pub(super) fn watch(&self, group: Pid) {
        let mut state = self.lock();
        state.groups.insert(group.as_raw_nonzero().get());
        if let Err(error) = state.tell() {
            tracing::warn!(%error, "commands of this node would survive it, if it were killed");
        }
    }

    /// Tells it that a group is gone.
    pub(super) fn forget(&self, group: Pid) {
        let mut state = self.lock();
        state.groups.remove(&group.as_raw_nonzero().get());
        if let Err(error) = state.tell() {
            tracing::warn!(%error, "the guardian of this node's commands could not be told that one ended");
        }
    }

    /// From now on the node may be silent for so long; `None` for ever.
    pub(super) fn allow(&self, silence: Option<Duration>) {
        let mut state = self.lock();
        // Whole seconds, and rather fewer: before others take the node for lost.
        let seconds = silence.map(|silence| silence.as_secs().max(SHORTEST));
        state.until = seconds.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds)));
        let outcome =
            state.tell().and_then(|()| state.shell.as_mut().map_or(Ok(()), |shell| shell.allow(seconds)));
        if let Err(error) = outcome {
            tracing::warn!(%error, "the guardian of this node's commands could not be told that the node lives");
        }
    }

    /// Whether the node was silent for longer than it may, so that the guardian has killed what it was told of.
    pub(super) fn has_acted(&self) -> bool {
        self.lock().until.is_some_and(|until| until <= Instant::now())
    }

    /// A panic while the lock is held leaves a state that is whole all the same.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Brings the shell up to date. One that is gone is replaced by a new one, which is told everything; one that only does not
    /// read fast enough keeps its place, because the end of its input would make it kill the groups of a node that lives.
    fn tell(&mut self) -> io::Result<()> {
        if let Some(shell) = &mut self.shell {
            let told = if shell.has_ended() {
                Err(io::ErrorKind::BrokenPipe.into())
            } else {
                shell.tell(&self.groups)
            };
            match told {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.disarm(),
                outcome => return outcome,
            }
        }
        if self.groups.is_empty() {
            return Ok(());
        }
        let left =
            self.until.map(|until| until.saturating_duration_since(Instant::now()).as_secs().max(SHORTEST));
        let shell = self.shell.insert(Shell::start()?);
        let outcome = shell.tell(&self.groups).and_then(|()| shell.allow(left));
        if outcome.is_err() {
            self.disarm();
        }
        outcome
    }

    /// Ends the shell before its pipe breaks.
    fn disarm(&mut self) {
        if let Some(shell) = self.shell.take()
            && let Err(error) = kill_process_group(shell.group, Signal::KILL)
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
        let group =
            child.id().and_then(|id| Pid::from_raw(id.cast_signed())).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { pipe: File::from(std::os::fd::OwnedFd::from(pipe)), told: BTreeSet::new(), child, group })
    }

    /// Whether its first process has ended, which it does not by itself. The others may not have.
    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Writes what it was not told yet, as far as the pipe has room; the next change brings the rest.
    fn tell(&mut self, groups: &BTreeSet<i32>) -> io::Result<()> {
        let changed: Vec<i32> = self.told.symmetric_difference(groups).copied().collect();
        for group in changed {
            let gone = self.told.contains(&group);
            if !self.write(&format!("{} {group}\n", if gone { '-' } else { '+' }))? {
                return Ok(());
            }
            if gone {
                self.told.remove(&group);
            } else {
                self.told.insert(group);
            }
        }
        Ok(())
    }

    /// Says for how long the node may be silent. Where the pipe is full the next one counts.
    fn allow(&mut self, seconds: Option<u64>) -> io::Result<()> {
        let seconds = seconds.map(|seconds| seconds.to_string()).unwrap_or_default();
        self.write(&format!("= {seconds}\n")).map(drop)
    }

    /// One write a line: the kernel takes so few bytes whole or not at all. Whether it took them.
    fn write(&mut self, line: &str) -> io::Result<bool> {
        match self.pipe.write_all(line.as_bytes()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use tokio::time::{sleep, timeout};

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
    async fn r8_1_the_groups_of_a_node_that_is_silent_for_too_long_are_killed_and_those_of_one_that_speaks_are_not()
     {
        let ((mut ours, watched), (mut other, heard)) = (sleeper(), sleeper());
        let (frozen, alive) = (Guardian::default(), Guardian::default());
        frozen.watch(watched);
        alive.watch(heard);
        frozen.allow(Some(Duration::from_secs(3)));
        for _ in 0..6 {
            alive.allow(Some(Duration::from_secs(3)));
            sleep(Duration::from_secs(1)).await;
        }
        let status = timeout(Duration::from_secs(60), ours.wait()).await.expect("it is killed");
        assert_eq!(status.expect("a child of ours").signal(), Some(9));
        assert!(frozen.has_acted() && !alive.has_acted());
        assert_eq!(other.try_wait().expect("a child of ours"), None, "its node has spoken all the time");
        alive.allow(None);
        sleep(Duration::from_secs(5)).await;
        assert_eq!(other.try_wait().expect("a child of ours"), None, "its node may be silent for ever");
        drop(alive);
        assert_eq!(other.wait().await.expect("a child of ours").signal(), Some(9));
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
        guardian.watch(two);
        let lives = guardian.lock().shell.as_ref().is_some_and(|one| one.child.id().is_some());
        assert!(lives, "there is another");
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
            (shell.group, shell.told == state.groups)
        };
        let (slow, _) = shell();
        kill_process_group(slow, Signal::STOP).expect("it runs");
        // Whichever of the two lines finds the pipe full.
        for change in [Guardian::watch, Guardian::forget].into_iter().cycle() {
            change(&guardian, passing);
            assert_eq!(shell().0, slow, "a full pipe is no reason to replace it");
            if !shell().1 {
                break;
            }
        }
        kill_process_group(slow, Signal::CONT).expect("it is stopped");
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
