//! Strongly connected components, and the circles in which held tasks wait for themselves (R10).

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::board::{Board, Standing};
use crate::table::{FxHashMap, FxHashSet, Row, Table};
use crate::{Kind, Plan, Reason, State};

/// The components of more than one node, and the nodes with an edge to themselves; Tarjan's algorithm without recursion,
/// over nodes below `size`.
pub(crate) fn components(roots: &[Row], size: usize, edges: impl Fn(Row, &mut Vec<Row>)) -> Vec<Vec<Row>> {
    if roots.is_empty() {
        return Vec::new();
    }
    let mut search = Search {
        low: Table(vec![UNSEEN; size]),
        seen: 0,
        stack: Vec::new(),
        path: Vec::new(),
        pending: Vec::new(),
        found: Vec::new(),
    };
    for &root in roots {
        if search.low[root] == UNSEEN {
            search.from(root, &edges);
        }
    }
    search.found
}

/// No number yet.
const UNSEEN: u32 = 0;
/// In a component that is complete.
const DONE: u32 = u32::MAX;

struct Search {
    /// The lowest number that a node reaches on the stack.
    low: Table<u32>,
    seen: u32,
    stack: Vec<Row>,
    path: Vec<Step>,
    /// The targets still to be entered, of all steps of the path, one after the other.
    pending: Vec<Row>,
    found: Vec<Vec<Row>>,
}

struct Step {
    row: Row,
    index: u32,
    /// Where the step's targets begin among the pending ones.
    from: usize,
    to_itself: bool,
}

impl Search {
    fn from(&mut self, root: Row, edges: &impl Fn(Row, &mut Vec<Row>)) {
        self.enter(root, edges);
        while let Some(&Step { row, index, from, to_itself }) = self.path.last() {
            if self.pending.len() > from {
                let Some(target) = self.pending.pop() else { break };
                match self.low[target] {
                    UNSEEN => self.enter(target, edges),
                    DONE => {}
                    low => self.low[row] = self.low[row].min(low),
                }
                continue;
            }
            self.path.pop();
            let low = self.low[row];
            if let Some(above) = self.path.last() {
                let above = above.row;
                self.low[above] = self.low[above].min(low);
            }
            if low == index {
                self.complete(row, to_itself);
            }
        }
    }

    fn enter(&mut self, row: Row, edges: &impl Fn(Row, &mut Vec<Row>)) {
        self.seen = self.seen.saturating_add(1);
        self.low[row] = self.seen;
        self.stack.push(row);
        let from = self.pending.len();
        edges(row, &mut self.pending);
        let to_itself = self.pending.iter().skip(from).any(|&to| to == row);
        self.path.push(Step { row, index: self.seen, from, to_itself });
    }

    fn complete(&mut self, row: Row, to_itself: bool) {
        let from = self.stack.iter().rposition(|&other| other == row).unwrap_or(0);
        let component = self.stack.split_off(from);
        for &member in &component {
            self.low[member] = DONE;
        }
        if component.len() > 1 || to_itself {
            self.found.push(component);
        }
    }
}

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
    let mut wrapped: Vec<(usize, Arc<[crate::TaskRef]>)> = Vec::new();
    let decisions = &plan.decisions;
    let awaited = |row: Row| {
        let reason = decisions.get(decided[row])?.action.hold()?;
        waits_for(board, reason)
    };
    let edges = |row: Row, next: &mut Vec<Row>| {
        next.extend(workflows.get(&row).into_iter().flatten().copied());
        next.extend(awaited(row));
    };
    for component in components(&roots, board.snapshot.tasks.len(), edges) {
        let members: FxHashSet<Row> = component.iter().copied().collect();
        let by_id = |row: Row, next: &mut Vec<Row>| {
            edges(row, next);
            next.retain(|to| members.contains(to));
            next.sort_unstable_by_key(|&to| board.task(to).id);
        };
        for &row in &component {
            if awaited(row).is_none() {
                continue;
            }
            let Some(circle) = circle_through(row, by_id) else { continue };
            let mut circle: Vec<_> = circle.into_iter().map(|row| board.reference(row)).collect();
            let smallest = circle.iter().enumerate().min_by_key(|(_, task)| **task).map_or(0, |(at, _)| at);
            circle.rotate_left(smallest);
            wrapped.push((decided[row], circle.into()));
        }
    }
    for (at, circle) in wrapped {
        if let Some(decision) = plan.decisions.get_mut(at) {
            wrap(&mut decision.action, &circle);
        }
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
