//! What any pass must pay: putting the pending tasks in order and looking at each once.

use core::cmp::Reverse;

use scheduler_core::{Snapshot, State, Task, Work};

/// Sorts the pending tasks as R1 says and reads each one's cost and keys; returns a sum, so that no compiler leaves it out.
#[must_use]
pub fn floor(snapshot: &Snapshot) -> u64 {
    let mut order: Vec<&Task> =
        snapshot.tasks.iter().filter(|task| matches!(task.state, State::Pending)).collect();
    order.sort_unstable_by_key(|task| (Reverse(task.priority), task.created, task.id));
    order.iter().fold(0, |sum: u64, task| {
        let keys = match &task.work {
            Work::Job { project, inventory, template, .. } => {
                project.map_or(0, |id| id.get())
                    ^ inventory.map_or(0, |id| id.get())
                    ^ template.map_or(0, |id| id.get())
            }
            _ => 0,
        };
        sum.rotate_left(1)
            ^ u64::from(task.impact.get())
            ^ keys.cast_unsigned()
            ^ task.dependencies.len() as u64
    })
}
