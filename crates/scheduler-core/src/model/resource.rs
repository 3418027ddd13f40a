//! Projects and inventory sources, with what update on launch must know of them (R4).

use serde::{Deserialize, Serialize};

use super::task::is_false;
use crate::{InventoryId, InventorySourceId, Outcome, ProjectId, Seconds, TaskId, Timestamp};

/// A project. A store may leave out those that do not update on launch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// Its identity.
    pub id: ProjectId,
    /// Whether a job of it first needs an update.
    #[serde(default, skip_serializing_if = "is_false")]
    pub update_on_launch: bool,
    /// How long a successful update stays fresh.
    #[serde(default)]
    pub cache_timeout: Seconds,
    /// The update that finished last; updates of type `run` or launch type `sync` are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_update: Option<LastUpdate>,
}

/// One source of an inventory. A store may leave out those that do not update on launch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InventorySource {
    /// Its identity.
    pub id: InventorySourceId,
    /// The inventory it belongs to.
    pub inventory: InventoryId,
    /// Whether a job of the inventory first needs an update.
    #[serde(default, skip_serializing_if = "is_false")]
    pub update_on_launch: bool,
    /// How long a successful update stays fresh.
    #[serde(default)]
    pub cache_timeout: Seconds,
    /// The project it reads from, for a source of type `scm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_project: Option<ProjectId>,
    /// The update that finished last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_update: Option<LastUpdate>,
}

/// The update of a project or source that finished last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LastUpdate {
    /// Which task it was.
    pub task: TaskId,
    /// How it ended.
    pub outcome: Outcome,
    /// When; missing counts as before any other, and as not fresh (R4.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}
