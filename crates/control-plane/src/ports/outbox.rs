//! The outbox: messages that were written with the plan that caused them, until the broker has confirmed them (R12.4).

use async_trait::async_trait;

use super::{Dispatch, StoreError};

/// Hands messages out for sending.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Up to `limit` unsent messages, oldest first, that no other relay has in hand. An empty batch when there are none.
    async fn unsent(&self, limit: usize) -> Result<Box<dyn OutboxBatch>, StoreError>;
}

/// Messages in the hands of one relay. Dropping it, like the death of its process, gives them back unsent.
#[async_trait]
pub trait OutboxBatch: Send {
    /// The messages.
    fn messages(&self) -> &[OutboxMessage];

    /// Forgets those that the broker confirmed, and gives the others back.
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
