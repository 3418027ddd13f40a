//! The workload: a cluster, what is there at the beginning, what is launched when, and what changes meanwhile.
//!
//! It is made of the core's own values, so that anyone who holds tasks and instances can build one; [`crate::file`] reads one
//! from a file, and [`crate::swf`] and [`crate::wfcommons`] from traces. It knows nothing of passes.

use std::collections::BTreeMap;
use std::sync::Arc;

use scheduler_core::{
    Convergence, Edge, Forks, Graph, GroupId, Instance, InstanceGroup, InventorySource, InventorySourceId,
    JobTemplateId, Kind, NodeId, Outcome, OwnKey, Project, ProjectId, RuleSet, Snapshot, Task, TaskId,
    ThinVec, Timestamp, Work, WorkflowOf, WorkflowTemplateId,
};
use serde::{Deserialize, Serialize};

use crate::change::TimedChange;
use crate::{Behaviour, Moment, Span};

/// Everything that a simulation is given besides the rules.
#[derive(Clone, Debug)]
pub struct Workload {
    /// What people call it.
    pub name: String,
    /// When it begins, on the calendar.
    pub start: Timestamp,
    /// The machines and what they work with.
    pub cluster: Cluster,
    /// The rules that it says it goes by, if it does; which ones a simulation takes is said to that.
    pub rules: Option<RuleSet>,
    /// What is known of the templates: for tasks that passes create, and for launches that say nothing themselves.
    pub catalogue: BTreeMap<TemplateKey, Template>,
    /// How tasks behave of which nothing else is known.
    pub fallback: Behaviour,
    /// The tasks that are there at the beginning.
    pub standing: Vec<Standing>,
    /// The graphs of the workflow jobs among them that run.
    pub graphs: Vec<Graph>,
    /// What is launched, in the order of time.
    pub launches: Vec<Launch>,
    /// What changes about the cluster, in the order of time.
    pub changes: Vec<TimedChange>,
    /// Which tasks somebody asks to cancel, in the order of time, besides those whose launch says so: any task that is there by
    /// then, those that passes created too.
    pub cancels: Vec<Cancel>,
}

impl Workload {
    /// A workload in which nothing happens yet.
    #[must_use]
    pub fn new(name: impl Into<String>, start: Timestamp, cluster: Cluster) -> Self {
        Self {
            name: name.into(),
            start,
            cluster,
            rules: None,
            catalogue: BTreeMap::new(),
            fallback: Behaviour::fixed(Span::from_whole_seconds(60)),
            standing: Vec::new(),
            graphs: Vec::new(),
            launches: Vec::new(),
            changes: Vec::new(),
            cancels: Vec::new(),
        }
    }

    /// A snapshot from its moment on: everything in it that is unfinished runs to its end, and nothing is launched. How long
    /// tasks run is not in a snapshot: it is for [`Self::catalogue`] and [`Self::fallback`] to say.
    #[must_use]
    pub fn from_snapshot(name: impl Into<String>, snapshot: &Snapshot) -> Self {
        let cluster = Cluster {
            instances: snapshot.instances.iter().cloned().map(heard_of).collect(),
            groups: snapshot.groups.clone(),
            projects: snapshot.projects.clone(),
            sources: snapshot.inventory_sources.clone(),
        };
        let standing = |task: &Task| Standing { task: task.clone(), started: None, ends: Ends::AsTemplate };
        Self {
            standing: snapshot.tasks.iter().map(standing).collect(),
            graphs: snapshot.graphs.clone(),
            ..Self::new(name, snapshot.now, cluster)
        }
    }

    /// How many tasks it has, those that passes create aside.
    #[must_use]
    pub fn len(&self) -> usize {
        self.standing.len().saturating_add(self.launches.len())
    }

    /// Whether there is no task in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts launches, changes and cancels in the order of time; of one moment they keep theirs.
    pub fn sort(&mut self) {
        self.launches.sort_by_key(|launch| launch.at);
        self.changes.sort_by_key(|change| change.at);
        self.cancels.sort_by_key(|cancel| cancel.at);
    }

    /// The tasks that are larger than every instance: each runs only on an instance that is otherwise idle (R6.2).
    #[must_use]
    pub fn oversized(&self) -> Vec<TaskId> {
        let largest =
            self.cluster.instances.iter().map(|instance| instance.capacity).max().unwrap_or_default();
        let tasks =
            self.standing.iter().map(|one| &one.task).chain(self.launches.iter().map(|one| &one.task));
        tasks.filter(|task| task.cost() > largest).map(|task| task.id).collect()
    }
}

/// An instance of a snapshot that was never heard of is lost (R8.1), and here none means that all is well.
fn heard_of(mut instance: Instance) -> Instance {
    instance.last_heartbeat.get_or_insert(Timestamp::UNIX_EPOCH);
    instance
}

