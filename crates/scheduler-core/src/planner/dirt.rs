//! What changed since the last sweep, and so may let a task start, or keep one from it.
//!
//! Gathered change by change and swept at once. When in doubt more is noted here: waking too many costs time and never truth.

use super::cells::SideKey;
use super::seats::Slot;
use crate::table::{FxHashSet, Row};

/// What is to be looked at in the next sweep.
#[derive(Debug, Default)]
pub(super) struct Dirt {
    /// Pending tasks that are new or changed, or whose dependencies did.
    pub(super) tasks: FxHashSet<Slot>,
    /// Keys with a wanted mode that a holder forbade who holds it no longer.
    pub(super) released: FxHashSet<SideKey>,
    /// Keys with a wanted mode that a new holder forbids.
    pub(super) taken: FxHashSet<SideKey>,
    /// Keys with a wanted mode that was bound by a place which is given up.
    pub(super) given_up: FxHashSet<SideKey>,
    /// Groups with more room than before.
    pub(super) rooms: FxHashSet<Row>,
    /// Any group may have more room than before.
    pub(super) all_rooms: bool,
    /// The tasks that start may have to start elsewhere, or not at all.
    pub(super) starts: bool,
}

impl Dirt {
    pub(super) fn is_empty(&self) -> bool {
        !self.starts
            && !self.all_rooms
            && self.tasks.is_empty()
            && self.released.is_empty()
            && self.taken.is_empty()
            && self.given_up.is_empty()
            && self.rooms.is_empty()
    }
}
