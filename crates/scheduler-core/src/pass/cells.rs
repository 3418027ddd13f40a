//! Who holds each key of a resource, and who waits for it.
//!
//! A cell is sixteen bytes and answers nearly every question by itself, without a look at the holder's row: nearly all keys
//! are held by one task in one mode. Several holders, and the oldest of those who wait, stand elsewhere. Keys that lie
//! close together, as a database's do, index a vector, so that tasks of neighbouring templates find their cells side by side;
//! any other key is hashed.

use alloc::vec::Vec;

use super::compiled::bit;
use crate::table::{FxHashMap, Row};
use crate::{Kind, Mode, Task, TaskId};

/// No row, and no entry elsewhere.
pub(crate) const NONE: Row = Row::MAX;

/// What is known of one key of a resource.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    /// The modes in which it is held.
    pub(crate) held: u8,
    /// The modes in which older blocked tasks wait for it.
    pub(crate) waited: u8,
    /// Whether `holder` is an entry among the crowds instead of the one row that holds it.
    pub(crate) crowded: bool,
    pub(crate) holder: Row,
    /// The kind and the id of the one that holds it.
    pub(crate) kind: Kind,
    pub(crate) id: TaskId,
}

impl Cell {
    const FREE: Self =
        Self { held: 0, waited: 0, crowded: false, holder: NONE, kind: Kind::Job, id: TaskId::new(0) };

    /// A cell that one row holds.
    pub(crate) fn take(&mut self, mode: Mode, row: Row, task: &Task) {
        (self.held, self.holder, self.kind, self.id) = (bit(mode), row, task.kind(), task.id);
    }
}

/// The cells of one resource, by key.
pub(crate) struct Cells {
    /// Those of the keys below its length.
    near: Vec<Cell>,
    far: FxHashMap<i64, Cell>,
    /// How many cells of `near` are in use.
    used: usize,
}

impl Cells {
    /// A vector may be so many times as long as there are keys in use.
    const SPARSE: usize = 8;
    const SHORTEST: usize = 64;

    pub(crate) fn new() -> Self {
        Self { near: Vec::new(), far: FxHashMap::default(), used: 0 }
    }

    /// The cell of a key; a free one for a key that was never heard of.
    pub(crate) fn get(&self, key: i64) -> Cell {
        let near = usize::try_from(key).ok().and_then(|key| self.near.get(key));
        near.or_else(|| self.far.get(&key)).copied().unwrap_or(Cell::FREE)
    }

    #[expect(clippy::indexing_slicing, reason = "the vector is longer than the key")]
    pub(crate) fn get_mut(&mut self, key: i64) -> &mut Cell {
        match usize::try_from(key) {
            Ok(near) if near < self.near.len() || self.reach(near) => {
                let cell = &mut self.near[near];
                if cell.held | cell.waited == 0 {
                    self.used = self.used.saturating_add(1);
                }
                cell
            }
            _ => self.far.entry(key).or_insert(Cell::FREE),
        }
    }

    /// Makes the vector long enough for a key, unless it would be nearly empty.
    fn reach(&mut self, key: usize) -> bool {
        let used = self.used.saturating_add(self.far.len());
        if key >= used.saturating_mul(Self::SPARSE).max(Self::SHORTEST) {
            return false;
        }
        let length = key.saturating_add(1).max(self.near.len().saturating_mul(2));
        self.near.resize(length, Cell::FREE);
        let near = &mut self.near;
        let moved = self.far.extract_if(|&key, _| usize::try_from(key).is_ok_and(|key| key < length));
        for (key, moved) in moved {
            if let Some(cell) = usize::try_from(key).ok().and_then(|key| near.get_mut(key)) {
                *cell = moved;
                self.used = self.used.saturating_add(1);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_a_cell_stays_what_it_was_while_others_come() {
        let dense = 0..3_000_i64;
        let sparse = (0..3_000).map(|key| key * 1_009 - 500_000);
        let huge = [i64::MIN, i64::MAX, -1, 1 << 40];
        let keys: Vec<i64> = sparse.clone().chain(huge).chain(dense).chain(sparse).collect();
        let mut cells = Cells::new();
        let mut known = alloc::collections::BTreeMap::new();
        for (row, &key) in (1..).zip(&keys) {
            assert_eq!(cells.get(key).holder, *known.get(&key).unwrap_or(&NONE), "{key} before {row}");
            let cell = cells.get_mut(key);
            (cell.held, cell.holder) = (1, row);
            known.insert(key, row);
        }
        assert!(known.iter().all(|(&key, &row)| cells.get(key).holder == row));
        assert!(cells.near.len() >= 3_000 && !cells.far.is_empty(), "both kinds of keys were met");
        assert!(cells.near.len() <= Cells::SPARSE * 2 * known.len());
    }
    #[test]
    fn r2_a_far_cell_just_beyond_the_vector_does_not_vanish_when_it_grows() {
        let mut cells = Cells::new();
        let first_far = i64::try_from(Cells::SHORTEST).unwrap();
        cells.get_mut(first_far).held = 1;
        assert_eq!((cells.near.len(), cells.far.len()), (0, 1));
        cells.get_mut(first_far - 1).held = 1;
        assert_eq!(cells.near.len(), Cells::SHORTEST, "it ends just before the far key");
        assert_eq!(cells.get(first_far).held, 1);
    }
}
