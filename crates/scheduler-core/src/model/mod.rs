//! What a user of this crate names: the snapshot with its rows, the rules, the plan, and every reason.
//!
//! Plain data, as it stands in JSON. Nothing here decides anything; what a pass makes of it is in `pass/`.

mod disuse;
mod graph;
mod id;
mod instance;
mod lack;
mod list;
mod plan;
mod quantity;
mod reason;
mod resource;
mod rules;
mod share;
mod snapshot;
mod task;
pub(crate) mod token;
mod wait;

pub use disuse::{Disuse, Disused, OutOfUse};
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
pub use token::UnknownToken;
pub use wait::WaitKey;
