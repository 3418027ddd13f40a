//! Capacity (R6): a ledger of its own, exact at every moment.
//!
//! Plain on purpose: no memory of earlier answers, nothing put off. A question costs a look at the ends of a few ordered
//! sets for each group that a task names; an entry the logarithm of a group's size, for each group of its instance.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::disuse::Disuses;
use super::rows::Rows;
use super::shelf::{Account, Shelf};
use crate::{
    Forks, GroupId, InstanceGroup, InstanceId, Kind, Lack, Members, NodeType, Place, Placement, Reason,
    Shortfall, Task, TaskCount, TaskId,
};

pub(super) struct Ledger<'l, 'a> {
    rows: &'l Rows<'a>,
    /// In the order of hostnames, so that the first of equals is the right one.
    accounts: Vec<Account>,
    index: BTreeMap<InstanceId, usize>,
    /// The instances of each group: hybrid, execution, control.
    shelves: BTreeMap<GroupId, [Shelf; 3]>,
    /// The groups of each instance.
    groups_of: Vec<Vec<GroupId>>,
    used: BTreeMap<GroupId, (u64, u64)>,
    disuses: Disuses,
    /// For whom the limits of a group are reserved.
    reserved: BTreeMap<GroupId, (TaskId, Kind)>,
}

fn forks(count: u64) -> Forks {
    Forks::new(u32::try_from(count).unwrap_or(u32::MAX))
}

impl<'l, 'a> Ledger<'l, 'a> {
    pub(super) fn new(rows: &'l Rows<'a>) -> Self {
        let mut usable: Vec<_> = rows.instances.values().filter_map(|row| *row).collect();
        usable.retain(|row| {
            row.enabled
                && row.capacity.get() > 0
                && row.node_type != NodeType::Hop
                && rows.loss(row.id).is_none()
        });
        usable.sort_by_key(|row| (row.hostname.as_str(), row.id));
        let index: BTreeMap<InstanceId, usize> =
            usable.iter().enumerate().map(|(at, row)| (row.id, at)).collect();
        let accounts = usable.iter().map(|row| Account {
            id: row.id,
            node_type: row.node_type,
            capacity: u64::from(row.capacity.get()),
            used: 0,
            running: 0,
            reserved: false,
        });
        let mut ledger = Self {
            rows,
            groups_of: vec![Vec::new(); usable.len()],
            accounts: accounts.collect(),
            shelves: BTreeMap::new(),
            index,
            used: BTreeMap::new(),
            disuses: Disuses::new(rows),
            reserved: BTreeMap::new(),
        };
        ledger.shelve();
        for task in &rows.snapshot.tasks {
            if let Some(placement) = task.state.placement() {
                ledger.book(task, placement, true);
            }
        }
        ledger
    }

    /// Puts every instance on the shelves of its groups.
    fn shelve(&mut self) {
        for group in &self.rows.snapshot.groups {
            let Members::Instances(ids) = &group.members else { continue };
            let members: BTreeSet<usize> = ids.iter().filter_map(|id| self.index.get(id).copied()).collect();
            if self.rows.group(group.id).is_none() {
                continue;
            }
            let shelves = self.shelves.entry(group.id).or_default();
            for at in members {
                let (Some(account), Some(groups)) = (self.accounts.get(at), self.groups_of.get_mut(at))
                else {
                    continue;
                };
                groups.push(group.id);
                if let Some(shelf) = shelf_of(account.node_type).and_then(|number| shelves.get_mut(number)) {
                    shelf.add(at, account);
                }
            }
        }
    }

    /// Changes an account, and its place on every shelf.
    fn change(&mut self, at: usize, change: impl FnOnce(&mut Account)) {
        let (Some(account), Some(groups)) = (self.accounts.get_mut(at), self.groups_of.get(at)) else {
            return;
        };
        let before = *account;
        change(account);
        for group in groups {
            let shelves = self.shelves.get_mut(group);
            let number = shelf_of(before.node_type);
            if let Some(shelf) = number.zip(shelves).and_then(|(number, shelves)| shelves.get_mut(number)) {
                shelf.take(at, &before);
                shelf.put(at, account);
            }
        }
    }

