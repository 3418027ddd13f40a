//! The circles in which held tasks wait for themselves (R10).
//!
//! A held task waits for one other by its reason, and only a running workflow waits for many: so a walk without a choice leads
//! from a task to itself or to a workflow. From there one search serves all tasks that came to it. Costs a visit to
//! each task and node, a search from each workflow that tasks of a circle wait for, as far as the farthest of them, and the
//! length of the circles that are named.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::board::Board;
use super::standing::Standing;
use crate::component::components;
use crate::table::{FxHashMap, FxHashSet, Row, Table};
use crate::{Kind, Plan, Reason, State, TaskRef};

/// Replaces the reason of every held task that waits for itself. A circle among tasks that are not malformed needs a
/// running workflow or a link that this pass made, so nothing is looked at without one.
pub(crate) fn close(board: &Board<'_>, order: &[Row], plan: &mut Plan) {
    let workflows = running_workflows(board);
    let mut roots: Vec<Row> = workflows.keys().chain(&board.linked).copied().collect();
    if roots.is_empty() {
        return;
    }
    roots.sort_unstable();
    // The last decisions are those of the tasks in order, save those beyond the start limit.
    let considered = order.len().saturating_sub(plan.unconsidered.get() as usize);
    let first = plan.decisions.len().saturating_sub(considered);
    let mut decided = Table(vec![usize::MAX; board.snapshot.tasks.len()]);
    for (at, &row) in (first..).zip(order.iter().take(considered)) {
        decided[row] = at;
    }
    let decisions = &plan.decisions;
    let awaited = |row: Row| {
        let reason = decisions.get(decided[row])?.action.hold()?;
        waits_for(board, reason)
    };
    let edges = |row: Row, next: &mut Vec<Row>| {
        next.extend(workflows.get(&row).into_iter().flatten().copied());
        next.extend(awaited(row));
    };
    let mut wrapped: Vec<(usize, Arc<[TaskRef]>)> = Vec::new();
    for component in components(&roots, board.snapshot.tasks.len(), edges) {
        let members: FxHashSet<Row> = component.iter().copied().collect();
        let knot = Knot {
            members: &component,
            awaited: |row| awaited(row).filter(|to| members.contains(to)),
            jobs: jobs_within(board, &workflows, &members),
        };
        for (rows, circle) in knot.circles() {
            let circle = named(board, circle);
            wrapped.extend(rows.into_iter().map(|row| (decided[row], Arc::clone(&circle))));
        }
    }
    for (at, circle) in wrapped {
        if let Some(decision) = plan.decisions.get_mut(at) {
            wrap(&mut decision.action, &circle);
        }
    }
}

/// Of each workflow among these rows the jobs that are among them too, in the order of their ids.
fn jobs_within(
    board: &Board<'_>,
    workflows: &FxHashMap<Row, Vec<Row>>,
    members: &FxHashSet<Row>,
) -> FxHashMap<Row, Vec<Row>> {
    let mut within = FxHashMap::default();
    for &workflow in members {
        let Some(jobs) = workflows.get(&workflow) else { continue };
        let mut jobs: Vec<Row> = jobs.iter().copied().filter(|job| members.contains(job)).collect();
        jobs.sort_unstable_by_key(|&job| board.task(job).id);
        within.insert(workflow, jobs);
    }
    within
}

/// A circle as a reason names it: the smallest id first.
fn named(board: &Board<'_>, circle: Vec<Row>) -> Arc<[TaskRef]> {
    let mut circle: Vec<TaskRef> = circle.into_iter().map(|row| board.reference(row)).collect();
    let smallest = circle.iter().enumerate().min_by_key(|(_, task)| **task).map_or(0, |(at, _)| at);
    circle.rotate_left(smallest);
    circle.into()
}

/// Rows each of which leads to each other.
struct Knot<'k, A> {
    members: &'k [Row],
    /// The one row that a held task waits for.
    awaited: A,
    /// The jobs of each running workflow, in the order in which a search takes them.
    jobs: FxHashMap<Row, Vec<Row>>,
}

impl<A: Fn(Row) -> Option<Row>> Knot<'_, A> {
    /// For every held task the shortest circle through it, of several the first in the order of the jobs; tasks that share
    /// one stand together.
    fn circles(&self) -> Vec<(Vec<Row>, Vec<Row>)> {
        let mut found: Vec<(Vec<Row>, Vec<Row>)> = Vec::new();
        let mut on_ring: FxHashSet<Row> = FxHashSet::default();
        let mut by_way_of: FxHashMap<Row, Vec<Row>> = FxHashMap::default();
        for &row in self.members {
            if (self.awaited)(row).is_none() || on_ring.contains(&row) {
                continue;
            }
            match self.walk(row) {
                (ring, None) => {
                    on_ring.extend(&ring);
                    found.push((ring.clone(), ring));
                }
                (_, Some(workflow)) => by_way_of.entry(workflow).or_default().push(row),
            }
        }
        for (workflow, rows) in by_way_of {
            let came_from = self.search(workflow, &rows);
            for row in rows {
                let mut circle = self.back(&came_from, workflow, row);
                circle.extend(self.walk(row).0);
                found.push((vec![row], circle));
            }
        }
        found
    }

    /// From a held task on, as far as there is no choice: the tasks on the way, and the workflow where it ends; none when it
    /// comes round.
    fn walk(&self, row: Row) -> (Vec<Row>, Option<Row>) {
        let mut path = vec![row];
        let mut next = (self.awaited)(row);
        while let Some(at) = next.filter(|&at| at != row) {
            if self.jobs.contains_key(&at) {
                return (path, Some(at));
            }
            path.push(at);
            next = (self.awaited)(at);
        }
        (path, None)
    }

    /// From which row each one was reached first, breadth first from a workflow on until all that are wanted were.
    fn search(&self, workflow: Row, wanted: &[Row]) -> FxHashMap<Row, Row> {
        let mut missing: FxHashSet<Row> = wanted.iter().copied().collect();
        let mut came_from: FxHashMap<Row, Row> = FxHashMap::default();
        let mut queue = VecDeque::from([workflow]);
        while !missing.is_empty()
            && let Some(at) = queue.pop_front()
        {
            let jobs = self.jobs.get(&at).into_iter().flatten().copied();
            for to in jobs.chain((self.awaited)(at)).filter(|&to| to != workflow) {
                if let hashbrown::hash_map::Entry::Vacant(unseen) = came_from.entry(to) {
                    unseen.insert(at);
                    missing.remove(&to);
                    queue.push_back(to);
                }
            }
        }
        came_from
    }

    /// The way from a workflow to a row, the row itself left out.
    fn back(&self, came_from: &FxHashMap<Row, Row>, workflow: Row, row: Row) -> Vec<Row> {
        let mut way = Vec::new();
        let mut at = row;
        while let Some(&before) = came_from.get(&at) {
            way.push(before);
            at = before;
            if at == workflow {
                break;
            }
        }
        way.reverse();
        way
    }
}

