//! The kinds of definition.

use scheduler_core::{Convergence, Forks, NodeType, OwnKey, Priority, Seconds, TaskCount};
use serde::{Deserialize, Serialize};

use super::{Endings, Run, RunTime};

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to skip_serializing_if")]
const fn is_yes(flag: &bool) -> bool {
    *flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to skip_serializing_if")]
const fn is_no(flag: &bool) -> bool {
    !*flag
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference to skip_serializing_if")]
const fn is_one(count: &u32) -> bool {
    *count == 1
}

/// A machine that runs or controls tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceDefinition {
    /// Its name; the node that runs on it joins under it.
    pub hostname: String,
    /// What it may do (R6.4).
    #[serde(default)]
    pub node_type: NodeType,
    /// What it has, in forks (R6.6).
    pub capacity: Forks,
    /// Whether it may get new tasks.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub enabled: bool,
}

/// A set of instances, or a container platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupDefinition {
    /// Its name.
    pub name: String,
    /// The hostnames of its instances.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<String>,
    /// Whether it is a container platform, which has no instances.
    #[serde(default, skip_serializing_if = "is_no")]
    pub container: bool,
    /// How many tasks may hold a place by it; 0 for no limit (R6.2).
    #[serde(default)]
    pub max_concurrent_jobs: TaskCount,
    /// How many forks they may have together; 0 for no limit (R6.2).
    #[serde(default)]
    pub max_forks: Forks,
}

/// A project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectDefinition {
    /// Its name.
    pub name: String,
    /// Whether a job of it first needs an update (R4).
    #[serde(default, skip_serializing_if = "is_no")]
    pub update_on_launch: bool,
    /// How long a successful update stays fresh, in seconds (R4.2).
    #[serde(default)]
    pub cache_timeout: Seconds,
    /// The groups that its updates may run in, in order of preference; empty for the default groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// What an update runs; a store takes none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// How long that takes in a simulation; left out, a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_time: Option<RunTime>,
    /// How it ends in a simulation; left out, well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endings: Option<Endings>,
}

/// An inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InventoryDefinition {
    /// Its name.
    pub name: String,
    /// How many hosts it has: bounds the impact of jobs on it (R6.6).
    #[serde(default)]
    pub hosts: u32,
}

/// One source of an inventory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InventorySourceDefinition {
    /// Its name.
    pub name: String,
    /// The inventory that it belongs to.
    pub inventory: String,
    /// Whether a job of the inventory first needs an update (R4).
    #[serde(default, skip_serializing_if = "is_no")]
    pub update_on_launch: bool,
    /// How long a successful update stays fresh, in seconds (R4.2).
    #[serde(default)]
    pub cache_timeout: Seconds,
    /// The project that it reads from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_project: Option<String>,
    /// The groups that its updates may run in, in order of preference; empty for the default groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// What an update runs; a store takes none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// How long that takes in a simulation; left out, a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_time: Option<RunTime>,
    /// How it ends in a simulation; left out, well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endings: Option<Endings>,
}

/// A job template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobTemplateDefinition {
    /// Its name.
    pub name: String,
    /// The project that its jobs use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The inventory that its jobs use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<String>,
    /// Whether several of its jobs may run at once (R2).
    #[serde(default, skip_serializing_if = "is_no")]
    pub allow_simultaneous: bool,
    /// How many hosts a job works on at once; 0 or left out for 5 (R6.6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forks: Option<u32>,
    /// What a job costs, instead of what R6.6 makes of hosts and forks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Forks>,
    /// Into how many jobs a launch is cut; with more than one, a launch is a workflow job of them (R2).
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub slices: u32,
    /// The priority of its jobs.
    #[serde(default)]
    pub priority: Priority,
    /// The groups that its jobs may run in, in order of preference; empty for the default groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Keys of resources of your own rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_keys: Vec<OwnKey>,
    /// What a job runs; a store takes none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// How long that takes in a simulation; left out, a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_time: Option<RunTime>,
    /// How it ends in a simulation; left out, well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endings: Option<Endings>,
}

impl Default for JobTemplateDefinition {
    /// Without a name, for whoever sets some of its fields.
    fn default() -> Self {
        Self {
            name: String::new(),
            project: None,
            inventory: None,
            allow_simultaneous: false,
            forks: None,
            impact: None,
            slices: one(),
            priority: Priority::default(),
            groups: Vec::new(),
            own_keys: Vec::new(),
            run: None,
            run_time: None,
            endings: None,
        }
    }
}

/// A system job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemJobDefinition {
    /// Its name.
    pub name: String,
    /// The groups that it may run in, in order of preference; empty for the default groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// What it runs; a store takes none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// How long that takes in a simulation; left out, a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_time: Option<RunTime>,
    /// How it ends in a simulation; left out, well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endings: Option<Endings>,
}

/// A workflow template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkflowDefinition {
    /// Its name.
    pub name: String,
    /// Whether several of its workflow jobs may run at once (R2).
    #[serde(default, skip_serializing_if = "is_no")]
    pub allow_simultaneous: bool,
    /// The priority of its workflow jobs.
    #[serde(default)]
    pub priority: Priority,
    /// Its graph.
    #[serde(default, rename = "node")]
    pub nodes: Vec<NodeDefinition>,
}

/// A node of a workflow template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeDefinition {
    /// Its name within the workflow.
    pub name: String,
    /// What it starts.
    pub starts: Starts,
    /// How its parents come together (R7.2).
    #[serde(default)]
    pub convergence: Convergence,
    /// The nodes that follow when it is successful.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_success: Vec<String>,
    /// The nodes that follow when it is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_failure: Vec<String>,
    /// The nodes that follow however it ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub always: Vec<String>,
}

/// What a node starts: definitions by their names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Starts {
    /// A job of a template.
    Template(String),
    /// An update of a project.
    Project(String),
    /// An update of an inventory source.
    #[serde(alias = "inventory_source")]
    InventorySource(String),
    /// A system job.
    #[serde(alias = "system_job")]
    SystemJob(String),
    /// A nested workflow.
    Workflow(String),
    /// Waits for a person's word.
    Approval {
        /// After how many seconds it fails by itself; left out, never (R7.6).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<Seconds>,
        /// How long the person takes in a simulation; left out, a minute.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run_time: Option<RunTime>,
        /// How the person decides in a simulation; left out, well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endings: Option<Endings>,
    },
}