    fn control_impact(&self) -> u64 {
        self.rows.rules.control_plane.map_or(0, |plane| u64::from(plane.impact.get()))
    }

    /// Enters a task at a place, or strikes it out again.
    pub(super) fn book(&mut self, task: &Task, placement: &Placement, enter: bool) {
        if !task.kind().needs_place() {
            return;
        }
        let add = |value: &mut u64, by: u64| {
            *value = if enter { value.saturating_add(by) } else { value.saturating_sub(by) };
        };
        let (impact, control) = (u64::from(task.impact.get()), self.control_impact());
        if let Some(at) = placement.node.and_then(|id| self.index.get(&id)).copied() {
            self.change(at, |node| {
                add(&mut node.used, impact);
                add(&mut node.running, 1);
            });
        }
        if let Some(at) = placement.controller.and_then(|id| self.index.get(&id)).copied() {
            self.change(at, |node| add(&mut node.used, control));
        }
        if let Some(group) = placement.group {
            let (tasks, used) = self.used.entry(group).or_default();
            add(tasks, 1);
            add(used, impact);
        }
    }

    /// Where a task belongs, or why nowhere. What it holds itself does not count (R8.2).
    pub(super) fn judge(&mut self, task: &Task) -> Result<Place, Reason> {
        let own = task.state.placement().copied();
        if let Some(own) = &own {
            self.book(task, own, false);
        }
        let answer = self.ask(task);
        if let Some(own) = &own {
            self.book(task, own, true);
        }
        answer
    }

    /// R6.7: reserves an instance for a task that was held for want of room, or else the limits of a group.
    pub(super) fn reserve(&mut self, task: &Task, lacks: &[Shortfall]) {
        let own = task.state.placement().copied();
        if let Some(own) = &own {
            self.book(task, own, false);
        }
        let last = self.last_controller();
        let nearest = self.groups(task).into_iter().find_map(|group| {
            let group = self.rows.group(group).filter(|group| self.limits(group, task).is_ok())?;
            let open = self.candidates(group.id, task).filter_map(|(node_type, shelf)| {
                let (left, at) = shelf.most_left_but(last)?;
                Some((i128::from(left).saturating_sub(i128::from(self.need(node_type, task))), at))
            });
            open.max().map(|(_, Reverse(at))| at)
        });
        if let Some(at) = nearest {
            self.change(at, |account| account.reserved = true);
        } else {
            let mut full =
                lacks.iter().filter(|of| matches!(of.lack, Lack::TaskLimit { .. } | Lack::ForkLimit { .. }));
            self.reserved.extend(full.next().map(|of| (of.group, (task.id, task.kind()))));
        }
        if let Some(own) = &own {
            self.book(task, own, true);
        }
    }

    /// The only instance that could still control a task, if there is just one (R6.7).
    fn last_controller(&self) -> Option<usize> {
        let plane = self.rows.rules.control_plane.and_then(|plane| self.rows.group(plane.group))?;
        let Members::Instances(ids) = &plane.members else { return None };
        let able = |at: &usize| {
            self.accounts.get(*at).is_some_and(|node| {
                matches!(node.node_type, NodeType::Control | NodeType::Hybrid)
                    && !node.reserved
                    && node.capacity >= self.control_impact()
            })
        };
        let able = ids.iter().filter_map(|id| self.index.get(id).copied()).filter(able);
        let able: BTreeSet<usize> = able.collect();
        if able.len() == 1 { able.first().copied() } else { None }
    }

    /// The groups that a task may run in (R6.2, R6.4).
    fn groups(&self, task: &Task) -> Vec<GroupId> {
        match self.rows.rules.control_plane {
            Some(plane) if task.kind().is_control() => vec![plane.group],
            _ if task.groups.is_empty() => self.rows.rules.default_groups.clone(),
            _ => task.groups.to_vec(),
        }
    }