/// The row that a held task waits for by its reason. A holder that is taken back holds nothing once this plan is
/// committed, so nobody waits for it in this sense.
fn waits_for(board: &Board<'_>, reason: &Reason) -> Option<Row> {
    match reason {
        Reason::Dependency { on } => board.row(on.task()?),
        Reason::Blocked { holder, .. } => {
            board.row(*holder).filter(|&row| board.columns.standing[row] != Standing::TakenBack)
        }
        Reason::Behind { older, .. } => board.row(*older),
        _ => None,
    }
}

fn wrap(action: &mut crate::Action, circle: &Arc<[TaskRef]>) {
    let reason = match action {
        crate::Action::Hold(reason) => reason,
        crate::Action::TakeBack(back) => match &mut back.then {
            crate::Then::Hold(reason) => reason,
            crate::Then::Start(_) | crate::Then::End(_) => return,
        },
        _ => return,
    };
    let waits = Box::new(reason.clone());
    *reason = Reason::Circle { waits, circle: Arc::clone(circle) };
}

/// The running workflow jobs, each with its unfinished jobs.
fn running_workflows(board: &Board<'_>) -> FxHashMap<Row, Vec<Row>> {
    let mut workflows: FxHashMap<Row, Vec<Row>> = FxHashMap::default();
    for graph in board.snapshot.graphs.iter().filter(|graph| !board.tree.graphs(graph.workflow).is_empty()) {
        let Some(workflow) = board.row(graph.workflow) else { continue };
        let task = board.task(workflow);
        let running = task.kind() == Kind::WorkflowJob && matches!(task.state, State::Running(_));
        if !running || board.columns.standing[workflow] != Standing::Holding {
            continue;
        }
        let jobs = graph.nodes.iter().filter_map(|node| board.row(node.progress.job()?));
        workflows
            .entry(workflow)
            .or_default()
            .extend(jobs.filter(|&job| board.columns.standing[job].is_unfinished()));
    }
    workflows
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::*;
    use crate::table::position;

    /// The circle of each row, and how many steps it took to find them all; rows from 1 on wait for what stands here.
    fn circles(awaited: &[Row], jobs: &[(Row, Vec<Row>)]) -> (Vec<(Row, Vec<Row>)>, usize) {
        let steps = Cell::new(0);
        let of = |row: Row| awaited.get((row as usize).wrapping_sub(1)).copied();
        let counted = |row: Row| {
            steps.set(steps.get() + 1);
            of(row)
        };
        let members: Vec<Row> =
            (1..=position(awaited.len())).chain(jobs.iter().map(|(row, _)| *row)).collect();
        let jobs = jobs.iter().cloned().collect();
        let found = Knot { members: &members, awaited: counted, jobs }.circles();
        let each = found
            .into_iter()
            .flat_map(|(rows, circle)| rows.into_iter().map(move |row| (row, circle.clone())));
        let mut each: Vec<(Row, Vec<Row>)> = each.collect();
        each.sort();
        (each, steps.get())
    }

    #[test]
    fn r10_the_shortest_circle_through_each_task_is_found() {
        // 1 and 2 wait for workflow 10; 3 waits for 1; 10 has 1, 3 and workflow 11, which has 2.
        let (found, _) = circles(&[10, 10, 1], &[(10, vec![1, 3, 11]), (11, vec![2])]);
        assert_eq!(found, [(1, vec![10, 1]), (2, vec![10, 11, 2]), (3, vec![10, 3, 1])]);
    }

    #[test]
    fn r10_tasks_on_one_ring_share_their_circle() {
        let (found, _) = circles(&[2, 3, 1], &[]);
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|(_, circle)| *circle == [1, 2, 3]));
    }

    #[test]
    fn r10_the_work_grows_with_the_tasks_of_a_workflow_that_all_wait_for_it() {
        let steps =
            |tasks: Row| circles(&vec![tasks + 1; tasks as usize], &[(tasks + 1, (1..=tasks).collect())]).1;
        assert!(steps(4_000) <= 5 * steps(1_000), "{} and {}", steps(1_000), steps(4_000));
    }

    #[test]
    fn r10_the_work_grows_with_a_ring() {
        let steps = |tasks: Row| circles(&(2..=tasks).chain([1]).collect::<Vec<Row>>(), &[]).1;
        assert!(steps(4_000) <= 5 * steps(1_000), "{} and {}", steps(1_000), steps(4_000));
    }
}
