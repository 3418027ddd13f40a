//! The plan: what a pass decides, as one complete, ordered value.
//!
//! A plan names rows of the snapshot by their ids and mints none; it can be printed, compared, replayed, audited and
//! committed whole. [`Plan::decisions`] stand in the order in which the pass took them (R9), at most one for a row; a
//! store applies them, [`Plan::nodes`], [`Plan::creates`] and [`Plan::derived`] in one transaction (R12.3).

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::token::token_of;
use crate::{
    CreateId, DispatchId, End, GroupId, InstanceId, Kind, LaunchType, Malformed, NodeFailure, NodeId,
    Outcome, Placement, Priority, Reason, SkipReason, SnapshotVersion, TaskId, Timestamp, Work,
};

/// What a pass decides.
///
/// ```
/// use scheduler_core::builder::{SnapshotBuilder, job};
/// use scheduler_core::{Action, Place, Plan, RuleSet, plan};
///
/// let snapshot = SnapshotBuilder::at(1000)
///     .instance(1, "node-a", 20)
///     .group(1, "default", [1])
///     .with(job(43).impact(6).groups([1]))
///     .build();
/// let decided: Plan = plan(&snapshot, &RuleSet::default());
/// assert!(!decided.is_idle());
/// for decision in &decided.decisions {
///     match &decision.action {
///         Action::Start(Place::Instance { group, node, .. }) => println!("to {node} by {group}"),
///         Action::Start(Place::Container { .. } | Place::Nowhere) => println!("elsewhere"),
///         Action::Hold(reason) => println!("{}: {reason}", reason.token()),
///         other => println!("{other}"),
///     }
/// }
/// assert_eq!(decided.decisions[0].to_string(), "job 43 starts on instance 1 of group 1");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of this format; the same number as the snapshot's.
    pub version: SnapshotVersion,
    /// What becomes of each task, in the order of R9, those of one phase before the last by id; at most one for a task, save
    /// that each pending row of a duplicate id is held by one of its own.
    pub decisions: Vec<Decision>,
    /// What becomes of nodes of running workflows (R7).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeDecision>,
    /// The tasks to create: updates that others need (R4), and jobs of nodes (R7.3). The position is the [`CreateId`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub creates: Vec<Create>,
    /// For which tasks the dependencies were derived, and which links to add to those that they have (R4).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived: Vec<Derived>,
    /// Whether another pass should follow at once (R9).
    pub more: bool,
    /// How many pending tasks were not considered, because the start limit was reached (R9).
    #[serde(default)]
    pub unconsidered: crate::TaskCount,
}

impl Plan {
    /// Whether the plan changes nothing: no row to write, no message to send.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.nodes.is_empty()
            && self.creates.is_empty()
            && self.derived.is_empty()
            && self.decisions.iter().all(|decision| !decision.action.changes_something())
    }

    /// The decision about a task. Looks through the whole plan: build an index of your own to ask for many.
    #[must_use]
    pub fn decision(&self, task: TaskId) -> Option<&Decision> {
        self.decisions.iter().find(|decision| decision.task == task)
    }

    /// The tasks that start, with their places, in the order of the plan; replaced dispatches included.
    pub fn starts(&self) -> impl Iterator<Item = (TaskId, &Place)> {
        self.decisions.iter().filter_map(|decision| Some((decision.task, decision.action.start()?)))
    }

    /// The tasks that are held, with their reasons, in the order of the plan; replaced dispatches included.
    pub fn holds(&self) -> impl Iterator<Item = (TaskId, &Reason)> {
        self.decisions.iter().filter_map(|decision| Some((decision.task, decision.action.hold()?)))
    }
}

/// What becomes of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Which task.
    pub task: TaskId,
    /// Its kind, for people.
    pub kind: Kind,
    /// What becomes of it.
    pub action: Action,
}

/// What becomes of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A pending task starts: `waiting`, with a message to send, or `running` at once when [`Place::Nowhere`].
    Start(Place),
    /// A pending task stays pending.
    Hold(Reason),
    /// An unfinished task ends.
    End(End),
    /// A waiting task whose instance is gone or lost is taken back (R8.2).
    TakeBack(Box<TakeBack>),
    /// A waiting task that was not taken up in time is dispatched again where it is, replacing this dispatch (R8.2).
    Redispatch(DispatchId),
    /// The request to cancel a workflow reaches its waiting or running job: record it, and tell the job (R8.3).
    RequestCancel {
        /// The workflow job whose node has this task as its job.
        workflow: TaskId,
    },
    /// A running workflow job is malformed: it is left as it is (R7.7).
    Leave(Malformed),
}

token_of!(
    Action:
    Start = "start",
    Hold = "hold",
    End = "end",
    TakeBack = "take_back",
    Redispatch = "redispatch",
    RequestCancel = "request_cancel",
    Leave = "leave",
);

impl Action {
    /// Where it starts, if it does.
    #[must_use]
    pub fn start(&self) -> Option<&Place> {
        match self {
            Self::Start(place) => Some(place),
            Self::TakeBack(back) => match &back.then {
                Then::Start(place) => Some(place),
                Then::Hold(_) | Then::End(_) => None,
            },
            _ => None,
        }
    }

    /// Why it is held, if it is.
    #[must_use]
    pub fn hold(&self) -> Option<&Reason> {
        match self {
            Self::Hold(reason) => Some(reason),
            Self::TakeBack(back) => match &back.then {
                Then::Hold(reason) => Some(reason),
                Then::Start(_) | Then::End(_) => None,
            },
            _ => None,
        }
    }

