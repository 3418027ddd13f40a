//! R6: which group takes a task, and what the others lack.

use std::cmp::Reverse;
use std::ptr;
use std::sync::Arc;

use scheduler_core::{
    Disuse, Disused, Forks, GroupId, Instance, InstanceCount, InstanceGroup, InstanceId, Lack, Members,
    NodeType, OutOfUse, Place, Placement, Reason, Seconds, Shortfall, Task, TaskCount,
};

use super::{Model, only};

/// What can be said without a task in mind.
impl<'a> Model<'a> {
    /// R6.2: a known group.
    pub(super) fn group(&self, id: GroupId) -> Option<&'a InstanceGroup> {
        only(self.snapshot.groups.iter().filter(|group| group.id == id))
    }

    /// R6.2: the groups of a task, in order of preference.
    pub(super) fn groups_of(&self, task: &'a Task) -> &'a [GroupId] {
        if task.groups.is_empty() { &self.rules.default_groups } else { &task.groups }
    }

    /// R6.1: whether an instance may get tasks at all.
    fn usable(&self, id: InstanceId) -> Option<&'a Instance> {
        let instance = only(self.snapshot.instances.iter().filter(|instance| instance.id == id))?;
        let usable = instance.enabled
            && self.instance_loss(id).is_none()
            && instance.capacity > Forks::ZERO
            && instance.node_type != NodeType::Hop;
        usable.then_some(instance)
    }

    fn usable_members(&self, group: &InstanceGroup) -> Vec<&'a Instance> {
        let Members::Instances(ids) = &group.members else { return Vec::new() };
        let mut ids = ids.clone();
        ids.sort();
        ids.dedup();
        ids.into_iter().filter_map(|id| self.usable(id)).collect()
    }

    /// R6.1: what a task costs the instance that controls it.
    fn control_impact(&self) -> Forks {
        self.rules.control_plane.map_or(Forks::ZERO, |plane| plane.impact)
    }

    /// Everything that takes room, as a task sees it: its own lost dispatch does not count (R8.2, choice 10).
    fn load(&self, task: &Task) -> Vec<(Forks, Placement)> {
        let holding =
            self.snapshot.tasks.iter().filter(|row| row.kind().needs_place() && !ptr::eq(*row, task));
        let holding = holding.filter_map(|row| Some((row.cost(), *row.state.placement()?)));
        holding.chain(self.started.iter().map(|(row, placement)| (row.cost(), *placement))).collect()
    }

    /// R6.1: what an instance has left; never below 0.
    fn remaining(&self, task: &Task, instance: &Instance) -> Forks {
        let mut left = instance.capacity;
        for (cost, placement) in self.load(task) {
            if placement.node == Some(instance.id) {
                left = left.minus(cost);
            }
            if placement.controller == Some(instance.id) {
                left = left.minus(self.control_impact());
            }
        }
        left
    }
}

/// R6 for one task.
impl<'a> Model<'a> {
    /// R6.2: the first group that can take the task does; else what each lacks (R10).
    pub(super) fn find_room(&self, task: &'a Task) -> Result<Place, Reason> {
        if !task.kind().needs_place() {
            return Ok(Place::Nowhere);
        }
        let mut shortfalls = Vec::new();
        for group in self.candidates(task) {
            match self.place_in(task, group) {
                Ok(place) => return Ok(place),
                Err(lack) => {
                    let name =
                        self.group(group).map_or_else(|| Arc::from(""), |group| Arc::from(&*group.name));
                    shortfalls.push(Shortfall { group, name, lack });
                }
            }
        }
        let never = shortfalls.iter().all(|shortfall| shortfall.lack.is_permanent());
        Err(if never { Reason::NeverFits(shortfalls.into()) } else { Reason::NoCapacity(shortfalls.into()) })
    }

    /// R6.4: with a control plane, control tasks run there.
    fn candidates(&self, task: &'a Task) -> Vec<GroupId> {
        match self.rules.control_plane {
            Some(plane) if task.kind().is_control() => vec![plane.group],
            _ => self.groups_of(task).to_vec(),
        }
    }

