//! Who holds each key of a resource, and who waits for it.
//!
//! A cell is sixteen bytes and answers nearly every question by itself, without a look at the holder's row: nearly all keys
//! are held by one task in one mode. Several holders, and the oldest of those who wait, stand elsewhere. Keys that are
//! small beside the number of tasks, as a database's are, index a vector, so that tasks of neighbouring templates find
//! their cells side by side; any other key is hashed.

use alloc::vec::Vec;

use crate::compiled::bit;
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
    near: Vec<Cell>,
    far: FxHashMap<i64, Cell>,
    /// The keys below this stand in `near`.
    reach: usize,
}

impl Cells {
    /// No cell yet; there will be claims of at most so many tasks.
    pub(crate) fn new(tasks: usize) -> Self {
        Self { near: Vec::new(), far: FxHashMap::default(), reach: tasks.saturating_mul(2).max(64) }
    }

    fn near(&self, key: i64) -> Option<usize> {
        usize::try_from(key).ok().filter(|&key| key < self.reach)
    }

    /// The cell of a key; a free one for a key that was never heard of.
    pub(crate) fn get(&self, key: i64) -> Cell {
        let found = match self.near(key) {
            Some(key) => self.near.get(key),
            None => self.far.get(&key),
        };
        found.copied().unwrap_or(Cell::FREE)
    }

    #[expect(clippy::indexing_slicing, reason = "the vector was made longer than the key")]
    pub(crate) fn get_mut(&mut self, key: i64) -> &mut Cell {
        let Some(key) = self.near(key) else { return self.far.entry(key).or_insert(Cell::FREE) };
        if key >= self.near.len() {
            let length = key.saturating_add(1).max(self.near.len().saturating_mul(2)).min(self.reach);
            self.near.resize(length, Cell::FREE);
        }
        &mut self.near[key]
    }
}
