//! A consumer: what it has in hand goes back to the head of its queue unless it is acknowledged.

use std::sync::Arc;

use async_trait::async_trait;
use scheduler_core::InstanceId;

use super::Shared;
use crate::ports::{BrokerError, Deliveries, Dispatch, Queue};

/// Takes from the queue of its node first, then from the shared one.
pub(super) struct Consumer {
    shared: Arc<Shared>,
    node: InstanceId,
    /// How many it may have in hand.
    prefetch: usize,
    in_hand: Vec<Dispatch>,
}

impl Consumer {
    /// As with AMQP, a `prefetch` of 0 is no limit.
    pub(super) fn new(shared: Arc<Shared>, node: InstanceId, prefetch: u16) -> Self {
        let prefetch = if prefetch == 0 { usize::MAX } else { usize::from(prefetch) };
        Self { shared, node, prefetch, in_hand: Vec::new() }
    }

    /// What is there, at most `max` and at most what it may have in hand.
    fn take(&mut self, max: usize) -> Vec<Dispatch> {
        let most = max.min(self.prefetch.saturating_sub(self.in_hand.len()));
        let mut taken = Vec::new();
        let mut state = self.shared.lock();
        for queue in [Queue::Node(self.node), Queue::Shared] {
            let Some(queue) = state.queue(queue) else { continue };
            let room = most.saturating_sub(taken.len()).min(queue.len());
            taken.extend(queue.drain(..room));
        }
        drop(state);
        self.in_hand.extend(taken.iter().cloned());
        taken
    }
}

#[async_trait]
impl Deliveries for Consumer {
    async fn next(&mut self, max: usize) -> Result<Vec<Dispatch>, BrokerError> {
        let shared = Arc::clone(&self.shared);
        loop {
            let filled = shared.filled.notified();
            tokio::pin!(filled);
            // Listening before looking, so that nothing published in between is missed.
            filled.as_mut().enable();
            let taken = self.take(max);
            if !taken.is_empty() {
                return Ok(taken);
            }
            filled.await;
        }
    }

    async fn acknowledge(&mut self) -> Result<(), BrokerError> {
        self.in_hand.clear();
        Ok(())
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        for dispatch in self.in_hand.drain(..).rev() {
            if let Some(queue) = state.queue(dispatch.queue) {
                queue.push_front(dispatch);
            }
        }
        drop(state);
        self.shared.filled.notify_waiters();
    }
}
