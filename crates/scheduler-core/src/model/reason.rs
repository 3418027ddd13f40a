//! Every "no" as data, and the one place that turns it into words (R10).
//!
//! A reason carries ids, kinds and numbers. [`Reason::token`] and its siblings give the stable name for machines (metrics,
//! filters); `Display` gives the sentence for people. [`Reason::outlook`] tells what is waiting from what can never run
//! as things stand.

use alloc::boxed::Box;
use alloc::sync::Arc;

use serde::{Deserialize, Serialize};

use super::lack::Shortfall;
use super::token::{token_of, tokens};
use crate::{InstanceId, Kind, Mode, NodeId, OwnKeyId, ProjectId, TaskId, TaskRef, Timestamp};
use crate::{InventoryId, InventorySourceId, JobTemplateId, WorkflowTemplateId};

/// Why a task does not start.
///
/// New reasons may come; [`Reason::token`], [`Reason::outlook`] and `Display` tell of every one.
///
/// ```
/// use scheduler_core::builder::{SnapshotBuilder, job};
/// use scheduler_core::{Lack, Outlook, Reason, RuleSet, plan};
///
/// let snapshot = SnapshotBuilder::at(1000)
///     .instance(1, "node-a", 20)
///     .group(1, "default", [1])
///     .with(job(17).impact(15).groups([1]).running_on(1, 1))
///     .with(job(50).impact(10).groups([1]))
///     .build();
/// let plan = plan(&snapshot, &RuleSet::default());
/// let (_, reason) = plan.holds().next().unwrap();
///
/// assert_eq!(reason.token(), "no_capacity");
/// assert_eq!(reason.outlook(), Outlook::Waiting, "time alone helps");
/// match reason {
///     Reason::NoCapacity(groups) => assert!(matches!(groups[0].lack, Lack::Full { .. })),
///     other => println!("{other}"),
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Reason {
    /// Its row is malformed (R11).
    Malformed(Malformed),
    /// It depends on a task that is not finished (R5): of several the one with the smallest id, existing tasks first.
    Dependency {
        /// The task that it depends on.
        on: TaskRef,
    },
    /// A holding task holds a resource that it claims (R2).
    Blocked {
        /// The resource: the first in conflict in the order of the table's rows.
        resource: ResourceKey,
        /// How it claims the resource.
        wanted: Mode,
        /// How the resource is held: the first mode in conflict in the order of [`Mode`].
        held: Mode,
        /// Who holds it: of several the one with the smallest id.
        holder: TaskId,
        /// The holder's kind.
        holder_kind: Kind,
    },
    /// It may not overtake an older task that keeps its place (R3).
    Behind {
        /// The resource: the first in conflict in the order of the table's rows.
        resource: ResourceKey,
        /// How it claims the resource.
        wanted: Mode,
        /// How the older task claims it.
        older_wants: Mode,
        /// The older task: of several the first in the order of R1.
        older: TaskId,
        /// The older task's kind.
        older_kind: Kind,
    },
    /// No group that it may run in has room now, or an instance in use (R6): one entry a group, in its order of preference.
    NoCapacity(Arc<[Shortfall]>),
    /// No group that it may run in could ever take it as things stand (R10).
    NeverFits(Arc<[Shortfall]>),
    /// It waits, by way of others, for itself (R10).
    Circle {
        /// What it waits for.
        waits: Box<Reason>,
        /// The tasks of the circle, each waiting for the next, the last for the first; the smallest id stands first.
        circle: Arc<[TaskRef]>,
    },
}

tokens! {
    /// Whether time alone can help a held task.
    enum Outlook: "outlook" {
        /// It waits for something that other tasks' ends bring.
        Waiting = "waiting",
        /// It can never run as things stand: somebody must change something.
        Never = "never",
    }
}

impl Reason {
    /// Whether time alone can help.
    #[must_use]
    pub const fn outlook(&self) -> Outlook {
        match self {
            Self::Dependency { .. } | Self::Blocked { .. } | Self::Behind { .. } | Self::NoCapacity(_) => {
                Outlook::Waiting
            }
            Self::Malformed(_) | Self::NeverFits(_) | Self::Circle { .. } => Outlook::Never,
        }
    }

