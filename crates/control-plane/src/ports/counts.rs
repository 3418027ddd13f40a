//! What the store counts, for metrics.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use scheduler_core::{Forks, GroupId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{StoreError, TaskStatus};

/// Counts what there is.
#[async_trait]
pub trait Counts: fmt::Debug + Send + Sync {
    /// The counts of this moment. Nothing is decided by them, so they need not be of one moment to the row.
    async fn statistics(&self) -> Result<Statistics, StoreError>;
}

/// Counts for metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Unfinished tasks by status.
    pub tasks: BTreeMap<TaskStatus, u64>,
    /// Held tasks by the token of the stored reason.
    pub holds: BTreeMap<String, u64>,
    /// Unsent messages.
    pub outbox: u64,
    /// When the oldest unsent message was written.
    pub outbox_oldest: Option<Timestamp>,
    /// Capacity and use of each group, by name: what its enabled instances have together, and what tasks that came by it cost.
    pub groups: BTreeMap<String, (Forks, Forks)>,
    /// The names of the groups that tasks came by, for whoever shows where tasks are without reading a snapshot.
    #[serde(default)]
    pub group_names: BTreeMap<GroupId, String>,
    /// The store's own time.
    pub now: Timestamp,
}
