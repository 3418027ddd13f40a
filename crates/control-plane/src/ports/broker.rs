//! The broker: dispatches to nodes with confirmation, broadcasts to every node, and calls with answers.
//!
//! Delivery is at least once and in no particular order; the fence that makes a task run once is the store's (R12.4).

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use scheduler_core::{DispatchId, InstanceId, Kind, Placement, TaskId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{BrokerError, ControlPlaneId};
use crate::definition::HandlerName;

/// Carries messages between nodes.
#[async_trait]
pub trait Broker: fmt::Debug + Send + Sync {
    /// Says whose messages this broker carries. From now on they name this control plane, and consumers and listeners that are opened
    /// take nothing that names another: a dispatch goes to the dead letters, a call is dropped, both with a warning. A message
    /// that names none is taken: those of earlier versions do not.
    fn serve(&self, control_plane: ControlPlaneId);

    /// Publishes and waits for the confirmations, many at a time. The answers stand in the order of the messages; an error means
    /// that none of them may count as sent.
    async fn publish(&self, dispatches: &[Dispatch]) -> Result<Vec<Publication>, BrokerError>;

    /// The dispatches for this node: its own queue and the shared one, of which at most `prefetch` are unacknowledged at a time.
    /// The queues are declared first and survive the node.
    async fn deliveries(&self, node: InstanceId, prefetch: u16) -> Result<Box<dyn Deliveries>, BrokerError>;

    /// Sends to every node that listens now.
    async fn broadcast(&self, broadcast: &Broadcast) -> Result<(), BrokerError>;

    /// The broadcasts and requests for this node.
    async fn calls(&self, node: InstanceId) -> Result<Box<dyn Calls>, BrokerError>;

    /// Asks one node or several and gathers the answers until all are there or the time is over; answers that came are returned even
    /// when others are missing, an error only when none came.
    async fn request(
        &self,
        to: &Recipient,
        request: &Request,
        limit: Duration,
    ) -> Result<Vec<(InstanceId, Reply)>, BrokerError>;
}

/// Where a dispatch is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Queue {
    /// The queue of one node.
    Node(InstanceId),
    /// The queue that every worker takes from.
    Shared,
}

impl Queue {
    /// The queue for a task that starts at this place: the instance that runs it; for a container group the instance that
    /// controls it, and any worker when there is none.
    #[must_use]
    pub fn of(place: Placement) -> Self {
        place.node.or(place.controller).map_or(Self::Shared, Self::Node)
    }
}

/// One dispatch of one task. What to run is not in it: the taker gets that with its claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// The task.
    pub task: TaskId,
    /// The fence under which it may be taken.
    pub dispatch: DispatchId,
    /// Its kind, for people who look at queues.
    pub kind: Kind,
    /// Who will run it.
    pub handler: HandlerName,
    /// Where to.
    pub queue: Queue,
    /// The trace that it belongs to.
    pub trace: Option<TraceContext>,
}

/// A trace context as in the W3C recommendation's `traceparent`: `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceContext(String);

/// A text that is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a trace context has the form 00-<32 hex digits>-<16 hex digits>-<2 hex digits>")]
pub struct TraceContextError;

impl TraceContext {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TraceContext {
    type Error = TraceContextError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let lengths: Vec<usize> = text.split('-').map(str::len).collect();
        let hex =
            text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if lengths == [2, 32, 16, 2] && hex { Ok(Self(text)) } else { Err(TraceContextError) }
    }
}

impl From<TraceContext> for String {
    fn from(context: TraceContext) -> Self {
        context.0
    }
}

/// What became of a published message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publication {
    /// The broker has it and will keep it.
    Confirmed,
    /// No queue takes it: it is not sent.
    Unroutable,
    /// The broker did not take it: it is not sent.
    Refused,
}

/// The dispatches for one node, in the hands of one consumer. Dropping it gives back what is not acknowledged.
#[async_trait]
pub trait Deliveries: Send {
    /// Waits for a dispatch, and returns it with those that are there too, at most `max`. An error means that the consumer is
    /// done for: ask the broker for another.
    ///
    /// The caller drops this future whenever something else happens first, perhaps after polling it once, again and again. So what has
    /// been done so far is kept in the consumer and not in the future: a dispatch that was taken from the broker and not returned yet is
    /// returned by a later call, is in the meantime neither lost nor acknowledged, and counts against the prefetch; and a call goes on
    /// where the dropped one was, since one that begins anew each time, with a wait before its first look, may never get to the end.
    async fn next(&mut self, max: usize) -> Result<Vec<Dispatch>, BrokerError>;

    /// Acknowledges everything that [`Deliveries::next`] has returned so far.
    async fn acknowledge(&mut self) -> Result<(), BrokerError>;
}

/// A message that every node gets, run by the broadcast handler of that name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broadcast {
    /// Who runs it.
    pub handler: HandlerName,
    /// What it is given.
    pub payload: serde_json::Value,
}

/// Without the payload, which may hold secrets.
impl fmt::Debug for Broadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast").field("handler", &self.handler).finish_non_exhaustive()
    }
}

/// The broadcasts and requests for one node.
#[async_trait]
pub trait Calls: Send {
    /// Waits for the next one.
    async fn next(&mut self) -> Result<Call, BrokerError>;

    /// Answers a request; void when nobody waits for it any more.
    async fn reply(&mut self, to: ReplyTo, reply: &Reply) -> Result<(), BrokerError>;
}

/// Something that came in for a node.
#[derive(Clone, Debug)]
pub enum Call {
    /// Run this; nobody waits for an answer.
    Broadcast(Broadcast),
    /// Answer this.
    Request(Request, ReplyTo),
}

/// Where an answer goes: only the broker can read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReplyTo {
    /// Who says to have asked, for people; nobody vouches for it.
    pub asked_by: Option<String>,
    /// The queue or channel of the one who asked.
    pub address: String,
    /// Which question it answers.
    pub correlation: String,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// One node.
    Node(InstanceId),
    /// All that listen; these are expected to answer.
    All {
        /// The nodes whose answers to wait for.
        expected: Vec<InstanceId>,
    },
}

/// What a node can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Who are you and how are you?
    Status,
    /// What are you running?
    Running,
    /// Stop this task, if you run it.
    Cancel(TaskId),
    /// Recycle the pool and read your configuration again.
    Reload,
}

/// What a node answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Request::Status`].
    Status(NodeStatus),
    /// To [`Request::Running`].
    Running(Vec<RunningTask>),
    /// To [`Request::Cancel`]: whether it ran here.
    Canceling(bool),
    /// To [`Request::Reload`]: what is different now, in words.
    Reloaded(String),
    /// The node could not do it, in words.
    Failed(String),
}

/// How a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its name.
    pub hostname: String,
    /// The version of its program.
    pub version: String,
    /// What it does: `scheduler`, `relay`, `worker`.
    pub roles: Vec<String>,
    /// Since when.
    pub since: Timestamp,
    /// How many workers its pool has.
    pub workers: u32,
    /// How many of them are busy.
    pub busy: u32,
    /// The least and the most that its pool may have.
    pub bounds: (u32, u32),
}

/// A task that a node runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningTask {
    /// The task.
    pub task: TaskId,
    /// The fence under which it runs.
    pub dispatch: DispatchId,
    /// Who runs it.
    pub handler: HandlerName,
    /// Since when.
    pub since: Timestamp,
    /// Whether it was told to stop.
    pub canceling: bool,
}
