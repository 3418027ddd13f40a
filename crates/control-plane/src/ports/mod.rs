//! What the loops ask of the world, as traits: a store, a broker, a clock.
//!
//! Each trait is as small as its one caller needs, and says what its caller relies on: that is what the conformance suites
//! test, and what an adapter promises. Ports carry values of this crate and of `scheduler-core`; how a store lays out
//! its rows or a broker writes its messages is the adapter's own. All calls are in batches, since a round trip or a
//! commit costs the same for one row as for hundreds.
//!
//! Cancelling: dropping the future of any call leaves the store as before the call or as after it, never between.

mod admin;
mod broker;
mod clock;
mod counts;
mod error;
mod history;
mod identity;
mod membership;
mod outbox;
mod pass;
mod retention;
mod wake;
mod work;

pub use admin::{
    Admin, Answer, Answered, CancelAnswer, Launch, Launchable, NodeView, StoredHold, TaskFilter, TaskStatus,
    TaskView,
};
pub use broker::{
    Broadcast, Broker, Call, Calls, Deliveries, Dispatch, NodeStatus, Publication, Queue, Recipient, Reply,
    ReplyTo, Request, RunningTask, TraceContext, TraceContextError,
};
pub use clock::{Clock, SystemClock};
pub use counts::{Counts, Statistics};
pub use error::{BrokerError, StoreError};
pub use history::{HistoryFilter, PastTask, PastWait};
pub use identity::{ControlPlaneId, ControlPlaneIdError};
pub use membership::{Incarnation, Joined, Joining, Members, Membership, Standing};
pub use outbox::{Outbox, OutboxBatch, OutboxId, OutboxMessage, REST_AFTER_RETURN};
pub use pass::{Commit, Committed, Pass, Passes, Reading, SkippedStart};
pub use retention::{Family, Kept, Purge, PurgeMark, Purged, Retention};
pub use wake::{Wake, Wakes, Wakeups};
pub use work::{
    Assignment, Claimed, Claims, Ended, Order, Output, Report, Reported, Slice, SliceNumber, Verdict, Work,
};

/// What a node needs of a store: one value behind the ports that its loops call, and nothing else.
///
/// A program with tables of its own brings this much, and launches, defines and looks in its own way.
pub trait NodeStore: Passes + Outbox + Work + Members + Wakes + Counts {}

impl<S: Passes + Outbox + Work + Members + Wakes + Counts> NodeStore for S {}

/// Everything that a control plane keeps, for whoever both runs nodes and serves people: what the stores in this repository are.
pub trait Store: NodeStore + Admin + Retention {}

impl<S: NodeStore + Admin + Retention> Store for S {}
