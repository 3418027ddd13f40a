//! Which definition names which: what a store refuses to leave without.

use control_plane::definition::{
    DefinitionKind, Definitions, GroupDefinition, InstanceDefinition, InventoryDefinition,
    InventorySourceDefinition, JobTemplateDefinition, ProjectDefinition, Starts, SystemJobDefinition,
    WorkflowDefinition,
};

/// A definition with a kind and a name.
pub(super) trait Defined: Clone + PartialEq {
    const KIND: DefinitionKind;

    fn name(&self) -> &str;
}

macro_rules! defined {
    ($($type:ty, $kind:ident, $name:ident;)+) => {$(
        impl Defined for $type {
            const KIND: DefinitionKind = DefinitionKind::$kind;

            fn name(&self) -> &str {
                &self.$name
            }
        }
    )+};
}

defined! {
    InstanceDefinition, Instance, hostname;
    GroupDefinition, Group, name;
    ProjectDefinition, Project, name;
    InventoryDefinition, Inventory, name;
    InventorySourceDefinition, InventorySource, name;
    JobTemplateDefinition, JobTemplate, name;
    SystemJobDefinition, SystemJob, name;
    WorkflowDefinition, Workflow, name;
}

/// Somebody names something.
pub(super) struct Need<'a> {
    /// Who, for people.
    pub(super) by: String,
    /// What.
    pub(super) of: (DefinitionKind, &'a str),
}

/// The kind and the name of what a node starts; an approval has none.
pub(super) fn started(starts: &Starts) -> Option<(DefinitionKind, &str)> {
    Some(match starts {
        Starts::Template(name) => (DefinitionKind::JobTemplate, name),
        Starts::Project(name) => (DefinitionKind::Project, name),
        Starts::InventorySource(name) => (DefinitionKind::InventorySource, name),
        Starts::SystemJob(name) => (DefinitionKind::SystemJob, name),
        Starts::Workflow(name) => (DefinitionKind::Workflow, name),
        Starts::Approval { .. } => return None,
    })
}

/// Everything that these definitions name.
pub(super) fn needs(definitions: &Definitions) -> Vec<Need<'_>> {
    use DefinitionKind::{Group, Instance, Inventory, Project};
    let mut needs = Vec::new();
    for group in &definitions.groups {
        put(&mut needs, group, group.instances.iter().map(|name| (Instance, name.as_str())));
    }
    for project in &definitions.projects {
        put(&mut needs, project, all(Group, &project.groups));
    }
    for source in &definitions.inventory_sources {
        put(&mut needs, source, [(Inventory, source.inventory.as_str())]);
        put(&mut needs, source, source.source_project.iter().map(|name| (Project, name.as_str())));
        put(&mut needs, source, all(Group, &source.groups));
    }
    for template in &definitions.job_templates {
        put(&mut needs, template, template.project.iter().map(|name| (Project, name.as_str())));
        put(&mut needs, template, template.inventory.iter().map(|name| (Inventory, name.as_str())));
        put(&mut needs, template, all(Group, &template.groups));
    }
    for job in &definitions.system_jobs {
        put(&mut needs, job, all(Group, &job.groups));
    }
    for workflow in &definitions.workflows {
        put(&mut needs, workflow, workflow.nodes.iter().filter_map(|node| started(&node.starts)));
    }
    if let Some(rules) = &definitions.rules {
        let plane = rules.control_plane.iter().map(|plane| (Group, plane.group.as_str()));
        let named = all(Group, &rules.default_groups).chain(plane);
        needs.extend(named.map(|of| Need { by: "the rules".into(), of }));
    }
    needs
}

fn all(kind: DefinitionKind, names: &[String]) -> impl Iterator<Item = (DefinitionKind, &str)> {
    names.iter().map(move |name| (kind, name.as_str()))
}

fn put<'a, D: Defined>(
    needs: &mut Vec<Need<'a>>,
    by: &D,
    of: impl IntoIterator<Item = (DefinitionKind, &'a str)>,
) {
    let by = || format!("{} {:?}", D::KIND.token(), by.name());
    needs.extend(of.into_iter().map(|of| Need { by: by(), of }));
}
