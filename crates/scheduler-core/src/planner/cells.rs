//! Who holds each key of a resource, and which pending tasks want it, wait for it, or wait behind who waits for it.
//!
//! Everything that the order of R1 has a say in stands in lines, so that a question about one key and one mode costs a look at
//! the head of a line.

use alloc::collections::BTreeSet;

use smallvec::SmallVec;

use super::line::Line;
use super::seats::Slot;
use crate::pass::compiled::{Wanted, bit};
use crate::table::{FxHashMap, Row};
use crate::{Mode, TaskId};

/// A resource of the table, and a key.
pub(super) type CellKey = (Row, i64);

/// A key of a resource and a mode, as one claims it.
pub(super) type SideKey = (CellKey, Mode);

/// One key of a resource in one mode.
#[derive(Debug)]
pub(super) struct Side {
    mode: Mode,
    /// Those that hold it so, by id: holding rows, and the tasks that start by the plan.
    pub(super) holders: BTreeSet<(TaskId, Slot)>,
    /// The pending tasks that want it so and that no claim of anybody blocks. Kept where places are kept (R3).
    pub(super) free: Line,
    /// Those that are blocked, here or elsewhere, and so keep a place here. Kept where places are kept.
    pub(super) blocked: Line,
    /// Of the blocked ones those that are parked here: this key is held in a mode that forbids theirs.
    pub(super) parked: Line,
    /// Those that are parked here because an older one keeps a place that binds them.
    pub(super) behind: Line,
}

impl Side {
    fn new(mode: Mode) -> Self {
        let line = Line::default;
        Self { mode, holders: BTreeSet::new(), free: line(), blocked: line(), parked: line(), behind: line() }
    }

    fn is_empty(&self) -> bool {
        self.holders.is_empty()
            && self.free.is_empty()
            && self.blocked.is_empty()
            && self.parked.is_empty()
            && self.behind.is_empty()
    }
}

/// All keys that somebody holds or wants.
#[derive(Debug, Default)]
pub(super) struct Cells(FxHashMap<CellKey, SmallVec<[Side; 1]>>);

impl Cells {
    /// What is known of a key in a mode, if anything is.
    pub(super) fn side(&self, (key, mode): SideKey) -> Option<&Side> {
        self.0.get(&key)?.iter().find(|side| side.mode == mode)
    }

    /// Changes what is known of a key in a mode, and forgets the key once nothing is known of it.
    pub(super) fn change(&mut self, (key, mode): SideKey, change: impl FnOnce(&mut Side)) {
        let sides = self.0.entry(key).or_default();
        let at = sides.iter().position(|side| side.mode == mode);
        let at = at.unwrap_or_else(|| {
            sides.push(Side::new(mode));
            sides.len().saturating_sub(1)
        });
        let Some(side) = sides.get_mut(at) else { return };
        change(side);
        if side.is_empty() {
            sides.swap_remove(at);
            if sides.is_empty() {
                self.0.remove(&key);
            }
        }
    }

    /// The modes in which a key is held.
    pub(super) fn held(&self, key: CellKey) -> u8 {
        let sides = self.0.get(&key).into_iter().flatten();
        sides.filter(|side| !side.holders.is_empty()).fold(0, |held, side| held | bit(side.mode))
    }
}

/// The key and the mode of a claim.
pub(super) fn side_of(wanted: Wanted) -> SideKey {
    ((wanted.resource, wanted.key), wanted.mode)
}
