//! How much room instances and groups have, kept up to date from start to end: at most how many more tasks of a size could
//! start, told without a pass.
//!
//! The answer is an upper bound (controllers, limits that several groups share and reservations are left out), and it is 0
//! only where a pass would start none (R6).

use rustc_hash::FxHashMap;
use scheduler_core::{
    Forks, GroupId, Instance, InstanceGroup, InstanceId, Members, NodeType, Placement, RuleSet, Task,
};

#[derive(Debug)]
struct Node {
    runs_jobs: bool,
    capacity: u64,
    used: u64,
    running: u32,
}

#[derive(Debug)]
struct Group {
    /// `None` for a container platform.
    members: Option<Vec<usize>>,
    max_tasks: u64,
    max_forks: u64,
    used_tasks: u64,
    used_forks: u64,
}

/// The books.
#[derive(Debug)]
pub(super) struct Room {
    nodes: Vec<Node>,
    node_of: FxHashMap<InstanceId, usize>,
    groups: FxHashMap<GroupId, Group>,
    default_groups: Vec<GroupId>,
    control_impact: u64,
}

impl Room {
    /// Opens the books over a cluster and what runs on it.
    pub(super) fn open<'t>(
        rules: &RuleSet,
        instances: &[Instance],
        groups: &[InstanceGroup],
        holding: impl Iterator<Item = &'t Task>,
    ) -> Self {
        let nodes = instances.iter().map(|instance| Node {
            runs_jobs: instance.enabled
                && matches!(instance.node_type, NodeType::Hybrid | NodeType::Execution),
            capacity: u64::from(instance.capacity.get()),
            used: 0,
            running: 0,
        });
        let node_of: FxHashMap<InstanceId, usize> =
            instances.iter().enumerate().map(|(at, instance)| (instance.id, at)).collect();
        let group = |group: &InstanceGroup| Group {
            members: match &group.members {
                Members::Container => None,
                Members::Instances(ids) => {
                    Some(ids.iter().filter_map(|id| node_of.get(id).copied()).collect())
                }
            },
            max_tasks: u64::from(group.max_concurrent_jobs.get()),
            max_forks: u64::from(group.max_forks.get()),
            used_tasks: 0,
            used_forks: 0,
        };
        let mut room = Self {
            nodes: nodes.collect(),
            groups: groups.iter().map(|one| (one.id, group(one))).collect(),
            node_of,
            default_groups: rules.default_groups.clone(),
            control_impact: rules.control_plane.map_or(0, |plane| u64::from(plane.impact.get())),
        };
        for task in holding {
            if let Some(placement) = task.state.placement() {
                room.enter(placement, task.cost());
            }
        }
        room
    }

    /// A task holds a place from now on.
    pub(super) fn enter(&mut self, placement: &Placement, cost: Forks) {
        self.change(placement, cost, |used, change| used.saturating_add(change));
    }

    /// A task holds its place no more.
    pub(super) fn leave(&mut self, placement: &Placement, cost: Forks) {
        self.change(placement, cost, |used, change| used.saturating_sub(change));
    }

    fn change(&mut self, placement: &Placement, cost: Forks, change: fn(u64, u64) -> u64) {
        let cost = u64::from(cost.get());
        if let Some(node) = self.node(placement.node) {
            node.used = change(node.used, cost);
            node.running = u32::try_from(change(u64::from(node.running), 1)).unwrap_or(u32::MAX);
        }
        let control = self.control_impact;
        if let Some(node) = self.node(placement.controller) {
            node.used = change(node.used, control);
        }
        if let Some(group) = placement.group.and_then(|id| self.groups.get_mut(&id)) {
            group.used_tasks = change(group.used_tasks, 1);
            group.used_forks = change(group.used_forks, cost);
        }
    }

    fn node(&mut self, id: Option<InstanceId>) -> Option<&mut Node> {
        let at = *self.node_of.get(&id?)?;
        self.nodes.get_mut(at)
    }

    /// At most how many more jobs of this impact could start in these groups.
    pub(super) fn bound(&self, groups: &[GroupId], impact: Forks) -> usize {
        let groups = if groups.is_empty() { &self.default_groups } else { groups };
        let impact = u64::from(impact.get());
        let bounds =
            groups.iter().filter_map(|id| self.groups.get(id)).map(|group| self.in_group(group, impact));
        bounds.fold(0, usize::saturating_add)
    }

    fn in_group(&self, group: &Group, impact: u64) -> usize {
        let mut most = group.members.as_ref().map_or(u64::MAX, |members| {
            let nodes = members.iter().filter_map(|&at| self.nodes.get(at));
            let each = nodes.filter(|node| node.runs_jobs && node.capacity > 0).map(|node| {
                let free = node.capacity.saturating_sub(node.used);
                let fits = free.checked_div(impact).unwrap_or(u64::MAX);
                fits.max(u64::from(node.running == 0))
            });
            each.fold(0, u64::saturating_add)
        });
        if group.max_tasks > 0 {
            most = most.min(group.max_tasks.saturating_sub(group.used_tasks));
        }
        if group.max_forks > 0 {
            let left = group.max_forks.saturating_sub(group.used_forks);
            most = most.min(left.checked_div(impact).unwrap_or(u64::MAX));
        }
        usize::try_from(most).unwrap_or(usize::MAX)
    }
}
