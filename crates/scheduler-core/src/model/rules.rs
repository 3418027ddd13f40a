//! The rules of blocking as data (R2), and the numbers that a pass goes by.
//!
//! A [`RuleSet`] holds the one table that says who blocks whom: rows of [`Claim`] (a kind of task claims a resource in a
//! mode) and a [`Matrix`] per resource (which mode may not start while which other is held). The pass compiles and
//! follows this table; no other code decides who blocks whom. A user's own rule is one more row, on a [`Resource::Own`]
//! whose keys the tasks carry.
//!
//! Two sets ship: [`RuleSet::tower_2018`], the default, says what the source document says; [`RuleSet::awx_2024`] what
//! AWX does today. They differ in three cells and in R3.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::token::{token_of, tokens};
use crate::words::visible;
use crate::{Forks, GroupId, Kind, Seconds, TaskCount, Work, WorkflowOf};

/// Everything that a pass goes by besides the snapshot.
///
/// ```
/// use scheduler_core::{Mode, Resource, RuleSet, Seconds};
///
/// // A preset with numbers of one's own.
/// let rules = RuleSet { heartbeat_grace: Seconds::new(30), ..RuleSet::awx_2024() };
/// assert!(rules.validate().is_ok());
///
/// // Who blocks whom is a table: here, whether an update of a project waits for the jobs that use it.
/// let waits = |rules: &RuleSet| rules.matrix(&Resource::Project).unwrap().forbids(Mode::Update, Mode::Use);
/// assert!(waits(&RuleSet::tower_2018()) && !waits(&rules));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// What people call it.
    pub name: String,
    /// Who claims what (R2). Of several conflicts of one task, the first row's is named.
    pub claims: Vec<Claim>,
    /// What may not be held together (R2). A resource without a matrix blocks nobody; of several for one resource the
    /// first counts.
    pub matrices: Vec<Matrix>,
    /// R3: a later task may not overtake a blocked one. One that waits for room keeps its place by `reserve_after` alone.
    pub chronological: bool,
    /// The groups of a task that names none (R6.2).
    #[serde(default)]
    pub default_groups: Vec<GroupId>,
    /// The control plane (R6.4); without one, the 2018 model.
    #[serde(default)]
    pub control_plane: Option<ControlPlane>,
    /// An instance is lost after no heartbeat for longer than this (R8.1).
    #[serde(default = "heartbeat_grace")]
    pub heartbeat_grace: Seconds,
    /// A waiting task is dispatched again after longer than this (R8.2).
    #[serde(default = "dispatch_grace")]
    pub dispatch_grace: Seconds,
    /// How many tasks one pass may start; 0 for no limit (R9).
    #[serde(default)]
    pub start_limit: TaskCount,
    /// R6.7: a task older than this that finds no room gets an instance reserved, or what becomes free within the limits of
    /// a group; and it keeps its place (R3).
    #[serde(default)]
    pub reserve_after: Option<Seconds>,
}

const fn heartbeat_grace() -> Seconds {
    Seconds::new(120)
}

const fn dispatch_grace() -> Seconds {
    Seconds::new(60)
}

/// The group whose instances control all others' tasks (R6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ControlPlane {
    /// The group. When the snapshot lacks it, no instance can control, and nothing that needs a place starts.
    pub group: GroupId,
    /// What controlling one task costs.
    pub impact: Forks,
}

/// A row of the table: this kind of task claims that resource in this mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Who claims.
    pub by: Claimant,
    /// What.
    pub resource: Resource,
    /// How.
    pub mode: Mode,
    /// How instead, when the task has `allow_simultaneous`.
    #[serde(default, skip_serializing_if = "Simultaneous::is_same")]
    pub simultaneous: Simultaneous,
}

