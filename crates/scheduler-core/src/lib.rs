#![no_std]
#![forbid(unsafe_code)]
//! The heart of a control plane's scheduler as one pure function: [`plan`] takes a [`Snapshot`] of tasks, instance groups and
//! capacity and a [`RuleSet`], and returns a [`Plan`]: which tasks start and where, which updates to create, what
//! workflows do next, and for every task that does not start, why.
//!
//! # The contract
//!
//! `plan` reads no clock, no environment and no socket (the crate is `no_std`), mints no ids and never fails: a malformed
//! row is held with its reason and touches no other task (R11). [`Snapshot::validate`] is the door for those who want
//! errors instead. [`audit`] checks any plan against the rules without sharing code with the pass.
//!
//! The numbers R1 to R11 name the rules, here as in the tests: R1 order, R2 claims and matrices, R3 chronological order of
//! blocked tasks, R4 update on launch, R5 dependencies, R6 capacity, R7 workflows, R8 reaping and cancel, R9 limits and the
//! order of work, R10 reasons, R11 total, deterministic, contained.
//!
//! # The rules, and what they leave open
//!
//! The project's book states each rule under its number (`docs/rules.md`). Where a rule is silent this crate chooses, and the
//! choice stands there beside the rule, with where both are decided, audited, tested and explained.

#[macro_use]
extern crate alloc;
#[cfg(feature = "proptest")]
extern crate std;

mod apply;
mod audit;
mod board;
pub mod builder;
mod capacity;
mod cells;
mod circle;
mod claims;
mod compiled;
mod component;
mod dependency;
mod disuse;
mod explain;
mod fleet;
mod flow;
mod graph;
mod group;
mod id;
mod index;
mod instance;
mod lack;
mod latest;
mod launch;
mod lend;
mod list;
mod order;
mod pass;
mod plan;
mod pool;
mod quantity;
mod reap;
mod reason;
mod resource;
mod rules;
mod scan;
mod share;
mod snapshot;
mod standing;
#[cfg(feature = "proptest")]
pub mod strategies;
mod table;
mod task;
mod tree;
mod validate;
mod wait;
pub mod words;
mod workflow;

pub use apply::{Fill, Misfit};
pub use audit::{About, Fault, Violation, audit};
pub use disuse::{Disuse, Disused, OutOfUse};
pub use explain::{Ending, Explainer, Explanation, Step};
pub use graph::{Convergence, Edge, EdgeKind, Graph, Node, Progress};
pub use id::{
    CreateId, DispatchId, GroupId, InstanceId, InventoryId, InventorySourceId, JobTemplateId, NodeId,
    OwnKeyId, ProjectId, TaskId, WorkflowTemplateId,
};
pub use instance::{
    INVENTORY_UPDATE_IMPACT, Instance, InstanceGroup, Members, NodeType, PROJECT_UPDATE_IMPACT,
    SYSTEM_JOB_IMPACT, WORKFLOW_IMPACT, cpu_capacity, instance_capacity, job_impact, memory_capacity,
};
pub use lack::{Lack, Shortfall};
pub use pass::plan;
pub use plan::{
    Action, Create, Decision, Derived, NodeDecision, NodeStep, Origin, Place, Plan, TakeBack, TaskRef, Then,
};
pub use quantity::{Forks, InstanceCount, Priority, Seconds, TaskCount, Timestamp};
pub use reason::{
    End, Loss, Malformed, MissingResource, NodeFailure, Outlook, OwnResource, Reason, ResourceKey, Role,
    SkipReason,
};
pub use resource::{InventorySource, LastUpdate, Project};
pub use rules::{Claim, Claimant, ControlPlane, Matrix, Mode, Resource, RuleSet, Simultaneous};
pub use share::Sharing;
pub use snapshot::{Snapshot, SnapshotVersion, UnsupportedVersion};
pub use task::{
    Dispatch, Kind, LaunchType, Outcome, OwnKey, Placement, ProjectUpdateType, State, Task, Work, WorkflowOf,
};
pub use validate::{Problem, Problems, Severity};
pub use wait::WaitKey;
