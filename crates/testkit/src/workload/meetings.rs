//! Shapes in which many meet in one place: edges in a node, holders on a key, waiters on a workflow. What looks at all of them
//! for each of them would cost the square of their number.

use scheduler_core::{
    Convergence, Edge, EdgeKind, Graph, InventoryId, InventorySource, InventorySourceId, Node, NodeId,
    Outcome, Progress, RuleSet, Seconds, Snapshot, State, Task, TaskId, ThinVec, Work, WorkflowOf,
    WorkflowTemplateId,
};

use super::cluster::{Cluster, FIRST_HOLDING_ID, before, job, key, now, pending};
use super::{Shape, Tally, Workload};

/// Every such shape by its name.
pub const MEETINGS: [(&str, Shape); 7] = [
    ("edges into one node", edges_into_one_node),
    ("workflows canceled at once", workflows_canceled_at_once),
    ("workflows nested in each other", workflows_nested_in_each_other),
    ("workflows that wait for theirs", workflows_that_wait_for_theirs),
    ("workflows that share a template", workflows_that_share_a_template),
    ("a cycle that a failure enters", a_cycle_that_a_failure_enters),
    ("sources of one inventory", sources_of_one_inventory),
];

/// A running workflow all of whose nodes but one have ended; they are the parents of the last, whose turn has come.
fn edges_into_one_node(elements: usize) -> Workload {
    let mut snapshot = empty();
    snapshot.tasks.push(workflow(0, 0, State::Running(Box::default())));
    let ended = |position| Progress::Ended {
        task: TaskId::new(key(FIRST_HOLDING_ID + position)),
        outcome: Outcome::Successful,
    };
    let parents = (1..=elements).map(|position| node(position, ended(position)));
    let last = Node { convergence: Convergence::All, ..node(0, Progress::Untouched) };
    let edge =
        |position| Edge { from: NodeId::new(key(position)), to: NodeId::new(key(0)), on: EdgeKind::Success };
    snapshot.graphs.push(Graph {
        workflow: TaskId::new(key(0)),
        nodes: parents.chain([last]).collect(),
        edges: (1..=elements).map(edge).collect(),
    });
    finished(snapshot, elements, Tally { creates: 1, ..Tally::default() })
}

/// A running workflow that was asked to cancel, and the workflows that its nodes run, which have no job any more: they all end.
fn workflows_canceled_at_once(elements: usize) -> Workload {
    let mut snapshot = empty();
    let outer = workflow(0, 0, State::Running(Box::default()));
    snapshot.tasks.push(Task { cancel_requested: true, ..outer });
    let inner = (1..=elements).map(|id| workflow(id, id, State::Running(Box::default())));
    snapshot.tasks.extend(inner);
    let nodes = (1..=elements).map(|id| node(id, Progress::Job(TaskId::new(key(id)))));
    snapshot.graphs.push(graph(0, nodes.collect()));
    snapshot.graphs.extend((1..=elements).map(|id| graph(id, Vec::new())));
    finished(snapshot, elements, Tally { ends: elements + 1, ..Tally::default() })
}

/// Running workflows each of which is the one job of another; the innermost has an approval that nobody gave in time, so that
/// all fail.
fn workflows_nested_in_each_other(elements: usize) -> Workload {
    let mut snapshot = empty();
    snapshot.tasks.extend((0..elements).map(|id| workflow(id, id, State::Running(Box::default()))));
    let expires = Work::WorkflowApproval { expires: Some(before(1)) };
    snapshot.tasks.push(row(elements, expires, State::Running(Box::default())));
    let nodes = |id: usize| vec![node(0, Progress::Job(TaskId::new(key(id + 1))))];
    snapshot.graphs.extend((0..elements).map(|id| graph(id, nodes(id))));
    finished(snapshot, elements, Tally { ends: elements + 1, ..Tally::default() })
}

/// A running workflow whose jobs all wait for the template that it holds itself: each is in a circle with it.
fn workflows_that_wait_for_theirs(elements: usize) -> Workload {
    let mut snapshot = empty();
    snapshot.tasks.push(workflow(0, 0, State::Running(Box::default())));
    snapshot.tasks.extend((1..=elements).map(|id| workflow(id, 0, State::Pending)));
    let nodes = (1..=elements).map(|id| node(id, Progress::Job(TaskId::new(key(id)))));
    snapshot.graphs.push(graph(0, nodes.collect()));
    finished(snapshot, elements, Tally { holds: elements, ..Tally::default() })
}

