//! Work that hangs together: workflows, updates on launch, and dependencies.

use scheduler_core::{
    Edge, EdgeKind, Graph, InventoryId, InventorySource, InventorySourceId, Node, NodeId, Outcome, Progress,
    Project, ProjectId, RuleSet, Seconds, State, Task, TaskId, ThinVec, Work, WorkflowOf, WorkflowTemplateId,
};

use super::cluster::{Cluster, FIRST_HOLDING_ID, before, job, key, names, pending};
use super::queues::room_for;
use super::{Random, Tally, Workload};

/// How many nodes stand in one layer of a workflow.
const LAYER: usize = 10;

/// Running workflows in layers of ten nodes, every node a child of two nodes of the layer before. Half of the layers have
/// ended. In two of four workflows the next layer is due; in the third the last layer still runs; in the fourth it
/// failed, so that the rest is skipped and the workflow fails.
#[must_use]
pub fn workflows(count: usize, nodes: usize) -> Workload {
    let layers = nodes.div_ceil(LAYER).max(2);
    let done = layers / 2;
    let cluster = Cluster::new((count / 10).clamp(1, 100), 10);
    let names = names(count.min(1_000));
    let mut snapshot = cluster.snapshot(room_for(count * LAYER, cluster.instances));
    let running_jobs = (count / 4 + usize::from(count % 4 > 2)) * LAYER;
    snapshot.tasks = Vec::with_capacity(count + running_jobs);
    snapshot.graphs = Vec::with_capacity(count);
    let mut expected = Tally::default();
    let mut next_job = FIRST_HOLDING_ID;

    for workflow in 0..count {
        let fate = workflow % 4;
        let work = Work::WorkflowJob {
            of: WorkflowOf::Template(Some(WorkflowTemplateId::new(key(workflow)))),
            allow_simultaneous: false,
        };
        let row = pending(workflow, before(count - workflow), names.pick(workflow), Default::default(), work);
        snapshot.tasks.push(Task { state: State::Running(Box::default()), ..row });

        let mut list = Vec::with_capacity(layers * LAYER);
        for position in 0..layers * LAYER {
            let layer = position / LAYER;
            let work = job(workflow % 1_000, position, next_job - FIRST_HOLDING_ID, true);
            let task = TaskId::new(key(next_job));
            let progress = if layer + 1 < done || (layer + 1 == done && fate < 2) {
                Progress::Ended { task, outcome: Outcome::Successful }
            } else if layer + 1 > done {
                Progress::Untouched
            } else if fate == 2 {
                let name = names.pick(workflow);
                let row = pending(next_job, before(count), name, Default::default(), work.clone());
                let placement = cluster.placement(position % cluster.instances);
                snapshot.tasks.push(Task { state: State::Running(Box::new(placement)), ..row });
                Progress::Job(task)
            } else {
                Progress::Ended { task, outcome: Outcome::Failed }
            };
            list.push(Node {
                id: NodeId::new(key(position)),
                starts: Some(Box::new(work)),
                convergence: Default::default(),
                progress,
            });
            next_job += 1;
        }
        snapshot.graphs.push(Graph {
            workflow: TaskId::new(key(workflow)),
            nodes: list,
            edges: edges_between_layers(layers),
        });
        match fate {
            0 | 1 => expected.creates += LAYER,
            2 => {}
            _ => {
                expected.ends += 1;
                expected.skips += (layers - done) * LAYER;
            }
        }
    }
    Workload { snapshot, rules: RuleSet::tower_2018(), elements: count * layers * LAYER, expected }
}

/// From every node two success edges into the next layer: to the node below, and to that one's neighbour.
fn edges_between_layers(layers: usize) -> Vec<Edge> {
    (0..(layers - 1) * LAYER)
        .flat_map(|from| {
            let (layer, place) = (from / LAYER, from % LAYER);
            [place, (place + 1) % LAYER].map(|to| Edge {
                from: NodeId::new(key(from)),
                to: NodeId::new(key((layer + 1) * LAYER + to)),
                on: EdgeKind::Success,
            })
        })
        .collect()
}

/// Jobs that all need an update of their project and of their inventory, none of which was ever updated: a hundred jobs
/// share a project, and a hundred an inventory. Every other inventory comes from a project, so that its update needs
/// one too.
#[must_use]
pub fn update_on_launch(tasks: usize) -> Workload {
    let shared = tasks.div_ceil(100).max(1);
    let cluster = Cluster::new(100, 10);
    let (names, preferences) = (names(1_000), cluster.preferences());
    let mut snapshot = cluster.snapshot(room_for(tasks, cluster.instances));
    snapshot.projects = (0..shared)
        .map(|project| Project {
            id: ProjectId::new(key(project)),
            update_on_launch: true,
            cache_timeout: Seconds::new(0),
            last_update: None,
        })
        .collect();
    snapshot.inventory_sources = (0..shared)
        .map(|source| InventorySource {
            id: InventorySourceId::new(key(source)),
            inventory: InventoryId::new(key(source)),
            update_on_launch: true,
            cache_timeout: Seconds::new(0),
            source_project: (source % 2 == 1).then(|| ProjectId::new(key(source))),
            last_update: None,
        })
        .collect();
    snapshot.tasks = (0..tasks)
        .map(|id| {
            let work = job(id % shared, id * 7 % shared, id, true);
            let row = pending(id, before(1_000 * (tasks - id)), names.pick(id), preferences.pick(id), work);
            Task { dependencies_derived: false, ..row }
        })
        .collect();
    let mut inventories = vec![false; shared];
    for id in 0..tasks {
        if let Some(seen) = inventories.get_mut(id * 7 % shared) {
            *seen = true;
        }
    }
    let used = inventories.into_iter().filter(|&seen| seen).count();
    let expected =
        Tally { holds: tasks, creates: shared.min(tasks) + used, derived: tasks, ..Tally::default() };
    Workload { snapshot, rules: RuleSet::tower_2018(), elements: tasks, expected }
}

/// Jobs in ten layers, each job depending on two of the layer before, launched in no particular order: the first
/// layer starts, all others wait, and whoever waits lends its place to what it waits for (R1).
#[must_use]
pub fn dependency_graph(tasks: usize) -> Workload {
    let width = tasks.div_ceil(10).max(1);
    let cluster = Cluster::new(100, 10);
    let (names, preferences) = (names(1_000), cluster.preferences());
    let mut snapshot = cluster.snapshot(room_for(width, cluster.instances));
    let mut random = Random::new(3);
    snapshot.tasks = (0..tasks)
        .map(|id| {
            let work = job(id % 1_000, id % 1_000, id, true);
            let created = before(random.below(tasks));
            let mut row = pending(id, created, names.pick(id), preferences.pick(id), work);
            if id >= width {
                let above = id / width * width - width;
                let near = above + id % width;
                let far = above + random.below(width);
                row.dependencies = ThinVec::with_capacity(2);
                row.dependencies.push(TaskId::new(key(near)));
                row.dependencies.push(TaskId::new(key(far)));
                row.dependencies.dedup();
            }
            row
        })
        .collect();
    let starts = width.min(tasks);
    let expected = Tally { starts, holds: tasks - starts, ..Tally::default() };
    Workload { snapshot, rules: RuleSet::tower_2018(), elements: tasks, expected }
}