    /// The stable name for machines.
    #[must_use]
    pub const fn token(&self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed.token(),
            Self::Dependency { .. } => "waiting_for_dependency",
            Self::Blocked { .. } => "resource_held",
            Self::Behind { .. } => "behind_older_task",
            Self::NoCapacity(_) => "no_capacity",
            Self::NeverFits(_) => "never_fits",
            Self::Circle { .. } => "waiting_in_a_circle",
        }
    }

    /// The tokens of every reason, those of malformed rows included.
    pub const TOKENS: [&'static str; 14] = [
        "malformed_duplicate_id",
        "malformed_missing_dependency",
        "malformed_dependency_cycle",
        "malformed_no_known_group",
        "malformed_no_graph",
        "malformed_graph_cycle",
        "malformed_graph_edge",
        "malformed_graph_node",
        "waiting_for_dependency",
        "resource_held",
        "behind_older_task",
        "no_capacity",
        "never_fits",
        "waiting_in_a_circle",
    ];
}

/// What is wrong with a row. The first four hold a pending task (R11), the others leave a running workflow job as it is
/// (R7.7). Of several the first in this order is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Malformed {
    /// Several rows have this id.
    DuplicateId,
    /// The snapshot does not hold a task that it depends on: of several the smallest id.
    MissingDependency {
        /// The task that is not there.
        on: TaskId,
    },
    /// It depends, by way of pending tasks or directly, on itself.
    DependencyCycle {
        /// The dependency by which the cycle leaves it: of several the smallest id.
        by: TaskId,
    },
    /// None of the groups that it names is known, or it names none and the rule set has no default that is.
    NoKnownGroup,
    /// A running workflow job without a graph, or with several.
    NoGraph,
    /// The graph has a cycle.
    GraphCycle {
        /// A node of the cycle: the smallest id.
        node: NodeId,
    },
    /// An edge names a node that the graph does not have.
    GraphEdge {
        /// The smallest such id.
        node: NodeId,
    },
    /// Several nodes have this id, or a node's job is not in the snapshot, is the job of another node, or is the workflow
    /// job itself.
    GraphNode {
        /// The node: the smallest id.
        node: NodeId,
    },
}

impl Malformed {
    /// The stable name for machines.
    #[must_use]
    pub const fn token(&self) -> &'static str {
        match self {
            Self::DuplicateId => "malformed_duplicate_id",
            Self::MissingDependency { .. } => "malformed_missing_dependency",
            Self::DependencyCycle { .. } => "malformed_dependency_cycle",
            Self::NoKnownGroup => "malformed_no_known_group",
            Self::NoGraph => "malformed_no_graph",
            Self::GraphCycle { .. } => "malformed_graph_cycle",
            Self::GraphEdge { .. } => "malformed_graph_edge",
            Self::GraphNode { .. } => "malformed_graph_node",
        }
    }
}

/// One resource: what kind, and which.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResourceKey {
    /// A project.
    Project(ProjectId),
    /// An inventory.
    Inventory(InventoryId),
    /// An inventory source.
    InventorySource(InventorySourceId),
    /// A job template.
    JobTemplate(JobTemplateId),
    /// A workflow template.
    WorkflowTemplate(WorkflowTemplateId),
    /// The one system-job slot.
    SystemJobSlot,
    /// A resource of the user's own.
    Own(Arc<OwnResource>),
}

token_of!(
    ResourceKey:
    Project = "project",
    Inventory = "inventory",
    InventorySource = "inventory_source",
    JobTemplate = "job_template",
    WorkflowTemplate = "workflow_template",
    SystemJobSlot = "system_job_slot",
    Own = "own",
);

/// One resource of a user's own rule, for example ("licence", 7); in which mode it is claimed stands elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OwnResource {
    /// The resource's name, as in [`crate::Resource::Own`].
    pub resource: Arc<str>,
    /// Which one.
    pub key: OwnKeyId,
}

