//! A process group: how a command is signalled together with all that it started.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::census::Census;
use super::guardian::Guardian;

/// The process groups of a node's commands, and what watches over them together.
#[derive(Debug, Default)]
pub(in crate::runner) struct Groups {
    guardian: Guardian,
    census: Census,
}

impl Groups {
    /// Ends what is in them if the node is silent for so long; `None` for never.
    pub(in crate::runner) fn allow_silence(&self, silence: Option<Duration>) {
        self.guardian.allow(silence);
    }
}

/// The process group of a child. Dropped while the command still runs, it kills the group.
#[derive(Debug)]
pub(super) struct Group {
    leader: Pid,
    since: Instant,
    groups: Arc<Groups>,
    gone: bool,
}

impl Group {
    /// The group that this child leads; its guardian is told of it.
    pub(super) fn led_by(leader: u32, groups: Arc<Groups>) -> Option<Self> {
        let leader = Pid::from_raw(i32::try_from(leader).ok()?)?;
        groups.guardian.watch(leader);
        Some(Self { leader, since: Instant::now(), groups, gone: false })
    }

    /// An error means that no process is left to signal, which is what the signal was for.
    pub(super) fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.leader, signal);
    }

    /// Whether a process of it has not ended. Processes are only looked at when the system says that there are some, since those
    /// that nobody has waited for count for the system.
    pub(super) async fn lives(&self) -> bool {
        test_kill_process_group(self.leader).is_ok()
            && self.groups.census.lives(self.leader, self.since).await
    }

    /// Whether the guardian has killed it, since the node was silent for too long.
    pub(super) fn was_fenced(&self) -> bool {
        self.groups.guardian.has_acted()
    }

    /// The command has ended, and its group with it: the number may be given to others from now on.
    pub(super) fn release(mut self) {
        self.gone = true;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.gone {
            self.signal(Signal::KILL);
        }
        self.groups.guardian.forget(self.leader);
    }
}
