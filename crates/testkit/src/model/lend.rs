//! R1: priorities that are lent through workflows.

use std::collections::BTreeMap;

use scheduler_core::{Priority, Task, TaskId};

use super::Model;

impl<'a> Model<'a> {
    /// What pending tasks that running workflow jobs hold lend to the pending jobs of these and of those below them. Who
    /// has more by that lends more, so it is told again until nothing changes.
    pub(super) fn lent(&self, pending: &[&'a Task]) -> BTreeMap<TaskId, Priority> {
        let mut lent: BTreeMap<TaskId, Priority> = BTreeMap::new();
        loop {
            let before = lent.clone();
            for lender in
                pending.iter().filter(|row| self.malformed(row).is_none() && self.awaited(row).is_none())
            {
                let priority = with_lent(&lent, lender);
                for workflow in self.snapshot.tasks.iter().filter(|row| self.is_running_workflow(row)) {
                    if !self.holds_back(workflow, lender) {
                        continue;
                    }
                    for job in pending.iter().filter(|job| self.ancestors(job.id).contains(&workflow.id)) {
                        let most = lent.entry(job.id).or_insert(priority);
                        *most = priority.max(*most);
                    }
                }
            }
            if lent == before {
                return lent;
            }
        }
    }
}

/// What a task has by itself or by others.
pub(super) fn with_lent(lent: &BTreeMap<TaskId, Priority>, task: &Task) -> Priority {
    lent.get(&task.id).map_or(task.priority, |&lent| task.priority.max(lent))
}
