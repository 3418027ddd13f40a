//! Priorities that tasks have by others, through the workflows that hold these (R1), found by going on until nothing rises.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::claims::claims;
use super::pending::Before;
use super::workflow::is_running_workflow;
use crate::{Mode, Priority, ResourceKey, Task, TaskId};

/// What is lent to the jobs of workflows, by id.
pub(super) type Priorities = BTreeMap<TaskId, Priority>;

/// The running workflow jobs that hold something, by what they hold.
type Holders = BTreeMap<ResourceKey, BTreeSet<(Mode, TaskId)>>;

pub(super) fn lent(before: &Before<'_, '_>, pending: &[&Task]) -> Priorities {
    let rows = before.rows;
    let mut lent = Priorities::new();
    let mut holders = Holders::new();
    for workflow in rows.snapshot.tasks.iter().filter(|task| is_running_workflow(task)) {
        for (_, key, mode) in claims(rows.rules, workflow) {
            holders.entry(key).or_default().insert((mode, workflow.id));
        }
    }
    if holders.is_empty() {
        return lent;
    }
    // Who waits for which workflows, and who belongs to them.
    let held = pending.iter().filter_map(|task| {
        let by = holding(before, &holders, task);
        (!by.is_empty() && before.is_sound(task)).then_some((*task, by))
    });
    let mut waits: Vec<(&Task, BTreeSet<TaskId>)> = held.collect();
    let wanted: BTreeSet<TaskId> = waits.iter().flat_map(|(_, by)| by.iter().copied()).collect();
    let mut jobs: BTreeMap<TaskId, Vec<TaskId>> = BTreeMap::new();
    for task in pending {
        for above in rows.ancestors(task.id).into_iter().filter(|above| wanted.contains(above)) {
            jobs.entry(above).or_default().push(task.id);
        }
    }
    loop {
        let mut given: BTreeMap<TaskId, Priority> = BTreeMap::new();
        for (task, by) in &mut waits {
            let priority = lent.get(&task.id).map_or(task.priority, |lent| task.priority.max(*lent));
            for &workflow in by.iter() {
                given.entry(workflow).and_modify(|most| *most = priority.max(*most)).or_insert(priority);
            }
        }
        let before = lent.clone();
        for (workflow, priority) in given {
            for &job in jobs.get(&workflow).into_iter().flatten() {
                lent.entry(job).and_modify(|most| *most = priority.max(*most)).or_insert(priority);
            }
        }
        if lent == before {
            return lent;
        }
    }
}

/// The running workflow jobs that hold what a task wants in a mode that forbids it (R2).
fn holding(before: &Before<'_, '_>, holders: &Holders, task: &Task) -> BTreeSet<TaskId> {
    let rules = before.rows.rules;
    let mut found = BTreeSet::new();
    for (resource, key, wanted) in claims(rules, task) {
        let Some(matrix) = rules.matrix(resource) else { continue };
        let holders = holders.get(&key).into_iter().flatten();
        found.extend(
            holders.filter(|(held, _)| matrix.forbidden.contains(&(wanted, *held))).map(|(_, id)| *id),
        );
    }
    found
}
