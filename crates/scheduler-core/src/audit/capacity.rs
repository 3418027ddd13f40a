//! Capacity (R6): a ledger of its own, asked by looking at every instance of a group.
//!
//! Plain on purpose: no heap, no memory of earlier answers. A question costs the instances of the groups that a task
//! names, and those of the control plane.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::rows::Rows;
use crate::{
    Forks, GroupId, InstanceGroup, InstanceId, Lack, Members, NodeType, Place, Placement, Reason, Shortfall,
    Task, TaskCount,
};

/// A usable instance with what it has and what it bears.
struct Account {
    id: InstanceId,
    node_type: NodeType,
    capacity: u64,
    used: u64,
    running: u64,
    reserved: bool,
}

impl Account {
    fn left(&self) -> u64 {
        self.capacity.saturating_sub(self.used)
    }
}

pub(super) struct Ledger<'l, 'a> {
    rows: &'l Rows<'a>,
    /// In the order of hostnames, so that the first of equals is the right one.
    accounts: Vec<Account>,
    index: BTreeMap<InstanceId, usize>,
    members: BTreeMap<GroupId, Vec<usize>>,
    used: BTreeMap<GroupId, (u64, u64)>,
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
        let members = rows.snapshot.groups.iter().filter_map(|group| match &group.members {
            Members::Instances(ids) => {
                let at: BTreeSet<usize> = ids.iter().filter_map(|id| index.get(id).copied()).collect();
                Some((group.id, at.into_iter().collect()))
            }
            Members::Container => None,
        });
        let mut ledger = Self {
            rows,
            accounts: accounts.collect(),
            members: members.collect(),
            index,
            used: BTreeMap::new(),
        };
        for task in &rows.snapshot.tasks {
            if let Some(placement) = task.state.placement() {
                ledger.book(task, placement, true);
            }
        }
        ledger
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
        if let Some(node) =
            placement.node.and_then(|id| self.index.get(&id)).and_then(|&at| self.accounts.get_mut(at))
        {
            add(&mut node.used, impact);
            add(&mut node.running, 1);
        }
        if let Some(node) =
            placement.controller.and_then(|id| self.index.get(&id)).and_then(|&at| self.accounts.get_mut(at))
        {
            add(&mut node.used, control);
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

    /// R6.7: reserves an instance for a task that was held for want of room.
    pub(super) fn reserve(&mut self, task: &Task) {
        let old = |after: crate::Seconds| after.elapsed_since(task.created, self.rows.snapshot.now);
        if !self.rows.rules.reserve_after.is_some_and(old) {
            return;
        }
        let own = task.state.placement().copied();
        if let Some(own) = &own {
            self.book(task, own, false);
        }
        let nearest = self.groups(task).into_iter().find_map(|group| {
            let group = self.rows.group(group).filter(|group| self.limits(group, task).is_ok())?;
            let open = self.candidates(group.id, task).filter(|(_, account)| !account.reserved);
            open.max_by_key(|&(at, account)| {
                let left = i128::from(account.left());
                (left.saturating_sub(i128::from(self.need(account, task))), Reverse(at))
            })
            .map(|(at, _)| at)
        });
        if let Some(account) = nearest.and_then(|at| self.accounts.get_mut(at)) {
            account.reserved = true;
        }
        if let Some(own) = &own {
            self.book(task, own, true);
        }
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
            Lack::TaskLimit { .. }
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
        if max_tasks > 0 && tasks >= max_tasks {
            let used = TaskCount::new(u32::try_from(tasks).unwrap_or(u32::MAX));
            return Err(Lack::TaskLimit { used, limit: group.max_concurrent_jobs });
        }
        if max_forks > 0 && used.saturating_add(needed) > max_forks {
            return Err(Lack::ForkLimit { needed: task.impact, used: forks(used), limit: group.max_forks });
        }
        Ok(())
    }

    /// The usable instances of a group that may run the task's kind.
    fn candidates(&self, group: GroupId, task: &Task) -> impl Iterator<Item = (usize, &Account)> {
        let control = task.kind().is_control();
        let members = self.members.get(&group).into_iter().flatten();
        members.filter_map(|&at| Some((at, self.accounts.get(at)?))).filter(move |(_, account)| match account
            .node_type
        {
            NodeType::Hybrid => true,
            NodeType::Control => control,
            NodeType::Execution => !control,
            NodeType::Hop => false,
        })
    }

    /// What a task needs on an instance: with control, where the instance controls it too (R6.4).
    fn need(&self, account: &Account, task: &Task) -> u64 {
        let both = account.node_type != NodeType::Execution;
        u64::from(task.impact.get()).saturating_add(if both { self.control_impact() } else { 0 })
    }

    /// The instances that may control others' tasks.
    fn controllers(&self) -> impl Iterator<Item = (usize, &Account)> {
        let group = self.rows.rules.control_plane.map(|plane| plane.group);
        let group = group.filter(|group| self.rows.group(*group).is_some());
        let members = group.and_then(|group| self.members.get(&group)).into_iter().flatten();
        members
            .filter_map(|&at| Some((at, self.accounts.get(at)?)))
            .filter(|(_, account)| matches!(account.node_type, NodeType::Control | NodeType::Hybrid))
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
        let best = self.controllers().filter(|(_, account)| !account.reserved);
        let best =
            best.max_by_key(|&(at, account)| (account.left(), Reverse(at))).map(|(_, account)| account);
        let controller = best.filter(|account| account.left() >= needed).map(|account| account.id);
        let never = !self.controllers().any(|(_, account)| account.capacity >= needed);
        let no_controller = || {
            let free = forks(best.map_or(0, Account::left));
            if never {
                Lack::NoUsableController { needed: forks(needed) }
            } else {
                Lack::NoController { needed: forks(needed), free }
            }
        };
        if group.members == Members::Container {
            if separate && never {
                return Err(no_controller());
            }
            limits?;
            return if separate && controller.is_none() {
                Err(no_controller())
            } else {
                Ok(Place::Container { group: group.id, controller: controller.filter(|_| separate) })
            };
        }
        let all: Vec<(usize, &Account)> = self.candidates(group.id, task).collect();
        if all.is_empty() {
            return Err(Lack::NoUsableInstance);
        }
        let alone = |account: &Account| separate && account.node_type == NodeType::Execution;
        let doomed = separate && never && all.iter().all(|(_, account)| alone(account));
        if doomed {
            return Err(no_controller_in(doomed, needed, best));
        }
        limits?;
        let open = || all.iter().copied().filter(|(_, account)| !account.reserved);
        let fits = |account: &Account| account.left() >= self.need(account, task);
        let controlled = |account: &Account| !alone(account) || controller.is_some();
        let worst = open().filter(|(_, account)| fits(account) && controlled(account));
        let worst = worst.max_by_key(|&(at, account)| (account.left(), Reverse(at)));
        let idle = open().filter(|(_, account)| account.running == 0 && controlled(account));
        let idle = idle.max_by_key(|&(at, account)| (account.capacity, Reverse(at)));
        if let Some((_, account)) = worst.or(idle) {
            let controller = if alone(account) { controller } else { plane.map(|_| account.id) };
            return Ok(Place::Instance { group: group.id, node: account.id, controller });
        }
        let wanting = open().any(|(_, account)| alone(account) && (fits(account) || account.running == 0));
        if wanting {
            return Err(no_controller_in(doomed, needed, best));
        }
        Err(Lack::Full {
            needed: forks(all.iter().map(|(_, account)| self.need(account, task)).min().unwrap_or(0)),
            free: forks(open().map(|(_, account)| account.left()).max().unwrap_or(0)),
            total: forks(all.iter().map(|(_, account)| account.capacity).fold(0, u64::saturating_add)),
        })
    }
}

/// In a group of instances a hybrid could control itself one day, whatever the control plane has.
fn no_controller_in(doomed: bool, needed: u64, best: Option<&Account>) -> Lack {
    if doomed {
        Lack::NoUsableController { needed: forks(needed) }
    } else {
        Lack::NoController { needed: forks(needed), free: forks(best.map_or(0, Account::left)) }
    }
}
