//! Which pending tasks are malformed (R5, R6.2, R11).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::circles::on_circles;
use super::rows::Rows;
use crate::{Malformed, Task, TaskId};

/// The malformed tasks among those that a pass considers, each with the first thing that is wrong.
pub(super) fn malformed(rows: &Rows<'_>) -> BTreeMap<TaskId, Malformed> {
    let cycles =
        on_circles(rows.singles().filter(|task| rows.is_pending(task)).map(|task| task.id), |task| {
            rows.sole(task).map(|task| pending_dependencies(rows, task)).unwrap_or_default()
        });
    let mut found = BTreeMap::new();
    for (&id, all) in &rows.tasks {
        if !all.iter().any(|task| rows.is_pending(task)) {
            continue;
        }
        let Some(task) = rows.sole(id) else {
            found.insert(id, Malformed::DuplicateId);
            continue;
        };
        let absent = task.dependencies.iter().copied().filter(|on| rows.all(*on).is_empty()).min();
        let cycle = cycles.get(&id).and_then(|number| {
            let members = pending_dependencies(rows, task).into_iter();
            members.filter(|on| cycles.get(on) == Some(number)).min()
        });
        if let Some(on) = absent {
            found.insert(id, Malformed::MissingDependency { on });
        } else if let Some(by) = cycle {
            found.insert(id, Malformed::DependencyCycle { by });
        } else if lacks_group(rows, task) {
            found.insert(id, Malformed::NoKnownGroup);
        }
    }
    found
}

/// The pending tasks with a row of their own that a task's row names.
pub(super) fn pending_dependencies(rows: &Rows<'_>, task: &Task) -> Vec<TaskId> {
    let on = task.dependencies.iter().copied();
    on.filter(|&on| rows.sole(on).is_some_and(|on| rows.is_pending(on))).collect()
}

fn lacks_group(rows: &Rows<'_>, task: &Task) -> bool {
    if !task.kind().needs_place() || (task.kind().is_control() && rows.rules.control_plane.is_some()) {
        return false;
    }
    let named =
        if task.groups.is_empty() { rows.rules.default_groups.as_slice() } else { task.groups.as_ref() };
    named.iter().all(|&group| rows.group(group).is_none())
}
