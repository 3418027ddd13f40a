//! Nodes as members of the cluster: joining, heartbeats, leaving.
//!
//! A node that starts again under its old name is a new incarnation: what its predecessor ran is lost and fails at
//! once, instead of being kept alive by the newcomer's heartbeat.

use std::fmt;

use async_trait::async_trait;
use scheduler_core::{Forks, InstanceId, NodeType, Seconds, TaskId, Timestamp};

use super::{ControlPlaneId, StoreError};

/// Keeps the list of nodes.
#[async_trait]
pub trait Members: fmt::Debug + Send + Sync {
    /// Which control plane this is. Made once, and the same for as long as the store lives.
    async fn control_plane(&self) -> Result<ControlPlaneId, StoreError>;

    /// Joins as the instance of this hostname, which is defined on the spot when `capacity` is given and it is unknown; otherwise an unknown
    /// hostname is refused. Counts as a heartbeat. Tasks that an earlier incarnation ran fail, and every node is woken
    /// ([`Wake::Members`](super::Wake::Members)), so that an earlier incarnation that still lives stops.
    async fn join(&self, node: &Joining) -> Result<Joined, StoreError>;

    /// Says that the node lives.
    async fn beat(&self, member: Membership) -> Result<Standing, StoreError>;

    /// The grace of the rules after which a node that is not heard is lost (R8.1).
    async fn heartbeat_grace(&self) -> Result<Seconds, StoreError>;

    /// Says that the node takes nothing new in this life: from now on no start goes to it, as if its instance were not enabled, and
    /// what waits for it without being taken up is `pending` again, its dispatch void. A pass that has read before may still
    /// send something there; asked again, that is taken back as well. Void for an earlier incarnation.
    async fn drain(&self, member: Membership) -> Result<(), StoreError>;

    /// Says goodbye: from now on the instance counts as lost, so that the next pass takes back what still waits for it. Void for an
    /// earlier incarnation.
    async fn leave(&self, member: Membership) -> Result<(), StoreError>;
}

/// A node that wants to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joining {
    /// Its name, by which the instance is known.
    pub hostname: String,
    /// What it may do, if the instance is not defined yet.
    pub node_type: NodeType,
    /// What it has, if the instance is not defined yet; `None` to join only as an instance that is.
    pub capacity: Option<Forks>,
    /// Whether it takes tasks in this life; the instance is shown to passes as not enabled while its node does not. What
    /// people define of the instance is untouched by this.
    pub takes_work: bool,
    /// The version of its program, for people.
    pub version: String,
}

/// A node that has joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Who it is from now on.
    pub member: Membership,
    /// The tasks that an earlier incarnation ran, failed now.
    pub orphans: Vec<TaskId>,
}

/// A node in one of its lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Membership {
    /// The instance.
    pub instance: InstanceId,
    /// Which life.
    pub incarnation: Incarnation,
}

/// Which life of a node: each start under the same name has a higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub i64);

/// The answer to a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All is well.
    Member {
        /// The store's clock, by which the heartbeat is stamped. A node that compares it with its own time learns of a clock that
        /// was set.
        now: Timestamp,
    },
    /// Another process joined under this name since: stop.
    Replaced,
}
