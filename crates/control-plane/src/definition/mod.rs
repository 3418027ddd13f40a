//! What people define: instances, groups, projects, inventories, templates, and the rules to go by.
//!
//! Definitions refer to each other by name, so that one file can describe a whole cluster ([`Definitions`], as TOML or JSON); the
//! ids are the store's. A store fills a new task in from its definition: [`Run`] says what a worker does, and the groups,
//! the impact (R6.6) and the keys (R2) come from here. This module checks what can be seen in the file alone;
//! names that are neither in the file nor in the store are the store's to refuse.

mod check;
mod kinds;
mod rules;
mod run;

use serde::{Deserialize, Serialize};

pub use check::{Flaw, Flaws, Place};
pub use kinds::{
    GroupDefinition, InstanceDefinition, InventoryDefinition, InventorySourceDefinition,
    JobTemplateDefinition, NodeDefinition, ProjectDefinition, Starts, SystemJobDefinition,
    WorkflowDefinition,
};
pub use rules::{ControlPlaneDefinition, Preset, RulesDefinition, UnknownGroup};
pub(crate) use run::too_large;
pub use run::{COMMAND, CommandPayload, HandlerName, HandlerNameError, PAYLOAD_LIMIT, Run, RunError};

/// A set of definitions: a whole cluster, or a part to add or change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definitions {
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

/// What applying definitions changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// New ones.
    pub created: Vec<(DefinitionKind, String)>,
    /// Those that are different now.
    pub changed: Vec<(DefinitionKind, String)>,
    /// How many were as they are already.
    pub unchanged: usize,
    /// Whether the rules are different now.
    pub rules_changed: bool,
}
