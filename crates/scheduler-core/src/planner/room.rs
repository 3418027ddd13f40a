//! Capacity between sweeps (R6): the ledger of the pass, kept up to date, and who waits for room.
//!
//! Of tasks with the same list of groups, the same kind of instance and the same impact the first one speaks for all: while it
//! finds no room, none behind it does. So they wait in one line, and room that grows in a group costs a look at the head of
//! each line whose tasks may come by the group.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::line::Line;
use super::seats::Seats;
use crate::pass::capacity::Ledger;
use crate::pass::reap::is_lost;
use crate::table::{FxHashMap, FxHashSet, Row, position};
use crate::{
    Forks, GroupId, Instance, InstanceId, Kind, Members, Place, Placement, Reason, RuleSet, Snapshot, Task,
    Timestamp,
};

/// What the ledger is asked: the class, whether it is a control task, the impact.
type Question = (Row, bool, u32);

/// What holding rows use of an instance: their cost, how many run there, how many it controls.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    cost: u64,
    running: u32,
    controlled: u32,
}

#[derive(Debug)]
pub(super) struct Room {
    ledger: Ledger,
    /// The lists of groups of all classes, each with whether a group of it is known.
    classes: IndexMap<Arc<[GroupId]>, bool, FxBuildHasher>,
    /// In which groups each instance is.
    member_of: FxHashMap<InstanceId, Vec<Row>>,
    /// The group of the control plane.
    plane: Option<Row>,
    has_plane: bool,
    /// Who waits for room, by question.
    questions: IndexMap<Question, Line, FxBuildHasher>,
    /// The questions of the tasks that may come by each group.
    asked_of: FxHashMap<Row, Vec<Row>>,
    /// What holding rows use; what starts by the plan is not among it.
    loads: FxHashMap<InstanceId, Load>,
    group_loads: FxHashMap<GroupId, (u32, u64)>,
    /// The instances that were heard of.
    alive: FxHashSet<InstanceId>,
    /// How many instances that are lost or gone somebody holds.
    stranded: usize,
    /// When each of those that were heard of is lost, unless it is heard of again.
    losses: BTreeSet<(Timestamp, InstanceId)>,
    /// Instances or groups changed since the ledger was opened.
    outdated: bool,
}

impl Room {
    pub(super) fn survey(snapshot: &Snapshot, rules: &RuleSet) -> Self {
        let ledger = Ledger::survey(&[], core::iter::empty(), rules, |_| false);
        let mut room = Self {
            ledger,
            classes: IndexMap::default(),
            member_of: FxHashMap::default(),
            plane: None,
            has_plane: rules.control_plane.is_some(),
            questions: IndexMap::default(),
            asked_of: FxHashMap::default(),
            loads: FxHashMap::default(),
            group_loads: FxHashMap::default(),
            alive: FxHashSet::default(),
            stranded: 0,
            losses: BTreeSet::new(),
            outdated: false,
        };
        room.open(snapshot, rules, core::iter::empty());
        room
    }

    /// Opens the ledger anew, after instances or groups changed: with what holding rows use, and what starts by the plan.
    pub(super) fn open<'s>(
        &mut self,
        snapshot: &Snapshot,
        rules: &RuleSet,
        starts: impl Iterator<Item = (&'s Task, Place)>,
    ) {
        let lost = |instance: &Instance| is_lost(instance, rules, snapshot.now);
        let instances = snapshot.instances.iter();
        self.alive = instances.clone().filter(|instance| !lost(instance)).map(|one| one.id).collect();
        self.losses = instances.clone().filter_map(|one| loss_of(one, rules)).collect();
        self.losses.retain(|(_, id)| self.alive.contains(id));
        self.outdated = false;
        self.stranded = self.loads.keys().filter(|&id| !self.alive.contains(id)).count();
        self.ledger = Ledger::survey(&snapshot.groups, instances, rules, lost);
        self.plane = rules.control_plane.and_then(|plane| self.ledger.group_row(plane.group));
        for groups in self.classes.keys() {
            self.ledger.add_class(groups);
        }
        self.member_of.clear();
        for (row, group) in (0..).zip(&snapshot.groups) {
            let Members::Instances(instances) = &group.members else { continue };
            for &instance in instances {
                let groups = self.member_of.entry(instance).or_default();
                if groups.last() != Some(&row) {
                    groups.push(row);
                }
            }
        }
        for (&instance, load) in &self.loads {
            self.ledger.enter_load(instance, load.cost, load.running, load.controlled);
        }
        for (&group, &(tasks, forks)) in &self.group_loads {
            self.ledger.enter_group_load(group, tasks, forks);
        }
        for (task, place) in starts {
            let seat = self.ledger.seat(&place.into());
            self.ledger.enter(task.cost(), seat);
        }
        self.ledger.gather_pools(&snapshot.groups);
    }

