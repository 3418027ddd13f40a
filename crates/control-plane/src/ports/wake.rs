//! Wake-ups: what the store says to whoever listens, so that nobody has to wait for the next periodic round (R12.2).
//!
//! A hint and no more: one may be missing, late or repeated, and everything is still right, only slower.

use std::fmt;

use async_trait::async_trait;

use super::StoreError;

/// Tells listeners that something changed.
#[async_trait]
pub trait Wakes: fmt::Debug + Send + Sync {
    /// A stream of the wake-ups from now on.
    async fn wakeups(&self) -> Result<Box<dyn Wakeups>, StoreError>;
}

/// A stream of wake-ups. It mends itself: after a break it says everything once, since anything may have happened.
#[async_trait]
pub trait Wakeups: Send {
    /// Waits for the next. An error is the last word: ask the store for another stream.
    async fn next(&mut self) -> Result<Wake, StoreError>;
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wake {
    /// Something that a pass should look at: a launch, an end, a cancel, an answer, an instance.
    Schedule,
    /// The outbox has something to send.
    Outbox,
    /// Somebody asked to cancel a task that runs.
    Orders,
    /// A node has joined: whoever bore its name before has been replaced.
    Members,
}
