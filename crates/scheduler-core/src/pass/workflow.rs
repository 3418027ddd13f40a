//! What running workflows do next (R7), and approvals that nobody gave in time.
//!
//! Decides node by node, parents before children, which nodes run, are skipped or lack their template, and whether the
//! workflow has ended. Innermost workflows go first, so that an outer one sees them end. Costs a few visits to each node and
//! edge of the running workflows, and a walk over the workflows above one whose node starts a workflow.

use alloc::vec::Vec;

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::board::Board;
use super::flow::Flow;
use super::reap::Requests;
use super::standing::Standing;
use super::tree::Depths;
use crate::table::{FxHashMap, FxHashSet, Row, Table, position};
use crate::{
    Action, Create, CreateId, Decision, End, Graph, Kind, LaunchType, Malformed, MissingResource, Node,
    NodeDecision, NodeFailure, NodeId, NodeStep, Origin, Plan, Progress, SkipReason, State, TaskId, Work,
    WorkflowOf,
};

/// Fails approvals that have expired (R7.6).
pub(crate) fn expire(board: &mut Board<'_>, plan: &mut Plan) {
    let mut expired: Vec<_> = board
        .found
        .approvals
        .iter()
        .map(|&row| (row, board.task(row)))
        .filter_map(|(row, task)| match task.work {
            Work::WorkflowApproval { expires: Some(expires) } if expires < board.now() => {
                let open = board.columns.standing[row].is_unfinished() && !board.is_duplicate(task.id);
                open.then_some((task.id, row, expires))
            }
            _ => None,
        })
        .collect();
    expired.sort_unstable();
    for (_, row, expires) in expired {
        board.end(row, End::ApprovalExpired { expires }, plan);
    }
}

/// Advances every running workflow, innermost first (R7).
pub(crate) fn advance(board: &mut Board<'_>, requests: &Requests, plan: &mut Plan) {
    let mut depths = Depths::default();
    let mut running: Vec<_> = board
        .found
        .holding
        .iter()
        .map(|&row| (row, board.task(row)))
        .filter(|(row, task)| {
            task.kind() == Kind::WorkflowJob
                && matches!(task.state, State::Running(_))
                && board.columns.standing[*row] == Standing::Holding
                && !board.is_duplicate(task.id)
        })
        .map(|(row, task)| (core::cmp::Reverse(depths.of(&board.tree, task.id)), task.id, row))
        .collect();
    running.sort_unstable();
    let mut canceled: FxHashSet<TaskId> = FxHashSet::default();
    for (_, id, row) in running {
        if requests.contains_key(&row) {
            if cancel(board, row, id, plan) {
                canceled.insert(id);
            }
            continue;
        }
        match sound_graph(board, id) {
            Ok(graph) => step(board, row, graph, plan),
            Err(malformed) => {
                let action = Action::Leave(malformed);
                plan.decisions.push(Decision { task: id, kind: Kind::WorkflowJob, action });
            }
        }
    }
    if !canceled.is_empty() {
        // A request that reached a workflow in this pass is moot once it ends: it has one decision, and that is its end.
        plan.decisions.retain(|decision| {
            !matches!(decision.action, Action::RequestCancel { .. }) || !canceled.contains(&decision.task)
        });
    }
}

/// Skips what has not begun, and ends the workflow once no job of it is unfinished (R7.5); whether it did.
fn cancel(board: &mut Board<'_>, row: Row, workflow: TaskId, plan: &mut Plan) -> bool {
    let graphs = board.tree.graphs(workflow).iter();
    let graphs = graphs.filter_map(|&graph| board.snapshot.graphs.get(graph as usize));
    let mut nodes: Vec<&Node> = graphs.flat_map(|graph| &graph.nodes).collect();
    nodes.sort_unstable_by_key(|node| node.id);
    for same in nodes.chunk_by(|one, next| one.id == next.id) {
        if let [node] = same
            && node.progress == Progress::Untouched
        {
            let step = NodeStep::Skip(SkipReason::WorkflowCanceled);
            plan.nodes.push(NodeDecision { workflow, node: node.id, step });
        }
    }
    let unfinished = |node: &&Node| {
        let job = node.progress.job().and_then(|job| board.joint_standing(job));
        job.is_some_and(Standing::is_unfinished)
    };
    let ends = !nodes.iter().any(unfinished);
    if ends {
        board.end(row, End::WorkflowCanceled, plan);
    }
    ends
}