    fn ask(&self, task: &Task) -> Result<Place, Reason> {
        let mut lacks = Vec::new();
        for id in self.groups(task) {
            let Some(group) = self.rows.group(id) else {
                lacks.push(Shortfall { group: id, name: Arc::from(""), lack: Lack::UnknownGroup });
                continue;
            };
            match self.ask_group(group, task) {
                Ok(place) => return Ok(place),
                Err(lack) => lacks.push(Shortfall { group: id, name: Arc::from(group.name.as_str()), lack }),
            }
        }
        let never = lacks.iter().all(|shortfall| match shortfall.lack {
            Lack::UnknownGroup
            | Lack::LargerThanLimit { .. }
            | Lack::NoUsableInstance
            | Lack::NoUsableController { .. } => true,
            Lack::OutOfUse(_)
            | Lack::ControllersOutOfUse(_)
            | Lack::Reserved { .. }
            | Lack::TaskLimit { .. }
            | Lack::ForkLimit { .. }
            | Lack::Full { .. }
            | Lack::NoController { .. } => false,
        });
        Err(if never { Reason::NeverFits(lacks.into()) } else { Reason::NoCapacity(lacks.into()) })
    }

    fn limits(&self, group: &InstanceGroup, task: &Task) -> Result<(), Lack> {
        let (tasks, used) = self.used.get(&group.id).copied().unwrap_or_default();
        let (max_tasks, max_forks) =
            (u64::from(group.max_concurrent_jobs.get()), u64::from(group.max_forks.get()));
        let needed = u64::from(task.impact.get());
        if max_forks > 0 && needed > max_forks {
            return Err(Lack::LargerThanLimit { needed: task.impact, limit: group.max_forks });
        }
        if let Some(&(task, kind)) = self.reserved.get(&group.id) {
            return Err(Lack::Reserved { task, kind });
        }
        if max_tasks > 0 && tasks >= max_tasks {
            let used = TaskCount::new(u32::try_from(tasks).unwrap_or(u32::MAX));
            return Err(Lack::TaskLimit { used, limit: group.max_concurrent_jobs });
        }
        if max_forks > 0 && used.saturating_add(needed) > max_forks {
            return Err(Lack::ForkLimit { needed: task.impact, used: forks(used), limit: group.max_forks });
        }
        Ok(())
    }

    /// The usable instances of a group that may run the task's kind, by their type.
    fn candidates(&self, group: GroupId, task: &Task) -> impl Iterator<Item = (NodeType, &Shelf)> {
        let other = if task.kind().is_control() { NodeType::Control } else { NodeType::Execution };
        self.shelves_of(group, [NodeType::Hybrid, other])
    }

    /// The shelves of a group for these types that have a member.
    fn shelves_of(&self, group: GroupId, types: [NodeType; 2]) -> impl Iterator<Item = (NodeType, &Shelf)> {
        let shelves = self.shelves.get(&group);
        let shelf = move |node_type| Some((node_type, shelves?.get(shelf_of(node_type)?)?));
        types.into_iter().filter_map(shelf).filter(|(_, shelf)| shelf.count > 0)
    }

    /// What a task needs on an instance of a type: with control, where the instance controls it too (R6.4).
    fn need(&self, node_type: NodeType, task: &Task) -> u64 {
        let both = node_type != NodeType::Execution;
        u64::from(task.impact.get()).saturating_add(if both { self.control_impact() } else { 0 })
    }

    /// The instances that may control others' tasks.
    fn controllers(&self) -> impl Iterator<Item = &Shelf> {
        let plane = self.rows.rules.control_plane;
        let types = [NodeType::Control, NodeType::Hybrid];
        plane.into_iter().flat_map(move |plane| self.shelves_of(plane.group, types)).map(|(_, shelf)| shelf)
    }

    fn id(&self, at: usize) -> Option<InstanceId> {
        self.accounts.get(at).map(|account| account.id)
    }

