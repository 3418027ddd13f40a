//! What becomes of one pending task, and why: what a pass says when its turn comes, told from what is remembered.
//!
//! Tasks that start by the plan are seen by those that come after them only; places likewise.

use alloc::vec::Vec;

use super::cells::{SideKey, side_of};
use super::memory::{Memory, Wants};
use super::seats::{Hold, Slot};
use crate::pass::compiled::{Wanted, at, modes};
use crate::pass::order::Rank;
use crate::{Action, Decision, Malformed, Mode, Place, Reason, Snapshot, Task, TaskRef};

impl Memory {
    /// Judges a task, and lets it take the place that it finds.
    pub(super) fn judge(
        &mut self,
        slot: Slot,
        task: &Task,
        wants: &Wants,
        snapshot: &Snapshot,
    ) -> (Hold, Result<Place, Reason>) {
        if let Some((hold, reason)) = self.obstacle(slot, task, wants, snapshot) {
            return (hold, Err(reason));
        }
        if !task.kind().needs_place() {
            return (Hold::Start, Ok(Place::Nowhere));
        }
        let class = self.seats.seat(slot).class;
        match self.room.place(task, class) {
            Ok(place) => (Hold::Start, Ok(place)),
            Err(reason) => (Hold::Room(self.room.question(task, class)), Err(reason)),
        }
    }

    /// What keeps a task from starting, room aside: the first "no" counts (R9).
    fn obstacle(
        &self,
        slot: Slot,
        task: &Task,
        wants: &Wants,
        snapshot: &Snapshot,
    ) -> Option<(Hold, Reason)> {
        let seat = self.seats.seat(slot);
        if self.room.is_groupless(task.kind(), seat.class) {
            return Some((Hold::Malformed, Reason::Malformed(Malformed::NoKnownGroup)));
        }
        if let Some((on, reason)) = self.awaited(task, snapshot) {
            return Some((Hold::Dependency(on), reason));
        }
        for (claim, &wanted) in (0..).zip(wants) {
            if let Some(reason) = self.blocked(seat.rank, wanted, snapshot) {
                return Some((Hold::Blocked(claim), reason));
            }
        }
        for (claim, &wanted) in (0..).zip(wants) {
            if let Some(reason) = self.behind(seat.rank, wanted, snapshot) {
                return Some((Hold::Behind(claim), reason));
            }
        }
        None
    }

    /// The unfinished dependency with the smallest id (R5).
    fn awaited(&self, task: &Task, snapshot: &Snapshot) -> Option<(Slot, Reason)> {
        let found = task.dependencies.iter().filter_map(|&on| {
            let slot = self.seats.find(on)?;
            let row = self.task(slot, snapshot)?;
            row.state.is_unfinished().then_some((on, slot, row))
        });
        let (id, slot, row) = found.min_by_key(|&(on, ..)| on)?;
        Some((slot, Reason::Dependency { on: TaskRef::Task { id, kind: row.kind() } }))
    }

    /// Who holds what a task claims, in a mode that forbids it (R2): of several modes the first, of several holders the one
    /// with the smallest id.
    fn blocked(&self, rank: Rank, wanted: Wanted, snapshot: &Snapshot) -> Option<Reason> {
        let (key, mode) = side_of(wanted);
        let (held, slot) = modes(self.conflicts((key, mode)))
            .find_map(|held| Some((held, self.holder(rank, (key, held))?)))?;
        let holder = self.task(slot, snapshot)?;
        Some(Reason::Blocked {
            resource: self.table.kept[wanted.resource].resource.keyed(wanted.key),
            wanted: mode,
            held,
            holder: holder.id,
            holder_kind: holder.kind(),
        })
    }

    /// The holder of a key in a mode that a task of this rank sees.
    fn holder(&self, rank: Rank, side: SideKey) -> Option<Slot> {
        let mut holders = self.cells.side(side)?.holders.iter().map(|&(_, slot)| slot);
        holders.find(|&slot| {
            let seat = self.seats.seat(slot);
            seat.hold == Hold::NotPending || seat.rank < rank
        })
    }

