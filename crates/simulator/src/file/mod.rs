//! The workload file: a cluster, templates and what is launched, as people write it, in TOML or JSON.
//!
//! Its tables are those of the cluster files of `scheduler apply`, so that one file serves both: what a worker would do (`run`) is
//! passed over here, and how long it takes (`run_time`) is added. This module holds the types and what they mean; reading text
//! is the caller's, who knows the line of what does not fit. Names are resolved to ids in the order of the file, from 1.

mod build;
mod launches;
mod names;
mod nodes;
mod times;

use scheduler_core::{Convergence, Forks, NodeType, OwnKey, Priority, Seconds, TaskCount, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

pub use times::{Drawn, EndingsEntry, RunTimeEntry, SecondsEntry};

/// The version of the format.
pub const VERSION: u32 = 1;

/// A workload, or a cluster alone, as it stands in a file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadFile {
    /// The version of the format; a cluster alone may leave it out.
    #[serde(default)]
    pub version: Option<u32>,
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// When it begins; left out, Monday, 5 January 2026.
    #[serde(default)]
    pub start: Option<Timestamp>,
    /// Passed over: rules are an argument of the simulation.
    #[serde(default)]
    pub rules: Option<IgnoredAny>,
    /// Machines.
    #[serde(default, rename = "instance")]
    pub instances: Vec<InstanceEntry>,
    /// Instance groups.
    #[serde(default, rename = "group")]
    pub groups: Vec<GroupEntry>,
    /// Projects.
    #[serde(default, rename = "project")]
    pub projects: Vec<ProjectEntry>,
    /// Inventories.
    #[serde(default, rename = "inventory")]
    pub inventories: Vec<InventoryEntry>,
    /// Inventory sources.
    #[serde(default, rename = "inventory-source")]
    pub sources: Vec<SourceEntry>,
    /// Job templates.
    #[serde(default, rename = "template")]
    pub templates: Vec<TemplateEntry>,
    /// System jobs.
    #[serde(default, rename = "system-job")]
    pub system_jobs: Vec<SystemJobEntry>,
    /// Workflow templates.
    #[serde(default, rename = "workflow")]
    pub workflows: Vec<WorkflowEntry>,
    /// What is launched.
    #[serde(default, rename = "launch")]
    pub launches: Vec<LaunchEntry>,
    /// What changes about the cluster, a line of words each: `at 3600 instance remove node-a`.
    #[serde(default)]
    pub changes: Vec<String>,
}

/// One thing in a file that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The table that it stands in: `launch`, `template`, …; empty for the file as a whole.
    pub table: &'static str,
    /// Which one of that table, from 0.
    pub position: usize,
    /// What does not fit.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

const fn yes() -> bool {
    true
}

/// A machine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceEntry {
    /// Its name.
    pub hostname: String,
    /// What it may do.
    #[serde(default)]
    pub node_type: NodeType,
    /// What it has, in forks.
    pub capacity: Forks,
    /// Whether it takes new tasks.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// A set of machines, or a container platform.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// Its name.
    pub name: String,
    /// The hostnames of its instances.
    #[serde(default)]
    pub instances: Vec<String>,
    /// Whether it is a container platform.
    #[serde(default)]
    pub container: bool,
    /// How many tasks may hold a place by it; 0 for no limit.
    #[serde(default)]
    pub max_concurrent_jobs: TaskCount,
    /// How many forks they may have together; 0 for no limit.
    #[serde(default)]
    pub max_forks: Forks,
}

/// A project.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectEntry {
    /// Its name.
    pub name: String,
    /// Whether a job of it first needs an update.
    #[serde(default)]
    pub update_on_launch: bool,
    /// How long a successful update stays fresh, in seconds.
    #[serde(default)]
    pub cache_timeout: Seconds,
    /// Where its updates may run.
    #[serde(default)]
    pub groups: Vec<String>,
    /// How long an update runs.
    #[serde(default)]
    pub run_time: Option<RunTimeEntry>,
    /// How updates end.
    #[serde(default)]
    pub endings: EndingsEntry,
    /// Passed over.
    #[serde(default)]
    pub run: Option<IgnoredAny>,
}

/// An inventory.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InventoryEntry {
    /// Its name.
    pub name: String,
    /// How many hosts it has: bounds the impact of jobs on it.
    #[serde(default)]
    pub hosts: u32,
}

/// A source of an inventory.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceEntry {
    /// Its name.
    pub name: String,
    /// The inventory that it belongs to.
    pub inventory: String,
    /// Whether a job of the inventory first needs an update.
    #[serde(default)]
    pub update_on_launch: bool,
    /// How long a successful update stays fresh, in seconds.
    #[serde(default)]
    pub cache_timeout: Seconds,
    /// The project that it reads from.
    #[serde(default)]
    pub source_project: Option<String>,
    /// Where its updates may run.
    #[serde(default)]
    pub groups: Vec<String>,
    /// How long an update runs.
    #[serde(default)]
    pub run_time: Option<RunTimeEntry>,
    /// How updates end.
    #[serde(default)]
    pub endings: EndingsEntry,
    /// Passed over.
    #[serde(default)]
    pub run: Option<IgnoredAny>,
}