    fn ask_group(&self, group: &InstanceGroup, task: &Task) -> Result<Place, Lack> {
        // What can never be is named before what is full now (R10).
        let limits = self.limits(group, task);
        if let Err(lack @ Lack::LargerThanLimit { .. }) = limits {
            return Err(lack);
        }
        let plane = self.rows.rules.control_plane;
        let separate = plane.is_some() && !task.kind().is_control();
        let needed = self.control_impact();
        let best = self.controllers().filter_map(Shelf::most_left).max();
        let controller = best.filter(|&(left, _)| left >= needed).and_then(|(_, Reverse(at))| self.id(at));
        let best = best.map_or(0, |(left, _)| left);
        let all: Vec<(NodeType, &Shelf)> = self.candidates(group.id, task).collect();
        let container = group.members == Members::Container;
        self.in_use(group, task, container || !all.is_empty())?;
        limits?;
        let no_controller = || Lack::NoController { needed: forks(needed), free: forks(best) };
        if container {
            return if separate && controller.is_none() {
                Err(no_controller())
            } else {
                Ok(Place::Container { group: group.id, controller: controller.filter(|_| separate) })
            };
        }
        let alone = |node_type: NodeType| separate && node_type == NodeType::Execution;
        let fits = |&(node_type, shelf): &(NodeType, &Shelf)| {
            let best = shelf.most_left().filter(|&(left, _)| left >= self.need(node_type, task));
            best.map(|best| (best, node_type))
        };
        let idle = |&(node_type, shelf): &(NodeType, &Shelf)| Some((shelf.largest_idle()?, node_type));
        let controlled = |(node_type, _): &&(NodeType, &Shelf)| !alone(*node_type) || controller.is_some();
        let worst = all.iter().filter(controlled).filter_map(fits).max_by_key(|(best, _)| *best);
        let rests = || all.iter().filter(controlled).filter_map(idle).max_by_key(|(best, _)| *best);
        if let Some(((_, Reverse(at)), node_type)) = worst.or_else(rests)
            && let Some(node) = self.id(at)
        {
            let controller = if alone(node_type) { controller } else { plane.map(|_| node) };
            return Ok(Place::Instance { group: group.id, node, controller });
        }
        let wanting = |of: &(NodeType, &Shelf)| alone(of.0) && (fits(of).is_some() || idle(of).is_some());
        if all.iter().any(wanting) {
            return Err(no_controller());
        }
        Err(Lack::Full {
            needed: forks(all.iter().map(|&(node_type, _)| self.need(node_type, task)).min().unwrap_or(0)),
            free: forks(all.iter().filter_map(|(_, shelf)| Some(shelf.most_left()?.0)).max().unwrap_or(0)),
            total: forks(all.iter().map(|(_, shelf)| shelf.total).fold(0, u64::saturating_add)),
        })
    }
}

impl Ledger<'_, '_> {
    /// R10: whether anything in use could ever take a task in this group; what is out of use may come back.
    fn in_use(&self, group: &InstanceGroup, task: &Task, peopled: bool) -> Result<(), Lack> {
        let absent = self.disuses.of(group.id);
        let needed = self.control_impact();
        let alone = group.members == Members::Container
            || self.shelves_of(group.id, [NodeType::Hybrid; 2]).next().is_none();
        let separate = self.rows.rules.control_plane.is_some() && !task.kind().is_control();
        let doomed = separate && alone && !self.controllers().any(|shelf| shelf.largest >= needed);
        let runners = if task.kind().is_control() { &absent.control } else { &absent.jobs };
        match (runners, &absent.controllers) {
            (None, _) if !peopled => Err(Lack::NoUsableInstance),
            (_, None) if doomed => Err(Lack::NoUsableController { needed: forks(needed) }),
            (Some(out), _) if !peopled => Err(Lack::OutOfUse(out.clone())),
            (_, Some(out)) if doomed => Err(Lack::ControllersOutOfUse(out.clone())),
            _ => Ok(()),
        }
    }
}

/// The number of the shelf for a type; hop nodes run nothing.
const fn shelf_of(node_type: NodeType) -> Option<usize> {
    match node_type {
        NodeType::Hybrid => Some(0),
        NodeType::Execution => Some(1),
        NodeType::Control => Some(2),
        NodeType::Hop => None,
    }
}
