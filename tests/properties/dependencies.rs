//! R4 and R5: update on launch, and dependencies.

use std::collections::BTreeSet;

use proptest::prelude::*;
use scheduler_core::{
    End, LaunchType, Origin, Outcome, Plan, Reason, Snapshot, State, Task, TaskCount, TaskId, TaskRef, Work,
    plan, strategies,
};

use crate::cases;
use crate::view::{cancel_reaches, derives, is_duplicate, outcome, row};

/// The created updates that tasks need, each with what it refreshes.
fn created(plan: &Plan) -> impl Iterator<Item = (&scheduler_core::Create, TaskRef)> {
    plan.creates.iter().filter_map(|create| match create.origin {
        Origin::Dependency { of } => Some((create, of)),
        Origin::Node { .. } => None,
    })
}

/// Whether a row is an update that counts for R4, of the same thing as the created work.
fn refreshes_the_same(task: &Task, work: &Work) -> bool {
    use scheduler_core::ProjectUpdateType::Check;
    let same = match (&task.work, work) {
        (Work::ProjectUpdate { project: row, job_type: Check }, Work::ProjectUpdate { project, .. }) => {
            row == project
        }
        (Work::InventoryUpdate { source: row, .. }, Work::InventoryUpdate { source, .. }) => row == source,
        _ => false,
    };
    same && task.launch_type != LaunchType::Sync
}

