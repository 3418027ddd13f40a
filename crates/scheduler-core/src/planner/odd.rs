//! What the planner does not decide from what it remembers: while any of it is there, each plan is that of a full pass.
//!
//! That is: a request to cancel; a running workflow, or a graph of one; an overdue dispatch, an expired approval, a task on a
//! lost instance; a pending task that depends on one that is missing, that failed or was canceled, or that comes later in the
//! order of R1; a task that needs what updates on launch, and whose dependencies are still to be derived; `reserve_after`; a start limit that is reached. All of
//! these but the last two are short-lived, or absent, where most tasks are plain jobs.

use alloc::collections::BTreeSet;

use super::seats::{Seats, Slot};
use crate::table::FxHashSet;
use crate::{Kind, Outcome, Snapshot, State, Task, Timestamp};

/// What only a full pass decides, task by task.
#[derive(Debug, Default)]
pub(super) struct Odd {
    tasks: FxHashSet<Slot>,
    /// When which task will be overdue or expired.
    ends: BTreeSet<(Timestamp, Slot)>,
}

impl Odd {
    /// Whether any task is odd at this moment.
    pub(super) fn any(&self, now: Timestamp) -> bool {
        !self.tasks.is_empty() || self.ends.first().is_some_and(|&(end, _)| end < now)
    }

    /// Looks at a task once more, after it or a dependency of it changed.
    pub(super) fn look(&mut self, slot: Slot, task: &Task, snapshot: &Snapshot, seats: &Seats) {
        let asked = task.cancel_requested && task.state.is_unfinished();
        let runs_nodes = task.kind() == Kind::WorkflowJob && matches!(task.state, State::Running(_));
        if asked || runs_nodes || depends_oddly(slot, task, snapshot, seats) {
            self.tasks.insert(slot);
        } else {
            self.tasks.remove(&slot);
        }
    }

    /// Watches the clock for a task.
    pub(super) fn watch(&mut self, end: Option<Timestamp>, slot: Slot) {
        self.ends.extend(end.map(|end| (end, slot)));
    }

    /// Forgets a task, which was watched for this end.
    pub(super) fn forget(&mut self, end: Option<Timestamp>, slot: Slot) {
        self.tasks.remove(&slot);
        if let Some(end) = end {
            self.ends.remove(&(end, slot));
        }
    }
}

/// Whether a pending task depends on what is not there, on what did not succeed, or on what comes later than it: then R5 ends
/// it, or R1 moves the other one forward.
fn depends_oddly(slot: Slot, task: &Task, snapshot: &Snapshot, seats: &Seats) -> bool {
    task.state == State::Pending
        && task.dependencies.iter().any(|&on| {
            let Some(found) = seats.find(on) else { return true };
            let seat = seats.seat(found);
            let row = snapshot.tasks.get(seat.row as usize);
            match row.map(|row| &row.state) {
                Some(State::Finished { outcome, .. }) => *outcome != Outcome::Successful,
                Some(State::Pending) => seat.rank >= seats.rank(slot),
                _ => false,
            }
        })
}
