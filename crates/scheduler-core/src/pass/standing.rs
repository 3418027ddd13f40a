//! How far a row has come within a pass: as the snapshot has it, and as the pass itself has changed it.

use crate::Outcome;

/// How a row stands at this point of the pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Pending.
    Pending,
    /// Waiting on a lost instance: as if pending, but still holding (R8.2).
    TakenBack,
    /// Waiting or running.
    Holding,
    /// Finished, in the snapshot or by this pass.
    Finished(Outcome),
}

impl Standing {
    pub(crate) fn is_unfinished(self) -> bool {
        !matches!(self, Self::Finished(_))
    }

    pub(crate) fn is_considered(self) -> bool {
        matches!(self, Self::Pending | Self::TakenBack)
    }
}
