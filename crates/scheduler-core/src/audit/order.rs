//! The order of R1, written down once more: sort by what each has or is lent, then pull dependencies forward.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::lend::Priorities;
use crate::{Kind, Priority, Task, TaskId, Timestamp};

/// What R1 compares; the kind only tells rows with one id apart.
fn key(task: &Task, lent: &Priorities) -> (Reverse<Priority>, Timestamp, TaskId, Kind) {
    let priority = lent.get(&task.id).map_or(task.priority, |lent| task.priority.max(*lent));
    (Reverse(priority), task.created, task.id, task.kind())
}

/// Orders tasks; `dependencies` names those to which a task lends its place, of which those not among the tasks are
/// passed over.
pub(super) fn order<'a>(
    mut tasks: Vec<&'a Task>,
    lent: &Priorities,
    dependencies: impl Fn(&Task) -> Vec<&'a Task>,
) -> Vec<&'a Task> {
    let address = |task: &Task| core::ptr::from_ref(task).addr();
    let mut seen: BTreeMap<usize, bool> = tasks.iter().map(|task| (address(task), false)).collect();
    let mut enter = |task: &Task| {
        let first = seen.get_mut(&address(task)).filter(|seen| !**seen);
        first.is_some_and(|seen| {
            *seen = true;
            true
        })
    };
    let last_first = |task: &Task| {
        let mut before = dependencies(task);
        before.sort_by_key(|on| Reverse(key(on, lent)));
        before
    };
    tasks.sort_by_key(|task| key(task, lent));
    let mut placed = Vec::with_capacity(tasks.len());
    for root in tasks {
        if !enter(root) {
            continue;
        }
        let mut path = vec![(root, last_first(root))];
        while let Some((task, before)) = path.last_mut() {
            match before.pop() {
                Some(on) if enter(on) => path.push((on, last_first(on))),
                Some(_) => {}
                None => {
                    placed.push(*task);
                    path.pop();
                }
            }
        }
    }
    placed
}
