//! What a group lacked that did not take a task (R6, R10).

use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use super::token::token_of;
use crate::{Forks, GroupId, Kind, OutOfUse, TaskCount, TaskId};

/// Why a group did not take a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Shortfall {
    /// The group.
    pub group: GroupId,
    /// Its name; empty when it is unknown.
    pub name: Arc<str>,
    /// What was lacking. What can never be is named before what is full now (R10).
    pub lack: Lack,
}

/// What a group lacked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Lack {
    /// The snapshot lacks the group. Never.
    UnknownGroup,
    /// The task alone is larger than the group's `max_forks`. Never.
    LargerThanLimit {
        /// What the task needs.
        needed: Forks,
        /// The group's limit.
        limit: Forks,
    },
    /// The group has no instance that may run this kind of task, usable or out of use (R6.1, R6.4). Never.
    NoUsableInstance,
    /// No instance of the control plane could ever control it, usable or out of use. Never.
    NoUsableController {
        /// What controlling one task costs.
        needed: Forks,
    },
    /// All instances of the group that may run this kind of task are out of use.
    OutOfUse(OutOfUse),
    /// All instances that could control it are out of use.
    ControllersOutOfUse(OutOfUse),
    /// `max_concurrent_jobs` tasks hold a place by this group.
    TaskLimit {
        /// How many do.
        used: TaskCount,
        /// How many may.
        limit: TaskCount,
    },
    /// The group's `max_forks` leaves too little.
    ForkLimit {
        /// What the task needs.
        needed: Forks,
        /// What the group's tasks use.
        used: Forks,
        /// The group's limit.
        limit: Forks,
    },
    /// The room within the group's limits is reserved for an older task (R6.7).
    Reserved {
        /// The task that it is reserved for.
        task: TaskId,
        /// Its kind.
        kind: Kind,
    },
    /// No instance has room, and none is idle.
    Full {
        /// What the task needs on an instance: its impact, and on the control plane (R6.4) the control impact too.
        needed: Forks,
        /// The most that one usable instance of the right type has left, reserved ones aside.
        free: Forks,
        /// The capacity of all usable instances of the right type together.
        total: Forks,
    },
    /// The group could take it, but no instance of the control plane has room to control it.
    NoController {
        /// What controlling one task costs.
        needed: Forks,
        /// The most that one controller has left, reserved ones aside.
        free: Forks,
    },
}

token_of!(
    Lack:
    UnknownGroup = "unknown_group",
    LargerThanLimit = "larger_than_limit",
    NoUsableInstance = "no_usable_instance",
    NoUsableController = "no_usable_controller",
    OutOfUse = "out_of_use",
    ControllersOutOfUse = "controllers_out_of_use",
    TaskLimit = "task_limit",
    ForkLimit = "fork_limit",
    Reserved = "reserved",
    Full = "full",
    NoController = "no_controller",
);

impl Lack {
    /// Whether the group can never take the task as things stand (R10).
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::UnknownGroup
                | Self::LargerThanLimit { .. }
                | Self::NoUsableInstance
                | Self::NoUsableController { .. }
        )
    }

    /// Whether it is room that the group lacks, which the end of other tasks brings.
    #[must_use]
    pub const fn is_of_room(&self) -> bool {
        !self.is_permanent() && !matches!(self, Self::OutOfUse(_) | Self::ControllersOutOfUse(_))
    }
}
