//! A task: what it is, what it needs, and how far it has come.
//!
//! The types keep wrong states out: only a waiting task has a dispatch, only a finished one an outcome, only a job a
//! project. A task costs 168 bytes; its name and its list of groups are shared between the tasks of a template.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Serialize};
use thin_vec::ThinVec;

use super::token::{token_of, tokens};
use crate::{
    DispatchId, Forks, GroupId, INVENTORY_UPDATE_IMPACT, InstanceId, InventoryId, InventorySourceId,
    JobTemplateId, Mode, OwnKeyId, PROJECT_UPDATE_IMPACT, Priority, ProjectId, SYSTEM_JOB_IMPACT, TaskId,
    Timestamp, WORKFLOW_IMPACT, WorkflowTemplateId,
};

/// One unit of work, as a row of the snapshot.
///
/// ```
/// use scheduler_core::{Forks, GroupId, ProjectId, Task, TaskId, ThinVec, Timestamp, Work};
///
/// let work = Work::Job {
///     project: Some(ProjectId::new(3)),
///     inventory: None,
///     template: None,
///     allow_simultaneous: false,
///     sources_already_updated: ThinVec::new(),
/// };
/// let task = Task {
///     impact: Forks::new(6),
///     groups: [GroupId::new(1)].into(),
///     ..Task::new(TaskId::new(42), Timestamp::UNIX_EPOCH, work)
/// };
/// assert_eq!(task.kind().token(), "job");
/// assert_eq!(task.cost(), Forks::new(6));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Its identity, unique over all kinds.
    pub id: TaskId,
    /// What people call it; named in the text of R5.
    #[serde(default = "no_name", skip_serializing_if = "str::is_empty")]
    pub name: Arc<str>,
    /// When it was launched: the second criterion of R1.
    pub created: Timestamp,
    /// The first criterion of R1.
    #[serde(default, skip_serializing_if = "Priority::is_default")]
    pub priority: Priority,
    /// What it costs where it runs, in forks (R6). Workflow jobs and approvals cost nothing whatever stands here.
    #[serde(default)]
    pub impact: Forks,
    /// What it is and what it needs.
    pub work: Work,
    /// How far it has come.
    #[serde(default)]
    pub state: State,
    /// Why it was launched.
    #[serde(default)]
    pub launch_type: LaunchType,
    /// The groups it may run in, in order of preference; empty for the rule set's default groups (R6.2).
    #[serde(default = "no_groups", skip_serializing_if = "<[GroupId]>::is_empty")]
    pub groups: Arc<[GroupId]>,
    /// The tasks that must be successful before it may start (R5).
    #[serde(default, with = "crate::model::list", skip_serializing_if = "ThinVec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "alloc::vec::Vec<TaskId>"))]
    pub dependencies: ThinVec<TaskId>,
    /// Whether its update-on-launch dependencies were derived in an earlier pass (R4).
    #[serde(default, skip_serializing_if = "is_false")]
    pub dependencies_derived: bool,
    /// Whether somebody asked to cancel it (R8.3).
    #[serde(default, skip_serializing_if = "is_false")]
    pub cancel_requested: bool,
    /// Its keys for the resources of a user's own rules, all of which count; a resource that is not listed is not claimed.
    #[serde(default, with = "crate::model::list", skip_serializing_if = "ThinVec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "alloc::vec::Vec<OwnKey>"))]
    pub own_keys: ThinVec<OwnKey>,
}

impl Task {
    /// A pending task without a name, launched by hand, of priority 0, in the rule set's default groups, that depends on nothing.
    ///
    /// It costs what R6.6 says of its kind, and a job or an ad hoc command one fork: give these theirs ([`crate::job_impact`]). Whoever
    /// makes many shares names and lists of groups between them ([`crate::Sharing`]).
    #[must_use]
    pub fn new(id: TaskId, created: Timestamp, work: Work) -> Self {
        let impact = match work.kind() {
            Kind::Job | Kind::AdHocCommand => Forks::new(1),
            Kind::ProjectUpdate => PROJECT_UPDATE_IMPACT,
            Kind::InventoryUpdate => INVENTORY_UPDATE_IMPACT,
            Kind::SystemJob => SYSTEM_JOB_IMPACT,
            Kind::WorkflowJob | Kind::WorkflowApproval => WORKFLOW_IMPACT,
        };
        Self {
            id,
            name: no_name(),
            created,
            priority: Priority::default(),
            impact,
            work,
            state: State::Pending,
            launch_type: LaunchType::Manual,
            groups: no_groups(),
            dependencies: ThinVec::new(),
            dependencies_derived: false,
            cancel_requested: false,
            own_keys: ThinVec::new(),
        }
    }

