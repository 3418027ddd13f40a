//! A consumer: what it has in hand goes back to the head of its queue unless it is acknowledged.

use std::sync::Arc;

use async_trait::async_trait;
use scheduler_core::InstanceId;

use super::{Message, Shared};
use crate::ports::{BrokerError, ControlPlaneId, Deliveries, Dispatch, Queue};

/// Takes from the queue of its node first, then from the shared one.
pub(super) struct Consumer {
    shared: Arc<Shared>,
    /// Whose dispatches it takes; all when that is not known.
    serves: Option<ControlPlaneId>,
    node: InstanceId,
    /// How many it may have in hand.
    prefetch: usize,
    in_hand: Vec<Message>,
}

impl Consumer {
    /// As with AMQP, a `prefetch` of 0 is no limit.
    pub(super) fn new(
        shared: Arc<Shared>,
        serves: Option<ControlPlaneId>,
        node: InstanceId,
        prefetch: u16,
    ) -> Self {
        let prefetch = if prefetch == 0 { usize::MAX } else { usize::from(prefetch) };
        Self { shared, serves, node, prefetch, in_hand: Vec::new() }
    }

    /// What is there, at most `max` and at most what it may have in hand.
    fn take(&mut self, max: usize) -> Vec<Dispatch> {
        let most = max.min(self.prefetch.saturating_sub(self.in_hand.len()));
        let mut taken: Vec<Message> = Vec::new();
        let mut state = self.shared.lock();
        for queue in [Queue::Node(self.node), Queue::Shared] {
            let Some(queue) = state.queue(queue) else { continue };
            while taken.len() < most
                && let Some(message) = queue.pop_front()
            {
                if self.is_own(&message) {
                    taken.push(message);
                }
            }
        }
        drop(state);
        self.in_hand.extend(taken.iter().cloned());
        taken.into_iter().map(|message| message.dispatch).collect()
    }

    /// Whether a message is for this control plane. Nobody keeps dead letters here.
    fn is_own(&self, message: &Message) -> bool {
        let foreign = message.control_plane.zip(self.serves).filter(|(theirs, ours)| theirs != ours);
        if let Some((theirs, ours)) = foreign {
            let task = message.dispatch.task;
            tracing::warn!(%task, %theirs, %ours, "a dispatch of another control plane is dropped");
        }
        foreign.is_none()
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
        for message in self.in_hand.drain(..).rev() {
            if let Some(queue) = state.queue(message.dispatch.queue) {
                queue.push_front(message);
            }
        }
        drop(state);
        self.shared.filled.notify_waiters();
    }
}