    /// How it ends, if it does.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        match self {
            Self::End(end) => Some(end),
            Self::TakeBack(back) => match &back.then {
                Then::End(end) => Some(end),
                Then::Start(_) | Then::Hold(_) => None,
            },
            _ => None,
        }
    }

    /// Whether a row changes.
    #[must_use]
    pub const fn changes_something(&self) -> bool {
        !matches!(self, Self::Hold(_) | Self::Leave(_))
    }
}

/// What becomes of a waiting task whose instance is gone or lost (R8.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TakeBack {
    /// The dispatch that is void from now on.
    pub replaces: DispatchId,
    /// What happens instead.
    pub then: Then,
}

/// What happens to a task that was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// It starts at another place.
    Start(Place),
    /// It is `pending` again.
    Hold(Reason),
    /// It ends, as when its cancel was asked for.
    End(End),
}

token_of!(Then: Start = "start", Hold = "hold", End = "end");

/// Where a task starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Place {
    /// Nowhere: workflow jobs and approvals go straight to `running` (R6.5).
    Nowhere,
    /// In a container group.
    Container {
        /// The group.
        group: GroupId,
        /// The instance that controls it, when there is a control plane.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        controller: Option<InstanceId>,
    },
    /// On an instance of a group.
    Instance {
        /// The group it comes by.
        group: GroupId,
        /// The instance that runs it.
        node: InstanceId,
        /// The instance that controls it, when there is a control plane.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        controller: Option<InstanceId>,
    },
}

token_of!(Place: Nowhere = "nowhere", Container = "container", Instance = "instance");

impl From<Place> for Placement {
    fn from(place: Place) -> Self {
        match place {
            Place::Nowhere => Self::default(),
            Place::Container { group, controller } => Self { group: Some(group), node: None, controller },
            Place::Instance { group, node, controller } => {
                Self { group: Some(group), node: Some(node), controller }
            }
        }
    }
}

/// What becomes of a node of a running workflow (R7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NodeDecision {
    /// The workflow job.
    pub workflow: TaskId,
    /// The node of its graph.
    pub node: NodeId,
    /// What becomes of it.
    pub step: NodeStep,
}

/// What becomes of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NodeStep {
    /// It gets this new task as its job.
    Run(CreateId),
    /// It is skipped.
    Skip(SkipReason),
    /// Its turn has come and its template is missing: it counts as failed.
    TemplateMissing,
}

token_of!(NodeStep: Run = "run", Skip = "skip", TemplateMissing = "template_missing");

/// A task to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// What asks for it; when that row changed meanwhile, the creation is left out (R12.3).
    pub origin: Origin,
    /// What it is. The store fills in its name, groups and impact, and an approval's `expires`.
    pub work: Work,
    /// [`LaunchType::Dependency`] or [`LaunchType::Workflow`].
    pub launch_type: LaunchType,
    /// The priority of the task or workflow that it is for.
    pub priority: Priority,
    /// Its `created`; `None` for the moment of the pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// The tasks that it depends on, derived at once (R4.4).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<TaskRef>,
    /// Whether its dependencies are derived already.
    pub dependencies_derived: bool,
    /// Why it is created as failed; `None` when it is created as pending (R7.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<NodeFailure>,
}

/// What asks for a task to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Origin {
    /// A task needs the update before it may start (R4.3); the first of the pass that needs it.
    Dependency {
        /// The task that needs it: a row, or a new inventory update (R4.4).
        of: TaskRef,
    },
    /// It is the job of a node (R7.3).
    Node {
        /// The workflow job.
        workflow: TaskId,
        /// The node.
        node: NodeId,
    },
}

token_of!(Origin: Dependency = "dependency", Node = "node");

/// The dependencies that a pass derived for a task (R4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Derived {
    /// The task.
    pub task: TaskId,
    /// The links to add to those that it has, in the order of R4; none already there is repeated.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<TaskRef>"))]
    pub links: SmallVec<[TaskRef; 2]>,
}

/// A task by its id, or one that the same plan creates; with its kind, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TaskRef {
    /// A row of the snapshot, or one that the store has.
    Task {
        /// Its id.
        id: TaskId,
        /// Its kind.
        kind: Kind,
    },
    /// A task that the same plan creates.
    New {
        /// Its position among the plan's creations.
        id: CreateId,
        /// Its kind.
        kind: Kind,
    },
}

token_of!(TaskRef: Task = "task", New = "new");

impl TaskRef {
    /// The id, unless the plan creates it.
    #[must_use]
    pub const fn task(self) -> Option<TaskId> {
        match self {
            Self::Task { id, .. } => Some(id),
            Self::New { .. } => None,
        }
    }

    /// The kind.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Task { kind, .. } | Self::New { kind, .. } => kind,
        }
    }
}

impl End {
    /// The status that the task ends with.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::InstanceLost { .. }
            | Self::DependencyFailed { .. }
            | Self::ApprovalExpired { .. }
            | Self::WorkflowFailed { .. } => Outcome::Failed,
            Self::DependencyCanceled { .. }
            | Self::CancelRequested
            | Self::CanceledWithWorkflow { .. }
            | Self::WorkflowCanceled => Outcome::Canceled,
            Self::WorkflowSuccessful => Outcome::Successful,
        }
    }
}
