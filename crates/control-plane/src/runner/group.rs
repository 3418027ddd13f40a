//! A process group: how a command is signalled together with all that it started.

use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::guardian::Guardian;

/// The process group of a child. Dropped while the command still runs, it kills the group.
#[derive(Debug)]
pub(super) struct Group {
    leader: Pid,
    guardian: Arc<Guardian>,
    gone: bool,
}

impl Group {
    /// The group that this child leads; its guardian is told of it.
    pub(super) fn led_by(leader: u32, guardian: Arc<Guardian>) -> Option<Self> {
        let leader = Pid::from_raw(i32::try_from(leader).ok()?)?;
        guardian.watch(leader);
        Some(Self { leader, guardian, gone: false })
    }

    /// An error means that no process is left to signal, which is what the signal was for.
    pub(super) fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.leader, signal);
    }

    /// Whether a process of it has not ended. Looks at every process of the machine when the system says that there are some,
    /// since those that nobody has waited for count for the system.
    pub(super) fn lives(&self) -> bool {
        test_kill_process_group(self.leader).is_ok() && has_living(self.leader)
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
        self.guardian.forget(self.leader);
    }
}

/// Whether a process of this group is no zombie, as far as `/proc` tells; where there is none, yes.
fn has_living(group: Pid) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return true };
    let group = group.as_raw_nonzero().to_string();
    let mut seen = false;
    for process in processes.flatten() {
        let Ok(stat) = std::fs::read_to_string(process.path().join("stat")) else { continue };
        seen = true;
        // `pid (name) state parent group …`, and the name may hold anything.
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let (state, of) = (fields.next(), fields.nth(1));
        if of == Some(group.as_str()) && !matches!(state, Some("Z" | "X")) {
            return true;
        }
    }
    !seen
}