tokens! {
    /// Who claims: the kinds of task, a workflow job of slices apart from other workflow jobs. Approvals claim nothing.
    enum Claimant: "claimant" {
        /// [`Work::Job`]
        Job = "job",
        /// [`Work::ProjectUpdate`]; one of job type `run` claims nothing.
        ProjectUpdate = "project_update",
        /// [`Work::InventoryUpdate`]
        InventoryUpdate = "inventory_update",
        /// [`Work::AdHocCommand`]
        AdHocCommand = "ad_hoc_command",
        /// [`Work::SystemJob`]
        SystemJob = "system_job",
        /// [`Work::WorkflowJob`] of a workflow template
        WorkflowJob = "workflow_job",
        /// [`Work::WorkflowJob`] of a job template cut into slices
        SlicedWorkflowJob = "sliced_workflow_job",
    }
}

impl Claimant {
    /// Who claims for this work; `None` for approvals.
    #[must_use]
    pub const fn of(work: &Work) -> Option<Self> {
        Some(match work {
            Work::WorkflowJob { of: WorkflowOf::Slices(_), .. } => Self::SlicedWorkflowJob,
            other => match other.kind() {
                Kind::Job => Self::Job,
                Kind::ProjectUpdate => Self::ProjectUpdate,
                Kind::InventoryUpdate => Self::InventoryUpdate,
                Kind::AdHocCommand => Self::AdHocCommand,
                Kind::SystemJob => Self::SystemJob,
                Kind::WorkflowJob => Self::WorkflowJob,
                Kind::WorkflowApproval => return None,
            },
        })
    }
}

impl fmt::Display for Claimant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Job => "job",
            Self::ProjectUpdate => "project update",
            Self::InventoryUpdate => "inventory update",
            Self::AdHocCommand => "ad hoc command",
            Self::SystemJob => "system job",
            Self::WorkflowJob => "workflow job",
            Self::SlicedWorkflowJob => "sliced workflow job",
        })
    }
}

/// What can be claimed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// A project, by its id.
    Project,
    /// An inventory, by its id.
    Inventory,
    /// An inventory source, by its id.
    InventorySource,
    /// A job template, by its id.
    JobTemplate,
    /// A workflow template, by its id.
    WorkflowTemplate,
    /// The one system-job slot.
    SystemJobSlot,
    /// A resource of the user's own, by the keys that tasks carry for this name ([`crate::Task::own_keys`]).
    Own(Arc<str>),
}

token_of!(
    Resource:
    Project = "project",
    Inventory = "inventory",
    InventorySource = "inventory_source",
    JobTemplate = "job_template",
    WorkflowTemplate = "workflow_template",
    SystemJobSlot = "system_job_slot",
    Own = "own",
);

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Project => "project",
            Self::Inventory => "inventory",
            Self::InventorySource => "inventory source",
            Self::JobTemplate => "job template",
            Self::WorkflowTemplate => "workflow template",
            Self::SystemJobSlot => "system-job slot",
            Self::Own(name) => return visible(name).fmt(f),
        })
    }
}

tokens! {
    /// How a resource is claimed. A mode means only what the resource's matrix says of it.
    enum Mode: "mode" {
        /// To refresh it.
        Update = "update",
        /// To work with it.
        Use = "use",
        /// To run one command on it.
        Command = "command",
        /// To have it alone.
        Exclusive = "exclusive",
        /// To have it together with others of the same kind.
        Shared = "shared",
        /// To run its slices.
        Slices = "slices",
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.token())
    }
}

/// What `allow_simultaneous` changes about a claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Simultaneous {
    /// Nothing.
    #[default]
    Same,
    /// It claims in this mode instead.
    As(Mode),
    /// It does not claim.
    Nothing,
}

token_of!(Simultaneous: Same = "same", As = "as", Nothing = "nothing");

impl Simultaneous {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to skip_serializing_if")]
    fn is_same(&self) -> bool {
        *self == Self::Same
    }
}

/// Which modes of a resource may not be held together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// Of which resource.
    pub resource: Resource,
    /// The cells marked X: the first may not start while the second is held.
    pub forbidden: Vec<(Mode, Mode)>,
}

