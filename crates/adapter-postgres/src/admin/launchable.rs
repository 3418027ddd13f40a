//! Definitions of what can be launched, as rows of their one table.

use control_plane::definition::{
    Definition, DefinitionKind, InventorySourceDefinition, JobTemplateDefinition, ProjectDefinition,
    SystemJobDefinition, WorkflowDefinition,
};
use scheduler_core::OwnKey;
use serde::Serialize;
use serde_json::Value;

use super::catalogue::Ids;

/// A row of `launchable`.
#[derive(Default, Serialize)]
pub(super) struct Row<'a> {
    kind: &'static str,
    name: &'a str,
    handler: Option<&'a str>,
    payload: Option<&'a Value>,
    groups: Vec<i64>,
    priority: i32,
    project_id: Option<i64>,
    inventory_id: Option<i64>,
    update_on_launch: bool,
    cache_timeout: u32,
    allow_simultaneous: bool,
    forks: Option<u32>,
    impact: Option<u32>,
    slices: u32,
    own_keys: &'a [OwnKey],
}

impl<'a> Row<'a> {
    fn of<D: Definition>(definition: &'a D, ids: &Ids) -> Self {
        let groups = definition.groups().iter();
        Self {
            kind: D::KIND.token(),
            name: definition.name(),
            handler: definition.run().map(|run| run.handler.as_str()),
            payload: definition.run().map(|run| &run.payload),
            groups: groups.filter_map(|name| id(ids, DefinitionKind::Group, name)).collect(),
            slices: 1,
            ..Self::default()
        }
    }

    pub(super) fn project(project: &'a ProjectDefinition, ids: &Ids) -> Self {
        Self {
            update_on_launch: project.update_on_launch,
            cache_timeout: project.cache_timeout.get(),
            ..Self::of(project, ids)
        }
    }

    pub(super) fn source(source: &'a InventorySourceDefinition, ids: &Ids) -> Self {
        let project = source.source_project.as_deref();
        Self {
            update_on_launch: source.update_on_launch,
            cache_timeout: source.cache_timeout.get(),
            inventory_id: id(ids, DefinitionKind::Inventory, &source.inventory),
            project_id: project.and_then(|name| id(ids, DefinitionKind::Project, name)),
            ..Self::of(source, ids)
        }
    }

    pub(super) fn template(template: &'a JobTemplateDefinition, ids: &Ids) -> Self {
        let project = template.project.as_deref();
        let inventory = template.inventory.as_deref();
        Self {
            project_id: project.and_then(|name| id(ids, DefinitionKind::Project, name)),
            inventory_id: inventory.and_then(|name| id(ids, DefinitionKind::Inventory, name)),
            allow_simultaneous: template.allow_simultaneous,
            forks: template.forks,
            impact: template.impact.map(scheduler_core::Forks::get),
            slices: template.slices,
            priority: template.priority.get(),
            own_keys: &template.own_keys,
            ..Self::of(template, ids)
        }
    }

    pub(super) fn system_job(job: &'a SystemJobDefinition, ids: &Ids) -> Self {
        Self::of(job, ids)
    }

    pub(super) fn workflow(workflow: &'a WorkflowDefinition, ids: &Ids) -> Self {
        Self {
            allow_simultaneous: workflow.allow_simultaneous,
            priority: workflow.priority.get(),
            ..Self::of(workflow, ids)
        }
    }
}

/// The id of a definition, which is there since nothing dangles.
pub(super) fn id(ids: &Ids, kind: DefinitionKind, name: &str) -> Option<i64> {
    ids.get(&(kind, name.to_owned())).copied()
}