/// A job template.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateEntry {
    /// Its name.
    pub name: String,
    /// The project that its jobs use.
    #[serde(default)]
    pub project: Option<String>,
    /// The inventory that its jobs use.
    #[serde(default)]
    pub inventory: Option<String>,
    /// Whether several of its jobs may run at once.
    #[serde(default)]
    pub allow_simultaneous: bool,
    /// How many hosts a job works on at once.
    #[serde(default)]
    pub forks: Option<u32>,
    /// What a job costs, instead of what hosts and forks say.
    #[serde(default)]
    pub impact: Option<Forks>,
    /// Passed over: a launch is one job here.
    #[serde(default)]
    pub slices: Option<IgnoredAny>,
    /// The priority of its jobs.
    #[serde(default)]
    pub priority: Priority,
    /// Where its jobs may run, in order of preference; left out, the first group of the file.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Keys of resources of one's own rules.
    #[serde(default)]
    pub own_keys: Vec<OwnKey>,
    /// How long a job runs.
    #[serde(default)]
    pub run_time: Option<RunTimeEntry>,
    /// How jobs end.
    #[serde(default)]
    pub endings: EndingsEntry,
    /// Passed over.
    #[serde(default)]
    pub run: Option<IgnoredAny>,
}

/// A system job.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemJobEntry {
    /// Its name.
    pub name: String,
    /// Where it may run.
    #[serde(default)]
    pub groups: Vec<String>,
    /// How long it runs.
    #[serde(default)]
    pub run_time: Option<RunTimeEntry>,
    /// How it ends.
    #[serde(default)]
    pub endings: EndingsEntry,
    /// Passed over.
    #[serde(default)]
    pub run: Option<IgnoredAny>,
}

/// A workflow template.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowEntry {
    /// Its name.
    pub name: String,
    /// Whether several of its workflow jobs may run at once.
    #[serde(default)]
    pub allow_simultaneous: bool,
    /// The priority of its workflow jobs.
    #[serde(default)]
    pub priority: Priority,
    /// Its graph.
    #[serde(default, rename = "node")]
    pub nodes: Vec<NodeEntry>,
}

/// A node of a workflow template.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeEntry {
    /// Its name within the workflow.
    pub name: String,
    /// What it starts.
    pub starts: Starts,
    /// How its parents come together.
    #[serde(default)]
    pub convergence: Convergence,
    /// The nodes that follow when it is successful.
    #[serde(default)]
    pub on_success: Vec<String>,
    /// The nodes that follow when it is not.
    #[serde(default)]
    pub on_failure: Vec<String>,
    /// The nodes that follow however it ends.
    #[serde(default)]
    pub always: Vec<String>,
}

/// What a node starts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Starts {
    /// A job of a template.
    Template(String),
    /// An update of a project.
    Project(String),
    /// An update of an inventory source.
    InventorySource(String),
    /// A system job.
    SystemJob(String),
    /// A nested workflow.
    Workflow(String),
    /// Waits for a person's word.
    Approval {
        /// After how many seconds it fails by itself; left out, never.
        #[serde(default)]
        timeout: Option<Seconds>,
        /// How long the person takes; left out, a minute.
        #[serde(default)]
        run_time: Option<RunTimeEntry>,
        /// How the person decides.
        #[serde(default)]
        endings: EndingsEntry,
    },
}

/// Something that is launched, once or again and again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchEntry {
    /// A name for others to depend on.
    #[serde(default)]
    pub name: Option<String>,
    /// A job of this template.
    #[serde(default)]
    pub template: Option<String>,
    /// An update of this project.
    #[serde(default)]
    pub project: Option<String>,
    /// An update of this inventory source.
    #[serde(default)]
    pub inventory_source: Option<String>,
    /// This system job.
    #[serde(default)]
    pub system_job: Option<String>,
    /// A workflow job of this template.
    #[serde(default)]
    pub workflow: Option<String>,
    /// An ad hoc command on this inventory.
    #[serde(default)]
    pub command: Option<String>,
    /// When, in seconds from the beginning.
    #[serde(default)]
    pub at: SecondsEntry,
    /// How many.
    #[serde(default)]
    pub count: Option<u32>,
    /// With so many seconds between them.
    #[serde(default)]
    pub every: Option<SecondsEntry>,
    /// So many an hour, at random moments.
    #[serde(default)]
    pub per_hour: Option<f64>,
    /// None after this, in seconds from the beginning.
    #[serde(default)]
    pub until: Option<SecondsEntry>,
    /// Instead of the template's.
    #[serde(default)]
    pub priority: Option<Priority>,
    /// Instead of the template's.
    #[serde(default)]
    pub impact: Option<Forks>,
    /// Instead of the template's.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// Instead of the template's.
    #[serde(default)]
    pub run_time: Option<RunTimeEntry>,
    /// Instead of the template's.
    #[serde(default)]
    pub endings: Option<EndingsEntry>,
    /// So many seconds after its launch somebody asks to cancel it.
    #[serde(default)]
    pub cancel_after: Option<SecondsEntry>,
    /// Named launches that must be successful first; of one with a count, all of them.
    #[serde(default)]
    pub depends_on: Vec<String>,
}
