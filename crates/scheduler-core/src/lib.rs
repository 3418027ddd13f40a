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
//! # Deviations and choices
//!
//! Where the rules are silent, this crate chooses:
//!
//! 1. *Rows with a duplicate id.* Pending task rows with one id are all held; holding rows keep their claims and
//!    capacity; none of them is ended, canceled, expired, reaped, redispatched or derived for, and they lend no place;
//!    as ancestors they are no recursion (R7.3), but whom a holding one blocks does not bind its jobs (R3). A
//!    dependency on such an id is unfinished while one of its rows is unfinished; else it failed if one of them did, else it
//!    was canceled if one was. A workflow's node whose job has several rows waits while one is unfinished. Rows of any
//!    other table that share an id count as absent, save that a holding task on an instance with several rows is not reaped,
//!    and that such an instance takes nothing.
//! 2. *Malformed is a word about pending tasks* (and about running workflow jobs, R7.7): a holding task whose finished
//!    dependencies were not loaded is as good as any, and counts as an update for R4. A waiting task whose instance is lost is
//!    judged like a pending one. Only tasks that need a place can lack a known group, and with a control plane configured
//!    no control task can, since its own groups do not matter.
//! 3. *Which reason is named.* Of several conflicts (R2) the first row of the table, then the first held mode in the order of
//!    [`Mode`], then the holder with the smallest id. R3 is asked only when R2 has no conflict; of several older tasks the
//!    first in the order of R1, in the first mode in which it waits. Of several unfinished dependencies the smallest id, rows before tasks of the same plan.
//! 4. *Dependencies fail before they are awaited*: one failed dependency ends a task though another is still running. Failure
//!    is passed on from dependencies to dependents, a task after all of its own; within a cycle step by step from where it
//!    enters, a failure before any cancel, so that a cycle that a failure enters fails as a whole.
//! 5. *R4 in detail.* The order "as the snapshot stands" is that of all tasks pending in the snapshot, those included that
//!    this pass ends. An update created by a workflow node in this pass counts as created at `now`, after any row of the same
//!    moment. A row that this pass ends counts as finished at `now`, malformed or not. A project's `last_update` and finished rows of its
//!    updates are looked at together; of one task that is in both, the row counts. Links that a task already has are not added
//!    again, and no task is linked to itself. An unfinished update that is asked to cancel, by itself or with its workflow, is
//!    passed over for another unfinished one; without one a new update is needed, however fresh an older one is. A waiting task that is taken back is derived for if it was not yet.
//! 6. *The order of a pass counts the links that it derived*: a pending update found by R4 is considered just before the task
//!    that was linked to it. A task that this pass ends lends no place in that order.
//!    Who lends a priority is held by R2 before anything else: it is not malformed and waits for no dependency. It lends to every
//!    running workflow job in its way, whichever its reason names, by what is held in the snapshot; a task that is raised lends on
//!    what it was lent. A place among dependencies is no priority and is not lent, what the pass creates has the priority
//!    of its workflow, and the order of R4 knows no lending.
//! 7. *Taking back.* A waiting task whose instance is lost and whose dependency failed ends like a pending one (R5).
//! 8. *More.* A pass asks for another if it created a task, started a workflow job, ended a task that held a claim or a place
//!    or that is the job of a node of a running workflow, took a task back, passed a request to cancel on to a waiting task
//!    (the store ends it at once), or left tasks unconsidered.
//! 9. *Workflows.* Any graph says which workflow a job belongs to, but only workflow jobs pass a request to cancel on or wait
//!    for jobs; a request that reaches a workflow job which ends in the same pass is not mentioned. "Its workflow" in
//!    [`End::CanceledWithWorkflow`] is the one whose node has the job. A node whose job has a row is judged by the row. `error` and `canceled` count as failed for R7.4. A workflow
//!    that is its own ancestor is processed like any other, but never as an ancestor of itself twice. A job named by several
//!    nodes makes each graph that names it malformed; its workflow, for R3 and R8, is the one with the smallest id. A
//!    canceled workflow with a malformed graph is canceled all the same, and the nodes that have an id of their own are skipped.
//!    An approval that expires is failed in any unfinished state, malformed or not. A workflow job that a store shows as
//!    waiting is nobody's to end: one that is asked to cancel ends like a pending one.
//! 10. *Capacity.* A waiting task that is taken back is fitted as if neither its impact, its control impact, its group use nor
//!     its idleness-breaking counted. `reserve_after` reserves for tasks held for [`Reason::NoCapacity`], in the first of their
//!     groups that has room in its limits and a usable instance of the right type that is not reserved, controllers aside;
//!     lacking least is having most left, what a hybrid needs for control counted, ties to the lowest hostname.
//!     A reserved instance is neither fitted, taken when idle, nor used as a controller for later tasks. The last usable
//!     controller, which is passed over, is the only one not reserved whose capacity bears the control impact. Where no instance can
//!     be reserved, what becomes free within limits is: those of the first group that lacks nothing else and is not reserved yet.
//!     A group reserved for another task has no room in its limits.
//!     What keeps its place while it waits for room (R3) is what may get something reserved, whether there is something left
//!     to reserve or not.
//! 11. *A circle* (R10) is looked for among what each held task waits for by its named reason, what a running workflow job
//!     waits for (all of its unfinished jobs), and nothing else. Being blocked by a task that this pass takes back is no part of
//!     one, since that task holds nothing any more in the next pass.
//! 12. *Out of use* (R10) is an instance that has capacity and is no hop node, but is disabled, was never heard of, or is lost; of
//!     several causes the first in this order is named, and of many instances the first [`OutOfUse::NAMED`] by hostname. A
//!     task waits likewise where everything that could control it is out of use: the controllers of the control plane that
//!     are large enough, and the hybrids of its own group. What is lacking for ever is named before what is out of use, and that
//!     before what is full. Who waits only for such instances keeps no place and gets nothing reserved.
//! 13. *`sync` updates and jobs of type `run`* claim nothing but keep their impact. No row says which running job waits for a
//!     pending one, so that a cluster full of such jobs cannot be told from one that is busy: its outlook is waiting. Whoever
//!     launches them lets them run where their job runs, as AWX does, or in a group of their own.

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
#[cfg(feature = "proptest")]
pub mod strategies;
mod table;
mod task;
mod tree;
mod validate;
mod words;
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
    End, Loss, Malformed, MissingResource, NodeFailure, Outlook, Reason, ResourceKey, Role, SkipReason,
};
pub use resource::{InventorySource, LastUpdate, Project};
pub use rules::{Claim, Claimant, ControlPlane, Matrix, Mode, Resource, RuleSet, Simultaneous};
pub use share::Sharing;
pub use snapshot::{Snapshot, SnapshotVersion, UnsupportedVersion};
pub use task::{
    Dispatch, Kind, LaunchType, Outcome, OwnKey, Placement, ProjectUpdateType, State, Task, Work, WorkflowOf,
};
pub use validate::{Problem, Problems, Severity};
