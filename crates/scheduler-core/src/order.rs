//! The order of R1: priority, then age, then id; and each task's pending dependencies just before it.
//!
//! Costs a comparison a row where rows come in that order, else a sort; and a walk over the dependencies.

use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::table::{Row, Table, position};
use crate::{Kind, Task, TaskId};

/// Rows on their way into the order of R1.
#[derive(Default)]
pub(crate) struct Queue<'a> {
    rows: Vec<Row>,
    last: Option<&'a Task>,
    /// Some row does not come after the one before.
    mixed: bool,
}

/// What R1 compares, the moment and the priority as one number; the kind and the row only tell rows with a duplicate id
/// apart. Thirty-two bytes a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    when: u128,
    id: TaskId,
    kind: Kind,
    row: Row,
}

fn key(task: &Task, row: Row) -> Key {
    // The higher priority comes first, so its bits are flipped; the sign's bit once more, as for the seconds, so that
    // numbers below 0 come first.
    let priority = (!task.priority.get()).cast_unsigned() ^ (1 << 31);
    let seconds = task.created.timestamp().cast_unsigned() ^ (1 << 63);
    let nanoseconds = task.created.timestamp_subsec_nanos();
    let when = u128::from(priority) << 96 | u128::from(seconds) << 32 | u128::from(nanoseconds);
    Key { when, id: task.id, kind: task.kind(), row }
}

impl<'a> Queue<'a> {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { rows: Vec::with_capacity(rows), last: None, mixed: false }
    }

    pub(crate) fn push(&mut self, row: Row, task: &'a Task) {
        let compared = |task: &Task| (Reverse(task.priority), task.created, task.id);
        self.mixed |= self.last.is_some_and(|last| compared(last) >= compared(task));
        self.last = Some(task);
        self.rows.push(row);
    }

    /// The rows in the order of R1, dependencies aside.
    pub(crate) fn sort(self, task: impl Fn(Row) -> &'a Task) -> Vec<Row> {
        if !self.mixed {
            return self.rows;
        }
        let mut keys: Vec<Key> = self.rows.iter().map(|&row| key(task(row), row)).collect();
        keys.sort_unstable();
        let mut rows = self.rows;
        rows.clear();
        rows.extend(keys.into_iter().map(|key| key.row));
        rows
    }
}

/// The row has no place in the order, or was given it.
const NOWHERE: u32 = u32::MAX;

/// The same rows, each after those that it depends on: priority inheritance. `lenders` gives the rows to which a row lends
/// its place, of all that are below `size`; those that are not among `sorted` are passed over.
pub(crate) fn inherit<I: Iterator<Item = Row>>(
    sorted: &[Row],
    size: usize,
    lenders: impl Fn(Row) -> I,
) -> Vec<Row> {
    let mut place = Table(vec![NOWHERE; size]);
    for (at, &row) in sorted.iter().enumerate() {
        place[row] = position(at);
    }
    let mut order = Vec::with_capacity(sorted.len());
    // Rows that wait for those before them, each with where these begin among the places still to be looked at. The
    // first of these stands last.
    let mut path: Vec<(Row, usize)> = Vec::new();
    let mut before: Vec<u32> = Vec::new();
    for &root in sorted {
        let mut enter = Some(root);
        loop {
            if let Some(row) = enter.take()
                && place[row] != NOWHERE
            {
                place[row] = NOWHERE;
                let from = before.len();
                before.extend(lenders(row).map(|on| place[on]).filter(|&at| at != NOWHERE));
                match before.get_mut(from..) {
                    Some(places) if !places.is_empty() => {
                        places.sort_unstable_by_key(|&at| Reverse(at));
                        path.push((row, from));
                    }
                    _ => order.push(row),
                }
            }
            let Some(&(row, from)) = path.last() else { break };
            if before.len() > from {
                enter = before.pop().and_then(|at| sorted.get(at as usize)).copied();
            } else {
                order.push(row);
                path.pop();
            }
        }
    }
    order
}
