//! What the planner remembers of the tasks, and how a row that comes, changes or goes is noted.
//!
//! A change is noted by taking out what the old row put in and putting in what the new one does; what it may let start, or keep
//! from starting, goes into [`Dirt`] for the next sweep. Costs a few look-ups and searches a claim.

use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::RangeInclusive;

use smallvec::SmallVec;

use super::cells::{Cells, SideKey, side_of};
use super::dirt::Dirt;
use super::launching::{Launching, is_underived};
use super::odd::Odd;
use super::room::Room;
use super::rows::{end_of, same_but_for_its_state, standing, stays_where_it_is};
use super::seats::{Hold, Seats, Slot};
use crate::pass::compiled::{ClaimTable, Wanted, at, modes};
use crate::pass::order::Rank;
use crate::table::{FxHashSet, position};
use crate::{Place, Placement, RuleSet, Snapshot, State, Task, TaskId};

/// The claims of one task.
pub(super) type Wants = SmallVec<[Wanted; 4]>;

#[derive(Debug)]
pub(super) struct Memory {
    pub(super) seats: Seats,
    pub(super) table: ClaimTable,
    /// Whether places are kept (R3).
    pub(super) chronological: bool,
    pub(super) cells: Cells,
    pub(super) room: Room,
    /// The tasks that start by the plan, and where.
    pub(super) starts: BTreeMap<Rank, (Slot, Place)>,
    /// Each dependency with the pending tasks that have it.
    dependents: BTreeSet<(TaskId, Slot)>,
    /// The pending tasks whose updates on launch are still to be derived (R4).
    pub(super) underived: BTreeSet<(Rank, Slot)>,
    /// Those of them that came since the last step.
    pub(super) newly_underived: BTreeSet<(Rank, Slot)>,
    launching: Launching,
    /// Those of the underived that need what updates on launch.
    needing: FxHashSet<Slot>,
    pub(super) odd: Odd,
    pub(super) dirt: Dirt,
}

impl Memory {
    /// Notes every row; `None` when several have one id.
    pub(super) fn of(snapshot: &Snapshot, rules: &RuleSet) -> Option<Self> {
        let mut memory = Self {
            seats: Seats::with_capacity(snapshot.tasks.len()),
            table: ClaimTable::compile(rules),
            chronological: rules.chronological,
            cells: Cells::default(),
            room: Room::survey(snapshot, rules),
            starts: BTreeMap::new(),
            dependents: BTreeSet::new(),
            underived: BTreeSet::new(),
            newly_underived: BTreeSet::new(),
            launching: Launching::of(snapshot),
            needing: FxHashSet::default(),
            odd: Odd::default(),
            dirt: Dirt::default(),
        };
        for (row, task) in (0..).zip(&snapshot.tasks) {
            if memory.seats.find(task.id).is_some() {
                return None;
            }
            memory.seats.take(task, row);
        }
        for (slot, task) in (0..).zip(&snapshot.tasks) {
            memory.note(slot, task, rules, false);
        }
        for (slot, task) in (0..).zip(&snapshot.tasks) {
            memory.odd.look(slot, task, snapshot, &memory.seats);
        }
        Some(memory)
    }

    /// The claims of a task (R2).
    pub(super) fn wants(&self, task: &Task) -> Wants {
        self.table.wanted(task).collect()
    }

