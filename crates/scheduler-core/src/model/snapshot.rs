//! The snapshot: everything that a pass may know.
//!
//! Plain data with public fields. The order of rows never matters (R1). [`Snapshot::validate`] is the one fallible
//! door (R11); a pass over a snapshot that it would refuse is still total, and holds what is malformed.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{Graph, Instance, InstanceGroup, InventorySource, Project, Task, Timestamp};

/// Everything that a pass may know.
///
/// ```
/// use scheduler_core::{Snapshot, Task, TaskId, Timestamp, Work};
///
/// let now = Timestamp::UNIX_EPOCH;
/// let mut snapshot = Snapshot {
///     now,
///     tasks: vec![Task::new(TaskId::new(1), now, Work::SystemJob {})],
///     ..Snapshot::default()
/// };
/// assert!(snapshot.validate().is_ok());
///
/// snapshot.tasks[0].dependencies.push(TaskId::new(7));
/// let problems = snapshot.validate().unwrap_err();
/// assert_eq!(problems.all()[0].token, "missing_dependency");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The version of this format.
    pub version: SnapshotVersion,
    /// The moment for which the pass decides.
    pub now: Timestamp,
    /// Every unfinished task, and the finished tasks that unfinished ones depend on.
    #[serde(default, deserialize_with = "crate::model::share::tasks")]
    pub tasks: Vec<Task>,
    /// Projects; those that do not update on launch may be left out.
    #[serde(default)]
    pub projects: Vec<Project>,
    /// Inventory sources; those that do not update on launch may be left out.
    #[serde(default)]
    pub inventory_sources: Vec<InventorySource>,
    /// Instances.
    #[serde(default)]
    pub instances: Vec<Instance>,
    /// Instance groups.
    #[serde(default)]
    pub groups: Vec<InstanceGroup>,
    /// The graphs of the running workflow jobs.
    #[serde(default)]
    pub graphs: Vec<Graph>,
}

/// The version of the snapshot's JSON: the number 1. Any other number is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct SnapshotVersion;

impl SnapshotVersion {
    /// The number that stands for it in JSON.
    pub const NUMBER: u32 = 1;
}

/// A snapshot of another version than this library reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("version {found} of the format is not supported: this library reads version {expected}")]
pub struct UnsupportedVersion {
    found: u32,
    expected: u32,
}

impl TryFrom<u32> for SnapshotVersion {
    type Error = UnsupportedVersion;

    fn try_from(found: u32) -> Result<Self, Self::Error> {
        if found == Self::NUMBER {
            Ok(Self)
        } else {
            Err(UnsupportedVersion { found, expected: Self::NUMBER })
        }
    }
}

impl From<SnapshotVersion> for u32 {
    fn from(SnapshotVersion: SnapshotVersion) -> Self {
        SnapshotVersion::NUMBER
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for SnapshotVersion {
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "const": 1, "description": "The version of this format." })
    }
}
