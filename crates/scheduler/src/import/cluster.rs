//! The machines of an import, and where on them a task that already runs is.

use scheduler_core::{
    Forks, GroupId, Instance, InstanceGroup, InstanceId, Members, NodeType, Placement, TaskCount, Timestamp,
};

/// The one group of an import.
pub(super) const GROUP: GroupId = simulator::swf::GROUP;

/// Machines that fill up as running tasks are placed on them.
#[derive(Debug)]
pub(super) struct Cluster {
    instances: Vec<Instance>,
    free: Vec<u32>,
}

impl Cluster {
    /// Machines of these names and capacities, heard of just now.
    pub(super) fn new(machines: impl IntoIterator<Item = (String, Forks)>, now: Timestamp) -> Self {
        let mut cluster = Self { instances: Vec::new(), free: Vec::new() };
        for ((hostname, capacity), id) in machines.into_iter().zip(1..) {
            cluster.free.push(capacity.get());
            cluster.instances.push(Instance {
                id: InstanceId::new(id),
                hostname,
                node_type: NodeType::Hybrid,
                capacity,
                enabled: true,
                last_heartbeat: Some(now),
            });
        }
        cluster
    }

    /// Equal machines that have so many processors together; the first ones take what does not divide.
    pub(super) fn sharing(processors: u32, machines: u32, now: Timestamp) -> Self {
        let (each, rest) = (processors / machines, processors % machines);
        let width = machines.to_string().len();
        let machine = |number: u32| {
            let capacity = each + u32::from(number <= rest);
            (format!("node-{number:0width$}"), Forks::new(capacity))
        };
        Self::new((1..=machines).map(machine), now)
    }

    /// Places a task that runs: where most is free, as a pass would. A log knows better what fitted, so that it is placed even
    /// where no machine has room.
    pub(super) fn place(&mut self, impact: Forks) -> Placement {
        let mut best: Option<(usize, u32)> = None;
        for (position, &free) in self.free.iter().enumerate() {
            if best.is_none_or(|(_, most)| free > most) {
                best = Some((position, free));
            }
        }
        let node = best.and_then(|(position, _)| {
            let free = self.free.get_mut(position)?;
            *free = free.saturating_sub(impact.get());
            self.instances.get(position).map(|instance| instance.id)
        });
        Placement { group: Some(GROUP), node, controller: None }
    }

    /// The rows.
    pub(super) fn into_rows(self, group_name: &str) -> (Vec<Instance>, Vec<InstanceGroup>) {
        let members = self.instances.iter().map(|instance| instance.id).collect();
        let group = InstanceGroup {
            id: GROUP,
            name: group_name.to_owned(),
            members: Members::Instances(members),
            max_concurrent_jobs: TaskCount::new(0),
            max_forks: Forks::ZERO,
        };
        (self.instances, vec![group])
    }
}