    /// Whether a holding task is on an instance that is lost or gone: a pass ends it or takes it back (R8).
    pub(super) fn is_anybody_stranded(&self) -> bool {
        self.stranded > 0
    }

    /// Whether the ledger must be opened anew: something that it rests on has changed, or an instance is lost by now.
    pub(super) fn is_outdated(&self, now: Timestamp) -> bool {
        self.outdated || self.losses.first().is_some_and(|&(loss, _)| loss < now)
    }

    /// Something that the ledger rests on has changed.
    pub(super) fn outdate(&mut self) {
        self.outdated = true;
    }

    /// An instance has changed, or is new. One that was merely heard of again is still what it was.
    pub(super) fn note_instance(
        &mut self,
        old: Option<&Instance>,
        new: &Instance,
        rules: &RuleSet,
        now: Timestamp,
    ) {
        let heard = |old: &Instance| {
            let same = Instance { last_heartbeat: new.last_heartbeat, ..old.clone() } == *new;
            same && self.alive.contains(&new.id) && !is_lost(new, rules, now)
        };
        match old.filter(|old| heard(old)) {
            Some(old) => {
                self.losses.extend(loss_of(new, rules));
                if old.last_heartbeat != new.last_heartbeat
                    && let Some(loss) = loss_of(old, rules)
                {
                    self.losses.remove(&loss);
                }
            }
            None => self.outdated = true,
        }
    }

    /// The class of the tasks that name these groups.
    pub(super) fn class(&mut self, task: &Task, rules: &RuleSet) -> Row {
        let known = match task.groups.is_empty() {
            true => self.classes.get_index_of(rules.default_groups.as_slice()),
            false => self.classes.get_index_of(&task.groups),
        };
        if let Some(class) = known {
            return position(class);
        }
        let groups = match task.groups.is_empty() {
            true => Arc::from(rules.default_groups.as_slice()),
            false => Arc::clone(&task.groups),
        };
        let is_known = groups.iter().any(|&id| self.ledger.group_row(id).is_some());
        self.ledger.add_class(&groups);
        position(self.classes.insert_full(groups, is_known).0)
    }

    /// Whether no group that a task may run in is known (R6.2).
    pub(super) fn is_groupless(&self, kind: Kind, class: Row) -> bool {
        let needs_group = kind.needs_place() && !(kind.is_control() && self.has_plane);
        needs_group && self.classes.get_index(class as usize).is_none_or(|(_, known)| !known)
    }

    /// Accounts for a holding row. One that starts by the plan and now holds its place has it in the ledger already.
    pub(super) fn enter(&mut self, task: &Task, placement: &Placement, started: bool) {
        let cost = task.cost();
        for (id, load) in parts(placement, cost) {
            if !self.loads.contains_key(&id) && !self.alive.contains(&id) {
                self.stranded = self.stranded.saturating_add(1);
            }
            let known = self.loads.entry(id).or_default();
            known.cost = known.cost.saturating_add(load.cost);
            known.running = known.running.saturating_add(load.running);
            known.controlled = known.controlled.saturating_add(load.controlled);
        }
        if let Some(group) = placement.group {
            let (tasks, forks) = self.group_loads.entry(group).or_default();
            *tasks = tasks.saturating_add(1);
            *forks = forks.saturating_add(u64::from(cost.get()));
        }
        if !started {
            let seat = self.ledger.seat(placement);
            self.ledger.enter(cost, seat);
        }
    }

    /// A row holds its place no longer; the groups that have more room now.
    pub(super) fn leave(&mut self, task: &Task, placement: &Placement) {
        let cost = task.cost();
        for (id, load) in parts(placement, cost) {
            let Some(known) = self.loads.get_mut(&id) else { continue };
            known.cost = known.cost.saturating_sub(load.cost);
            known.running = known.running.saturating_sub(load.running);
            known.controlled = known.controlled.saturating_sub(load.controlled);
            if known.running == 0 && known.controlled == 0 {
                self.loads.remove(&id);
                if !self.alive.contains(&id) {
                    self.stranded = self.stranded.saturating_sub(1);
                }
            }
        }
        if let Some(group) = placement.group
            && let Some((tasks, forks)) = self.group_loads.get_mut(&group)
        {
            *tasks = tasks.saturating_sub(1);
            *forks = forks.saturating_sub(u64::from(cost.get()));
            if *tasks == 0 {
                self.group_loads.remove(&group);
            }
        }
        self.vacate(cost, placement);
    }

