//! The order of R1: priority, then age, then id; and each task's pending dependencies just before it.
//!
//! Costs a comparison a row where rows come in that order, else a sort; and a walk over the dependencies.

use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::table::{Row, Table, position};
use crate::{Kind, Priority, Task, TaskId, Timestamp};

/// Rows on their way into the order of R1.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    rows: Vec<Row>,
    last: Option<(Reverse<Priority>, Timestamp, TaskId)>,
    /// The keys of all rows from the first on that does not come after the one before.
    keys: Vec<Key>,
}

/// What R1 compares, the moment and the priority as one number; the kind and the row only tell rows with a duplicate id
/// apart. Thirty-two bytes a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    when: u128,
    id: TaskId,
    kind: Kind,
    row: Row,
}

fn key(task: &Task, row: Row) -> Key {
    key_with(task.priority, task, row)
}

fn key_with(priority: Priority, task: &Task, row: Row) -> Key {
    let Rank { priority, seconds, nanoseconds, id } = Rank::with(priority, task);
    let when = u128::from(priority) << 96 | u128::from(seconds) << 32 | u128::from(nanoseconds);
    Key { when, id, kind: task.kind(), row }
}

/// Where a task stands in the order of R1, whatever lends or borrows a place: who comes first has the lower rank. In
/// twenty-four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    priority: u32,
    seconds: u64,
    nanoseconds: u32,
    id: TaskId,
}

impl Rank {
    pub(crate) fn of(task: &Task) -> Self {
        Self::with(task.priority, task)
    }

    fn with(priority: Priority, task: &Task) -> Self {
        Self {
            // The higher priority comes first, so its bits are flipped; the sign's bit once more, as for the seconds, so
            // that numbers below 0 come first.
            priority: (!priority.get()).cast_unsigned() ^ (1 << 31),
            seconds: task.created.timestamp().cast_unsigned() ^ (1 << 63),
            nanoseconds: task.created.timestamp_subsec_nanos(),
            id: task.id,
        }
    }

    /// The task's id.
    pub(crate) const fn id(self) -> TaskId {
        self.id
    }
}

impl Queue {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { rows: Vec::with_capacity(rows), ..Self::default() }
    }

    pub(crate) fn push(&mut self, row: Row, task: &Task) {
        if self.keys.is_empty() {
            let compared = (Reverse(task.priority), task.created, task.id);
            if self.last.is_some_and(|last| last >= compared) {
                self.keys.reserve_exact(self.rows.capacity());
                self.keys.push(key(task, row));
            }
            self.last = Some(compared);
        } else {
            self.keys.push(key(task, row));
        }
        self.rows.push(row);
    }

    /// The rows in the order of R1, dependencies aside.
    pub(crate) fn sort<'a>(self, task: impl Fn(Row) -> &'a Task) -> Vec<Row> {
        let Self { mut rows, mut keys, .. } = self;
        if keys.is_empty() {
            return rows;
        }
        let in_order = rows.len().saturating_sub(keys.len());
        keys.extend(rows.iter().take(in_order).map(|&row| key(task(row), row)));
        keys.sort_unstable();
        rows.clear();
        rows.extend(keys.into_iter().map(|key| key.row));
        rows
    }
}

/// Sorts rows once more, some of them with a priority that is lent to them.
pub(crate) fn resort<'a>(rows: &mut Vec<Row>, task: impl Fn(Row) -> (&'a Task, Option<Priority>)) {
    let mut keys: Vec<Key> = rows
        .iter()
        .map(|&row| {
            let (task, lent) = task(row);
            key_with(lent.unwrap_or(task.priority), task, row)
        })
        .collect();
    keys.sort_unstable();
    rows.clear();
    rows.extend(keys.into_iter().map(|key| key.row));
}

/// The row has no place in the order.
const NOWHERE: u32 = u32::MAX;

/// The same rows, each after those that it depends on: priority inheritance. `lenders` gives the rows to which a row lends
/// its place, of all that are below `size`; those that are not among `sorted` are passed over.
///
/// Rows may lie anywhere in memory, and a walk that looks up where each of them stands would wait for every look: so all
/// are looked up first, one independent of the other, and the walk goes over places in the order, which lie side by side.
pub(crate) fn inherit<I: Iterator<Item = Row>>(
    sorted: &[Row],
    size: usize,
    lenders: impl Fn(Row) -> I,
) -> Vec<Row> {
    let mut place = Table(vec![NOWHERE; size]);
    for (at, &row) in (0..).zip(sorted) {
        place[row] = at;
    }
    let mut lent = Lent { places: Vec::new(), first: Vec::with_capacity(sorted.len()) };
    for &row in sorted {
        lent.first.push(position(lent.places.len()));
        lent.places.extend(lenders(row).map(|on| place[on]).filter(|&on| on != NOWHERE));
    }
    let mut walk = Walk {
        lent,
        entered: Table(vec![false; sorted.len()]),
        order: Vec::with_capacity(sorted.len()),
        path: Vec::new(),
        before: Vec::new(),
    };
    for root in 0..position(sorted.len()) {
        walk.from(root);
    }
    walk.order.iter().filter_map(|&at| sorted.get(at as usize)).copied().collect()
}

/// For each place in the order, the places of those that must come before.
struct Lent {
    /// One place's after the other's.
    places: Vec<u32>,
    /// Where each place's begin.
    first: Vec<u32>,
}

impl Lent {
    fn of(&self, at: u32) -> &[u32] {
        let Some(&first) = self.first.get(at as usize) else { return &[] };
        let end = self.first.get((at as usize).saturating_add(1));
        let end = end.map_or(self.places.len(), |&end| end as usize);
        self.places.get(first as usize..end).unwrap_or_default()
    }
}

/// The walk over places in the order, without recursion.
struct Walk {
    lent: Lent,
    entered: Table<bool>,
    /// The places, each after those that must come before.
    order: Vec<u32>,
    /// Places that wait for those before them, each with where these begin among `before`.
    path: Vec<(u32, usize)>,
    /// The places still to be looked at; the first in the order stands last.
    before: Vec<u32>,
}

impl Walk {
    fn from(&mut self, root: u32) {
        let mut enter = Some(root);
        loop {
            if let Some(at) = enter.take()
                && !self.entered[at]
            {
                self.enter(at);
            }
            let Some(&(at, from)) = self.path.last() else { return };
            if self.before.len() > from {
                enter = self.before.pop();
            } else {
                self.order.push(at);
                self.path.pop();
            }
        }
    }

    fn enter(&mut self, at: u32) {
        self.entered[at] = true;
        let from = self.before.len();
        self.before.extend(self.lent.of(at).iter().filter(|&&on| !self.entered[on]));
        match self.before.get_mut(from..) {
            Some(places) if !places.is_empty() => {
                places.sort_unstable_by_key(|&on| Reverse(on));
                self.path.push((at, from));
            }
            _ => self.order.push(at),
        }
    }
}
