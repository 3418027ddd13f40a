//! Which rows of a lane a bar takes, so that bars that are there at the same time never cover each other.
//!
//! On an instance a bar is as high as the forks that it costs, and takes the smallest gap between others that it fits in; where
//! what is free lies apart, the lane grows. What waits takes one row each. Bars must come in the order of their beginnings. Costs
//! a look at each bar of the lane that has not ended, or the logarithm of their number where bars take one row.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use simulator::Moment;

/// The rows of a lane whose bars have heights.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stretches {
    /// What is taken: from this row, so many, until then. Sorted by row.
    taken: Vec<(u32, u32, Moment)>,
    /// How many rows there are.
    rows: u32,
}

impl Stretches {
    /// The first of the rows that a bar takes.
    pub(crate) fn take(&mut self, from: Moment, to: Moment, height: u32) -> u32 {
        self.taken.retain(|&(_, _, until)| until > from);
        // Of the gaps that are large enough the smallest, which leaves the large ones for others; above all that is taken, if none is.
        let mut gaps = Vec::new();
        let mut free = 0_u32;
        for (place, &(start, rows, _)) in self.taken.iter().enumerate() {
            gaps.push((start.saturating_sub(free), free, place));
            free = start.saturating_add(rows);
        }
        let fitting = gaps.into_iter().filter(|&(gap, _, _)| gap >= height).min();
        let (_, row, place) = fitting.unwrap_or((height, free, self.taken.len()));
        self.taken.insert(place, (row, height, after(from, to)));
        self.rows = self.rows.max(row.saturating_add(height));
        row
    }

    /// How many rows the lane has.
    pub(crate) const fn rows(&self) -> u32 {
        self.rows
    }
}

/// The rows of a lane whose bars take one row each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    taken: BinaryHeap<Reverse<(Moment, u32)>>,
    free: BTreeSet<u32>,
    rows: u32,
}

impl Rows {
    /// The row that a bar takes: the first that is free.
    pub(crate) fn take(&mut self, from: Moment, to: Moment) -> u32 {
        while let Some(&Reverse((until, row))) = self.taken.peek() {
            if until > from {
                break;
            }
            self.taken.pop();
            self.free.insert(row);
        }
        let row = self.free.pop_first().unwrap_or(self.rows);
        self.rows = self.rows.max(row.saturating_add(1));
        self.taken.push(Reverse((after(from, to), row)));
        row
    }

    /// How many rows the lane has.
    pub(crate) const fn rows(&self) -> u32 {
        self.rows
    }
}

/// A bar without length is seen too, so it takes its rows for a moment.
fn after(from: Moment, to: Moment) -> Moment {
    to.max(Moment::from_millis(from.millis().saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Moment {
        Moment::from_seconds(second)
    }

    #[test]
    fn a_bar_takes_the_smallest_gap_that_it_fits_in() {
        let mut lane = Stretches::default();
        assert_eq!(lane.take(at(0), at(10), 4), 0);
        assert_eq!(lane.take(at(1), at(5), 2), 4);
        assert_eq!(lane.take(at(2), at(9), 3), 6);
        assert_eq!(lane.take(at(5), at(6), 3), 9, "two free rows are too few for three");
        assert_eq!(lane.take(at(6), at(7), 1), 4);
        assert_eq!(lane.take(at(6), at(7), 1), 5);
        assert_eq!(lane.take(at(10), at(11), 12), 0);
        assert_eq!(lane.rows(), 12);
    }

    #[test]
    fn what_waits_takes_one_row_each() {
        let mut lane = Rows::default();
        let rows =
            [(0, 9), (0, 3), (1, 9), (3, 4), (3, 3), (4, 9)].map(|(from, to)| lane.take(at(from), at(to)));
        assert_eq!(rows, [0, 1, 2, 1, 3, 1]);
        assert_eq!(lane.rows(), 4);
    }

    #[test]
    fn bars_of_one_moment_do_not_cover_each_other() {
        let mut lane = Stretches::default();
        assert_eq!((lane.take(at(5), at(5), 1), lane.take(at(5), at(5), 1)), (0, 1));
    }
}
