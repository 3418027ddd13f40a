//! Strongly connected components, and the circles in which held tasks wait for themselves (R10).

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::board::{Board, Standing};
use crate::table::{FxHashMap, FxHashSet, Row};
use crate::{Plan, Progress, Reason, State, TaskId};

/// The components of more than one node, and the nodes with an edge to themselves; Tarjan's algorithm without recursion.
pub(crate) fn components(roots: &[Row], edges: impl Fn(Row, &mut Vec<Row>)) -> Vec<Vec<Row>> {
    struct Visit {
        index: u32,
        low: u32,
        on_stack: bool,
    }
    let mut visits: FxHashMap<Row, Visit> = FxHashMap::default();
    let mut stack: Vec<Row> = Vec::new();
    let mut found = Vec::new();
    for &root in roots {
        if visits.contains_key(&root) {
            continue;
        }
        let mut path: Vec<(Row, Vec<Row>, bool)> = Vec::new();
        let mut enter = Some(root);
        loop {
            if let Some(row) = enter.take() {
                let index = crate::table::position(visits.len());
                visits.insert(row, Visit { index, low: index, on_stack: true });
                stack.push(row);
                let mut next = Vec::new();
                edges(row, &mut next);
                let to_itself = next.contains(&row);
                path.push((row, next, to_itself));
            }
            let Some((row, next, _)) = path.last_mut() else { break };
            let row = *row;
            if let Some(target) = next.pop() {
                match visits.get(&target).map(|visit| (visit.index, visit.on_stack)) {
                    None => enter = Some(target),
                    Some((index, true)) => {
                        if let Some(visit) = visits.get_mut(&row) {
                            visit.low = visit.low.min(index);
                        }
                    }
                    Some((_, false)) => {}
                }
                continue;
            }
            let to_itself = path.pop().is_some_and(|(_, _, to_itself)| to_itself);
            let Some((index, low)) = visits.get(&row).map(|visit| (visit.index, visit.low)) else { break };
            if let Some((above, _, _)) = path.last()
                && let Some(visit) = visits.get_mut(above)
            {
                visit.low = visit.low.min(low);
            }
            if index == low {
                let from = stack.iter().rposition(|&other| other == row).unwrap_or(0);
                let component = stack.split_off(from);
                for member in &component {
                    if let Some(visit) = visits.get_mut(member) {
                        visit.on_stack = false;
                    }
                }
                if component.len() > 1 || to_itself {
                    found.push(component);
                }
            }
        }
    }
    found
}

/// Replaces the reason of every held task that waits for itself. A circle among tasks that are not malformed needs a
/// running workflow or a link that this pass made, so nothing is looked at without one.
pub(crate) fn close(board: &Board<'_>, plan: &mut Plan) {
    let workflows = running_workflows(board);
    let linked = board.links.iter().filter(|(_, links)| links.iter().any(|link| link.task().is_some()));
    let mut roots: Vec<Row> = workflows.keys().copied().chain(linked.map(|(&row, _)| row)).collect();
    if roots.is_empty() {
        return;
    }
    roots.sort_unstable();
    let mut held: FxHashMap<Row, (usize, Option<TaskId>)> = FxHashMap::default();
    for (at, decision) in plan.decisions.iter().enumerate() {
        let waits_for = match decision.action.hold() {
            Some(Reason::Dependency { on }) => on.task(),
            Some(Reason::Blocked { holder, .. }) => Some(*holder),
            Some(Reason::Behind { older, .. }) => Some(*older),
            _ => None,
        };
        if waits_for.is_some()
            && let Some(row) = board.row(decision.task)
        {
            held.insert(row, (at, waits_for));
        }
    }
    let edges = |row: Row, next: &mut Vec<Row>| {
        if let Some(jobs) = workflows.get(&row) {
            next.extend(jobs.iter().copied());
        }
        next.extend(held.get(&row).and_then(|(_, on)| board.row((*on)?)));
    };
    for component in components(&roots, edges) {
        let members: FxHashSet<Row> = component.iter().copied().collect();
        let by_id = |row: Row, next: &mut Vec<Row>| {
            edges(row, next);
            next.retain(|to| members.contains(to));
            next.sort_unstable_by_key(|&to| board.task(to).id);
        };
        for &row in &component {
            let Some(&(at, _)) = held.get(&row) else { continue };
            let Some(circle) = circle_through(row, by_id) else { continue };
            let mut circle: Vec<_> = circle.into_iter().map(|row| board.reference(row)).collect();
            let smallest = circle.iter().enumerate().min_by_key(|(_, task)| **task).map_or(0, |(at, _)| at);
            circle.rotate_left(smallest);
            let circle: Arc<[_]> = circle.into();
            if let Some(decision) = plan.decisions.get_mut(at) {
                wrap(&mut decision.action, &circle);
            }
        }
    }
}

fn wrap(action: &mut crate::Action, circle: &Arc<[crate::TaskRef]>) {
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

/// The shortest circle through a row; of several the first in the order of the edges.
fn circle_through(row: Row, edges: impl Fn(Row, &mut Vec<Row>)) -> Option<Vec<Row>> {
    let mut came_from: FxHashMap<Row, Row> = FxHashMap::default();
    let mut queue = alloc::collections::VecDeque::from([row]);
    while let Some(at) = queue.pop_front() {
        let mut next = Vec::new();
        edges(at, &mut next);
        for to in next {
            if to == row {
                let mut circle = vec![at];
                let mut step = at;
                while step != row {
                    step = *came_from.get(&step)?;
                    circle.push(step);
                }
                circle.reverse();
                return Some(circle);
            }
            if let hashbrown::hash_map::Entry::Vacant(unseen) = came_from.entry(to) {
                unseen.insert(at);
                queue.push_back(to);
            }
        }
    }
    None
}

/// The running workflow jobs, each with its unfinished jobs.
fn running_workflows(board: &Board<'_>) -> FxHashMap<Row, Vec<Row>> {
    let mut workflows: FxHashMap<Row, Vec<Row>> = FxHashMap::default();
    for graph in &board.snapshot.graphs {
        let Some(workflow) = board.row(graph.workflow) else { continue };
        let running = matches!(board.task(workflow).state, State::Running(_));
        if !running || board.standing[workflow] != Standing::Holding {
            continue;
        }
        let jobs = graph.nodes.iter().filter_map(|node| match node.progress {
            Progress::Job(job) => board.row(job),
            _ => None,
        });
        workflows
            .entry(workflow)
            .or_default()
            .extend(jobs.filter(|&job| board.standing[job].is_unfinished()));
    }
    workflows
}
