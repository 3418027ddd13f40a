//! Tasks in the order of R1, four bytes each: who waits at one thing, or who wants it.
//!
//! A list of short lists: joining and leaving cost a search and the move of half a short list, whatever the length of the line.

use alloc::vec::Vec;

use super::seats::{Seats, Slot};
use crate::pass::order::Rank;

/// So many stand in one short list at most.
const LONGEST: usize = 512;

/// A line of tasks. Their ranks stand in [`Seats`], and must be the same when they leave as when they joined.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Nearly every line is this alone.
    first: Vec<Slot>,
    /// None is empty.
    rest: Vec<Vec<Slot>>,
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// The one that comes first in the order of R1.
    pub(super) fn first(&self) -> Option<Slot> {
        self.first.first().copied()
    }

    /// The first one that comes after a rank.
    pub(super) fn after(&self, rank: Rank, seats: &Seats) -> Option<Slot> {
        let at = self.list_of(rank, seats);
        let list = self.list(at)?;
        let passed = list.partition_point(|&slot| seats.rank(slot) <= rank);
        let next = list.get(passed).or_else(|| self.list(at.saturating_add(1))?.first());
        next.copied()
    }

    pub(super) fn join(&mut self, slot: Slot, seats: &Seats) {
        let rank = seats.rank(slot);
        let end = self.rest.last().unwrap_or(&self.first);
        // Who is launched last comes last, nearly always.
        let comes_last = end.last().is_none_or(|&other| seats.rank(other) < rank);
        let at = if comes_last { self.rest.len() } else { self.list_of(rank, seats) };
        let last = at == self.rest.len();
        let Some(list) = self.list_mut(at) else { return };
        let place = match comes_last {
            true => list.len(),
            false => list.partition_point(|&other| seats.rank(other) < rank),
        };
        if list.len() < LONGEST {
            list.insert(place, slot);
        } else if last && place == list.len() {
            // Full lists stay full.
            self.rest.push(Vec::from([slot]));
        } else {
            let mut later = list.split_off(LONGEST / 2);
            let half = if place <= list.len() { list } else { &mut later };
            let place = half.partition_point(|&other| seats.rank(other) < rank);
            half.insert(place, slot);
            self.rest.insert(at, later);
        }
    }

    pub(super) fn leave(&mut self, slot: Slot, seats: &Seats) {
        let rank = seats.rank(slot);
        let at = self.list_of(rank, seats);
        let Some(list) = self.list_mut(at) else { return };
        let place = list.partition_point(|&other| seats.rank(other) < rank);
        if list.get(place) != Some(&slot) {
            return;
        }
        list.remove(place);
        if !list.is_empty() {
            return;
        }
        match at.checked_sub(1) {
            Some(at) => drop(self.rest.remove(at)),
            None if self.rest.is_empty() => self.first = Vec::new(),
            None => self.first = self.rest.remove(0),
        }
    }

    /// Which of the lists holds a rank, or would.
    fn list_of(&self, rank: Rank, seats: &Seats) -> usize {
        self.rest.partition_point(|list| list.first().is_some_and(|&slot| seats.rank(slot) <= rank))
    }

    fn list(&self, at: usize) -> Option<&Vec<Slot>> {
        match at.checked_sub(1) {
            None => Some(&self.first),
            Some(at) => self.rest.get(at),
        }
    }

    fn list_mut(&mut self, at: usize) -> Option<&mut Vec<Slot>> {
        match at.checked_sub(1) {
            None => Some(&mut self.first),
            Some(at) => self.rest.get_mut(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;
    use crate::builder::{SnapshotBuilder, job};

    /// Numbers that look random, without a crate for it.
    fn scattered(length: u64) -> impl Iterator<Item = u64> {
        let mut state = 1_u64;
        (0..length).map(move |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        })
    }

    #[test]
    fn r1_a_line_stays_in_order_whoever_joins_and_leaves() {
        let tasks = (1..=3_000).fold(SnapshotBuilder::at(0), |all, id| all.with(job(id))).build().tasks;
        let mut seats = Seats::with_capacity(tasks.len());
        for (row, task) in (0..).zip(&tasks) {
            seats.take(task, row);
        }
        let (mut line, mut known) = (Line::default(), BTreeSet::new());
        for (turn, number) in scattered(30_000).enumerate() {
            // First mostly joins, then mostly leaves.
            let slot = u32::try_from(number % 3_000).unwrap();
            let joins = (number >> 12) % 4 < if turn < 20_000 { 3 } else { 1 };
            if joins && known.insert(slot) {
                line.join(slot, &seats);
            } else if !joins && known.remove(&slot) {
                line.leave(slot, &seats);
            }
            assert_eq!(line.first(), known.first().copied());
            let next = known.range(slot + 1..).next().copied();
            assert_eq!(line.after(seats.rank(slot), &seats), next);
            assert_eq!(line.is_empty(), known.is_empty());
            assert!(line.rest.iter().all(|list| !list.is_empty() && list.len() <= LONGEST));
        }
        assert!(line.rest.len() < 20);
        for &slot in &known {
            line.leave(slot, &seats);
        }
        assert!(line.is_empty() && line.rest.is_empty());
    }
}