    /// The kind of its work.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.work.kind()
    }

    /// Its impact for R6: nothing for workflow jobs and approvals (R6.5), else what the row says.
    #[must_use]
    pub const fn cost(&self) -> Forks {
        if self.kind().needs_place() { self.impact } else { Forks::ZERO }
    }
}

fn no_name() -> Arc<str> {
    Arc::from("")
}

fn no_groups() -> Arc<[GroupId]> {
    Arc::from([])
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to skip_serializing_if")]
pub(crate) const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// What a task is, with the keys that its kind claims (R2). A missing key is no claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// Runs a template's playbook with a project on an inventory.
    Job {
        /// The project it uses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<ProjectId>,
        /// The inventory it uses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inventory: Option<InventoryId>,
        /// The template it was launched from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<JobTemplateId>,
        /// Whether several jobs of the template may run at once.
        #[serde(default, skip_serializing_if = "is_false")]
        allow_simultaneous: bool,
        /// The sources that its launch says were already updated: no update on launch for these (R4.1).
        #[serde(default, with = "crate::model::list", skip_serializing_if = "ThinVec::is_empty")]
        #[cfg_attr(feature = "schema", schemars(with = "alloc::vec::Vec<InventorySourceId>"))]
        sources_already_updated: ThinVec<InventorySourceId>,
    },
    /// Refreshes a project.
    ProjectUpdate {
        /// The project it refreshes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<ProjectId>,
        /// Whether it is a real update or a job's private copy.
        #[serde(default)]
        job_type: ProjectUpdateType,
    },
    /// Refreshes one source of an inventory.
    InventoryUpdate {
        /// The source it refreshes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<InventorySourceId>,
        /// The inventory that the source belongs to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inventory: Option<InventoryId>,
        /// The project that the source reads from, for a source of type `scm`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source_project: Option<ProjectId>,
    },
    /// Runs one module on an inventory.
    AdHocCommand {
        /// The inventory it runs on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inventory: Option<InventoryId>,
    },
    /// Maintains the control plane itself.
    SystemJob {},
    /// Runs a graph of other tasks (R7). Costs nothing and is never dispatched (R6.5).
    WorkflowJob {
        /// What it was launched from.
        of: WorkflowOf,
        /// Whether several of its template may run at once.
        #[serde(default, skip_serializing_if = "is_false")]
        allow_simultaneous: bool,
    },
    /// Waits for a person's word inside a workflow. Costs nothing and is never dispatched (R6.5).
    WorkflowApproval {
        /// When it fails by itself (R7.6).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires: Option<Timestamp>,
    },
}

impl Work {
    /// The kind, without the keys.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Job { .. } => Kind::Job,
            Self::ProjectUpdate { .. } => Kind::ProjectUpdate,
            Self::InventoryUpdate { .. } => Kind::InventoryUpdate,
            Self::AdHocCommand { .. } => Kind::AdHocCommand,
            Self::SystemJob {} => Kind::SystemJob,
            Self::WorkflowJob { .. } => Kind::WorkflowJob,
            Self::WorkflowApproval { .. } => Kind::WorkflowApproval,
        }
    }
}

/// What a workflow job was launched from; decides what it claims (R2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WorkflowOf {
    /// A workflow template; `null` when it was deleted since.
    Template(Option<WorkflowTemplateId>),
    /// A job template whose job was cut into slices; `null` when it was deleted since.
    Slices(Option<JobTemplateId>),
}

token_of!(WorkflowOf: Template = "template", Slices = "slices");

tokens! {
    /// The seven kinds of task.
    enum Kind: "kind of task" {
        /// [`Work::Job`]
        Job = "job",
        /// [`Work::ProjectUpdate`]
        ProjectUpdate = "project_update",
        /// [`Work::InventoryUpdate`]
        InventoryUpdate = "inventory_update",
        /// [`Work::AdHocCommand`]
        AdHocCommand = "ad_hoc_command",
        /// [`Work::SystemJob`]
        SystemJob = "system_job",
        /// [`Work::WorkflowJob`]
        WorkflowJob = "workflow_job",
        /// [`Work::WorkflowApproval`]
        WorkflowApproval = "workflow_approval",
    }
}

impl Kind {
    /// Whether its tasks run somewhere and cost something; workflow jobs and approvals do not (R6.5).
    #[must_use]
    pub const fn needs_place(self) -> bool {
        !matches!(self, Self::WorkflowJob | Self::WorkflowApproval)
    }

    /// Whether its tasks run on control and hybrid nodes instead of execution and hybrid ones (R6.4).
    #[must_use]
    pub const fn is_control(self) -> bool {
        matches!(self, Self::ProjectUpdate | Self::SystemJob)
    }
}