/// The one graph of a workflow, if nothing is wrong with it (R7.7).
fn sound_graph<'a>(board: &Board<'a>, workflow: TaskId) -> Result<&'a Graph, Malformed> {
    let [graph] = board.tree.graphs(workflow) else { return Err(Malformed::NoGraph) };
    let graph = board.snapshot.graphs.get(*graph as usize).ok_or(Malformed::NoGraph)?;
    let known: Known = graph.nodes.iter().map(|node| node.id).collect();
    if let Some(node) = cycle(graph, &known) {
        return Err(Malformed::GraphCycle { node });
    }
    let ends = graph.edges.iter().flat_map(|edge| [edge.from, edge.to]);
    if let Some(node) = ends.filter(|node| !known.contains(node)).min() {
        return Err(Malformed::GraphEdge { node });
    }
    let mut seen: FxHashMap<NodeId, u32> = FxHashMap::default();
    for node in &graph.nodes {
        let times = seen.entry(node.id).or_default();
        *times = times.saturating_add(1);
    }
    let wrong = graph.nodes.iter().filter(|node| {
        let twice = seen.get(&node.id).is_some_and(|&times| times > 1);
        let job = node.progress.job();
        let lost = matches!(node.progress, Progress::Job(job) if board.joint_standing(job).is_none());
        twice || lost || job.is_some_and(|job| job == workflow || board.tree.is_shared(job))
    });
    match wrong.map(|node| node.id).min() {
        Some(node) => Err(Malformed::GraphNode { node }),
        None => Ok(graph),
    }
}

/// The ids of a graph's nodes, each once, by position.
type Known = IndexSet<NodeId, FxBuildHasher>;

/// The smallest node on a cycle.
fn cycle(graph: &Graph, known: &Known) -> Option<NodeId> {
    let mut children: Table<Vec<Row>> = Table(vec![Vec::new(); known.len()]);
    for edge in &graph.edges {
        if let (Some(from), Some(to)) = (known.get_index_of(&edge.from), known.get_index_of(&edge.to)) {
            children[position(from)].push(position(to));
        }
    }
    let roots: Vec<Row> = children.rows().collect();
    let next = |row: Row, into: &mut Vec<Row>| into.extend(&children[row]);
    let cycles = crate::component::components(&roots, known.len(), next);
    cycles.iter().flatten().filter_map(|&row| known.get_index(row as usize).copied()).min()
}

/// Takes the workflow one step on (R7.1 to R7.4).
fn step(board: &mut Board<'_>, row: Row, graph: &Graph, plan: &mut Plan) {
    let workflow = graph.workflow;
    let mut flow = Flow::settle(board, graph);
    flow.steps.sort_unstable_by_key(|(node, _)| node.id);
    for (node, step) in core::mem::take(&mut flow.steps) {
        let step = match step {
            Some(step) => step,
            None => {
                board.more = true;
                NodeStep::Run(create(board, row, node, plan))
            }
        };
        plan.nodes.push(NodeDecision { workflow, node: node.id, step });
    }
    if flow.has_ended() {
        let end = match flow.unhandled_failure() {
            Some(node) => End::WorkflowFailed { node },
            None => End::WorkflowSuccessful,
        };
        board.end(row, end, plan);
    }
}

/// Creates the job of a node whose turn has come (R7.3).
fn create(board: &Board<'_>, row: Row, node: &Node, plan: &mut Plan) -> CreateId {
    let id = CreateId::new(position(plan.creates.len()));
    let workflow = board.task(row);
    if let Some(work) = node.starts.as_deref() {
        let failed = recursion(board, workflow.id, work).or_else(|| missing(work));
        plan.creates.push(Create {
            origin: Origin::Node { workflow: workflow.id, node: node.id },
            work: work.clone(),
            launch_type: LaunchType::Workflow,
            priority: workflow.priority,
            created: None,
            dependencies: Vec::new(),
            dependencies_derived: false,
            failed,
        });
    }
    id
}

/// The workflow itself and those above it: the nearest of the template that the work would start.
fn recursion(board: &Board<'_>, workflow: TaskId, work: &Work) -> Option<NodeFailure> {
    let Work::WorkflowJob { of: WorkflowOf::Template(Some(template)), .. } = *work else { return None };
    let of = WorkflowOf::Template(Some(template));
    let mut above = core::iter::once(workflow).chain(board.tree.ancestors(workflow));
    let same = |ancestor: &TaskId| {
        let row = board.row(*ancestor);
        row.is_some_and(
            |row| matches!(board.task(row).work, Work::WorkflowJob { of: other, .. } if other == of),
        )
    };
    above.find(same).map(|ancestor| NodeFailure::Recursion { template, ancestor })
}

/// What a node's job lacks to be launched.
fn missing(work: &Work) -> Option<NodeFailure> {
    let resource = match work {
        Work::Job { project: None, .. } | Work::ProjectUpdate { project: None, .. } => {
            MissingResource::Project
        }
        Work::Job { inventory: None, .. }
        | Work::AdHocCommand { inventory: None }
        | Work::InventoryUpdate { inventory: None, .. } => MissingResource::Inventory,
        _ => return None,
    };
    Some(NodeFailure::MissingResource { resource })
}