    /// Whose place binds a claim (R3): the oldest; of one task's claims the first mode.
    fn behind(&self, rank: Rank, wanted: Wanted, snapshot: &Snapshot) -> Option<Reason> {
        let (key, mode) = side_of(wanted);
        if !self.is_bound((key, mode), rank) {
            return None;
        }
        let bound_by = modes(at(&self.table.kept[wanted.resource].forbidden, mode));
        let oldest = bound_by.filter_map(|older_wants| {
            let first = self.cells.side((key, older_wants))?.blocked.first()?;
            Some((self.seats.rank(first), older_wants, first))
        });
        let (_, older_wants, older): (Rank, Mode, Slot) = oldest.min()?;
        let older = self.task(older, snapshot)?;
        Some(Reason::Behind {
            resource: self.table.kept[wanted.resource].resource.keyed(wanted.key),
            wanted: mode,
            older_wants,
            older: older.id,
            older_kind: older.kind(),
        })
    }

    /// Every pending task's decision, in the order of R1.
    pub(super) fn decisions(&mut self, snapshot: &Snapshot) -> Vec<Decision> {
        let mut pending: Vec<(Rank, Slot)> = Vec::new();
        for task in snapshot.tasks.iter().filter(|task| task.state == crate::State::Pending) {
            pending.extend(self.seats.find(task.id).map(|slot| (self.seats.rank(slot), slot)));
        }
        // Rows stand nearly in order: a sort that knows runs is fast then.
        pending.sort_by_key(|&(rank, _)| rank);
        self.vacate_after(None, snapshot);
        let decided = pending.into_iter().filter_map(|(_, slot)| {
            let task = self.task(slot, snapshot)?;
            let action = match self.reason(slot, task, snapshot) {
                Ok(place) => {
                    self.occupy(task, place);
                    Action::Start(place)
                }
                Err(reason) => Action::Hold(reason),
            };
            Some(Decision { task: task.id, kind: task.kind(), action })
        });
        decided.collect()
    }

    /// Why a pending task is held; where it starts, if it does.
    pub(super) fn decision(&mut self, slot: Slot, snapshot: &Snapshot) -> Option<Result<Place, Reason>> {
        let task = self.task(slot, snapshot)?;
        let rank = self.seats.rank(slot);
        let later = self.vacate_after(Some(rank), snapshot);
        let decision = self.reason(slot, task, snapshot);
        for (slot, place) in later {
            if let Some(task) = self.task(slot, snapshot) {
                self.occupy(task, place);
            }
        }
        Some(decision)
    }

    /// Why a task is held, or where it starts; what those take that start after it must be given back.
    fn reason(&mut self, slot: Slot, task: &Task, snapshot: &Snapshot) -> Result<Place, Reason> {
        let (rank, class) = (self.seats.rank(slot), self.seats.seat(slot).class);
        if let Some(&(_, place)) = self.starts.get(&rank) {
            return Ok(place);
        }
        let wants = self.wants(task);
        match self.obstacle(slot, task, &wants, snapshot) {
            Some((_, reason)) => Err(reason),
            None => {
                let found = self.room.place(task, class);
                if let Ok(place) = found {
                    self.room.vacate(task.cost(), &place.into());
                }
                found
            }
        }
    }

    /// Gives back, in the ledger, what tasks take that start after this rank.
    fn vacate_after(&mut self, rank: Option<Rank>, snapshot: &Snapshot) -> Vec<(Slot, Place)> {
        let later: Vec<(Slot, Place)> = match rank {
            Some(rank) => self.starts.range(rank..).map(|(_, &start)| start).collect(),
            None => self.starts.values().copied().collect(),
        };
        for &(slot, place) in &later {
            if let Some(task) = self.task(slot, snapshot).filter(|task| task.kind().needs_place()) {
                self.room.vacate(task.cost(), &place.into());
            }
        }
        later
    }

    fn occupy(&mut self, task: &Task, place: Place) {
        if task.kind().needs_place() {
            self.room.occupy(task.cost(), &place.into());
        }
    }
}
