//! The outbox: messages in order, each either there to be sent or in the hands of one relay.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use scheduler_core::Timestamp;

use super::MemoryStore;
use super::store::Shared;
use crate::ports::{Dispatch, Outbox, OutboxBatch, OutboxId, OutboxMessage, StoreError};

/// The messages that no broker has confirmed.
#[derive(Debug, Default)]
pub(super) struct Messages {
    ready: BTreeMap<OutboxId, Dispatch>,
    /// When each was written, those in the hands of relays included.
    written: BTreeMap<OutboxId, Timestamp>,
    last: i64,
}

impl Messages {
    pub(super) fn add(&mut self, dispatch: Dispatch, now: Timestamp) {
        self.last = self.last.saturating_add(1);
        self.ready.insert(OutboxId(self.last), dispatch);
        self.written.insert(OutboxId(self.last), now);
    }

    pub(super) fn len(&self) -> usize {
        self.written.len()
    }

    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.written.values().next().copied()
    }

    fn take(&mut self, limit: usize) -> Vec<OutboxMessage> {
        let next = || self.ready.pop_first().map(|(id, dispatch)| OutboxMessage { id, dispatch });
        std::iter::from_fn(next).take(limit).collect()
    }

    fn forget(&mut self, id: OutboxId) {
        self.written.remove(&id);
    }

    fn give_back(&mut self, messages: impl IntoIterator<Item = OutboxMessage>) {
        self.ready.extend(messages.into_iter().map(|message| (message.id, message.dispatch)));
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn unsent(&self, limit: usize) -> Result<Box<dyn OutboxBatch>, StoreError> {
        let messages = self.shared.write(|state, _| state.outbox.take(limit));
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
        let sent: std::collections::BTreeSet<OutboxId> = sent.iter().copied().collect();
        let (sent, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.messages).into_iter().partition(|message| sent.contains(&message.id));
        self.shared.write(|state, _| {
            for message in sent {
                state.outbox.forget(message.id);
            }
            state.outbox.give_back(kept);
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
