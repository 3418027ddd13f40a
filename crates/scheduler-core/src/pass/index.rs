//! Finding rows by their ids, and the ids of several rows.
//!
//! A store gives its rows in the order of their ids, or first those that hold something and then those that wait: in a few
//! runs whose ids ascend. Such rows are found by a search in each run, ids without gaps tell the row themselves, and nothing
//! is built. Rows in any other order cost a sort by id.

use alloc::vec::Vec;

use crate::TaskId;
use crate::table::{FxHashSet, Row, position};

/// Rows in more runs than this are sorted.
pub(crate) const FEW: usize = 4;

/// Knows the rows by their ids, which stand in a column that the questions bring along.
#[derive(Debug)]
pub(crate) struct Index {
    rows: Rows,
    duplicates: FxHashSet<TaskId>,
}

#[derive(Debug)]
enum Rows {
    Runs(Vec<Run>),
    ById(Vec<(TaskId, Row)>),
}

impl Index {
    /// An index of the rows with these ids; `breaks` are the rows whose id is not above the one before, all of them unless
    /// there are `FEW` or more.
    pub(crate) fn new(ids: &[TaskId], breaks: &[Row]) -> Self {
        if breaks.len() >= FEW {
            return Self::sorted(ids);
        }
        let mut runs: Vec<Run> = Vec::new();
        let mut begin = 0;
        for end in breaks.iter().map(|&row| row as usize).chain([ids.len()]) {
            runs.extend(ids.get(begin..end).and_then(|ids| Run::new(ids, begin)));
            begin = end;
        }
        runs.sort_by_key(|run| run.length);
        // Each id of a shorter run is looked up in the longer ones.
        let looked_up: usize = runs.iter().rev().skip(1).map(|run| run.length).sum();
        if looked_up > ids.len() / 8 {
            return Self::sorted(ids);
        }
        let mut duplicates = FxHashSet::default();
        let mut longer = runs.as_slice();
        while let [run, rest @ ..] = longer {
            longer = rest;
            for other in longer.iter().filter(|other| other.first <= run.last && run.first <= other.last) {
                duplicates.extend(run.ids(ids).iter().filter(|&&id| other.row(ids, id).is_some()));
            }
        }
        runs.sort_by_key(|run| run.begin);
        Self { rows: Rows::Runs(runs), duplicates }
    }

    fn sorted(ids: &[TaskId]) -> Self {
        let mut by_id: Vec<(TaskId, Row)> = ids.iter().copied().zip(0..).collect();
        by_id.sort_unstable();
        let twins = by_id.iter().zip(by_id.iter().skip(1)).filter(|((one, _), (next, _))| one == next);
        let duplicates = twins.map(|((id, _), _)| *id).collect();
        Self { rows: Rows::ById(by_id), duplicates }
    }

    /// Whether several rows have this id.
    pub(crate) fn is_duplicate(&self, id: TaskId) -> bool {
        !self.duplicates.is_empty() && self.duplicates.contains(&id)
    }

    /// The ids of several rows.
    pub(crate) fn duplicates(&self) -> impl Iterator<Item = TaskId> {
        self.duplicates.iter().copied()
    }

    /// All rows with this id, in their order.
    pub(crate) fn rows_of(&self, ids: &[TaskId], id: TaskId) -> impl Iterator<Item = Row> {
        let (runs, same): (&[Run], &[(TaskId, Row)]) = match &self.rows {
            Rows::Runs(runs) => (runs, &[]),
            Rows::ById(by_id) => {
                let first = by_id.partition_point(|&(other, _)| other < id);
                (&[], by_id.get(first..).unwrap_or_default())
            }
        };
        let same = same.iter().take_while(move |&&(other, _)| other == id).map(|&(_, row)| row);
        runs.iter().filter_map(move |run| run.row(ids, id)).chain(same)
    }

    /// The one row with this id.
    pub(crate) fn row(&self, ids: &[TaskId], id: TaskId) -> Option<Row> {
        let mut rows = self.rows_of(ids, id);
        rows.next().filter(|_| rows.next().is_none())
    }
}

/// Rows that follow each other and whose ids ascend.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The row that the first of them is.
    begin: usize,
    length: usize,
    first: TaskId,
    last: TaskId,
    without_gaps: bool,
}

impl Run {
    /// The run of these ids.
    fn new(ids: &[TaskId], begin: usize) -> Option<Self> {
        let (&first, &last) = (ids.first()?, ids.last()?);
        let mut run = Self { begin, length: ids.len(), first, last, without_gaps: false };
        run.without_gaps = run.gap(last) == Some(ids.len().saturating_sub(1));
        Some(run)
    }

    /// Its part of the ids of all rows.
    fn ids(self, all: &[TaskId]) -> &[TaskId] {
        all.get(self.begin..self.begin.saturating_add(self.length)).unwrap_or_default()
    }

    /// How far an id is from the first one.
    fn gap(self, id: TaskId) -> Option<usize> {
        id.get().checked_sub(self.first.get()).and_then(|gap| usize::try_from(gap).ok())
    }

    fn row(self, all: &[TaskId], id: TaskId) -> Option<Row> {
        if id < self.first || id > self.last {
            return None;
        }
        let found = match self.without_gaps {
            true => self.gap(id)?,
            false => self.ids(all).binary_search(&id).ok()?,
        };
        Some(position(self.begin.saturating_add(found)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows with these ids, and the index that a scan would have made of them.
    fn check(ids: &[i64], is_run: bool) {
        let column: Vec<TaskId> = ids.iter().copied().map(TaskId::new).collect();
        let breaks: Vec<Row> =
            (1..).zip(ids.windows(2)).filter(|(_, pair)| pair[0] >= pair[1]).map(|(row, _)| row).collect();
        let index = Index::new(&column, &breaks);
        assert_eq!(matches!(index.rows, Rows::Runs(_)), is_run, "{ids:?}");
        for id in -1..60 {
            let expected: Vec<Row> =
                (0..).zip(ids).filter(|(_, other)| **other == id).map(|(row, _)| row).collect();
            assert_eq!(
                index.rows_of(&column, TaskId::new(id)).collect::<Vec<Row>>(),
                expected,
                "{id} of {ids:?}"
            );
            assert_eq!(index.is_duplicate(TaskId::new(id)), expected.len() > 1, "{id} of {ids:?}");
            assert_eq!(index.row(&column, TaskId::new(id)).is_some(), expected.len() == 1, "{id} of {ids:?}");
        }
    }

    #[test]
    fn r11_rows_are_found_by_their_ids_in_whatever_order_they_stand() {
        let pending = || 1..=40_i64;
        check(&[], true);
        check(&[7], true);
        check(&pending().collect::<Vec<_>>(), true);
        check(&pending().filter(|id| id % 3 != 0).collect::<Vec<_>>(), true);
        check(&[50, 52].into_iter().chain(pending()).collect::<Vec<_>>(), true);
        check(&pending().chain([5, 9, 50]).collect::<Vec<_>>(), true);
        check(&[3, 44].into_iter().chain([3]).chain(pending()).collect::<Vec<_>>(), true);
        check(&[9, 9, 9].into_iter().chain(pending()).collect::<Vec<_>>(), true);
        check(&[9, 9, 9, 9].into_iter().chain(pending()).collect::<Vec<_>>(), false);
        check(&pending().chain(pending()).collect::<Vec<_>>(), false);
        check(&pending().rev().chain([12]).collect::<Vec<_>>(), false);
    }
}
