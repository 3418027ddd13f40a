//! Which definition needs which: what a store refuses to leave without.

use crate::definition::{
    DefinitionKind, GroupDefinition, InstanceDefinition, InventoryDefinition, InventorySourceDefinition,
    JobTemplateDefinition, ProjectDefinition, RulesDefinition, Run, Starts, SystemJobDefinition,
    WorkflowDefinition,
};

/// A definition by its kind and its name.
pub(super) type Named<'a> = (DefinitionKind, &'a str);

/// What tables and checks ask of a definition.
pub(super) trait Defined: Clone + PartialEq {
    const KIND: DefinitionKind;

    fn name(&self) -> &str;

    fn groups(&self) -> &[String] {
        &[]
    }

    fn run(&self) -> Option<&Run> {
        None
    }

    /// What it names besides its groups.
    fn others(&self) -> Vec<Named<'_>> {
        Vec::new()
    }
}

/// Everything that a definition names.
pub(super) fn needs<D: Defined>(definition: &D) -> Vec<Named<'_>> {
    let mut needs = definition.others();
    needs.extend(definition.groups().iter().map(|name| (DefinitionKind::Group, name.as_str())));
    needs
}

/// The groups that the rules name.
pub(super) fn groups_of_rules(rules: &RulesDefinition) -> impl Iterator<Item = &str> {
    let plane = rules.control_plane.iter().map(|plane| plane.group.as_str());
    rules.default_groups.iter().map(String::as_str).chain(plane)
}

impl Defined for InstanceDefinition {
    const KIND: DefinitionKind = DefinitionKind::Instance;

    fn name(&self) -> &str {
        &self.hostname
    }
}

impl Defined for GroupDefinition {
    const KIND: DefinitionKind = DefinitionKind::Group;

    fn name(&self) -> &str {
        &self.name
    }

    fn others(&self) -> Vec<Named<'_>> {
        self.instances.iter().map(|name| (DefinitionKind::Instance, name.as_str())).collect()
    }
}

impl Defined for ProjectDefinition {
    const KIND: DefinitionKind = DefinitionKind::Project;

    fn name(&self) -> &str {
        &self.name
    }

    fn groups(&self) -> &[String] {
        &self.groups
    }

    fn run(&self) -> Option<&Run> {
        Some(&self.run)
    }
}

impl Defined for InventoryDefinition {
    const KIND: DefinitionKind = DefinitionKind::Inventory;

    fn name(&self) -> &str {
        &self.name
    }
}

impl Defined for InventorySourceDefinition {
    const KIND: DefinitionKind = DefinitionKind::InventorySource;

    fn name(&self) -> &str {
        &self.name
    }

    fn groups(&self) -> &[String] {
        &self.groups
    }

    fn run(&self) -> Option<&Run> {
        Some(&self.run)
    }

    fn others(&self) -> Vec<Named<'_>> {
        let project = self.source_project.iter().map(|name| (DefinitionKind::Project, name.as_str()));
        std::iter::once((DefinitionKind::Inventory, self.inventory.as_str())).chain(project).collect()
    }
}

impl Defined for JobTemplateDefinition {
    const KIND: DefinitionKind = DefinitionKind::JobTemplate;

    fn name(&self) -> &str {
        &self.name
    }

    fn groups(&self) -> &[String] {
        &self.groups
    }

    fn run(&self) -> Option<&Run> {
        Some(&self.run)
    }

    fn others(&self) -> Vec<Named<'_>> {
        let project = self.project.iter().map(|name| (DefinitionKind::Project, name.as_str()));
        let inventory = self.inventory.iter().map(|name| (DefinitionKind::Inventory, name.as_str()));
        project.chain(inventory).collect()
    }
}

impl Defined for SystemJobDefinition {
    const KIND: DefinitionKind = DefinitionKind::SystemJob;

    fn name(&self) -> &str {
        &self.name
    }

    fn groups(&self) -> &[String] {
        &self.groups
    }

    fn run(&self) -> Option<&Run> {
        Some(&self.run)
    }
}

impl Defined for WorkflowDefinition {
    const KIND: DefinitionKind = DefinitionKind::Workflow;

    fn name(&self) -> &str {
        &self.name
    }

    fn others(&self) -> Vec<Named<'_>> {
        self.nodes.iter().filter_map(|node| started(&node.starts)).collect()
    }
}

/// The definition that a node starts; an approval has none.
fn started(starts: &Starts) -> Option<Named<'_>> {
    Some(match starts {
        Starts::Template(name) => (DefinitionKind::JobTemplate, name),
        Starts::Project(name) => (DefinitionKind::Project, name),
        Starts::InventorySource(name) => (DefinitionKind::InventorySource, name),
        Starts::SystemJob(name) => (DefinitionKind::SystemJob, name),
        Starts::Workflow(name) => (DefinitionKind::Workflow, name),
        Starts::Approval { .. } => return None,
    })
}
