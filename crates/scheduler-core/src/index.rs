//! Finding rows by their ids, and the ids of several rows.
//!
//! A store gives its rows in the order of their ids, or first those that hold something and then those that wait: in a few
//! runs whose ids ascend. Such rows are found by a search in each run, ids without gaps tell the row themselves, and nothing
//! is built. Rows in any other order cost a sort by id.

use alloc::vec::Vec;

use crate::table::{FxHashSet, Row, position};
use crate::{Task, TaskId};

/// Rows in more runs than this are sorted.
pub(crate) const FEW: usize = 4;

pub(crate) struct Index<'a> {
    rows: Rows<'a>,
    duplicates: FxHashSet<TaskId>,
}

enum Rows<'a> {
    Runs(Vec<Run<'a>>),
    ById(Vec<(TaskId, Row)>),
}

impl<'a> Index<'a> {
    /// An index of these tasks; `breaks` are the rows whose id is not above the one before, all of them unless there are
    /// `FEW` or more.
    pub(crate) fn new(tasks: &'a [Task], breaks: &[Row]) -> Self {
        if breaks.len() >= FEW {
            return Self::sorted(tasks);
        }
        let mut runs: Vec<Run<'a>> = Vec::new();
        let mut begin = 0;
        for end in breaks.iter().map(|&row| row as usize).chain([tasks.len()]) {
            runs.extend(tasks.get(begin..end).and_then(|tasks| Run::new(tasks, begin)));
            begin = end;
        }
        runs.sort_by_key(|run| run.tasks.len());
        // Each id of a shorter run is looked up in the longer ones.
        let looked_up: usize = runs.iter().rev().skip(1).map(|run| run.tasks.len()).sum();
        if looked_up > tasks.len() / 8 {
            return Self::sorted(tasks);
        }
        let mut duplicates = FxHashSet::default();
        let mut longer = runs.as_slice();
        while let [run, rest @ ..] = longer {
            longer = rest;
            for other in longer.iter().filter(|other| other.first <= run.last && run.first <= other.last) {
                let ids = run.tasks.iter().map(|task| task.id);
                duplicates.extend(ids.filter(|&id| other.row(id).is_some()));
            }
        }
        runs.sort_by_key(|run| run.begin);
        Self { rows: Rows::Runs(runs), duplicates }
    }

    fn sorted(tasks: &[Task]) -> Self {
        let mut by_id: Vec<(TaskId, Row)> = tasks.iter().map(|task| task.id).zip(0..).collect();
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
    pub(crate) fn rows_of(&self, id: TaskId) -> impl Iterator<Item = Row> {
        let (runs, same): (&[Run<'a>], &[(TaskId, Row)]) = match &self.rows {
            Rows::Runs(runs) => (runs, &[]),
            Rows::ById(by_id) => {
                let first = by_id.partition_point(|&(other, _)| other < id);
                (&[], by_id.get(first..).unwrap_or_default())
            }
        };
        let same = same.iter().take_while(move |&&(other, _)| other == id).map(|&(_, row)| row);
        runs.iter().filter_map(move |run| run.row(id)).chain(same)
    }

    /// The one row with this id.
    pub(crate) fn row(&self, id: TaskId) -> Option<Row> {
        let mut rows = self.rows_of(id);
        rows.next().filter(|_| rows.next().is_none())
    }
}

/// Rows that follow each other and whose ids ascend.
struct Run<'a> {
    tasks: &'a [Task],
    /// The row that the first of them is.
    begin: usize,
    first: TaskId,
    last: TaskId,
    without_gaps: bool,
}

impl<'a> Run<'a> {
    fn new(tasks: &'a [Task], begin: usize) -> Option<Self> {
        let (first, last) = (tasks.first()?.id, tasks.last()?.id);
        let mut run = Self { tasks, begin, first, last, without_gaps: false };
        run.without_gaps = run.gap(last) == Some(tasks.len().saturating_sub(1));
        Some(run)
    }

    /// How far an id is from the first one.
    fn gap(&self, id: TaskId) -> Option<usize> {
        id.get().checked_sub(self.first.get()).and_then(|gap| usize::try_from(gap).ok())
    }

    fn row(&self, id: TaskId) -> Option<Row> {
        if id < self.first || id > self.last {
            return None;
        }
        let found = match self.without_gaps {
            true => self.gap(id)?,
            false => self.tasks.binary_search_by_key(&id, |task| task.id).ok()?,
        };
        Some(position(self.begin.saturating_add(found)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::{SnapshotBuilder, job};

    /// Rows with these ids, and the index that a scan would have made of them.
    fn check(ids: &[i64], is_run: bool) {
        let mut builder = SnapshotBuilder::at(0);
        for &id in ids {
            builder = builder.with(job(id));
        }
        let tasks = builder.build().tasks;
        let breaks: Vec<Row> =
            (1..).zip(ids.windows(2)).filter(|(_, pair)| pair[0] >= pair[1]).map(|(row, _)| row).collect();
        let index = Index::new(&tasks, &breaks);
        assert_eq!(matches!(index.rows, Rows::Runs(_)), is_run, "{ids:?}");
        for id in -1..60 {
            let expected: Vec<Row> =
                (0..).zip(ids).filter(|(_, other)| **other == id).map(|(row, _)| row).collect();
            assert_eq!(index.rows_of(TaskId::new(id)).collect::<Vec<Row>>(), expected, "{id} of {ids:?}");
            assert_eq!(index.is_duplicate(TaskId::new(id)), expected.len() > 1, "{id} of {ids:?}");
            assert_eq!(index.row(TaskId::new(id)).is_some(), expected.len() == 1, "{id} of {ids:?}");
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
