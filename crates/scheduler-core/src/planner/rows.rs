//! What of a task's row matters to the planner when it changes.

use crate::{Kind, Outcome, RuleSet, State, Task, Timestamp, Work};

/// Whether a holding row goes on holding the same in the same place: it was taken up, for example.
pub(super) fn stays_where_it_is(old: &Task, new: &Task) -> bool {
    old.state.is_holding()
        && new.state.is_holding()
        && old.state.placement() == new.state.placement()
        && same_but_for_its_state(old, new)
}

pub(super) fn same_but_for_its_state(old: &Task, new: &Task) -> bool {
    let Task {
        id,
        name,
        created,
        priority,
        impact,
        work,
        state: _,
        launch_type,
        groups,
        dependencies,
        dependencies_derived: _,
        cancel_requested,
        own_keys,
    } = new;
    old.id == *id
        && old.name == *name
        && old.created == *created
        && old.priority == *priority
        && old.impact == *impact
        && old.work == *work
        && old.launch_type == *launch_type
        && old.groups == *groups
        && old.dependencies == *dependencies
        && old.cancel_requested == *cancel_requested
        && old.own_keys == *own_keys
}

/// What others may know of a task's state: how it ended, or whether it holds.
pub(super) fn standing(task: &Task) -> Option<Result<Outcome, bool>> {
    Some(match task.state {
        State::Finished { outcome, .. } => Ok(outcome),
        _ => Err(task.state.is_holding()),
    })
}

/// When a task will be overdue or expired, so that a pass does something about it (R7.6, R8.2).
pub(super) fn end_of(task: &Task, rules: &RuleSet) -> Option<Timestamp> {
    match (&task.state, &task.work) {
        (State::Finished { .. }, _) => None,
        (_, Work::WorkflowApproval { expires }) => *expires,
        (State::Waiting(dispatch), _) if task.kind() != Kind::WorkflowJob => {
            let grace = chrono::TimeDelta::seconds(i64::from(rules.dispatch_grace.get()));
            dispatch.since.checked_add_signed(grace)
        }
        _ => None,
    }
}
