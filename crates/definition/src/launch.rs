//! What a workload launches, once or again and again.

use scheduler_core::{Forks, Priority};
use serde::{Deserialize, Serialize};

use crate::{DefinitionKind, Endings, Length, Named, RunTime};

/// Something that is launched, once or again and again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LaunchDefinition {
    /// A name for others to depend on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A job of this template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// An update of this project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// An update of this inventory source.
    #[serde(alias = "inventory-source", skip_serializing_if = "Option::is_none")]
    pub inventory_source: Option<String>,
    /// This system job.
    #[serde(alias = "system-job", skip_serializing_if = "Option::is_none")]
    pub system_job: Option<String>,
    /// A workflow job of this template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// An ad hoc command on this inventory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// When, in seconds from the beginning.
    pub at: Length,
    /// How many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// With so many seconds between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Length>,
    /// So many an hour, at random moments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<f64>,
    /// None after this, in seconds from the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Length>,
    /// Instead of the template's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Instead of the template's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impact: Option<Forks>,
    /// Instead of the template's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// Instead of the template's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_time: Option<RunTime>,
    /// Instead of the template's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endings: Option<Endings>,
    /// So many seconds after its launch somebody asks to cancel it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_after: Option<Length>,
    /// Named launches that must be successful first; of one with a count, all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
}

impl LaunchDefinition {
    /// What it launches; an ad hoc command is told by its inventory. `None` when it names nothing, or several.
    #[must_use]
    pub fn subject(&self) -> Option<Named<'_>> {
        let named = [
            (DefinitionKind::JobTemplate, &self.template),
            (DefinitionKind::Project, &self.project),
            (DefinitionKind::InventorySource, &self.inventory_source),
            (DefinitionKind::SystemJob, &self.system_job),
            (DefinitionKind::Workflow, &self.workflow),
            (DefinitionKind::Inventory, &self.command),
        ];
        let mut named = named.into_iter().filter_map(|(kind, name)| Some((kind, name.as_deref()?)));
        named.next().filter(|_| named.next().is_none())
    }

    /// Everything that it names.
    pub fn references(&self) -> impl Iterator<Item = Named<'_>> {
        let groups = self.groups.iter().flatten().map(|name| (DefinitionKind::Group, name.as_str()));
        self.subject().into_iter().chain(groups)
    }
}
