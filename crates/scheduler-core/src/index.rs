//! Finding rows by their ids, and the ids of several rows.
//!
//! Costs nothing where the rows stand in the order of their ids, as a store gives them; else a sort by id.

use alloc::vec::Vec;

use crate::table::{FxHashSet, Row, position};
use crate::{Task, TaskId};

pub(crate) struct Index<'a> {
    tasks: &'a [Task],
    /// The rows in the order of their ids, unless they stand so.
    by_id: Option<Vec<(TaskId, Row)>>,
    duplicates: FxHashSet<TaskId>,
}

impl<'a> Index<'a> {
    /// An index of these tasks; `ascending` says that each has a higher id than the one before.
    pub(crate) fn new(tasks: &'a [Task], ascending: bool) -> Self {
        if ascending {
            return Self { tasks, by_id: None, duplicates: FxHashSet::default() };
        }
        let mut by_id: Vec<(TaskId, Row)> = tasks.iter().map(|task| task.id).zip(0..).collect();
        // A store may give the holding rows and then the pending ones: this sort makes use of such runs.
        by_id.sort();
        let twins = by_id.iter().zip(by_id.iter().skip(1)).filter(|((one, _), (next, _))| one == next);
        let duplicates = twins.map(|((id, _), _)| *id).collect();
        Self { tasks, by_id: Some(by_id), duplicates }
    }

    /// Whether several rows have this id.
    pub(crate) fn is_duplicate(&self, id: TaskId) -> bool {
        !self.duplicates.is_empty() && self.duplicates.contains(&id)
    }

    /// The ids of several rows.
    pub(crate) fn duplicates(&self) -> impl Iterator<Item = TaskId> {
        self.duplicates.iter().copied()
    }

    /// All rows with this id.
    pub(crate) fn rows_of(&self, id: TaskId) -> impl Iterator<Item = Row> {
        let (start, end) = match &self.by_id {
            Some(by_id) => {
                let start = by_id.partition_point(|&(other, _)| other < id);
                let length = by_id.iter().skip(start).take_while(|&&(other, _)| other == id).count();
                (start, start.saturating_add(length))
            }
            None => self.find(id).map_or((0, 0), |found| (found, found.saturating_add(1))),
        };
        (start..end).map(move |at| match &self.by_id {
            Some(by_id) => by_id.get(at).map_or(Row::MAX, |&(_, row)| row),
            None => position(at),
        })
    }

    /// Finds a row by its id where rows stand in the order of their ids: ids without gaps tell the row themselves.
    fn find(&self, id: TaskId) -> Option<usize> {
        let gap = id.get().checked_sub(self.tasks.first()?.id.get());
        if let Some(guess) = gap.and_then(|gap| usize::try_from(gap).ok())
            && self.tasks.get(guess).is_some_and(|task| task.id == id)
        {
            return Some(guess);
        }
        self.tasks.binary_search_by_key(&id, |task| task.id).ok()
    }

    /// The one row with this id.
    pub(crate) fn row(&self, id: TaskId) -> Option<Row> {
        let mut rows = self.rows_of(id);
        rows.next().filter(|_| rows.next().is_none())
    }
}
