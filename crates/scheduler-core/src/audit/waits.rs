//! Circles of waiting tasks (R10).
//!
//! Which of several circles through a task is named is the plan's to choose; it must be one.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::circles::on_circles;
use super::pending::Replayed;
use super::rows::{Ends, Rows, Status};
use super::violation::{About, Fault, Violation};
use super::workflow::is_running_workflow;
use crate::{Reason, TaskId, TaskRef};

type Waits = BTreeMap<TaskId, BTreeSet<TaskId>>;

pub(super) fn check(rows: &Rows<'_>, ends: &Ends, replayed: &Replayed, out: &mut Vec<Violation>) {
    let waits = waits(rows, ends, replayed);
    let next = |task: TaskId| waits.get(&task).into_iter().flatten().copied().collect();
    let on = on_circles(waits.keys().copied(), next);
    for (&task, (reason, said)) in &replayed.held {
        let named = match said.hold() {
            Some(Reason::Circle { circle, .. }) => Some(circle),
            _ => None,
        };
        let fault = match (on.contains_key(&task), named) {
            (false, None) => continue,
            (true, Some(circle)) if is_circle(rows, &waits, task, circle) => continue,
            (true, Some(_)) => Fault::NotACircle,
            (in_circle, _) => {
                let Some(row) = rows.sole(task) else { continue };
                let reason = if in_circle {
                    Reason::Circle { waits: Box::new(reason.clone()), circle: shortest(rows, &waits, task) }
                } else {
                    reason.clone()
                };
                let expected = super::pending::action(rows, row, Err(reason));
                Fault::Decision { expected: Some(Box::new(expected)), found: Some(Box::new(said.clone())) }
            }
        };
        out.push(Violation { rule: "R10", about: About::Task(task), fault });
    }
}

/// What each held task waits for, and each running workflow.
fn waits(rows: &Rows<'_>, ends: &Ends, replayed: &Replayed) -> Waits {
    let mut waits = Waits::new();
    for (&task, (reason, _)) in &replayed.held {
        let on = match reason {
            Reason::Dependency { on } => on.task(),
            // What is taken back holds nothing any more in the next pass.
            Reason::Blocked { holder, .. } => Some(*holder)
                .filter(|&holder| !rows.sole(holder).is_some_and(|task| rows.is_taken_back(task))),
            Reason::Behind { older, .. } => Some(*older),
            _ => None,
        };
        waits.entry(task).or_default().extend(on.filter(|&on| rows.sole(on).is_some()));
    }
    for workflow in rows.singles().filter(|task| is_running_workflow(task) && !ends.contains_key(&task.id)) {
        let nodes = rows.graphs(workflow.id).iter().flat_map(|graph| &graph.nodes);
        let jobs = nodes.filter_map(|node| node.progress.job()).filter(|&job| rows.sole(job).is_some());
        let open = jobs.filter(|&job| rows.status(job, ends) == Status::Unfinished);
        waits.entry(workflow.id).or_default().extend(open);
    }
    waits
}

fn is_circle(rows: &Rows<'_>, waits: &Waits, task: TaskId, circle: &[TaskRef]) -> bool {
    let ids: Vec<TaskId> = circle.iter().filter_map(|member| member.task()).collect();
    let kinds = circle.iter().all(|member| {
        member.task().and_then(|id| rows.sole(id)).is_some_and(|task| task.kind() == member.kind())
    });
    let distinct: BTreeSet<TaskId> = ids.iter().copied().collect();
    let after = ids.iter().cycle().skip(1);
    let linked =
        ids.iter().zip(after).all(|(from, to)| waits.get(from).is_some_and(|next| next.contains(to)));
    kinds
        && linked
        && distinct.len() == circle.len()
        && distinct.contains(&task)
        && ids.first() == distinct.first()
}

/// The shortest circle through a task that is on one.
fn shortest(rows: &Rows<'_>, waits: &Waits, task: TaskId) -> Arc<[TaskRef]> {
    let mut from: BTreeMap<TaskId, TaskId> = BTreeMap::new();
    let mut queue = VecDeque::from([task]);
    while let Some(at) = queue.pop_front().filter(|_| !from.contains_key(&task)) {
        for &to in waits.get(&at).into_iter().flatten() {
            from.entry(to).or_insert_with(|| {
                queue.push_back(to);
                at
            });
        }
    }
    let mut circle = vec![task];
    let mut at = task;
    while let Some(&before) = from.get(&at).filter(|before| **before != task) {
        circle.push(before);
        at = before;
    }
    circle.reverse();
    let smallest = circle.iter().enumerate().min_by_key(|(_, id)| **id).map_or(0, |(at, _)| at);
    circle.rotate_left(smallest);
    circle.into_iter().filter_map(|id| Some(TaskRef::Task { id, kind: rows.sole(id)?.kind() })).collect()
}
