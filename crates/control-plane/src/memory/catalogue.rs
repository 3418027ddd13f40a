//! Everything that is defined: applied as a whole, checked as a whole, and swapped in only when it is sound.
//!
//! A change is made on a copy (a pointer for each definition), so that a refused one leaves nothing behind.

use scheduler_core::{
    GroupId, InstanceId, InventoryId, InventorySourceId, JobTemplateId, ProjectId, RuleSet,
    WorkflowTemplateId,
};

use super::table::{Change, Table};
use crate::definition::{
    Applied, Definition, DefinitionKind, Definitions, GroupDefinition, InstanceDefinition,
    InventoryDefinition, InventorySourceDefinition, JobTemplateDefinition, Named, Place, ProjectDefinition,
    Reference, RulesDefinition, SystemJobDefinition, WorkflowDefinition,
};
use crate::ports::StoreError;

/// The identity of a system job: its tasks claim one slot whatever it is, so the core has no word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SystemJobId(i64);

impl From<i64> for SystemJobId {
    fn from(id: i64) -> Self {
        Self(id)
    }
}

/// What is defined.
#[derive(Clone, Debug, Default)]
pub(super) struct Catalogue {
    rules: Option<RulesDefinition>,
    pub(super) rule_set: RuleSet,
    pub(super) instances: Table<InstanceId, InstanceDefinition>,
    pub(super) groups: Table<GroupId, GroupDefinition>,
    pub(super) projects: Table<ProjectId, ProjectDefinition>,
    pub(super) inventories: Table<InventoryId, InventoryDefinition>,
    pub(super) sources: Table<InventorySourceId, InventorySourceDefinition>,
    pub(super) templates: Table<JobTemplateId, JobTemplateDefinition>,
    pub(super) system_jobs: Table<SystemJobId, SystemJobDefinition>,
    pub(super) workflows: Table<WorkflowTemplateId, WorkflowDefinition>,
}

impl Catalogue {
    /// This catalogue with these definitions laid over it.
    pub(super) fn with(&self, definitions: &Definitions) -> Result<(Self, Applied), StoreError> {
        let definitions = &definitions.kept().map_err(|flaws| StoreError::Refused(flaws.to_string()))?;
        let mut new = self.clone();
        let mut applied = Applied::default();
        put(&mut new.instances, &definitions.instances, &mut applied);
        put(&mut new.groups, &definitions.groups, &mut applied);
        put(&mut new.projects, &definitions.projects, &mut applied);
        put(&mut new.inventories, &definitions.inventories, &mut applied);
        put(&mut new.sources, &definitions.inventory_sources, &mut applied);
        put(&mut new.templates, &definitions.job_templates, &mut applied);
        put(&mut new.system_jobs, &definitions.system_jobs, &mut applied);
        put(&mut new.workflows, &definitions.workflows, &mut applied);
        if let Some(rules) = &definitions.rules {
            applied.rules_changed = new.rules.as_ref() != Some(rules);
            new.rules = Some(rules.clone());
        }
        let missing: Vec<String> = new.dangling().iter().map(Reference::to_string).collect();
        if !missing.is_empty() {
            return Err(StoreError::Refused(missing.join("\n")));
        }
        new.resolve()?;
        Ok((new, applied))
    }

    /// This catalogue without one definition; `None` when it is not there.
    pub(super) fn without(&self, kind: DefinitionKind, name: &str) -> Result<Option<Self>, StoreError> {
        let mut new = self.clone();
        let removed = match kind {
            DefinitionKind::Instance => new.instances.remove(name),
            DefinitionKind::Group => new.groups.remove(name),
            DefinitionKind::Project => new.projects.remove(name),
            DefinitionKind::Inventory => new.inventories.remove(name),
            DefinitionKind::InventorySource => new.sources.remove(name),
            DefinitionKind::JobTemplate => new.templates.remove(name),
            DefinitionKind::SystemJob => new.system_jobs.remove(name),
            DefinitionKind::Workflow => new.workflows.remove(name),
        };
        if !removed {
            return Ok(None);
        }
        let needed_by: Vec<String> =
            new.dangling().iter().map(|reference| reference.by.to_string()).collect();
        if needed_by.is_empty() {
            Ok(Some(new))
        } else {
            Err(StoreError::Refused(format!(
                "the {} {name:?} is needed by {}: change or remove that first",
                kind.token(),
                needed_by.join(", ")
            )))
        }
    }