/// Half of the workflows run side by side, as their template allowed when they started; the other half waits for all of them,
/// since it does not any more.
fn workflows_that_share_a_template(elements: usize) -> Workload {
    let running = elements.div_ceil(2);
    let mut snapshot = empty();
    for id in 0..running {
        let mut row = workflow(id, 0, State::Running(Box::default()));
        row.work = Work::WorkflowJob { of: of(0), allow_simultaneous: true };
        snapshot.tasks.push(row);
        let approval = FIRST_HOLDING_ID + id;
        snapshot.graphs.push(graph(id, vec![node(0, Progress::Job(TaskId::new(key(approval))))]));
    }
    snapshot.tasks.extend((running..elements).map(|id| workflow(id, 0, State::Pending)));
    let waits = || Work::WorkflowApproval { expires: None };
    let approvals =
        (0..running).map(|id| row(FIRST_HOLDING_ID + id, waits(), State::Running(Box::default())));
    snapshot.tasks.extend(approvals);
    finished(snapshot, elements, Tally { holds: elements - running, ..Tally::default() })
}

/// Pending jobs each of which depends on the next, and the last on the first; one depends on a job that failed too, so
/// that all fail, one after the other.
fn a_cycle_that_a_failure_enters(elements: usize) -> Workload {
    let mut snapshot = empty();
    let failed = State::Finished { outcome: Outcome::Failed, at: Some(before(1)) };
    snapshot.tasks.push(row(FIRST_HOLDING_ID, job(0, 0, 0, true), failed));
    snapshot.tasks.extend((0..elements).map(|id| {
        let mut waits = row(id, job(id, id, id, true), State::Pending);
        waits.dependencies.push(TaskId::new(key((id + 1) % elements)));
        waits
    }));
    if let Some(first) = snapshot.tasks.get_mut(1) {
        first.dependencies.push(TaskId::new(key(FIRST_HOLDING_ID)));
    }
    finished(snapshot, elements, Tally { ends: elements, ..Tally::default() })
}

/// One job of an inventory with many sources, each of which needs an update first.
fn sources_of_one_inventory(elements: usize) -> Workload {
    let mut snapshot = empty();
    let waits = row(0, job(0, 0, 0, true), State::Pending);
    snapshot.tasks.push(Task { dependencies_derived: false, ..waits });
    let sources = (0..elements).map(|source| InventorySource {
        id: InventorySourceId::new(key(source)),
        inventory: InventoryId::new(key(0)),
        update_on_launch: true,
        cache_timeout: Seconds::new(0),
        source_project: None,
        last_update: None,
    });
    snapshot.inventory_sources = sources.collect();
    finished(snapshot, elements, Tally { holds: 1, creates: elements, derived: 1, ..Tally::default() })
}

/// One instance in one group, and no task yet.
fn empty() -> Snapshot {
    Snapshot { now: now(), ..Cluster::new(1, 1).snapshot(100) }
}

fn finished(snapshot: Snapshot, elements: usize, expected: Tally) -> Workload {
    Workload { snapshot, rules: RuleSet::tower_2018(), elements, expected }
}

fn row(id: usize, work: Work, state: State) -> Task {
    let row = pending(id, before(1_000), "".into(), Cluster::new(1, 1).preferences().pick(0), work);
    Task { state, dependencies: ThinVec::new(), ..row }
}

fn of(template: usize) -> WorkflowOf {
    WorkflowOf::Template(Some(WorkflowTemplateId::new(key(template))))
}

fn workflow(id: usize, template: usize, state: State) -> Task {
    let work = Work::WorkflowJob { of: of(template), allow_simultaneous: false };
    Task { groups: Default::default(), ..row(id, work, state) }
}

fn graph(workflow: usize, nodes: Vec<Node>) -> Graph {
    Graph { workflow: TaskId::new(key(workflow)), nodes, edges: Vec::new() }
}

fn node(id: usize, progress: Progress) -> Node {
    Node {
        id: NodeId::new(key(id)),
        starts: Some(Box::new(job(0, 0, 0, true))),
        convergence: Convergence::Any,
        progress,
    }
}
