//! Instances that are out of use for now, and why (R10).
//!
//! They are what tells a group that waits for its machines from one that never had any.

use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use super::token::token_of;
use crate::{Instance, InstanceCount, InstanceId, Timestamp};

/// Instances that could be used, were they not all out of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OutOfUse {
    /// Each with its cause, in the order of their hostnames: at most [`OutOfUse::NAMED`].
    pub instances: Arc<[Disused]>,
    /// How many more there are.
    #[serde(default)]
    pub others: InstanceCount,
}

impl OutOfUse {
    /// So many are named, so that a reason is short whatever the size of the cluster.
    pub const NAMED: usize = 8;
}

/// An instance that is out of use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Disused {
    /// The instance.
    pub instance: InstanceId,
    /// Its name.
    pub hostname: Arc<str>,
    /// Why it is out of use.
    pub cause: Disuse,
}

/// Why an instance is out of use. Of several causes the first in this order is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Disuse {
    /// Somebody took it out of use.
    Disabled,
    /// It was never heard of.
    NeverHeardOf,
    /// No heartbeat for longer than the heartbeat grace (R8.1).
    Lost {
        /// Its last heartbeat.
        last_heartbeat: Timestamp,
    },
}

token_of!(Disuse: Disabled = "disabled", NeverHeardOf = "never_heard_of", Lost = "lost");

impl Disused {
    /// An instance that is disabled or lost, as it stands.
    pub(crate) fn of(instance: &Instance) -> Self {
        let cause = match instance.last_heartbeat {
            _ if !instance.enabled => Disuse::Disabled,
            None => Disuse::NeverHeardOf,
            Some(last_heartbeat) => Disuse::Lost { last_heartbeat },
        };
        Self { instance: instance.id, hostname: Arc::from(instance.hostname.as_str()), cause }
    }
}