/// In words: "project update".
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Job => "job",
            Self::ProjectUpdate => "project update",
            Self::InventoryUpdate => "inventory update",
            Self::AdHocCommand => "ad hoc command",
            Self::SystemJob => "system job",
            Self::WorkflowJob => "workflow job",
            Self::WorkflowApproval => "workflow approval",
        })
    }
}

tokens! {
    /// Why a task was launched.
    #[derive(Default)]
    enum LaunchType: "launch type" {
        /// By a person.
        #[default]
        Manual = "manual",
        /// Again, by a person.
        Relaunch = "relaunch",
        /// By a host that asked for its configuration.
        Callback = "callback",
        /// By a schedule.
        Scheduled = "scheduled",
        /// By a pass, because a task needs it (R4.3).
        Dependency = "dependency",
        /// By a pass, for a node of a workflow (R7.3).
        Workflow = "workflow",
        /// By a job while it runs, for its private copy of a project: claims nothing (R2) and is no update for R4.
        Sync = "sync",
        /// By a project update, for an inventory that is read from the project.
        Scm = "scm",
        /// By a webhook.
        Webhook = "webhook",
    }
}

tokens! {
    /// The two types of project update.
    #[derive(Default)]
    enum ProjectUpdateType: "type of project update" {
        /// Refreshes the project for everyone.
        #[default]
        Check = "check",
        /// Makes a job's private copy: claims nothing (R2) and is no update for R4.
        Run = "run",
    }
}

/// How far a task has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum State {
    /// Launched; no pass has started it yet.
    #[default]
    Pending,
    /// Given a place and written to the outbox, but not taken up yet. Holds its claims and its capacity.
    Waiting(Box<Dispatch>),
    /// Taken up. Holds its claims and its capacity.
    Running(Box<Placement>),
    /// Ended.
    Finished {
        /// How.
        outcome: Outcome,
        /// When; a store that lost it leaves it out (R4.2 says what that means).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Timestamp>,
    },
}

token_of!(State: Pending = "pending", Waiting = "waiting", Running = "running", Finished = "finished");

impl State {
    /// Waiting or running.
    #[must_use]
    pub const fn is_holding(&self) -> bool {
        matches!(self, Self::Waiting(_) | Self::Running(_))
    }

    /// Not finished.
    #[must_use]
    pub const fn is_unfinished(&self) -> bool {
        !matches!(self, Self::Finished { .. })
    }

    /// Where a holding task is; `None` for others.
    #[must_use]
    pub fn placement(&self) -> Option<&Placement> {
        match self {
            Self::Waiting(dispatch) => Some(&dispatch.placement),
            Self::Running(placement) => Some(placement),
            Self::Pending | Self::Finished { .. } => None,
        }
    }
}

tokens! {
    /// How a task ended.
    enum Outcome: "outcome of a task" {
        /// Ran and returned 0.
        Successful = "successful",
        /// Ran and returned something else, or was failed by a pass.
        Failed = "failed",
        /// Could not run: a failure of the system.
        Error = "error",
        /// Was canceled.
        Canceled = "canceled",
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.token())
    }
}

/// A dispatch that nobody has taken up yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Dispatch {
    /// The fence under which it may be taken up.
    pub id: DispatchId,
    /// When it was written to the outbox; the dispatch grace counts from here (R8.2).
    pub since: Timestamp,
    /// Where to.
    #[serde(default)]
    pub placement: Placement,
}

/// Where a holding task is. Every part may be missing: workflow jobs have none, container groups no instance, the
/// 2018 model no controller, and a group may have been deleted since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The group it came by: counts against that group's limits (R6.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// The instance it runs on: pays its impact (R6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<InstanceId>,
    /// The instance that controls it: pays the control impact (R6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<InstanceId>,
}

/// A task's key for a resource of a user's own rule, for example ("licence", 7). A task may have several for one resource, and
/// claims each of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OwnKey {
    /// The resource's name, as in [`crate::Resource::Own`].
    pub resource: Arc<str>,
    /// Which one.
    pub key: OwnKeyId,
    /// How this task claims it, instead of as the rule set's row says; a mode that no cell of the resource's matrix names
    /// blocks nobody. Where `allow_simultaneous` lets the row claim nothing, the key claims nothing either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

impl OwnKey {
    /// A key that is claimed as the rule set's row says.
    pub fn new(resource: impl Into<Arc<str>>, key: impl Into<OwnKeyId>) -> Self {
        Self { resource: resource.into(), key: key.into(), mode: None }
    }

    /// The same key, claimed in this mode.
    #[must_use]
    pub fn in_mode(self, mode: Mode) -> Self {
        Self { mode: Some(mode), ..self }
    }
}
