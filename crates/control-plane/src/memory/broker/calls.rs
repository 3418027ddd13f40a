//! Listeners for broadcasts and requests, and the questions that wait for answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use scheduler_core::InstanceId;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::Shared;
use crate::ports::{BrokerError, Call, Calls, ControlPlaneId, Reply, ReplyTo};

/// Which listener; a later one has a higher number.
type ListenerId = u64;

/// Who listens, and who waits for answers.
#[derive(Default)]
pub(super) struct Listeners {
    open: BTreeMap<InstanceId, BTreeMap<ListenerId, Listener>>,
    questions: BTreeMap<u64, mpsc::UnboundedSender<(InstanceId, Reply)>>,
    last: u64,
}

/// How many calls wait for a listener that is busy; what comes when there are so many is lost, as calls may be.
const ROOM: usize = 1_000;

/// One listener.
struct Listener {
    /// Whose calls it hears; every call when that is not known.
    serves: Option<ControlPlaneId>,
    calls: mpsc::Sender<Call>,
}

impl Listener {
    fn hears(&self, from: Option<ControlPlaneId>) -> bool {
        from.is_none() || self.serves.is_none() || from == self.serves
    }

    fn tell(&self, call: &Call) {
        // One that is just being dropped hears nothing any more.
        if let Err(TrySendError::Full(_)) = self.calls.try_send(call.clone()) {
            tracing::warn!("a call is lost: its listener has too many before it");
        }
    }
}

impl Listeners {
    fn number(&mut self) -> u64 {
        self.last = self.last.saturating_add(1);
        self.last
    }

    pub(super) fn open(
        &mut self,
        node: InstanceId,
        serves: Option<ControlPlaneId>,
    ) -> (ListenerId, mpsc::Receiver<Call>) {
        let (calls, receiver) = mpsc::channel(ROOM);
        let id = self.number();
        self.open.entry(node).or_default().insert(id, Listener { serves, calls });
        (id, receiver)
    }

    fn close(&mut self, node: InstanceId, id: ListenerId) {
        if let Some(listeners) = self.open.get_mut(&node) {
            listeners.remove(&id);
            if listeners.is_empty() {
                self.open.remove(&node);
            }
        }
    }

    /// To the listener that this node opened last; lost when it has none.
    pub(super) fn tell(&self, node: InstanceId, from: Option<ControlPlaneId>, call: &Call) {
        let listeners = self.open.get(&node).into_iter().flat_map(BTreeMap::values);
        if let Some(listener) = listeners.rev().find(|listener| listener.hears(from)) {
            listener.tell(call);
        }
    }

    /// To the listener that each node opened last.
    pub(super) fn tell_newest(&self, from: Option<ControlPlaneId>, call: &Call) {
        for &node in self.open.keys() {
            self.tell(node, from, call);
        }
    }

    /// To every listener.
    pub(super) fn tell_all(&self, from: Option<ControlPlaneId>, call: &Call) {
        let listeners = self.open.values().flat_map(BTreeMap::values);
        listeners.filter(|listener| listener.hears(from)).for_each(|listener| listener.tell(call));
    }

    pub(super) fn expect_answers(&mut self, answers: mpsc::UnboundedSender<(InstanceId, Reply)>) -> u64 {
        let question = self.number();
        self.questions.insert(question, answers);
        question
    }

    pub(super) fn forget_question(&mut self, question: u64) {
        self.questions.remove(&question);
    }
}

/// The broadcasts and requests for one node.
pub(super) struct Ear {
    shared: Arc<Shared>,
    node: InstanceId,
    id: ListenerId,
    incoming: mpsc::Receiver<Call>,
}

impl Ear {
    pub(super) fn new(
        shared: Arc<Shared>,
        node: InstanceId,
        id: ListenerId,
        incoming: mpsc::Receiver<Call>,
    ) -> Self {
        Self { shared, node, id, incoming }
    }
}

#[async_trait]
impl Calls for Ear {
    async fn next(&mut self) -> Result<Call, BrokerError> {
        let gone = || BrokerError::Refused("this listener is closed: ask the broker for another".into());
        self.incoming.recv().await.ok_or_else(gone)
    }

    async fn reply(&mut self, to: ReplyTo, reply: &Reply) -> Result<(), BrokerError> {
        let state = self.shared.lock();
        let question = to.correlation.parse().ok();
        if let Some(answers) = question.and_then(|question: u64| state.listeners.questions.get(&question)) {
            let _ = answers.send((self.node, reply.clone()));
        }
        Ok(())
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.shared.lock().listeners.close(self.node, self.id);
    }
}