    /// Everything that is defined, each kind in the order in which it was.
    pub(super) fn definitions(&self) -> Definitions {
        Definitions {
            rules: self.rules.clone(),
            instances: self.instances.definitions(),
            groups: self.groups.definitions(),
            projects: self.projects.definitions(),
            inventories: self.inventories.definitions(),
            inventory_sources: self.sources.definitions(),
            job_templates: self.templates.definitions(),
            system_jobs: self.system_jobs.definitions(),
            workflows: self.workflows.definitions(),
            ..Definitions::default()
        }
    }

    fn has(&self, (kind, name): Named<'_>) -> bool {
        match kind {
            DefinitionKind::Instance => self.instances.id(name).is_some(),
            DefinitionKind::Group => self.groups.id(name).is_some(),
            DefinitionKind::Project => self.projects.id(name).is_some(),
            DefinitionKind::Inventory => self.inventories.id(name).is_some(),
            DefinitionKind::InventorySource => self.sources.id(name).is_some(),
            DefinitionKind::JobTemplate => self.templates.id(name).is_some(),
            DefinitionKind::SystemJob => self.system_jobs.id(name).is_some(),
            DefinitionKind::Workflow => self.workflows.id(name).is_some(),
        }
    }

    /// What is named but not defined.
    fn dangling(&self) -> Vec<Reference<'_>> {
        let mut found = Vec::new();
        self.look(&self.groups, &mut found);
        self.look(&self.projects, &mut found);
        self.look(&self.sources, &mut found);
        self.look(&self.templates, &mut found);
        self.look(&self.system_jobs, &mut found);
        self.look(&self.workflows, &mut found);
        let groups = self.rules.iter().flat_map(RulesDefinition::groups);
        let missing = groups.map(|name| (DefinitionKind::Group, name)).filter(|&named| !self.has(named));
        found.extend(missing.map(|of| Reference { by: Place::Rules, of }));
        found
    }

    fn look<'a, I, D>(&'a self, table: &'a Table<I, D>, found: &mut Vec<Reference<'a>>)
    where
        I: Copy + Ord + From<i64>,
        D: Definition + 'a,
    {
        for entry in table.iter() {
            let missing = entry.definition.references().into_iter().filter(|&named| !self.has(named));
            let by = || Place::Of(D::KIND, entry.name.to_string());
            found.extend(missing.map(|of| Reference { by: by(), of }));
        }
    }

    /// Looks up by id what was named, so that no launch has to.
    fn resolve(&mut self) -> Result<(), StoreError> {
        let groups = &self.groups;
        let group = |name: &str| groups.id(name);
        self.projects.resolve(group);
        self.sources.resolve(group);
        self.templates.resolve(group);
        self.system_jobs.resolve(group);
        let rules = self.rules.clone().unwrap_or_default();
        self.rule_set = rules.resolve(group).map_err(|unknown| StoreError::Refused(unknown.to_string()))?;
        Ok(())
    }
}

fn put<I, D>(table: &mut Table<I, D>, definitions: &[D], applied: &mut Applied)
where
    I: Copy + Ord + From<i64>,
    D: Definition,
{
    for definition in definitions {
        let named = (D::KIND, definition.name().to_owned());
        match table.put(definition) {
            Change::Created => applied.created.push(named),
            Change::Changed => applied.changed.push(named),
            Change::Unchanged => applied.unchanged = applied.unchanged.saturating_add(1),
        }
    }
}
