//! Problems of workflow graphs.

use alloc::vec::Vec;

use crate::table::{FxHashMap, Row, position};
use crate::{Graph, Kind, NodeId, Progress, Snapshot, State, TaskId};

use super::cycle::{cycles, named};
use super::{Findings, Known, Spot};

pub(super) fn check(snapshot: &Snapshot, known: &Known, found: &mut Findings) {
    let mut graphs: FxHashMap<TaskId, usize> = FxHashMap::default();
    let mut jobs: FxHashMap<TaskId, (TaskId, NodeId)> = FxHashMap::default();
    for (position, graph) in snapshot.graphs.iter().enumerate() {
        let spot = Spot::row("graphs", position, graph.workflow.get());
        let earlier = *graphs.entry(graph.workflow).or_insert(position);
        if earlier != position {
            let what = format!("graphs[{earlier}] is a graph of the same workflow job");
            found.error(spot, "several_graphs", what, "keep one graph for each workflow job");
        }
        workflow(spot, graph, snapshot, known, found);
        nodes(spot, graph, known, &mut jobs, found);
        edges(spot, graph, found);
    }
    for (position, task) in snapshot.tasks.iter().enumerate() {
        let running = matches!(task.state, State::Running(_));
        if running && task.kind() == Kind::WorkflowJob && !graphs.contains_key(&task.id) {
            let spot = Spot::row("tasks", position, task.id.get());
            let what = "it is a running workflow job without a graph".into();
            found.error(spot, "no_graph", what, "load its graph, or cancel it");
        }
    }
    ancestors(snapshot, &graphs, found);
}

fn workflow(spot: Spot, graph: &Graph, snapshot: &Snapshot, known: &Known, found: &mut Findings) {
    let row = known.tasks.get(&graph.workflow).and_then(|&at| snapshot.tasks.get(at));
    let id = graph.workflow;
    match row {
        None => {
            let what = format!("it belongs to task {id}, which the snapshot does not hold");
            found.error(spot, "graph_of_unknown_task", what, "load the workflow job, or leave the graph out");
        }
        Some(task) if task.kind() != Kind::WorkflowJob => {
            let what = format!("it belongs to {} {id}, which is no workflow job", task.kind());
            found.error(spot, "graph_of_other_kind", what, "name the workflow job that runs the graph");
        }
        Some(task) if !matches!(task.state, State::Running(_)) => {
            let what = format!("workflow job {id} does not run");
            found.warning(spot, "graph_without_use", what, "leave the graph out until the workflow job runs");
        }
        Some(_) => {}
    }
}

fn nodes(
    spot: Spot,
    graph: &Graph,
    known: &Known,
    jobs: &mut FxHashMap<TaskId, (TaskId, NodeId)>,
    found: &mut Findings,
) {
    let mut first: FxHashMap<NodeId, usize> = FxHashMap::default();
    for (position, node) in graph.nodes.iter().enumerate() {
        let earlier = *first.entry(node.id).or_insert(position);
        if earlier != position {
            let what = format!("nodes[{earlier}] and nodes[{position}] both have the id {}", node.id);
            found.error(spot, "duplicate_node", what, "give each node an id of its own");
        }
        let Some(job) = node.progress.job() else { continue };
        if job == graph.workflow {
            let what = format!("the job of node {} is the workflow job itself", node.id);
            found.error(spot, "node_of_itself", what, "name the node's own job");
        } else if matches!(node.progress, Progress::Job(_)) && !known.tasks.contains_key(&job) {
            let what = format!("the job of node {}, task {job}, is not in the snapshot", node.id);
            found.error(spot, "missing_node_job", what, "load the job, or say how it ended");
        }
        let (workflow, other) = *jobs.entry(job).or_insert((graph.workflow, node.id));
        if (workflow, other) != (graph.workflow, node.id) {
            let what = format!(
                "the job of node {}, task {job}, is that of node {other} of workflow job {workflow} too",
                node.id
            );
            found.error(spot, "job_of_several_nodes", what, "give each node a job of its own");
        }
    }
}

fn edges(spot: Spot, graph: &Graph, found: &mut Findings) {
    let rows: FxHashMap<NodeId, Row> =
        graph.nodes.iter().enumerate().map(|(at, node)| (node.id, position(at))).collect();
    let mut children: FxHashMap<Row, Vec<Row>> = FxHashMap::default();
    for (at, edge) in graph.edges.iter().enumerate() {
        for end in [edge.from, edge.to] {
            if !rows.contains_key(&end) {
                let what = format!("edges[{at}] names node {end}, which the graph does not have");
                found.error(spot, "edge_to_no_node", what, "add the node, or remove the edge");
            }
        }
        if let (Some(&from), Some(&to)) = (rows.get(&edge.from), rows.get(&edge.to)) {
            children.entry(from).or_default().push(to);
        }
    }
    let roots: Vec<Row> = (0..position(graph.nodes.len())).collect();
    let next_of = |row: Row, next: &mut Vec<Row>| next.extend(children.get(&row).into_iter().flatten());
    for cycle in cycles(&roots, graph.nodes.len(), next_of) {
        let ids: Vec<NodeId> =
            cycle.iter().filter_map(|&row| graph.nodes.get(row as usize)).map(|node| node.id).collect();
        let what = format!("its nodes form a cycle: {}", named(ids.iter()));
        found.error(spot, "graph_cycle", what, "remove one of these edges");
    }
}

/// A workflow job that is, by way of its nodes' jobs, above itself.
fn ancestors(snapshot: &Snapshot, graphs: &FxHashMap<TaskId, usize>, found: &mut Findings) {
    let graph = |row: Row| snapshot.graphs.get(row as usize);
    let below = |row: Row, next: &mut Vec<Row>| {
        let Some(graph) = graph(row) else { return };
        let jobs = graph.nodes.iter().filter_map(|node| node.progress.job());
        let nested = jobs.filter(|&job| job != graph.workflow).filter_map(|job| graphs.get(&job));
        next.extend(nested.map(|&at| position(at)));
    };
    let roots: Vec<Row> = (0..position(snapshot.graphs.len())).collect();
    for cycle in cycles(&roots, snapshot.graphs.len(), below) {
        let workflows: Vec<TaskId> =
            cycle.iter().filter_map(|&row| graph(row)).map(|graph| graph.workflow).collect();
        let (Some(first), Some(&row)) = (workflows.first(), cycle.first()) else { continue };
        let what = format!("workflow jobs are above each other: {}", named(workflows.iter()));
        let spot = Spot::row("graphs", row as usize, first.get());
        found.error(spot, "workflow_cycle", what, "give the nodes of one of them other jobs");
    }
}
