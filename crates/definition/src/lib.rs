#![forbid(unsafe_code)]
//! What people define: instances, groups, projects, inventories, templates, and the rules to go by; and what a simulation adds
//! to it: how long tasks run, how they end, what is launched when.
//!
//! One file describes a whole cluster or a workload ([`Definitions`], as TOML or JSON), and this is its one reader: a store, a
//! node and a simulation take the same text to mean the same. Definitions refer to each other by name; ids are the
//! business of whoever keeps them. The crate owns the format with its defaults, what can be seen to be wrong
//! ([`Definitions::check`]), who names whom ([`Definition`], [`Definitions::dangling`]),
//! and what a launch becomes: a job, a workflow job, or a workflow job of slices ([`JobTemplateDefinition::work`]). It reads no
//! files, and knows neither stores nor time.
//!
//! A store keeps what it runs by, and passes over what only a simulation reads: [`Definitions::kept`].

mod check;
mod kept;
mod kinds;
mod launch;
mod references;
mod rules;
mod run;
mod span;
mod times;
mod work;

use scheduler_core::Timestamp;
use serde::{Deserialize, Serialize};

pub use check::{Flaw, Flaws, Place};
pub use kinds::{
    GroupDefinition, InstanceDefinition, InventoryDefinition, InventorySourceDefinition,
    JobTemplateDefinition, NodeDefinition, ProjectDefinition, Starts, SystemJobDefinition,
    WorkflowDefinition,
};
pub use launch::LaunchDefinition;
pub use references::{Definition, Named, Reference};
pub use rules::{ControlPlaneDefinition, Preset, RulesDefinition, UnknownGroup};
pub use run::{
    COMMAND, CommandPayload, HandlerName, HandlerNameError, PAYLOAD_LIMIT, Run, RunError, too_large,
};
pub use span::Span;
pub use times::{Endings, Length, RunTime};
pub use work::{Ids, project_update};

/// The version of the format of workloads.
pub const VERSION: u32 = 1;

/// A set of definitions: a whole cluster, a part to add or change, or a workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definitions {
    /// Of a workload: the version of the format, [`VERSION`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Of a workload: what people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of a workload: when it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// Of a workload: what changes about the cluster, a line of words each: `at 3600 instance remove node-a`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// The rules to go by; left out, the store keeps those that it has, at first `tower-2018`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<RulesDefinition>,
    /// Machines.
    #[serde(default, rename = "instance", skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<InstanceDefinition>,
    /// Instance groups.
    #[serde(default, rename = "group", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupDefinition>,
    /// Projects.
    #[serde(default, rename = "project", skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<ProjectDefinition>,
    /// Inventories.
    #[serde(default, rename = "inventory", skip_serializing_if = "Vec::is_empty")]
    pub inventories: Vec<InventoryDefinition>,
    /// Inventory sources.
    #[serde(default, rename = "inventory-source", skip_serializing_if = "Vec::is_empty")]
    pub inventory_sources: Vec<InventorySourceDefinition>,
    /// Job templates.
    #[serde(default, rename = "template", skip_serializing_if = "Vec::is_empty")]
    pub job_templates: Vec<JobTemplateDefinition>,
    /// System jobs.
    #[serde(default, rename = "system-job", skip_serializing_if = "Vec::is_empty")]
    pub system_jobs: Vec<SystemJobDefinition>,
    /// Workflow templates.
    #[serde(default, rename = "workflow", skip_serializing_if = "Vec::is_empty")]
    pub workflows: Vec<WorkflowDefinition>,
    /// Of a workload: what is launched.
    #[serde(default, rename = "launch", skip_serializing_if = "Vec::is_empty")]
    pub launches: Vec<LaunchDefinition>,
}

/// The kinds of definition, each with names of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DefinitionKind {
    /// [`InstanceDefinition`]
    Instance,
    /// [`GroupDefinition`]
    Group,
    /// [`ProjectDefinition`]
    Project,
    /// [`InventoryDefinition`]
    Inventory,
    /// [`InventorySourceDefinition`]
    InventorySource,
    /// [`JobTemplateDefinition`]
    JobTemplate,
    /// [`SystemJobDefinition`]
    SystemJob,
    /// [`WorkflowDefinition`]
    Workflow,
}

impl DefinitionKind {
    /// The name of its table in a file and of its command.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Group => "group",
            Self::Project => "project",
            Self::Inventory => "inventory",
            Self::InventorySource => "inventory-source",
            Self::JobTemplate => "template",
            Self::SystemJob => "system-job",
            Self::Workflow => "workflow",
        }
    }
}
