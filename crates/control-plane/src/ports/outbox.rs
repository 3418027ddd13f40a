//! The outbox: messages that were written with the plan that caused them, until the broker has confirmed them (R12.4).

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::{Dispatch, StoreError};

/// How long a message rests that the broker would not take, before it is handed out again. Long enough that messages for a
/// node that is gone starve nobody, short enough that a node that has just come waits for no more than a moment.
pub const REST_AFTER_RETURN: Duration = Duration::from_secs(1);

/// Hands messages out for sending.
#[async_trait]
pub trait Outbox: fmt::Debug + Send + Sync {
    /// Up to `limit` unsent messages, oldest first, that no other relay has in hand and that do not rest
    /// ([`REST_AFTER_RETURN`]). An empty batch when there are none. A message whose task no longer waits under its
    /// dispatch is void: it is never handed out, and the store forgets it in its own time.
    async fn unsent(&self, limit: usize) -> Result<Box<dyn OutboxBatch>, StoreError>;
}

/// Messages in the hands of one relay. Dropping it, like the death of its process, gives them back unsent, to be handed out
/// again at once.
#[async_trait]
pub trait OutboxBatch: Send {
    /// The messages.
    fn messages(&self) -> &[OutboxMessage];

    /// Forgets those that the broker confirmed, and gives the others back to rest for [`REST_AFTER_RETURN`].
    async fn settle(self: Box<Self>, sent: &[OutboxId]) -> Result<(), StoreError>;
}

/// The identity of a message in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxId(pub i64);

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxMessage {
    /// Its identity.
    pub id: OutboxId,
    /// What to send, and where.
    pub dispatch: Dispatch,
}