    /// Gives a place of the ledger back that the plan gave away.
    pub(super) fn vacate(&mut self, cost: Forks, placement: &Placement) {
        let seat = self.ledger.seat(placement);
        let Self { ledger, member_of, .. } = self;
        ledger.leave(cost, seat, |instance| member_of.get(&instance).map_or(&[], Vec::as_slice));
    }

    /// Takes a place of the ledger once more.
    pub(super) fn occupy(&mut self, cost: Forks, placement: &Placement) {
        let seat = self.ledger.seat(placement);
        self.ledger.enter(cost, seat);
    }

    /// Finds a place for a task and takes it, or says what every group lacked.
    pub(super) fn place(&mut self, task: &Task, class: Row) -> Result<Place, Reason> {
        self.ledger.place(task, class)
    }

    /// The groups that have more room once a placement is given back; `None` for any group.
    pub(super) fn groups_of(&self, placement: &Placement) -> Option<Vec<Row>> {
        let instances = [placement.node, placement.controller].into_iter().flatten();
        let mut groups: Vec<Row> =
            instances.flat_map(|id| self.member_of.get(&id).into_iter().flatten()).copied().collect();
        if self.plane.is_some_and(|plane| groups.contains(&plane)) {
            // Whoever needs a controller may find one now, whatever its groups.
            return None;
        }
        groups.extend(placement.group.and_then(|id| self.ledger.group_row(id)));
        groups.sort_unstable();
        groups.dedup();
        Some(groups)
    }

    /// The number of the question that a task asks.
    pub(super) fn question(&mut self, task: &Task, class: Row) -> Row {
        let control = task.kind().is_control();
        let question = (class, control, task.cost().get());
        if let Some(known) = self.questions.get_index_of(&question) {
            return position(known);
        }
        let number = position(self.questions.insert_full(question, Line::default()).0);
        let groups: Vec<Row> = match control && self.has_plane {
            true => self.plane.into_iter().collect(),
            false => {
                let ids = self.classes.get_index(class as usize).map_or(&[][..], |(groups, _)| groups);
                ids.iter().filter_map(|&id| self.ledger.group_row(id)).collect()
            }
        };
        for group in groups {
            let asked = self.asked_of.entry(group).or_default();
            if asked.last() != Some(&number) {
                asked.push(number);
            }
        }
        number
    }

    /// The questions that somebody waits for an answer to, of those that are asked of these groups, or of any.
    pub(super) fn asked(&self, groups: Option<&[Row]>) -> Vec<Row> {
        let waited = |number: &Row| {
            self.questions.get_index(*number as usize).is_some_and(|(_, line)| !line.is_empty())
        };
        let Some(groups) = groups else {
            return (0..position(self.questions.len())).filter(waited).collect();
        };
        let numbers = groups.iter().flat_map(|group| self.asked_of.get(group).into_iter().flatten());
        let mut numbers: Vec<Row> = numbers.copied().filter(waited).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// Whether the ledger would say yes now.
    pub(super) fn would_take(&mut self, number: Row) -> bool {
        let question = self.questions.get_index(number as usize).map(|(&question, _)| question);
        question.is_some_and(|(class, control, impact)| self.ledger.would_take(class, control, impact))
    }

    /// Who waits for the answer to a question.
    pub(super) fn line(&self, number: Row) -> Option<&Line> {
        self.questions.get_index(number as usize).map(|(_, line)| line)
    }

    pub(super) fn wait(&mut self, number: Row, slot: super::seats::Slot, seats: &Seats) {
        if let Some((_, line)) = self.questions.get_index_mut(number as usize) {
            line.join(slot, seats);
        }
    }

    pub(super) fn stop_waiting(&mut self, number: Row, slot: super::seats::Slot, seats: &Seats) {
        if let Some((_, line)) = self.questions.get_index_mut(number as usize) {
            line.leave(slot, seats);
        }
    }
}

/// When an instance is lost, unless it is heard of again (R8.1).
fn loss_of(instance: &Instance, rules: &RuleSet) -> Option<(Timestamp, InstanceId)> {
    let grace = chrono::TimeDelta::seconds(i64::from(rules.heartbeat_grace.get()));
    Some((instance.last_heartbeat?.checked_add_signed(grace)?, instance.id))
}

/// What a placement uses of which instance.
fn parts(placement: &Placement, cost: Forks) -> impl Iterator<Item = (InstanceId, Load)> {
    let node = Load { cost: u64::from(cost.get()), running: 1, controlled: 0 };
    let controller = Load { cost: 0, running: 0, controlled: 1 };
    let parts = [(placement.node, node), (placement.controller, controller)];
    parts.into_iter().filter_map(|(id, load)| Some((id?, load)))
}