/// The status of the update of this thing that finished last, and since when it has been stale.
fn is_fresh(snapshot: &Snapshot, work: &Work) -> bool {
    let (timeout, last) = match work {
        Work::ProjectUpdate { project, .. } => {
            let Some(row) = snapshot.projects.iter().find(|row| Some(row.id) == *project) else {
                return false;
            };
            (row.cache_timeout, row.last_update)
        }
        Work::InventoryUpdate { source, .. } => {
            let Some(row) = snapshot.inventory_sources.iter().find(|row| Some(row.id) == *source) else {
                return false;
            };
            (row.cache_timeout, row.last_update)
        }
        _ => return false,
    };
    let rows = snapshot.tasks.iter().filter(|task| refreshes_the_same(task, work));
    let finished = rows.filter_map(|task| match task.state {
        State::Finished { outcome, at } => Some((at, task.id, outcome)),
        _ => None,
    });
    let last = last.filter(|last| row(snapshot, last.task).is_none());
    let latest = finished
        .chain(last.map(|last| (last.at, last.task, last.outcome)))
        .max_by_key(|&(at, id, _)| (at, id));
    matches!(latest, Some((Some(at), _, Outcome::Successful)) if !timeout.elapsed_since(at, snapshot.now))
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn r4_dependencies_are_derived_once_and_for_every_pending_task(
        snapshot in strategies::well_formed(), rules in strategies::rules(),
    ) {
        let plan = plan(&snapshot, &rules);
        let derived: BTreeSet<TaskId> = plan.derived.iter().map(|derived| derived.task).collect();
        prop_assert_eq!(derived.len(), plan.derived.len());
        for derived in &plan.derived {
            let task = row(&snapshot, derived.task).unwrap();
            prop_assert!(!task.dependencies_derived);
            let links: BTreeSet<_> = derived.links.iter().collect();
            prop_assert_eq!(links.len(), derived.links.len());
            prop_assert!(derived.links.iter().all(|link| link.task() != Some(task.id)));
            prop_assert!(derived.links.iter().all(|link| !link.task().is_some_and(|id| task.dependencies.contains(&id))));
        }
        for decision in plan.decisions.iter().filter(|d| d.action.start().is_some()) {
            let task = row(&snapshot, decision.task).unwrap();
            prop_assert!(!derives(task) || task.dependencies_derived || derived.contains(&task.id));
        }
    }

    #[test]
    fn r4_an_update_is_created_once_and_only_when_needed(
        snapshot in strategies::well_formed(), mut rules in strategies::rules(),
    ) {
        rules.start_limit = TaskCount::new(0);
        let plan = plan(&snapshot, &rules);
        let mut refreshed: Vec<&Work> = Vec::new();
        for (create, of) in created(&plan) {
            prop_assert!(!refreshed.contains(&&create.work), "created twice");
            refreshed.push(&create.work);
            let seconds = if matches!(create.work, Work::ProjectUpdate { .. }) { 1 } else { 2 };
            let (priority, moment) = match of {
                TaskRef::Task { id, .. } => {
                    let task = row(&snapshot, id).unwrap();
                    (task.priority, task.created)
                }
                TaskRef::New { id, .. } => {
                    let update = &plan.creates[id.position()];
                    (update.priority, update.created.unwrap_or(snapshot.now))
                }
            };
            prop_assert_eq!(create.priority, priority);
            prop_assert_eq!(create.created.map(|created| (moment - created).num_milliseconds()), Some(seconds * 1_000));
            prop_assert_eq!(create.launch_type, LaunchType::Dependency);
            let mut touched = snapshot.tasks.iter().filter(|task| refreshes_the_same(task, &create.work));
            prop_assert!(
                touched.all(|task| !task.state.is_unfinished()
                    || cancel_reaches(&snapshot, task)
                    || is_over_or_malformed(&snapshot, &plan, task.id)),
                "an unfinished update is there"
            );
            let ended = snapshot.tasks.iter().any(|task| {
                let ends = plan.decision(task.id).is_some_and(|decision| decision.action.end().is_some());
                let canceled = task.state.is_unfinished() && cancel_reaches(&snapshot, task);
                refreshes_the_same(task, &create.work) && (ends || canceled)
            });
            prop_assert!(ended || !is_fresh(&snapshot, &create.work), "the last update is fresh");
        }
    }

    #[test]
    fn r5_no_task_starts_before_its_dependencies_are_successful(
        snapshot in strategies::snapshot(), rules in strategies::rules(),
    ) {
        let plan = plan(&snapshot, &rules);
        for (id, _) in plan.starts() {
            let links = plan.derived.iter().filter(|derived| derived.task == id).flat_map(|derived| &derived.links);
            let own = row(&snapshot, id).unwrap().dependencies.iter().copied();
            for on in own.chain(links.map(|link| link.task().expect("a new task is unfinished"))) {
                prop_assert!(is_over_well(&snapshot, &plan, on), "{} starts before {}", id, on);
            }
        }
    }

    #[test]
    fn r5_a_pending_task_ends_exactly_when_a_dependency_ended_badly(
        snapshot in strategies::well_formed(), rules in strategies::rules(),
    ) {
        let plan = plan(&snapshot, &rules);
        for task in snapshot.tasks.iter().filter(|task| task.state == State::Pending) {
            let ended = |outcomes: &[Outcome]| {
                let mut on = task.dependencies.clone();
                on.sort_unstable();
                on.into_iter().find(|&on| outcome(&snapshot, &plan, on).is_some_and(|end| outcomes.contains(&end)))
            };
            let failed = ended(&[Outcome::Failed, Outcome::Error]);
            let canceled = ended(&[Outcome::Canceled]);
            match plan.decision(task.id).and_then(|decision| decision.action.end()) {
                Some(End::DependencyFailed { on, .. }) => prop_assert_eq!(Some(*on), failed),
                Some(End::DependencyCanceled { on, .. }) => {
                    prop_assert_eq!(Some(*on), canceled);
                    prop_assert_eq!(failed, None);
                }
                Some(_) => {}
                None => prop_assert!(failed.is_none() && canceled.is_none(), "{} goes on", task.id),
            }
        }
    }
}

/// Whether every row with this id ended well, if there is one; in the snapshot, or as a workflow in this pass (R8.4).
fn is_over_well(snapshot: &Snapshot, plan: &Plan, on: TaskId) -> bool {
    let mut rows = snapshot.tasks.iter().filter(|task| task.id == on);
    rows.all(|task| {
        let well = matches!(task.state, State::Finished { outcome: Outcome::Successful, .. });
        if is_duplicate(snapshot, task) {
            well
        } else {
            outcome(snapshot, plan, on) == Some(Outcome::Successful)
        }
    })
}

/// Whether a task counts as no unfinished update.
fn is_over_or_malformed(snapshot: &Snapshot, plan: &Plan, id: TaskId) -> bool {
    let held = plan.decision(id).and_then(|decision| decision.action.hold());
    outcome(snapshot, plan, id).is_some() || matches!(held, Some(Reason::Malformed(_)))
}
