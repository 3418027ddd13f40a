//! The order of R1: priority, then age, then id; and each task's pending dependencies just before it.
//!
//! Costs one sort of the rows asked for, nearly nothing when they stand in that order, and a walk over the dependencies.

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::table::{Row, Table};
use crate::{Kind, Task, TaskId};

/// What R1 compares; the kind and the row only tell rows with a duplicate id apart. Thirty-two bytes a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// All bits flipped, so that the higher priority comes first.
    flipped_priority: i32,
    nanoseconds: u32,
    seconds: i64,
    id: TaskId,
    row: Row,
    kind: Kind,
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let first = |key: &Self| (key.flipped_priority, key.seconds, key.nanoseconds);
        let then = |key: &Self| (key.id, key.kind, key.row);
        first(self).cmp(&first(other)).then_with(|| then(self).cmp(&then(other)))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

pub(crate) fn key(task: &Task, row: Row) -> Key {
    Key {
        flipped_priority: !task.priority.get(),
        nanoseconds: task.created.timestamp_subsec_nanos(),
        seconds: task.created.timestamp(),
        id: task.id,
        row,
        kind: task.kind(),
    }
}

/// The rows in the order of R1, dependencies aside.
pub(crate) fn sort(mut keys: Vec<Key>) -> Vec<Row> {
    if !keys.is_sorted() {
        keys.sort_unstable();
    }
    keys.into_iter().map(|key| key.row).collect()
}

/// Sorts a few rows in the order of R1.
fn sort_few<'a>(rows: &mut [Row], task: impl Fn(Row) -> &'a Task) {
    rows.sort_unstable_by_key(|&row| key(task(row), row));
}

/// The same rows, each after those that it depends on: priority inheritance. `dependencies` gives the rows that lend a
/// place; rows that are not among `sorted` are passed over.
pub(crate) fn inherit<'a>(
    sorted: &[Row],
    rows: usize,
    task: impl Fn(Row) -> &'a Task + Copy,
    mut dependencies: impl FnMut(Row, &mut Vec<Row>),
) -> Vec<Row> {
    const ABSENT: u8 = 0;
    const PRESENT: u8 = 1;
    const SEEN: u8 = 2;
    let mut mark = Table(vec![ABSENT; rows]);
    for &row in sorted {
        mark[row] = PRESENT;
    }
    let mut order = Vec::with_capacity(sorted.len());
    // Each entry of the path is a row with its dependencies still to be placed, the first one last.
    let mut path: Vec<(Row, Vec<Row>)> = Vec::new();
    for &root in sorted {
        let mut enter = Some(root);
        loop {
            if let Some(row) = enter.take()
                && mark[row] == PRESENT
            {
                mark[row] = SEEN;
                let mut before = Vec::new();
                dependencies(row, &mut before);
                if before.is_empty() {
                    order.push(row);
                } else {
                    sort_few(&mut before, task);
                    before.reverse();
                    path.push((row, before));
                }
            }
            let Some((row, before)) = path.last_mut() else { break };
            enter = before.pop();
            if enter.is_none() {
                order.push(*row);
                path.pop();
            }
        }
    }
    order
}