    /// The row of a slot.
    pub(super) fn task<'s>(&self, slot: Slot, snapshot: &'s Snapshot) -> Option<&'s Task> {
        snapshot.tasks.get(self.seats.seat(slot).row as usize)
    }

    /// Puts a task's row into the snapshot, in the place of one with its id if there is one.
    pub(super) fn put(&mut self, task: Task, snapshot: &mut Snapshot, rules: &RuleSet) {
        let Some(slot) = self.seats.find(task.id) else {
            let row = position(snapshot.tasks.len());
            let slot = self.seats.take(&task, row);
            snapshot.tasks.push(task);
            if let Some(task) = snapshot.tasks.last() {
                self.note(slot, task, rules, false);
                self.odd.look(slot, task, snapshot, &self.seats);
                self.look_at_dependents(task.id, snapshot);
            }
            return;
        };
        let row = self.seats.seat(slot).row as usize;
        let Some(known) = snapshot.tasks.get_mut(row) else { return };
        let old = core::mem::replace(known, task);
        let Some(new) = snapshot.tasks.get(row) else { return };
        if old == *new {
            return;
        }
        if stays_where_it_is(&old, new) {
            self.odd.forget(end_of(&old, rules), slot);
            self.odd.watch(end_of(new, rules), slot);
        } else if self.begins_as_planned(slot, &old, new) {
            self.confirm(slot, &old, new, rules);
        } else {
            self.erase(slot, &old, rules);
            self.seats.seat_mut(slot).rank = Rank::of(new);
            self.note(slot, new, rules, false);
        }
        self.odd.look(slot, new, snapshot, &self.seats);
        if standing(&old) != standing(new) || new.state == State::Pending {
            self.look_at_dependents(new.id, snapshot);
        }
    }

    /// Takes a task's row out of the snapshot; whether there was one.
    pub(super) fn remove(&mut self, id: TaskId, snapshot: &mut Snapshot, rules: &RuleSet) -> bool {
        let Some(slot) = self.seats.find(id) else { return false };
        let row = self.seats.seat(slot).row;
        if row as usize >= snapshot.tasks.len() {
            return false;
        }
        let old = snapshot.tasks.swap_remove(row as usize);
        if let Some(moved) = snapshot.tasks.get(row as usize).and_then(|task| self.seats.find(task.id)) {
            self.seats.seat_mut(moved).row = row;
        }
        self.erase(slot, &old, rules);
        self.seats.give_back(slot);
        self.look_at_dependents(id, snapshot);
        true
    }

    /// Notes what a row puts in. A task that begins as planned has its claims and its place already.
    fn note(&mut self, slot: Slot, task: &Task, rules: &RuleSet, started: bool) {
        self.seats.seat_mut(slot).class = self.room.class(task, rules);
        self.odd.watch(end_of(task, rules), slot);
        match &task.state {
            State::Pending => {
                self.seats.seat_mut(slot).hold = Hold::New;
                self.dirt.tasks.insert(slot);
                self.dependents.extend(task.dependencies.iter().map(|&on| (on, slot)));
                if is_underived(task) {
                    self.underived.insert((self.seats.rank(slot), slot));
                    self.newly_underived.insert((self.seats.rank(slot), slot));
                    if self.launching.is_needed_by(task) {
                        self.needing.insert(slot);
                    }
                }
            }
            State::Waiting(_) | State::Running(_) => {
                self.seats.seat_mut(slot).hold = Hold::NotPending;
                if !started {
                    self.dirt.starts = true;
                    self.hold(slot, task);
                }
                if let Some(placement) = task.state.placement().filter(|_| task.kind().needs_place()) {
                    self.room.enter(task, placement, started);
                }
            }
            State::Finished { .. } => self.seats.seat_mut(slot).hold = Hold::NotPending,
        }
    }

    /// Takes out what a row put in.
    fn erase(&mut self, slot: Slot, task: &Task, rules: &RuleSet) {
        self.odd.forget(end_of(task, rules), slot);
        match &task.state {
            State::Pending => self.erase_pending(slot, task),
            State::Waiting(_) | State::Running(_) => {
                self.dirt.starts = true;
                self.release(slot, task);
                if let Some(placement) = task.state.placement().filter(|_| task.kind().needs_place()) {
                    self.room.leave(task, placement);
                    self.note_room(placement);
                }
            }
            State::Finished { .. } => {}
        }
    }

    fn erase_pending(&mut self, slot: Slot, task: &Task) {
        let (rank, hold) = (self.seats.rank(slot), self.seats.seat(slot).hold);
        self.dirt.tasks.remove(&slot);
        self.forget_derivation(rank, slot);
        for &on in &task.dependencies {
            self.dependents.remove(&(on, slot));
        }
        if let Some((_, place)) = self.starts.remove(&rank) {
            self.dirt.starts = true;
            self.release(slot, task);
            if task.kind().needs_place() {
                let placement = place.into();
                self.room.vacate(task.cost(), &placement);
                self.note_room(&placement);
            }
        }
        let wants = self.wants(task);
        self.unpark(slot, hold, &wants);
        self.regroup(slot, hold, Hold::NotPending, &wants);
        if matches!(hold, Hold::Blocked(_)) && self.chronological {
            for &wanted in &wants {
                let bound = self.bound_by(wanted);
                self.dirt.given_up.extend(
                    bound.filter(|&side| self.cells.side(side).is_some_and(|side| !side.behind.is_empty())),
                );
            }
        }
    }

    fn forget_derivation(&mut self, rank: Rank, slot: Slot) {
        self.underived.remove(&(rank, slot));
        self.newly_underived.remove(&(rank, slot));
        self.needing.remove(&slot);
    }

    /// Whether updates on launch are to be derived: a full pass does that.
    pub(super) fn is_anything_to_derive(&self) -> bool {
        !self.needing.is_empty()
    }

    /// A project or a source has come, changed or gone: what updates on launch may be another now.
    pub(super) fn note_launching(
        &mut self,
        snapshot: &Snapshot,
        change: impl FnOnce(&mut Launching) -> bool,
    ) {
        if !change(&mut self.launching) {
            return;
        }
        let needing = self.underived.iter().filter(|&&(_, slot)| {
            let task = snapshot.tasks.get(self.seats.seat(slot).row as usize);
            task.is_some_and(|task| self.launching.is_needed_by(task))
        });
        self.needing = needing.map(|&(_, slot)| slot).collect();
    }

    /// Lets a row hold its claims, and notes whom they keep from starting.
    fn hold(&mut self, slot: Slot, task: &Task) {
        for wanted in self.wants(task) {
            self.cells.change(side_of(wanted), |side| {
                side.holders.insert((task.id, slot));
            });
            self.note_taken(wanted);
        }
    }

    /// Notes the tasks that are not blocked yet and are by a claim that somebody holds now.
    fn note_taken(&mut self, wanted: Wanted) {
        let forbidden = self.forbidden_by(wanted);
        let free = forbidden.filter(|&side| self.cells.side(side).is_some_and(|side| !side.free.is_empty()));
        self.dirt.taken.extend(free);
    }

    /// Lets a row hold its claims no longer, and notes who waits for them.
    fn release(&mut self, slot: Slot, task: &Task) {
        for wanted in self.wants(task) {
            self.cells.change(side_of(wanted), |side| {
                side.holders.remove(&(task.id, slot));
            });
            let forbidden = self.forbidden_by(wanted);
            let parked =
                forbidden.filter(|&side| self.cells.side(side).is_some_and(|side| !side.parked.is_empty()));
            self.dirt.released.extend(parked);
        }
    }

    fn note_room(&mut self, placement: &Placement) {
        match self.room.groups_of(placement) {
            Some(groups) => self.dirt.rooms.extend(groups),
            None => self.dirt.all_rooms = true,
        }
    }

    /// Whether a row that starts by the plan is what the plan made of it: it waits in its place, or runs if it needs none.
    fn begins_as_planned(&self, slot: Slot, old: &Task, new: &Task) -> bool {
        let Some((_, place)) = self.starts.get(&self.seats.rank(slot)) else { return false };
        let placed = match (&new.state, place) {
            (State::Running(placement), Place::Nowhere) => **placement == (*place).into(),
            (_, Place::Nowhere) => false,
            (state, place) => state.placement() == Some(&(*place).into()),
        };
        placed && same_but_for_its_state(old, new)
    }

    /// A row that starts by the plan has started. For those after it nothing changes; those before it see it now.
    fn confirm(&mut self, slot: Slot, old: &Task, new: &Task, rules: &RuleSet) {
        let rank = self.seats.rank(slot);
        self.odd.forget(end_of(old, rules), slot);
        self.dirt.tasks.remove(&slot);
        self.forget_derivation(rank, slot);
        for &on in &old.dependencies {
            self.dependents.remove(&(on, slot));
        }
        self.starts.remove(&rank);
        if self.starts.first_key_value().is_some_and(|(first, _)| *first < rank) {
            self.dirt.starts = true;
        }
        let wants = self.wants(old);
        self.regroup(slot, Hold::Start, Hold::NotPending, &wants);
        for &wanted in &wants {
            self.note_taken(wanted);
        }
        self.note(slot, new, rules, true);
    }

    /// Looks once more at the pending tasks that depend on one.
    fn look_at_dependents(&mut self, on: TaskId, snapshot: &Snapshot) {
        let range: RangeInclusive<(TaskId, Slot)> = (on, 0)..=(on, Slot::MAX);
        for &(_, slot) in self.dependents.range(range) {
            self.dirt.tasks.insert(slot);
            if let Some(task) = snapshot.tasks.get(self.seats.seat(slot).row as usize) {
                self.odd.look(slot, task, snapshot, &self.seats);
            }
        }
    }

    /// The same key in each mode that this claim forbids to pending tasks.
    pub(super) fn forbidden_by(&self, wanted: Wanted) -> impl Iterator<Item = SideKey> + use<> {
        let (key, mode) = side_of(wanted);
        modes(at(&self.table.kept[wanted.resource].forbidden, mode)).map(move |mode| (key, mode))
    }

    /// The same key in each mode that a place kept by this claim binds: who held it so would block the one who waits.
    pub(super) fn bound_by(&self, wanted: Wanted) -> impl Iterator<Item = SideKey> + use<> {
        let (key, mode) = side_of(wanted);
        modes(at(&self.table.kept[wanted.resource].forbidding, mode)).map(move |mode| (key, mode))
    }

    /// The modes in which somebody holds this key and forbids it to a claim.
    pub(super) fn conflicts(&self, (key, mode): SideKey) -> u8 {
        self.cells.held(key) & at(&self.table.kept[key.0].forbidding, mode)
    }

    /// Whether an older task keeps a place that binds this claim (R3).
    pub(super) fn is_bound(&self, (key, mode): SideKey, rank: Rank) -> bool {
        self.chronological
            && modes(at(&self.table.kept[key.0].forbidden, mode)).any(|older| {
                let first = self.cells.side((key, older)).and_then(|side| side.blocked.first());
                first.is_some_and(|first| self.seats.rank(first) < rank)
            })
    }

    /// Parks a held task.
    pub(super) fn park(&mut self, slot: Slot, hold: Hold, wants: &Wants) {
        let Self { cells, seats, room, .. } = self;
        match hold {
            Hold::Blocked(claim) => {
                if let Some(&wanted) = wants.get(claim as usize) {
                    cells.change(side_of(wanted), |side| side.parked.join(slot, seats));
                }
            }
            Hold::Behind(claim) => {
                if let Some(&wanted) = wants.get(claim as usize) {
                    cells.change(side_of(wanted), |side| side.behind.join(slot, seats));
                }
            }
            Hold::Room(question) => room.wait(question, slot, seats),
            _ => {}
        }
    }

    /// Takes a held task from where it is parked.
    pub(super) fn unpark(&mut self, slot: Slot, hold: Hold, wants: &Wants) {
        let Self { cells, seats, room, .. } = self;
        match hold {
            Hold::Blocked(claim) => {
                if let Some(&wanted) = wants.get(claim as usize) {
                    cells.change(side_of(wanted), |side| side.parked.leave(slot, seats));
                }
            }
            Hold::Behind(claim) => {
                if let Some(&wanted) = wants.get(claim as usize) {
                    cells.change(side_of(wanted), |side| side.behind.leave(slot, seats));
                }
            }
            Hold::Room(question) => room.stop_waiting(question, slot, seats),
            _ => {}
        }
    }

    /// Moves a task, under each key that it wants, between those that are blocked and those that are not.
    pub(super) fn regroup(&mut self, slot: Slot, old: Hold, new: Hold, wants: &Wants) {
        let group = |hold: Hold| hold.wants_claims().then_some(matches!(hold, Hold::Blocked(_)));
        let (old, new) = (group(old), group(new));
        if !self.chronological || old == new {
            return;
        }
        let Self { cells, seats, .. } = self;
        for &wanted in wants {
            cells.change(side_of(wanted), |side| {
                match old {
                    Some(true) => side.blocked.leave(slot, seats),
                    Some(false) => side.free.leave(slot, seats),
                    None => {}
                }
                match new {
                    Some(true) => side.blocked.join(slot, seats),
                    Some(false) => side.free.join(slot, seats),
                    None => {}
                }
            });
        }
    }
}
