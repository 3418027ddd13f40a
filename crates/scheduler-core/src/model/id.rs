//! Newtypes for every identity.
//!
//! An id is whatever 64-bit integer the embedding store uses as a key; the core only compares ids and never
//! invents one. A task that a pass creates has no id yet, so a plan names it by [`CreateId`], its position among the
//! plan's creations.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// Wraps a key of the store.
            #[must_use]
            pub const fn new(id: i64) -> Self {
                Self(id)
            }

            /// The key of the store.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl From<i64> for $name {
            fn from(id: i64) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A task of any kind; unique over all kinds, as in AWX's unified jobs.
    TaskId
    /// A project: the source tree that jobs use and project updates refresh.
    ProjectId
    /// An inventory: the set of hosts that jobs use and inventory updates refresh.
    InventoryId
    /// One source of an inventory.
    InventorySourceId
    /// A job template.
    JobTemplateId
    /// A workflow template.
    WorkflowTemplateId
    /// A machine that runs or controls tasks.
    InstanceId
    /// An instance group: a named set of instances, or a container platform.
    GroupId
    /// A node of a workflow's graph; unique within its graph.
    NodeId
    /// One dispatch of one task: the fence under which a taker may move it from `waiting` to `running` (R12.4).
    DispatchId
    /// A key of a resource that a user's own rule speaks of (see [`crate::Resource::Own`]).
    OwnKeyId
}

/// A task that a plan creates, named by its position in [`crate::Plan::creates`]. The store gives it a [`TaskId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct CreateId(u32);

impl CreateId {
    /// The task at this position among the plan's creations.
    #[must_use]
    pub const fn new(position: u32) -> Self {
        Self(position)
    }

    /// The position among the plan's creations.
    #[must_use]
    pub const fn position(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for CreateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "new-{}", self.0)
    }
}