/// The machines, and what tasks work with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Machines. Their heartbeats are the simulation's to give, save that one whose heartbeat is too old at the beginning is lost
    /// (R8.1).
    pub instances: Vec<Instance>,
    /// Sets of machines, or container platforms.
    pub groups: Vec<InstanceGroup>,
    /// Projects; those that do not update on launch may be left out.
    pub projects: Vec<Project>,
    /// Inventory sources; those that do not update on launch may be left out.
    pub sources: Vec<InventorySource>,
}

/// A task that is there at the beginning.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its row: pending, waiting, running, or finished when others depend on it.
    pub task: Task,
    /// When it started, if that is known and it did.
    pub started: Option<Moment>,
    /// How it goes on. For one that runs already, a fixed span is what is left from the beginning on.
    pub ends: Ends,
}

/// A task that somebody launches.
#[derive(Clone, Debug)]
pub struct Launch {
    /// When.
    pub at: Moment,
    /// Its row, pending.
    pub task: Task,
    /// How it goes on once it runs.
    pub ends: Ends,
    /// When somebody asks to cancel it, unless it has ended by then.
    pub cancel_at: Option<Moment>,
}

/// Somebody asks to cancel a task, unless it has ended by then; a task that is not there by then is not canceled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// When.
    pub at: Moment,
    /// Which task.
    pub task: TaskId,
}

/// How a task goes on once it runs.
#[derive(Clone, Debug, Default)]
pub enum Ends {
    /// As its template says, or else the workload's fallback.
    #[default]
    AsTemplate,
    /// After so long, like this.
    Fixed(Span, Outcome),
    /// As this says.
    Drawn(Arc<Behaviour>),
}

/// What tells templates apart: tasks of one key behave alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateKey {
    /// Jobs of a template.
    Job(JobTemplateId),
    /// Updates of a project.
    ProjectUpdate(ProjectId),
    /// Updates of an inventory source.
    InventoryUpdate(InventorySourceId),
    /// Ad hoc commands, all of them.
    AdHocCommand,
    /// System jobs, all of them.
    SystemJob,
    /// Workflow jobs of a workflow template.
    Workflow(WorkflowTemplateId),
    /// Workflow jobs of a job template that is cut into slices.
    SlicedWorkflow(JobTemplateId),
    /// Approvals, all of them.
    Approval,
}

impl TemplateKey {
    /// Of this work; `None` when it names no template.
    #[must_use]
    pub fn of(work: &Work) -> Option<Self> {
        match work {
            Work::Job { template, .. } => template.map(Self::Job),
            Work::ProjectUpdate { project, .. } => project.map(Self::ProjectUpdate),
            Work::InventoryUpdate { source, .. } => source.map(Self::InventoryUpdate),
            Work::AdHocCommand { .. } => Some(Self::AdHocCommand),
            Work::SystemJob {} => Some(Self::SystemJob),
            Work::WorkflowJob { of: WorkflowOf::Template(id), .. } => id.map(Self::Workflow),
            Work::WorkflowJob { of: WorkflowOf::Slices(id), .. } => id.map(Self::SlicedWorkflow),
            Work::WorkflowApproval { .. } => Some(Self::Approval),
        }
    }

    /// The kind of its tasks.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Job(_) => Kind::Job,
            Self::ProjectUpdate(_) => Kind::ProjectUpdate,
            Self::InventoryUpdate(_) => Kind::InventoryUpdate,
            Self::AdHocCommand => Kind::AdHocCommand,
            Self::SystemJob => Kind::SystemJob,
            Self::Workflow(_) | Self::SlicedWorkflow(_) => Kind::WorkflowJob,
            Self::Approval => Kind::WorkflowApproval,
        }
    }
}

/// What is known of a template: what a store fills in (R4.3, R7.3), and how its tasks behave.
#[derive(Clone, Debug)]
pub struct Template {
    /// What people call it.
    pub name: Arc<str>,
    /// What a task costs where it runs.
    pub impact: Forks,
    /// Where a task may run, in order of preference.
    pub groups: Arc<[GroupId]>,
    /// Keys of resources of one's own rules.
    pub own_keys: ThinVec<OwnKey>,
    /// How its tasks behave.
    pub behaviour: Behaviour,
    /// The graph, of a workflow template.
    pub graph: Option<Arc<GraphTemplate>>,
}

/// The graph of a workflow template.
#[derive(Clone, Debug, Default)]
pub struct GraphTemplate {
    /// Its nodes, in the order of their ids.
    pub nodes: Vec<NodeTemplate>,
    /// Its edges.
    pub edges: Vec<Edge>,
}

/// A node of a workflow template.
#[derive(Clone, Debug)]
pub struct NodeTemplate {
    /// Its identity within the graph.
    pub id: NodeId,
    /// What it starts; `None` when its template was deleted.
    pub starts: Option<Box<Work>>,
    /// How its parents come together (R7.2).
    pub convergence: Convergence,
    /// What its job is like; `None` for as the catalogue says.
    pub template: Option<Arc<Template>>,
    /// After how long an approval that nobody gives fails (R7.6).
    pub expires_after: Option<Span>,
}
