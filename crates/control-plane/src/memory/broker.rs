//! The broker in memory: queues of dispatches, listeners for broadcasts, and questions that wait for answers.
//!
//! A delivery that is not acknowledged goes back to the head of its queue when its consumer is dropped, as with a real broker
//! (at least once). A node's queue exists from the first time that the node asks for its deliveries, and stays.
//! Consumers of one node compete; a call goes to the listener that a node opened last.
//!
//! Several control planes may share one, each by a broker of its own ([`MemoryBroker::beside`]). Dispatches carry the name of the
//! control plane that sent them, calls reach listeners of their own control plane alone.

mod calls;
mod deliveries;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use scheduler_core::InstanceId;
use tokio::sync::{Notify, mpsc};

use self::calls::{Ear, Listeners};
use self::deliveries::Consumer;
use crate::ports::{
    Broadcast, Broker, BrokerError, Call, Calls, ControlPlaneId, Deliveries, Dispatch, Publication, Queue,
    Recipient, Reply, ReplyTo, Request,
};

/// A broker in memory. Clones are the same broker; what it holds ends with the last of them.
#[derive(Clone, Default)]
pub struct MemoryBroker {
    shared: Arc<Shared>,
    /// Whose messages it carries, once that is known.
    serves: Arc<Mutex<Option<ControlPlaneId>>>,
}

impl MemoryBroker {
    /// A broker without queues but the shared one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another control plane's broker, on the same queues.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), serves: Arc::default() }
    }

    fn served(&self) -> Option<ControlPlaneId> {
        *self.serves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without what it holds, which may be secret.
impl fmt::Debug for MemoryBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBroker").finish_non_exhaustive()
    }
}

/// What all clones, consumers and listeners share.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Said when a queue gets something.
    filled: Notify,
}

#[derive(Default)]
struct State {
    /// The queues of nodes, and the shared one, which is always there.
    nodes: BTreeMap<InstanceId, VecDeque<Message>>,
    common: VecDeque<Message>,
    listeners: Listeners,
}

/// A dispatch on its way.
#[derive(Clone)]
struct Message {
    /// Whose it is, if that was known.
    control_plane: Option<ControlPlaneId>,
    dispatch: Dispatch,
}

impl State {
    fn queue(&mut self, queue: Queue) -> Option<&mut VecDeque<Message>> {
        match queue {
            Queue::Node(node) => self.nodes.get_mut(&node),
            Queue::Shared => Some(&mut self.common),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No change is half made when a holder panics: each is one push or one pop.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    fn serve(&self, control_plane: ControlPlaneId) {
        *self.serves.lock().unwrap_or_else(PoisonError::into_inner) = Some(control_plane);
    }

    async fn publish(&self, dispatches: &[Dispatch]) -> Result<Vec<Publication>, BrokerError> {
        let control_plane = self.served();
        let mut state = self.shared.lock();
        let published = dispatches.iter().map(|dispatch| match state.queue(dispatch.queue) {
            Some(queue) => {
                queue.push_back(Message { control_plane, dispatch: dispatch.clone() });
                Publication::Confirmed
            }
            None => Publication::Unroutable,
        });
        let published = published.collect();
        drop(state);
        self.shared.filled.notify_waiters();
        Ok(published)
    }

    async fn deliveries(&self, node: InstanceId, prefetch: u16) -> Result<Box<dyn Deliveries>, BrokerError> {
        self.shared.lock().nodes.entry(node).or_default();
        Ok(Box::new(Consumer::new(Arc::clone(&self.shared), self.served(), node, prefetch)))
    }

    async fn broadcast(&self, broadcast: &Broadcast) -> Result<(), BrokerError> {
        self.shared.lock().listeners.tell_all(self.served(), &Call::Broadcast(broadcast.clone()));
        Ok(())
    }

    async fn calls(&self, node: InstanceId) -> Result<Box<dyn Calls>, BrokerError> {
        let (id, incoming) = self.shared.lock().listeners.open(node, self.served());
        Ok(Box::new(Ear::new(Arc::clone(&self.shared), node, id, incoming)))
    }

    async fn request(
        &self,
        to: &Recipient,
        request: &Request,
        limit: Duration,
    ) -> Result<Vec<(InstanceId, Reply)>, BrokerError> {
        let (mut missing, only): (BTreeSet<InstanceId>, _) = match to {
            Recipient::Node(node) => (BTreeSet::from([*node]), Some(*node)),
            Recipient::All { expected } => (expected.iter().copied().collect(), None),
        };
        let expected = missing.len();
        let mut question = self.ask(only, *request);
        let mut answers: BTreeMap<InstanceId, Reply> = BTreeMap::new();
        let gather = async {
            while !missing.is_empty() {
                let Some((node, reply)) = question.answers.recv().await else { break };
                missing.remove(&node);
                answers.entry(node).or_insert(reply);
            }
        };
        // The time being over is no failure by itself: what came counts.
        let in_time = tokio::time::timeout(limit, gather).await.is_ok();
        if answers.is_empty() && !in_time {
            return Err(BrokerError::NoAnswer { answered: 0, expected });
        }
        Ok(answers.into_iter().collect())
    }
}

impl MemoryBroker {
    /// Sends a request to one node, or to all that listen.
    fn ask(&self, only: Option<InstanceId>, request: Request) -> Question {
        let (sender, answers) = mpsc::unbounded_channel();
        let mut state = self.shared.lock();
        let correlation = state.listeners.expect_answers(sender);
        let address =
            ReplyTo { asked_by: None, address: "memory".into(), correlation: correlation.to_string() };
        let call = Call::Request(request, address);
        match only {
            Some(node) => state.listeners.tell(node, self.served(), &call),
            None => state.listeners.tell_newest(self.served(), &call),
        }
        drop(state);
        Question { shared: Arc::clone(&self.shared), correlation, answers }
    }
}

/// A question that waits for answers; dropping it makes later answers void.
struct Question {
    shared: Arc<Shared>,
    correlation: u64,
    answers: mpsc::UnboundedReceiver<(InstanceId, Reply)>,
}

impl Drop for Question {
    fn drop(&mut self) {
        self.shared.lock().listeners.forget_question(self.correlation);
    }
}