    /// R6.2 and R6.4 for one group.
    fn place_in(&self, task: &Task, id: GroupId) -> Result<Place, Lack> {
        let group = self.group(id).ok_or(Lack::UnknownGroup)?;
        let limits = self.within_limits(task, group);
        // What can never be is named before what is full now (R10).
        if let Err(lack @ Lack::LargerThanLimit { .. }) = limits {
            return Err(lack);
        }
        let all = self.usable_of_type(task, group);
        let container = group.members == Members::Container;
        self.in_use(task, group, &all)?;
        limits?;
        let controller = self.controller(task);
        if container {
            let controller = controller.filter(|_| !task.kind().is_control());
            let controlled = self.controls_itself(task) || controller.is_some();
            let place =
                Place::Container { group: id, controller: controller.map(|controller| controller.id) };
            return if controlled { Ok(place) } else { Err(self.no_controller(task)) };
        }
        let open: Vec<_> =
            all.iter().copied().filter(|instance| !self.reserved.contains(&instance.id)).collect();
        let willing = self.fitting(task, &open).into_iter().chain(self.idle(task, &open));
        let willing: Vec<_> = willing.collect();
        let controlled =
            willing.iter().find(|node| !self.needs_controller(task, node) || controller.is_some());
        match controlled {
            Some(node) => {
                let itself = self.rules.control_plane.map(|_| node.id);
                let other = controller.map(|controller| controller.id);
                let controller = if self.needs_controller(task, node) { other } else { itself };
                Ok(Place::Instance { group: id, node: node.id, controller })
            }
            None if !willing.is_empty() => Err(self.no_controller(task)),
            None => Err(self.full(task, &all, &open)),
        }
    }

    /// R6.2: group limits; used are the holding tasks that came by this group.
    fn within_limits(&self, task: &Task, group: &InstanceGroup) -> Result<(), Lack> {
        let by_group = self.load(task).into_iter().filter(|(_, placement)| placement.group == Some(group.id));
        let by_group: Vec<_> = by_group.map(|(cost, _)| cost).collect();
        let needed = task.cost();
        let used = by_group.iter().fold(Forks::ZERO, |sum, cost| sum.plus(*cost));
        let count = TaskCount::new(u32::try_from(by_group.len()).unwrap_or(u32::MAX));
        let (tasks, forks) = (group.max_concurrent_jobs, group.max_forks);
        if forks > Forks::ZERO && needed > forks {
            Err(Lack::LargerThanLimit { needed, limit: forks })
        } else if let Some((_, by)) = self.reserved_limits.iter().find(|(reserved, _)| *reserved == group.id)
        {
            Err(Lack::Reserved { task: by.id, kind: by.kind() })
        } else if tasks.get() > 0 && count >= tasks {
            Err(Lack::TaskLimit { used: count, limit: tasks })
        } else if forks > Forks::ZERO
            && u64::from(used.get()) + u64::from(needed.get()) > u64::from(forks.get())
        {
            Err(Lack::ForkLimit { needed, used, limit: forks })
        } else {
            Ok(())
        }
    }