/// Why a task ends in a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum End {
    /// Failed: the instance that it runs on or is controlled by is gone or lost (R8.1).
    InstanceLost {
        /// The instance: the one that it runs on, if that is lost.
        instance: InstanceId,
        /// What the instance was to it.
        role: Role,
        /// How it was lost.
        loss: Loss,
    },
    /// Failed: a dependency failed (R5). `Display` is AWX's text.
    DependencyFailed {
        /// The dependency: of several the smallest id.
        on: TaskId,
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: Arc<str>,
    },
    /// Canceled: a dependency was canceled (R5). `Display` is AWX's text.
    DependencyCanceled {
        /// The dependency: of several the smallest id.
        on: TaskId,
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: Arc<str>,
    },
    /// Canceled: it was asked to (R8.3).
    CancelRequested,
    /// Canceled: its workflow was asked to, itself or through a workflow above it (R8.3).
    CanceledWithWorkflow {
        /// The workflow job whose node has this task as its job.
        workflow: TaskId,
    },
    /// Failed: nobody approved in time (R7.6).
    ApprovalExpired {
        /// When it expired.
        expires: Timestamp,
    },
    /// A workflow job ended well (R7.4).
    WorkflowSuccessful,
    /// A workflow job failed: this node failed and has neither a failure nor an always child (R7.4).
    WorkflowFailed {
        /// The node: of several the smallest id.
        node: NodeId,
    },
    /// A workflow job that was asked to cancel has no unfinished job any more (R7.5).
    WorkflowCanceled,
}

token_of!(
    End:
    InstanceLost = "instance_lost",
    DependencyFailed = "dependency_failed",
    DependencyCanceled = "dependency_canceled",
    CancelRequested = "cancel_requested",
    CanceledWithWorkflow = "canceled_with_workflow",
    ApprovalExpired = "approval_expired",
    WorkflowSuccessful = "workflow_successful",
    WorkflowFailed = "workflow_failed",
    WorkflowCanceled = "workflow_canceled",
);

tokens! {
    /// What an instance is to a task.
    enum Role: "role of an instance" {
        /// It runs the task.
        Node = "node",
        /// It controls the task.
        Controller = "controller",
    }
}

/// How an instance was lost (R8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Loss {
    /// The snapshot does not hold it.
    Gone,
    /// No heartbeat for longer than the heartbeat grace.
    Silent {
        /// Its last heartbeat, if there ever was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_heartbeat: Option<Timestamp>,
    },
}

token_of!(Loss: Gone = "gone", Silent = "silent");

/// Why a node's job is created as failed (R7.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NodeFailure {
    /// It would start a workflow that is already among its ancestors.
    Recursion {
        /// The workflow template.
        template: WorkflowTemplateId,
        /// The nearest ancestor of that template.
        ancestor: TaskId,
    },
    /// It lacks its project or its inventory.
    MissingResource {
        /// What it lacks; the project first.
        resource: MissingResource,
    },
}

token_of!(NodeFailure: Recursion = "recursion", MissingResource = "missing_resource");

tokens! {
    /// What a node's job can lack.
    enum MissingResource: "resource of a node" {
        /// The project of a job or of a project update.
        Project = "project",
        /// The inventory of a job, of an ad hoc command or of an inventory update.
        Inventory = "inventory",
    }
}

/// Why a node is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SkipReason {
    /// All its parents are settled and none satisfies its edge (convergence `any`).
    NoPathIn,
    /// This settled parent does not satisfy its edge (convergence `all`).
    ParentUnsatisfied {
        /// The parent: of several the smallest id.
        parent: NodeId,
    },
    /// Its workflow was asked to cancel (R7.5).
    WorkflowCanceled,
}

token_of!(
    SkipReason:
    NoPathIn = "no_path_in",
    ParentUnsatisfied = "parent_unsatisfied",
    WorkflowCanceled = "workflow_canceled",
);
