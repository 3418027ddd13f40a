//! The ledger of capacity (R6): what each instance and each group has left, and who fits where.
//!
//! Accounting is per instance, whichever group a task came by, so that overlapping groups see each other's use. Knows
//! nothing of claims or order. Finding an instance costs a look at the top of a heap, using it the logarithm of the
//! group's size; a question that was answered "no" since the last start is answered again without a look at any group.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::board::Board;
use super::fleet::Fleet;
use super::group::{Group, Need};
use super::pool::{Offer, Waiver};
use crate::table::{FxHashMap, Row, Table, unique};
use crate::{
    ControlPlane, Forks, GroupId, Instance, InstanceGroup, InstanceId, Lack, Members, Place, Placement,
    Reason, RuleSet, Shortfall, Task,
};

/// Where a task is or goes, by rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    node: Option<Row>,
    controller: Option<Row>,
    group: Option<Row>,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    fleet: Fleet,
    groups: Table<Group>,
    group_rows: FxHashMap<GroupId, Option<Row>>,
    plane: Option<(ControlPlane, Option<Row>)>,
    /// The groups of each class of tasks.
    classes: Table<Vec<(GroupId, Option<Row>)>>,
    /// The usable controllers of the control plane that are not reserved; none are listed where nothing is ever reserved.
    controllers: Vec<Row>,
    /// Counts what was taken and given back: an answer is as good as new while this stands still.
    taken: u64,
    refusals: FxHashMap<(u32, bool, u32), (u64, Reason)>,
}

