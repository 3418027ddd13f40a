//! The outbox as relays see it: a batch is in the hands of one of them until it is settled or dropped.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

use super::MemoryStore;
use super::store::Shared;
use crate::ports::{Dispatch, Outbox, OutboxBatch, OutboxId, OutboxMessage, StoreError};

#[async_trait]
impl Outbox for MemoryStore {
    async fn unsent(&self, limit: usize) -> Result<Box<dyn OutboxBatch>, StoreError> {
        let messages = self.shared.write(|state, now| {
            let rows = &state.unfinished;
            let waits = |dispatch: &Dispatch| {
                rows.get(&dispatch.task).is_some_and(|row| row.waits_under(dispatch.dispatch))
            };
            state.outbox.take(limit, now, |dispatch| !waits(dispatch))
        });
        Ok(Box::new(Batch { shared: Arc::clone(&self.shared), messages }))
    }
}

/// Messages in the hands of one relay.
#[derive(Debug)]
struct Batch {
    shared: Arc<Shared>,
    messages: Vec<OutboxMessage>,
}

#[async_trait]
impl OutboxBatch for Batch {
    fn messages(&self) -> &[OutboxMessage] {
        &self.messages
    }

    async fn settle(mut self: Box<Self>, sent: &[OutboxId]) -> Result<(), StoreError> {
        let sent: BTreeSet<OutboxId> = sent.iter().copied().collect();
        let (sent, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.messages).into_iter().partition(|message| sent.contains(&message.id));
        self.shared.write(|state, now| {
            for message in sent {
                state.outbox.forget(message.id);
            }
            state.outbox.rest(kept, now);
        });
        Ok(())
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let messages = std::mem::take(&mut self.messages);
        self.shared.write(|state, _| state.outbox.give_back(messages));
    }
}
