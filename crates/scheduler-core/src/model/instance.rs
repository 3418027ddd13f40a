//! Instances, instance groups, and the formulas for capacity and impact (R6).

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::token::{token_of, tokens};
use crate::{Forks, GroupId, InstanceId, TaskCount, Timestamp};

/// A machine that runs or controls tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Its identity.
    pub id: InstanceId,
    /// Its name; decides ties (R6.2), the lowest first, then the lowest id.
    pub hostname: String,
    /// What it may do (R6.4).
    #[serde(default)]
    pub node_type: NodeType,
    /// What it has in all, in forks.
    pub capacity: Forks,
    /// Whether it may get new tasks; one that an operator took out of use gets none, but is not lost.
    #[serde(default = "enabled", skip_serializing_if = "is_true")]
    pub enabled: bool,
    /// When it was last heard of; an instance never heard of is lost (R8.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_heartbeat: Option<Timestamp>,
}

const fn enabled() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to skip_serializing_if")]
const fn is_true(flag: &bool) -> bool {
    *flag
}

tokens! {
    /// What an instance may do (R6.4).
    #[derive(Default)]
    enum NodeType: "type of node" {
        /// Runs every kind of task, and controls.
        #[default]
        Hybrid = "hybrid",
        /// Runs jobs, ad hoc commands and inventory updates.
        Execution = "execution",
        /// Runs project updates and system jobs, and controls.
        Control = "control",
        /// Only passes messages on: never usable.
        Hop = "hop",
    }
}

/// A set of instances, or a container platform, that tasks name in order of preference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InstanceGroup {
    /// Its identity.
    pub id: GroupId,
    /// What people call it.
    pub name: String,
    /// What it consists of.
    pub members: Members,
    /// How many tasks may hold a place by this group; 0 for no limit.
    #[serde(default)]
    pub max_concurrent_jobs: TaskCount,
    /// How many forks they may have together, control impact aside; 0 for no limit.
    #[serde(default)]
    pub max_forks: Forks,
}

/// What an instance group consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Members {
    /// These instances; one instance may be in several groups, and its capacity is then shared between them.
    Instances(Vec<InstanceId>),
    /// A container platform: within its limits it takes every task (R6.2).
    Container,
}

token_of!(Members: Instances = "instances", Container = "container");

/// Capacity that an instance's CPUs give: four forks a CPU (R6.6).
#[must_use]
pub const fn cpu_capacity(cpus: u32) -> Forks {
    Forks::new(cpus.saturating_mul(4))
}

/// Capacity that an instance's memory gives: a fork for each 100 MiB above the first 2048, at least 1 (R6.6).
#[must_use]
pub fn memory_capacity(mebibytes: u64) -> Forks {
    let forks = mebibytes.saturating_sub(2048) / 100;
    Forks::new(u32::try_from(forks).unwrap_or(u32::MAX).max(1))
}

/// Capacity of an instance between what its CPUs and what its memory give, cut to whole forks (R6.6). `adjustment` is 0
/// for the lower of the two and 1 for the higher; below 0 and NaN count as 0, and a result too large for a number of
/// forks is the largest there is.
#[must_use]
pub fn instance_capacity(cpu: Forks, memory: Forks, adjustment: f64) -> Forks {
    let (lower, higher) = (cpu.min(memory), cpu.max(memory));
    let extra = f64::from(higher.minus(lower).get()) * adjustment;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the rule cuts to a whole number, and the conversion saturates: NaN and negative numbers become 0"
    )]
    let extra = extra as u32;
    lower.plus(Forks::new(extra))
}

/// Impact of a job or an ad hoc command: one fork more than the hosts it can work on at once (R6.6). No `forks`, or 0 of
/// them, stands for 5.
#[must_use]
pub fn job_impact(hosts: u32, forks: Option<u32>) -> Forks {
    let forks = forks.filter(|&forks| forks > 0).unwrap_or(5);
    Forks::new(hosts.min(forks)).plus(Forks::new(1))
}

/// Impact of an inventory update (R6.6).
pub const INVENTORY_UPDATE_IMPACT: Forks = Forks::new(1);
/// Impact of a project update (R6.6).
pub const PROJECT_UPDATE_IMPACT: Forks = Forks::new(1);
/// Impact of a system job (R6.6).
pub const SYSTEM_JOB_IMPACT: Forks = Forks::new(5);
/// Impact of a workflow job or an approval (R6.5, R6.6).
pub const WORKFLOW_IMPACT: Forks = Forks::ZERO;
