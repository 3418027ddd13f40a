//! Queues without a graph: what starts, what is blocked, and what waits for capacity.

use scheduler_core::{
    Forks, InventoryId, InventorySourceId, JobTemplateId, ProjectId, ProjectUpdateType, RuleSet, State, Task,
    ThinVec, Work,
};

use super::cluster::{Cluster, FIRST_HOLDING_ID, JOB, before, job, key, names, pending};
use super::{Random, Tally, Workload};

/// AWX's public measurement: jobs that can all start, each of its own template, on 100 instances in 10 groups, two
/// preferred groups a job, with room for all. AWX took 39,000 of them.
#[must_use]
pub fn all_startable(tasks: usize) -> Workload {
    let cluster = Cluster::new(100, 10);
    let (names, preferences) = (names(1_000), cluster.preferences());
    let mut snapshot = cluster.snapshot(room_for(tasks, cluster.instances));
    snapshot.tasks = (0..tasks)
        .map(|id| {
            let work = job(id % 100, id % 100, id, false);
            pending(id, before(tasks - id), names.pick(id), preferences.pick(id), work)
        })
        .collect();
    let expected = Tally { starts: tasks, ..Tally::default() };
    Workload { snapshot, rules: RuleSet::tower_2018(), elements: tasks, expected }
}

/// A busy cluster: at 1,000,000 tasks 10,000 templates, 1,000 projects, 1,000 inventories and 1,000 instances in 100
/// groups. A job of each template runs, so that 97 of 100 pending tasks, further jobs of these templates, are blocked; so
/// are a project update and an inventory update among the hundred, which keep their places (R3), and the last, a job
/// of a template of its own, starts.
#[must_use]
pub fn mostly_blocked(tasks: usize) -> Workload {
    let templates = (tasks / 100).clamp(1, 10_000);
    let shared = templates.div_ceil(10);
    let cluster = Cluster::new(shared, shared.div_ceil(10));
    let (names, preferences) = (names(templates), cluster.preferences());
    let starts = tasks / 100;
    let room = room_for(templates + starts, cluster.instances);

    let running = (0..templates).map(|template| {
        let work = job(template % shared, template % shared, template, false);
        let groups = preferences.pick(template);
        let row = pending(FIRST_HOLDING_ID + template, before(2 * tasks), names.pick(template), groups, work);
        Task { state: State::Running(Box::new(cluster.placement(template % cluster.instances))), ..row }
    });
    let mut random = Random::new(1);
    let waiting = (0..tasks).map(|id| {
        let template = random.below(templates);
        let work = match id % 100 {
            97 => Work::ProjectUpdate {
                project: Some(ProjectId::new(key(template % shared))),
                job_type: ProjectUpdateType::Check,
            },
            98 => Work::InventoryUpdate {
                source: Some(InventorySourceId::new(key(template % shared))),
                inventory: Some(InventoryId::new(key(template % shared))),
                source_project: None,
            },
            99 => Work::Job {
                project: None,
                inventory: None,
                template: Some(JobTemplateId::new(key(templates + id))),
                allow_simultaneous: false,
                sources_already_updated: ThinVec::new(),
            },
            _ => job(template % shared, template % shared, template, false),
        };
        pending(id, before(tasks - id), names.pick(template), preferences.pick(template), work)
    });

    let mut snapshot = cluster.snapshot(room);
    snapshot.tasks = Vec::with_capacity(templates + tasks);
    snapshot.tasks.extend(running.chain(waiting));
    let expected = Tally { starts, holds: tasks - starts, ..Tally::default() };
    Workload { snapshot, rules: RuleSet::tower_2018(), elements: tasks, expected }
}

/// Every instance has less left than a job needs, and so many jobs wait for capacity, two preferred groups each; at 1,000,000 tasks 1,000
/// instances in 100 groups.
#[must_use]
pub fn cluster_full(tasks: usize) -> Workload {
    let instances = (tasks / 1_000).clamp(10, 1_000);
    let cluster = Cluster::new(instances, instances / 10);
    let templates = (tasks / 100).clamp(1, 10_000);
    let (names, preferences) = (names(templates), cluster.preferences());
    let capacity = 100;

    let mut snapshot = cluster.snapshot(capacity);
    let running = (0..instances).map(|instance| {
        let work = job(0, 0, templates + instance, false);
        let groups = preferences.pick(instance);
        let row = pending(FIRST_HOLDING_ID + instance, before(2 * tasks), names.pick(instance), groups, work);
        let state = State::Running(Box::new(cluster.placement(instance)));
        Task { state, impact: Forks::new(capacity as u32 - 3), ..row }
    });
    let waiting = (0..tasks).map(|id| {
        let work = job(id % 1_000, id % 1_000, id % templates, true);
        pending(id, before(tasks - id), names.pick(id), preferences.pick(id), work)
    });
    snapshot.tasks = Vec::with_capacity(instances + tasks);
    snapshot.tasks.extend(running.chain(waiting));
    let expected = Tally { holds: tasks, ..Tally::default() };
    Workload { snapshot, rules: RuleSet::tower_2018(), elements: tasks, expected }
}

/// The largest test of the Kubernetes scheduler, 5,000 instances and 50,000 tasks, at any size: one group that holds all
/// instances, tasks of many sizes, room for all.
#[must_use]
pub fn nodes_by_tasks(instances: usize, tasks: usize) -> Workload {
    let cluster = Cluster::new(instances, 1);
    let (names, preferences) = (names(1_000), cluster.preferences());
    let mut random = Random::new(2);
    let mut snapshot = cluster.snapshot(2 * room_for(tasks, cluster.instances));
    snapshot.tasks = (0..tasks)
        .map(|id| {
            let work = job(id % 1_000, id % 1_000, id, false);
            let row = pending(id, before(tasks - id), names.pick(id), preferences.pick(id), work);
            Task { impact: Forks::new(1 + random.below(JOB.get() as usize) as u32), ..row }
        })
        .collect();
    let expected = Tally { starts: tasks, ..Tally::default() };
    Workload { snapshot, rules: RuleSet::tower_2018(), elements: tasks, expected }
}

/// A capacity with which so many jobs fit on so many instances, with half of it to spare.
pub(super) fn room_for(jobs: usize, instances: usize) -> usize {
    2 * JOB.get() as usize * (jobs.div_ceil(instances) + 1)
}
