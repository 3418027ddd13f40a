//! What is kept of every task beside its row: forty bytes, found by its id.
//!
//! Rows move when another one is removed; the slot of a task stays the same as long as the task is there, so lines and cells
//! speak of slots.

use alloc::vec::Vec;
use core::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::pass::order::Rank;
use crate::table::{Row, Table};
use crate::{Task, TaskId};

/// Where what is kept of a task stands.
pub(super) type Slot = u32;

/// How a task stands in the plan of the state as it is, and where it is parked if it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It is not pending.
    NotPending,
    /// It is pending and was not judged yet.
    New,
    /// It is malformed, whatever else changes.
    Malformed,
    /// It waits for a dependency.
    Dependency(Slot),
    /// A claim of it is held by another (R2): the claim's number, in the order of the table's rows.
    Blocked(u32),
    /// An older task keeps a place before it (R3): the claim's number.
    Behind(u32),
    /// It waits for room: the number of the question that the ledger answers with no.
    Room(Row),
    /// It starts.
    Start,
}

impl Hold {
    /// Whether it wants its claims: it is neither malformed nor waits for a dependency.
    pub(super) fn wants_claims(self) -> bool {
        matches!(self, Self::Blocked(_) | Self::Behind(_) | Self::Room(_) | Self::Start)
    }
}

/// What is kept of a task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) rank: Rank,
    pub(super) row: Row,
    /// The class of its list of groups.
    pub(super) class: Row,
    pub(super) hold: Hold,
}

/// What is kept of all tasks.
#[derive(Debug)]
pub(super) struct Seats {
    seats: Table<Seat>,
    free: Vec<Slot>,
    by_id: HashTable<Slot>,
}

impl Seats {
    pub(super) fn with_capacity(tasks: usize) -> Self {
        Self {
            seats: Table(Vec::with_capacity(tasks)),
            free: Vec::new(),
            by_id: HashTable::with_capacity(tasks),
        }
    }

    fn hash(id: TaskId) -> u64 {
        FxBuildHasher.hash_one(id)
    }

    pub(super) fn find(&self, id: TaskId) -> Option<Slot> {
        self.by_id.find(Self::hash(id), |&slot| self.seats[slot].rank.id() == id).copied()
    }

    pub(super) fn seat(&self, slot: Slot) -> &Seat {
        &self.seats[slot]
    }

    pub(super) fn seat_mut(&mut self, slot: Slot) -> &mut Seat {
        &mut self.seats[slot]
    }

    pub(super) fn rank(&self, slot: Slot) -> Rank {
        self.seats[slot].rank
    }

    /// Gives a task a slot; its id must have none.
    pub(super) fn take(&mut self, task: &Task, row: Row) -> Slot {
        let seat = Seat { rank: Rank::of(task), row, class: 0, hold: Hold::NotPending };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.seats[slot] = seat;
                slot
            }
            None => self.seats.push(seat),
        };
        let Self { seats, by_id, .. } = self;
        by_id.insert_unique(Self::hash(task.id), slot, |&other| Self::hash(seats[other].rank.id()));
        slot
    }

    pub(super) fn give_back(&mut self, slot: Slot) {
        let id = self.rank(slot).id();
        if let Ok(entry) = self.by_id.find_entry(Self::hash(id), |&other| other == slot) {
            entry.remove();
            self.free.push(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_costs_forty_bytes() {
        assert_eq!(size_of::<Seat>(), 40);
    }
}