    /// R6.4: the usable instances of a group that run this kind of task.
    fn usable_of_type(&self, task: &Task, group: &InstanceGroup) -> Vec<&'a Instance> {
        let right = if task.kind().is_control() { NodeType::Control } else { NodeType::Execution };
        let mut usable = self.usable_members(group);
        usable.retain(|instance| instance.node_type == right || instance.node_type == NodeType::Hybrid);
        usable
    }

    /// R6.4: no task needs a controller without a control plane, and control tasks never do.
    fn controls_itself(&self, task: &Task) -> bool {
        self.rules.control_plane.is_none() || task.kind().is_control()
    }

    /// R6.4: an execution node cannot control what it runs.
    fn needs_controller(&self, task: &Task, node: &Instance) -> bool {
        !self.controls_itself(task) && node.node_type == NodeType::Execution
    }

    /// R6.4: what this instance pays for controlling the task itself.
    fn control_share(&self, task: &Task, node: &Instance) -> Forks {
        if self.needs_controller(task, node) { Forks::ZERO } else { self.control_impact() }
    }

    /// R6.1, R6.4: what the task costs this instance, control included if that is its own affair.
    fn need(&self, task: &Task, node: &Instance) -> Forks {
        task.cost().plus(self.control_share(task, node))
    }

    /// R6.2: the instances that fit the task, the one with the most left first.
    fn fitting(&self, task: &Task, open: &[&'a Instance]) -> Vec<&'a Instance> {
        let mut fitting = open.to_vec();
        // A sum that is too large for a number of forks fits nowhere.
        fitting.retain(|node| {
            let left = self.remaining(task, node);
            left >= self.need(task, node) && left.minus(self.control_share(task, node)) >= task.cost()
        });
        fitting.sort_by_key(|node| (Reverse(self.remaining(task, node)), &node.hostname, node.id));
        fitting
    }

    /// R6.2: the idle instances, the largest first.
    fn idle(&self, task: &Task, open: &[&'a Instance]) -> Vec<&'a Instance> {
        let load = self.load(task);
        let mut idle = open.to_vec();
        idle.retain(|node| load.iter().all(|(_, placement)| placement.node != Some(node.id)));
        idle.sort_by_key(|node| (Reverse(node.capacity), &node.hostname, node.id));
        idle
    }

    /// R6.4: the control and hybrid nodes of the control plane.
    fn controllers(&self) -> Vec<&'a Instance> {
        let group = self.rules.control_plane.and_then(|plane| self.group(plane.group));
        let mut usable = group.map_or_else(Vec::new, |group| self.usable_members(group));
        usable.retain(|instance| matches!(instance.node_type, NodeType::Control | NodeType::Hybrid));
        usable
    }

    fn open_controllers(&self) -> Vec<&'a Instance> {
        let mut open = self.controllers();
        open.retain(|instance| !self.reserved.contains(&instance.id));
        open
    }

    /// R6.4: the one with the most left that fits the control impact.
    fn controller(&self, task: &Task) -> Option<&'a Instance> {
        let fitting = self.open_controllers().into_iter();
        let fitting = fitting.filter(|node| self.remaining(task, node) >= self.control_impact());
        fitting.min_by_key(|node| (Reverse(self.remaining(task, node)), &node.hostname, node.id))
    }

    /// R10: whether anything could ever run the task in this group and control it there, and whether that is in use.
    fn in_use(&self, task: &Task, group: &InstanceGroup, all: &[&Instance]) -> Result<(), Lack> {
        let container = group.members == Members::Container;
        let needed = self.control_impact();
        let deserted = !container && all.is_empty();
        let apart = !self.controls_itself(task)
            && (container || all.iter().all(|node| self.needs_controller(task, node)));
        let uncontrolled =
            apart && !self.controllers().iter().any(|controller| controller.capacity >= needed);
        let mut runners = self.away_members(group);
        let mut controllers = runners.clone();
        let right = if task.kind().is_control() { NodeType::Control } else { NodeType::Execution };
        runners.retain(|away| away.node_type == right || away.node_type == NodeType::Hybrid);
        // A hybrid that comes back controls what it runs.
        controllers.retain(|away| away.node_type == NodeType::Hybrid);
        let plane = self.rules.control_plane.and_then(|plane| self.group(plane.group));
        let plane = plane.map_or_else(Vec::new, |plane| self.away_members(plane));
        let able = plane.into_iter().filter(|away| {
            matches!(away.node_type, NodeType::Control | NodeType::Hybrid) && away.capacity >= needed
        });
        controllers.extend(able);
        if deserted && runners.is_empty() {
            Err(Lack::NoUsableInstance)
        } else if uncontrolled && controllers.is_empty() {
            Err(Lack::NoUsableController { needed })
        } else if deserted {
            Err(Lack::OutOfUse(out_of_use(runners)))
        } else if uncontrolled {
            Err(Lack::ControllersOutOfUse(out_of_use(controllers)))
        } else {
            Ok(())
        }
    }

    /// R10: the members of a group that could be used, were they not disabled or lost.
    fn away_members(&self, group: &InstanceGroup) -> Vec<&'a Instance> {
        let Members::Instances(ids) = &group.members else { return Vec::new() };
        let rows = &self.snapshot.instances;
        let known = ids.iter().filter_map(|id| only(rows.iter().filter(|instance| instance.id == *id)));
        known
            .filter(|instance| instance.capacity > Forks::ZERO && instance.node_type != NodeType::Hop)
            .filter(|instance| !instance.enabled || self.instance_loss(instance.id).is_some())
            .collect()
    }

    fn no_controller(&self, task: &Task) -> Lack {
        let left = self.open_controllers().into_iter().map(|node| self.remaining(task, node));
        Lack::NoController { needed: self.control_impact(), free: left.max().unwrap_or_default() }
    }

    fn full(&self, task: &Task, all: &[&Instance], open: &[&Instance]) -> Lack {
        let needed = all.iter().map(|node| self.need(task, node)).min().unwrap_or_default();
        let free = open.iter().map(|node| self.remaining(task, node)).max().unwrap_or_default();
        let total = all.iter().fold(Forks::ZERO, |sum, node| sum.plus(node.capacity));
        Lack::Full { needed, free, total }
    }

    /// R3 and R6.7: whether a task has waited longer for room than `reserve_after`.
    pub(super) fn is_overdue(&self, task: &Task, reason: &Reason) -> bool {
        let long_ago = |after: Seconds| after.elapsed_since(task.created, self.snapshot.now);
        let Reason::NoCapacity(lacks) = reason else { return false };
        let for_room = lacks.iter().any(|shortfall| {
            matches!(
                shortfall.lack,
                Lack::TaskLimit { .. }
                    | Lack::ForkLimit { .. }
                    | Lack::Reserved { .. }
                    | Lack::Full { .. }
                    | Lack::NoController { .. }
            )
        });
        for_room && self.rules.reserve_after.is_some_and(long_ago)
    }

    /// R6.7 and choice 10: an instance of the first group that has room in its limits, else room in the limits of the first
    /// that has none.
    pub(super) fn reserve(&mut self, task: &'a Task) {
        let groups: Vec<_> =
            self.candidates(task).into_iter().filter_map(|group| self.group(group)).collect();
        let mut roomy = groups.iter().filter(|group| self.within_limits(task, group).is_ok());
        let reserved = roomy.find_map(|group| {
            let open = self.usable_of_type(task, group).into_iter();
            let open =
                open.filter(|node| !self.reserved.contains(&node.id) && !self.is_last_controller(node));
            open.min_by_key(|node| {
                let left = i64::from(self.remaining(task, node).get());
                let control = i64::from(self.control_share(task, node).get());
                (Reverse(left - control), &node.hostname, node.id)
            })
        });
        if let Some(instance) = reserved {
            self.reserved.push(instance.id);
            return;
        }
        let full = |group: &&InstanceGroup| {
            matches!(self.place_in(task, group.id), Err(Lack::TaskLimit { .. } | Lack::ForkLimit { .. }))
        };
        let full = groups.into_iter().find(full);
        self.reserved_limits.extend(full.map(|group| (group.id, task)));
    }

    /// R6.7: whether nothing else that is not reserved could control a task.
    fn is_last_controller(&self, node: &Instance) -> bool {
        let mut open = self.open_controllers();
        open.retain(|controller| controller.capacity >= self.control_impact());
        matches!(open.as_slice(), [last] if last.id == node.id)
    }
}

/// R10: each with its cause, by hostname; the first few are named.
fn out_of_use(mut of: Vec<&Instance>) -> OutOfUse {
    of.sort_by_key(|instance| (&instance.hostname, instance.id));
    of.dedup_by_key(|instance| instance.id);
    let named = of.iter().take(OutOfUse::NAMED).map(|instance| {
        let cause = match (instance.enabled, instance.last_heartbeat) {
            (false, _) => Disuse::Disabled,
            (true, None) => Disuse::NeverHeardOf,
            (true, Some(last_heartbeat)) => Disuse::Lost { last_heartbeat },
        };
        Disused { instance: instance.id, hostname: instance.hostname.as_str().into(), cause }
    });
    let others = of.len().saturating_sub(OutOfUse::NAMED);
    OutOfUse { instances: named.collect(), others: InstanceCount::new(others.try_into().unwrap_or(u32::MAX)) }
}
