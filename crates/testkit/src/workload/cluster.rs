//! Instances in groups, and the rows of tasks that stand on them.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use scheduler_core::{
    Forks, GroupId, Instance, InstanceGroup, InstanceId, InventoryId, JobTemplateId, Members, NodeType,
    Placement, ProjectId, Snapshot, Task, TaskCount, TaskId, ThinVec, Timestamp, Work,
};

/// What an ordinary job costs: five forks and one for itself.
pub(super) const JOB: Forks = Forks::new(6);

/// Holding rows and the rows of finished tasks get ids from here on, so that pending ids count from 1.
pub(super) const FIRST_HOLDING_ID: usize = 1_000_000_000;

/// The moment of the pass.
pub(super) fn now() -> Timestamp {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default()
}

/// The moment that is so many milliseconds before the pass, so that tasks differ in age.
pub(super) fn before(milliseconds: usize) -> Timestamp {
    now() - TimeDelta::milliseconds(milliseconds as i64)
}

/// The key of the store for a position: keys count from 1.
pub(super) const fn key(position: usize) -> i64 {
    position as i64 + 1
}

/// Groups of equally many instances, each instance in one group.
pub(super) struct Cluster {
    pub(super) instances: usize,
    pub(super) groups: usize,
}

impl Cluster {
    /// So many instances in so many groups, at least one of each.
    pub(super) fn new(instances: usize, groups: usize) -> Self {
        let groups = groups.max(1);
        Self { instances: instances.max(groups), groups }
    }

    /// A snapshot of these instances, all alive and of this capacity, without any task yet.
    pub(super) fn snapshot(&self, capacity: usize) -> Snapshot {
        let instance = |position| Instance {
            id: InstanceId::new(key(position)),
            hostname: format!("exec-{position:05}"),
            node_type: NodeType::Hybrid,
            capacity: Forks::new(u32::try_from(capacity).unwrap_or(u32::MAX)),
            enabled: true,
            last_heartbeat: Some(now()),
        };
        let group = |position| InstanceGroup {
            id: GroupId::new(key(position)),
            name: format!("group-{position:03}"),
            members: Members::Instances(
                (position..self.instances)
                    .step_by(self.groups)
                    .map(|member| InstanceId::new(key(member)))
                    .collect(),
            ),
            max_concurrent_jobs: TaskCount::new(0),
            max_forks: Forks::ZERO,
        };
        Snapshot {
            now: now(),
            instances: (0..self.instances).map(instance).collect(),
            groups: (0..self.groups).map(group).collect(),
            ..Snapshot::default()
        }
    }

    /// For each group the list that prefers it and then its neighbour; tasks share these lists.
    pub(super) fn preferences(&self) -> Shared<[GroupId]> {
        Shared(
            (0..self.groups)
                .map(|first| {
                    let second = (first + 1) % self.groups;
                    let both = [GroupId::new(key(first)), GroupId::new(key(second))];
                    if first == second { Arc::from(&both[..1]) } else { Arc::from(both) }
                })
                .collect(),
        )
    }

    /// Where a holding task is that came to this instance by its group.
    pub(super) fn placement(&self, instance: usize) -> Placement {
        Placement {
            group: Some(GroupId::new(key(instance % self.groups))),
            node: Some(InstanceId::new(key(instance))),
            controller: None,
        }
    }
}

/// What many tasks have in common, one copy of each kind.
pub(super) struct Shared<T: ?Sized>(Vec<Arc<T>>);

impl<T: ?Sized> Shared<T> {
    /// The copy for this position, round and round.
    pub(super) fn pick(&self, position: usize) -> Arc<T>
    where
        Arc<T>: Default,
    {
        self.0.get(position % self.0.len().max(1)).map(Arc::clone).unwrap_or_default()
    }
}

/// Names of templates, as people give them.
pub(super) fn names(count: usize) -> Shared<str> {
    Shared((0..count.max(1)).map(|position| Arc::from(format!("Deploy {position}"))).collect())
}

/// A pending job's row without keys, for the shapes to complete.
pub(super) fn pending(
    id: usize,
    created: Timestamp,
    name: Arc<str>,
    groups: Arc<[GroupId]>,
    work: Work,
) -> Task {
    Task {
        name,
        impact: JOB,
        groups,
        dependencies_derived: true,
        ..Task::new(TaskId::new(key(id)), created, work)
    }
}

/// A job's keys.
pub(super) fn job(project: usize, inventory: usize, template: usize, allow_simultaneous: bool) -> Work {
    Work::Job {
        project: Some(ProjectId::new(key(project))),
        inventory: Some(InventoryId::new(key(inventory))),
        template: Some(JobTemplateId::new(key(template))),
        allow_simultaneous,
        sources_already_updated: ThinVec::new(),
    }
}