impl Ledger {
    /// The instances and groups of a snapshot, of which nothing is used and no pool is filled yet.
    pub(crate) fn survey<'s>(
        groups: &[InstanceGroup],
        instances: impl Iterator<Item = &'s Instance>,
        rules: &RuleSet,
        is_lost: impl Fn(&Instance) -> bool,
    ) -> Self {
        let group_rows = unique((0..).zip(groups).map(|(row, group)| (group.id, row)));
        let row_of = |id| group_rows.get(&id).copied().flatten();
        Self {
            fleet: Fleet::survey(instances, is_lost),
            groups: Table(groups.iter().map(Group::open).collect()),
            plane: rules.control_plane.map(|plane| (plane, row_of(plane.group))),
            group_rows,
            classes: Table(Vec::new()),
            controllers: Vec::new(),
            taken: 0,
            refusals: FxHashMap::default(),
        }
    }

    /// Opens the books: every holding row is accounted for (R6.1).
    pub(crate) fn open(board: &Board<'_>) -> Self {
        let instances = board.instances.values().filter_map(|instance| *instance);
        let groups = &board.snapshot.groups;
        let is_lost = |instance: &Instance| board.loss(instance.id).is_some();
        let mut ledger = Self::survey(groups, instances, board.rules, is_lost);
        for groups in board.columns.classes.keys() {
            ledger.add_class(groups);
        }
        for task in board.found.holding.iter().map(|&row| board.task(row)) {
            if let Some(placement) = task.state.placement()
                && task.kind().needs_place()
            {
                let seat = ledger.seat(placement);
                ledger.enter(task.cost(), seat);
            }
        }
        ledger.gather_pools(groups);
        if board.rules.reserve_after.is_some() {
            ledger.controllers = ledger.usable_controllers().collect();
        }
        ledger
    }

    /// The control and hybrid nodes of the control plane that can bear what controlling a task costs (R6.4).
    fn usable_controllers(&self) -> impl Iterator<Item = Row> {
        let group = self.plane.and_then(|(plane, row)| Some((plane, &self.groups[row?])));
        group.into_iter().flat_map(|(plane, group)| {
            let impact = plane.impact.get();
            group.control.of_capacity(impact).chain(group.hybrid.of_capacity(impact))
        })
    }

    /// Adds the class of the tasks that name these groups; classes are numbered as they come.
    pub(crate) fn add_class(&mut self, groups: &[GroupId]) -> Row {
        let groups = groups.iter().map(|&id| (id, self.group_row(id))).collect();
        self.classes.push(groups)
    }

    /// The one group with this id.
    pub(crate) fn group_row(&self, id: GroupId) -> Option<Row> {
        self.group_rows.get(&id).copied().flatten()
    }

    /// Fills the pools, once all that holds something is accounted for.
    pub(crate) fn gather_pools(&mut self, groups: &[InstanceGroup]) {
        for (row, group) in (0..).zip(groups) {
            let Members::Instances(instances) = &group.members else { continue };
            let members = self.fleet.usable(instances);
            self.groups[row].gather(&self.fleet.nodes, &members);
            self.groups[row].away = self.fleet.away(instances);
        }
    }

    fn control_impact(&self) -> u64 {
        self.plane.map_or(0, |(plane, _)| u64::from(plane.impact.get()))
    }

    /// The rows of a placement.
    pub(crate) fn seat(&self, placement: &Placement) -> Seat {
        let node = |id: Option<InstanceId>| id.and_then(|id| self.fleet.rows.get(&id)).copied();
        Seat {
            node: node(placement.node),
            controller: node(placement.controller),
            group: placement.group.and_then(|id| self.group_row(id)),
        }
    }

    /// Accounts for a task at a place (R6.1, R6.2).
    pub(crate) fn enter(&mut self, cost: Forks, seat: Seat) {
        self.taken = self.taken.saturating_add(1);
        let cost = u64::from(cost.get());
        if let Some(row) = seat.node {
            let node = &mut self.fleet.nodes[row];
            node.used = node.used.saturating_add(cost);
            node.running = node.running.saturating_add(1);
        }
        if let Some(row) = seat.controller {
            let control = self.control_impact();
            let node = &mut self.fleet.nodes[row];
            node.used = node.used.saturating_add(control);
        }
        if let Some(row) = seat.group {
            let group = &mut self.groups[row];
            group.used_tasks = group.used_tasks.saturating_add(1);
            group.used_forks = group.used_forks.saturating_add(cost);
        }
    }

    /// Accounts for what tasks use of an instance: their cost, how many run there, how many it controls (R6.1).
    pub(crate) fn enter_load(&mut self, instance: InstanceId, cost: u64, running: u32, controlled: u32) {
        let Some(&row) = self.fleet.rows.get(&instance) else { return };
        let control = self.control_impact().saturating_mul(u64::from(controlled));
        let node = &mut self.fleet.nodes[row];
        node.used = node.used.saturating_add(cost).saturating_add(control);
        node.running = node.running.saturating_add(running);
    }

    /// Accounts for what tasks use of a group's limits (R6.2).
    pub(crate) fn enter_group_load(&mut self, group: GroupId, tasks: u32, forks: u64) {
        let Some(row) = self.group_row(group) else { return };
        let group = &mut self.groups[row];
        group.used_tasks = group.used_tasks.saturating_add(u64::from(tasks));
        group.used_forks = group.used_forks.saturating_add(forks);
    }

    /// Gives a task's place back, and tells the pools that it is free; `member_of` gives the groups that an instance is in.
    pub(crate) fn leave<'g>(&mut self, cost: Forks, seat: Seat, member_of: impl Fn(InstanceId) -> &'g [Row]) {
        let cost = u64::from(cost.get());
        let control = self.control_impact();
        if let Some(row) = seat.node {
            let node = &mut self.fleet.nodes[row];
            node.used = node.used.saturating_sub(cost);
            node.running = node.running.saturating_sub(1);
        }
        if let Some(row) = seat.controller {
            let node = &mut self.fleet.nodes[row];
            node.used = node.used.saturating_sub(control);
        }
        if let Some(row) = seat.group {
            let group = &mut self.groups[row];
            group.used_tasks = group.used_tasks.saturating_sub(1);
            group.used_forks = group.used_forks.saturating_sub(cost);
        }
        for row in [seat.node, seat.controller].into_iter().flatten() {
            for &group in member_of(self.fleet.nodes[row].id) {
                self.groups[group].renew(&self.fleet.nodes, row);
            }
        }
        self.taken = self.taken.saturating_add(1);
    }

    /// What a task that is taken back does not count against itself.
    fn waiver(&self, task: &Task) -> Waiver {
        let Some(placement) = task.state.placement() else { return Waiver::default() };
        let seat = self.seat(placement);
        let cost = u64::from(task.cost().get());
        let control = self.control_impact();
        Waiver {
            node: seat.node.map(|row| (row, cost)),
            controller: seat.controller.map(|row| (row, control)),
            group: seat.group.map(|row| (row, cost)),
        }
    }

    fn need(&self, task: &Task) -> Need {
        self.need_of(task.kind().is_control(), task.cost().get())
    }

    fn need_of(&self, control: bool, impact: u32) -> Need {
        let own_control = self.plane.map_or(0, |(plane, _)| plane.impact.get());
        let controller = self.plane.filter(|_| !control).map(|(plane, _)| plane.impact.get());
        Need { impact, control, own_control, controller }
    }

    /// Finds a place for a task and takes it, or says what every group lacked.
    pub(crate) fn place(&mut self, task: &Task, class: Row) -> Result<Place, Reason> {
        let waiver = self.waiver(task);
        let question = (class, task.kind().is_control(), task.cost().get());
        let plain = !task.state.is_holding();
        if plain
            && let Some((taken, reason)) = self.refusals.get(&question)
            && *taken == self.taken
        {
            return Err(reason.clone());
        }
        let mut lacks = Vec::new();
        let need = self.need(task);
        let mut number = 0;
        while let Some((id, group)) = self.candidate(need.control, class, number) {
            number += 1;
            let shortfall = match group {
                None => Shortfall { group: id, name: Arc::from(""), lack: Lack::UnknownGroup },
                Some(group) => match self.ask(group, need, &waiver) {
                    Ok(seat) => {
                        self.enter(task.cost(), seat);
                        return Ok(self.place_at(id, seat));
                    }
                    Err(lack) => Shortfall { group: id, name: Arc::clone(&self.groups[group].name), lack },
                },
            };
            lacks.push(shortfall);
        }
        let reason = if lacks.iter().all(|shortfall| shortfall.lack.is_permanent()) {
            Reason::NeverFits(lacks.into())
        } else {
            Reason::NoCapacity(lacks.into())
        };
        if plain {
            self.refusals.insert(question, (self.taken, reason.clone()));
        }
        Err(reason)
    }

    /// Whether some group would take a pending task of this class, kind and impact.
    pub(crate) fn would_take(&mut self, class: Row, control: bool, impact: u32) -> bool {
        let need = self.need_of(control, impact);
        let mut number = 0;
        while let Some((_, group)) = self.candidate(control, class, number) {
            number += 1;
            if group.is_some_and(|group| self.ask(group, need, &Waiver::default()).is_ok()) {
                return true;
            }
        }
        false
    }

    /// A seat in a group as the plan names it.
    fn place_at(&self, group: GroupId, seat: Seat) -> Place {
        let controller = seat.controller.map(|row| self.fleet.nodes[row].id);
        match seat.node {
            Some(node) => Place::Instance { group, node: self.fleet.nodes[node].id, controller },
            None => Place::Container { group, controller },
        }
    }

    /// The groups that a task may run in, by number, in its order of preference (R6.2, R6.4).
    fn candidate(&self, control: bool, class: Row, number: usize) -> Option<(GroupId, Option<Row>)> {
        if control && let Some((plane, row)) = self.plane {
            return (number == 0).then_some((plane.group, row));
        }
        self.classes[class].get(number).copied()
    }

    /// Whether a group takes a task: its limits, then a container, the best fit, the largest idle instance (R6.2). What can
    /// never be is named before what is full now (R10).
    fn ask(&mut self, row: Row, need: Need, waiver: &Waiver) -> Result<Seat, Lack> {
        self.possible(row, need)?;
        self.groups[row].limits(need, waiver.group_cost(row))?;
        let controller = need.controller.map(|impact| (impact, self.controller(impact, waiver)));
        let found = controller.and_then(|(_, found)| found.ok());
        if self.groups[row].container {
            return match controller {
                Some((impact, Err(free))) => Err(no_controller(impact, free)),
                _ => Ok(Seat { node: None, controller: found, group: Some(row) }),
            };
        }
        let search = self.search(row, need, waiver, controller.is_none_or(|(_, found)| found.is_ok()));
        if let Some((offer, separate)) = search.best.or(search.idle) {
            let node = Some(offer.row());
            let controller = if separate { found } else { node.filter(|_| self.plane.is_some()) };
            return Ok(Seat { node, controller, group: Some(row) });
        }
        match controller {
            Some((impact, Err(free))) if search.uncontrolled => Err(no_controller(impact, free)),
            _ => Err(Lack::Full {
                needed: forks(search.needed),
                free: Forks::new(search.free),
                total: forks(search.total),
            }),
        }
    }

    /// Whether a group could ever take a task as things stand, with what there is in use (R10).
    fn possible(&mut self, row: Row, need: Need) -> Result<(), Lack> {
        let group = &self.groups[row];
        if group.max_forks > 0 && need.impact > group.max_forks {
            let (needed, limit) = (Forks::new(need.impact), Forks::new(group.max_forks));
            return Err(Lack::LargerThanLimit { needed, limit });
        }
        let typed = if need.control { &group.control } else { &group.execution };
        let deserted = !group.container && group.hybrid.is_empty() && typed.is_empty();
        let lonely = group.container || group.hybrid.is_empty();
        let impact = need.controller.filter(|&impact| lonely && !self.may_control(impact));
        if deserted || impact.is_some() { self.disused(row, need, deserted, impact) } else { Ok(()) }
    }

    /// Whether a usable instance of the control plane could bear this impact of controlling.
    fn may_control(&self, impact: u32) -> bool {
        let plane = self.plane.and_then(|(_, row)| row).map(|row| &self.groups[row]);
        plane.is_some_and(|plane| {
            [&plane.control, &plane.hybrid].iter().any(|pool| !pool.is_empty() && pool.largest >= impact)
        })
    }

    /// What a group lacks that has no instance in use for a task, or for which no controller of this impact is: what is out
    /// of use may come back, and what is not there does not.
    fn disused(&mut self, row: Row, need: Need, deserted: bool, impact: Option<u32>) -> Result<(), Lack> {
        let away = &self.groups[row].away;
        let plane = self.plane.and_then(|(_, row)| row).map_or(&[][..], |row| &self.groups[row].away);
        let runners = deserted.then(|| self.fleet.runners(row, away, need.control));
        let controllers = impact.map(|impact| (impact, self.fleet.controllers(row, away, plane, impact)));
        match (runners, controllers) {
            (Some(None), _) => Err(Lack::NoUsableInstance),
            (_, Some((impact, None))) => Err(Lack::NoUsableController { needed: Forks::new(impact) }),
            (Some(Some(out)), _) => Err(Lack::OutOfUse(out)),
            (None, Some((_, Some(out)))) => Err(Lack::ControllersOutOfUse(out)),
            (None, None) => Ok(()),
        }
    }

    /// Looks at the pools that may run a task; `ready` says whether a separate controller is at hand.
    fn search(&mut self, row: Row, need: Need, waiver: &Waiver, ready: bool) -> Search {
        let nodes = &self.fleet.nodes;
        let mut search = Search { needed: u64::MAX, ..Search::default() };
        for (pool, needs, separate) in self.groups[row].roles(need) {
            if pool.is_empty() {
                continue;
            }
            search.needed = search.needed.min(needs);
            search.total = search.total.saturating_add(pool.total);
            let left = pool.fullest_left(nodes, waiver);
            search.free = search.free.max(left.map_or(0, Offer::forks));
            let fits = left.filter(|left| u64::from(left.forks()) >= needs);
            let rests = if fits.is_some() { None } else { pool.largest_idle(nodes, waiver) };
            if separate && !ready {
                search.uncontrolled |= fits.is_some() || rests.is_some();
                continue;
            }
            search.best = search.best.max(fits.map(|offer| (offer, separate)));
            search.idle = search.idle.max(rests.map(|offer| (offer, separate)));
        }
        search
    }

    /// The controller with most left that fits, or what the best one has left (R6.4).
    fn controller(&mut self, impact: u32, waiver: &Waiver) -> Result<Row, u32> {
        let Some((_, Some(row))) = self.plane else { return Err(0) };
        let (nodes, group) = (&self.fleet.nodes, &mut self.groups[row]);
        let control = group.control.fullest_left(nodes, waiver);
        match control.max(group.hybrid.fullest_left(nodes, waiver)) {
            Some(best) if best.forks() >= impact => Ok(best.row()),
            best => Err(best.map_or(0, Offer::forks)),
        }
    }

    /// Reserves room for a task that has waited too long for it (R6.7): an instance, else what becomes free within the limits
    /// of a group.
    pub(crate) fn reserve(&mut self, task: &Task, class: Row, lacks: &[Shortfall]) {
        if self.reserve_instance(task, class) {
            return;
        }
        let limited = |shortfall: &&Shortfall| {
            matches!(shortfall.lack, Lack::TaskLimit { .. } | Lack::ForkLimit { .. })
        };
        let group = lacks.iter().find(limited).and_then(|shortfall| self.group_row(shortfall.group));
        if let Some(group) = group {
            self.groups[group].reserved_for = Some((task.id, task.kind()));
            self.taken = self.taken.saturating_add(1);
        }
    }

    /// Reserves the instance that lacks least, in the first group that has room in its limits and such an instance. The last
    /// controller is left, or nothing could start anywhere.
    fn reserve_instance(&mut self, task: &Task, class: Row) -> bool {
        let (need, waiver) = (self.need(task), self.waiver(task));
        let last = match self.controllers.as_slice() {
            [last] => Some(*last),
            _ => None,
        };
        let mut number = 0;
        while let Some((_, row)) = self.candidate(need.control, class, number) {
            number += 1;
            let Some(row) = row else { continue };
            let roomy = self.groups[row].limits(need, waiver.group_cost(row)).is_ok();
            if self.groups[row].container || !roomy {
                continue;
            }
            let nodes = &self.fleet.nodes;
            let roles = self.groups[row].roles(need);
            let nearest = roles.into_iter().filter_map(|(pool, needs, _)| {
                let left = pool.fullest_left_but(nodes, &waiver, last)?;
                let needs = i64::try_from(needs).unwrap_or(i64::MAX);
                Some((needs.saturating_sub(i64::from(left.forks())), left.row()))
            });
            if let Some((_, at)) = nearest.min() {
                self.fleet.nodes[at].reserved = true;
                self.controllers.retain(|&controller| controller != at);
                self.taken = self.taken.saturating_add(1);
                return true;
            }
        }
        false
    }
}

/// What a look at the pools of a group found.
#[derive(Default)]
struct Search {
    /// The instance with most left that fits, and whether it needs a separate controller.
    best: Option<(Offer, bool)>,
    /// The largest idle instance, likewise.
    idle: Option<(Offer, bool)>,
    /// An instance could take the task, had it a controller.
    uncontrolled: bool,
    needed: u64,
    free: u32,
    total: u64,
}

fn forks(amount: u64) -> Forks {
    Forks::new(u32::try_from(amount).unwrap_or(u32::MAX))
}

fn no_controller(needed: u32, free: u32) -> Lack {
    Lack::NoController { needed: Forks::new(needed), free: Forks::new(free) }
}