impl Matrix {
    /// Whether `pending` may not start while `held` is held.
    #[must_use]
    pub fn forbids(&self, pending: Mode, held: Mode) -> bool {
        self.forbidden.contains(&(pending, held))
    }
}

impl Default for RuleSet {
    /// [`RuleSet::tower_2018`].
    fn default() -> Self {
        Self::tower_2018()
    }
}

impl RuleSet {
    /// What the source document says: job xor project update, job xor inventory update, and chronological order of
    /// blocked tasks (R3).
    #[must_use]
    pub fn tower_2018() -> Self {
        use Mode::{Command, Update, Use};
        let project = vec![(Update, Update), (Update, Use), (Use, Update)];
        let inventory =
            vec![(Update, Use), (Use, Update), (Use, Command), (Command, Update), (Command, Command)];
        Self::preset("tower-2018", project, inventory, true)
    }

    /// What AWX does today: running jobs do not hold updates up, and blocked tasks may be overtaken.
    #[must_use]
    pub fn awx_2024() -> Self {
        use Mode::{Command, Update, Use};
        let project = vec![(Update, Update), (Use, Update)];
        let inventory = vec![(Use, Update), (Use, Command), (Command, Update), (Command, Command)];
        Self::preset("awx-2024", project, inventory, false)
    }

    fn preset(
        name: &str,
        project: Vec<(Mode, Mode)>,
        inventory: Vec<(Mode, Mode)>,
        chronological: bool,
    ) -> Self {
        use Mode::{Exclusive, Shared, Slices};
        let alone = vec![(Exclusive, Exclusive)];
        let template = vec![
            (Exclusive, Exclusive),
            (Exclusive, Shared),
            (Slices, Exclusive),
            (Slices, Shared),
            (Slices, Slices),
        ];
        let matrix = |resource, forbidden| Matrix { resource, forbidden };
        Self {
            name: name.into(),
            claims: preset_claims(),
            matrices: vec![
                matrix(Resource::Project, project),
                matrix(Resource::Inventory, inventory),
                matrix(Resource::InventorySource, alone.clone()),
                matrix(Resource::JobTemplate, template.clone()),
                matrix(Resource::WorkflowTemplate, template),
                matrix(Resource::SystemJobSlot, alone),
            ],
            chronological,
            default_groups: Vec::new(),
            control_plane: None,
            heartbeat_grace: heartbeat_grace(),
            dispatch_grace: dispatch_grace(),
            start_limit: TaskCount::new(0),
            reserve_after: None,
        }
    }

    /// The matrix of a resource, if there is one.
    #[must_use]
    pub fn matrix(&self, resource: &Resource) -> Option<&Matrix> {
        self.matrices.iter().find(|matrix| matrix.resource == *resource)
    }
}

/// The rows that both presets share, in the order of R2.
fn preset_claims() -> Vec<Claim> {
    use Claimant::{
        AdHocCommand, InventoryUpdate, Job, ProjectUpdate, SlicedWorkflowJob, SystemJob, WorkflowJob,
    };
    use Resource::{Inventory, InventorySource, JobTemplate, Project, SystemJobSlot, WorkflowTemplate};
    use Simultaneous::{As, Nothing, Same};
    let row = |by, resource, mode, simultaneous| Claim { by, resource, mode, simultaneous };
    vec![
        row(ProjectUpdate, Project, Mode::Update, Same),
        row(Job, Project, Mode::Use, Same),
        row(InventoryUpdate, Inventory, Mode::Update, Same),
        row(InventoryUpdate, InventorySource, Mode::Exclusive, Same),
        row(Job, Inventory, Mode::Use, Same),
        row(AdHocCommand, Inventory, Mode::Command, Same),
        row(Job, JobTemplate, Mode::Exclusive, As(Mode::Shared)),
        row(SlicedWorkflowJob, JobTemplate, Mode::Slices, Nothing),
        row(WorkflowJob, WorkflowTemplate, Mode::Exclusive, As(Mode::Shared)),
        row(SystemJob, SystemJobSlot, Mode::Exclusive, Same),
    ]
}
