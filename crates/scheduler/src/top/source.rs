//! What the screen asks of what it shows: a live control plane, or a simulation.

use std::time::Instant;

use scheduler_core::TaskId;

use super::state::Said;
use super::view::View;
use crate::failure::Failure;

/// Where views come from. Neither call waits for a server or for a simulation.
pub(super) trait Source {
    /// Everything that is new.
    ///
    /// # Errors
    ///
    /// When nothing will ever come any more.
    fn updates(&mut self, now: Instant) -> Result<Vec<Update>, Failure>;

    /// Asks for something; what comes of it is an update.
    fn ask(&mut self, request: Request);
}

/// Something new.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Update {
    View(Box<View>),
    Said(Said),
}

/// Something for the source to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Follow the chain of this task from now on, or of none.
    Watch(Option<TaskId>),
    /// Ask to cancel this task.
    Cancel(TaskId),
    /// Stand still, or go on.
    Pause(bool),
    /// Play twice as fast.
    Faster,
    /// Play half as fast.
    Slower,
    /// A step back in the time of a simulation.
    Back,
    /// A step ahead.
    Ahead,
}
