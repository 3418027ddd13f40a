//! From a file to a workload: the cluster, the rules and the catalogue.

use std::collections::HashMap;
use std::sync::Arc;

use definition::{
    Definition, DefinitionKind, Definitions, GroupDefinition, Ids, InstanceDefinition,
    InventorySourceDefinition, JobTemplateDefinition, Named,
};
use scheduler_core::{
    Convergence, Forks, GroupId, INVENTORY_UPDATE_IMPACT, Instance, InstanceGroup, InstanceId, InventoryId,
    InventorySource, InventorySourceId, JobTemplateId, Members, OwnKey, PROJECT_UPDATE_IMPACT, Project,
    ProjectId, RuleSet, SYSTEM_JOB_IMPACT, ThinVec, WorkflowTemplateId,
};

use crate::generate::DEFAULT_START;
use crate::workload::{GraphTemplate, NodeTemplate};
use crate::{Behaviour, Cluster, Endings, RunTime, Span, Template, TemplateKey, Workload};

/// How long a task runs of which the file says nothing.
const MINUTE: RunTime = RunTime::Fixed(Span::from_whole_seconds(60));

/// A file with the ids of its names. A name that nobody has is told before, and what names it is left out.
pub(super) struct Resolved<'f> {
    pub(super) file: &'f Definitions,
    ids: HashMap<Named<'f>, i64>,
    default_groups: Arc<[GroupId]>,
}

impl<'f> Resolved<'f> {
    /// Of two that have one name, which is a flaw by itself, the second counts.
    pub(super) fn of(file: &'f Definitions) -> Self {
        let mut numbers: HashMap<DefinitionKind, i64> = HashMap::new();
        let ids = file.names().into_iter().map(|named| {
            let number = numbers.entry(named.0).or_default();
            *number += 1;
            (named, *number)
        });
        let mut resolved = Self { file, ids: ids.collect(), default_groups: Arc::from([GroupId::new(1)]) };
        if let Some(rules) = file.rules.as_ref().filter(|rules| !rules.default_groups.is_empty()) {
            resolved.default_groups = resolved.groups(&rules.default_groups);
        }
        resolved
    }

    /// The id of what has this name, if anything has.
    pub(super) fn id<I: From<i64>>(&self, kind: DefinitionKind, name: &str) -> Option<I> {
        self.ids.get(&(kind, name)).copied().map(I::from)
    }

    /// The groups of these names; of none, those of the rules, or else the first of the file.
    pub(super) fn groups(&self, names: &[String]) -> Arc<[GroupId]> {
        if names.is_empty() {
            return Arc::clone(&self.default_groups);
        }
        names.iter().filter_map(|name| self.id(DefinitionKind::Group, name)).collect()
    }

    /// Everything but what is launched and what changes.
    pub(super) fn workload(&self) -> Workload {
        let file = self.file;
        let name = file.name.clone().unwrap_or_else(|| "workload".to_owned());
        let mut workload = Workload::new(name, file.start.unwrap_or(DEFAULT_START), self.machines());
        workload.rules = self.rules();
        let catalogue = &mut workload.catalogue;
        for (id, entry) in (1..).map(ProjectId::new).zip(&file.projects) {
            catalogue.insert(TemplateKey::ProjectUpdate(id), self.template(entry, PROJECT_UPDATE_IMPACT));
        }
        for (id, entry) in (1..).map(InventorySourceId::new).zip(&file.inventory_sources) {
            catalogue.insert(TemplateKey::InventoryUpdate(id), self.template(entry, INVENTORY_UPDATE_IMPACT));
        }
        if let Some(first) = file.system_jobs.first() {
            catalogue.insert(TemplateKey::SystemJob, self.template(first, SYSTEM_JOB_IMPACT));
        }
        for (id, entry) in (1..).map(JobTemplateId::new).zip(&file.job_templates) {
            let own_keys = entry.own_keys.iter().map(OwnKey::clone).collect();
            let template = Template { own_keys, ..self.template(entry, self.impact(entry)) };
            if entry.is_sliced() {
                catalogue.insert(TemplateKey::SlicedWorkflow(id), self.cut(entry, id, &template));
            }
            catalogue.insert(TemplateKey::Job(id), template);
        }
        for (id, entry) in (1..).map(WorkflowTemplateId::new).zip(&file.workflows) {
            let template = graph_of(&entry.name, self.graph(entry));
            catalogue.insert(TemplateKey::Workflow(id), template);
        }
        workload
    }

    /// What tasks of a definition are like.
    pub(super) fn template<D: Definition>(&self, entry: &D, impact: Forks) -> Template {
        Template {
            name: Arc::from(entry.name()),
            impact,
            groups: self.groups(entry.groups()),
            own_keys: ThinVec::new(),
            behaviour: behaviour(entry.run_time(), entry.endings()),
            graph: None,
        }
    }

    fn impact(&self, entry: &JobTemplateDefinition) -> Forks {
        let named = |name: &String| self.file.inventories.iter().find(|inventory| inventory.name == *name);
        let hosts = entry.inventory.as_ref().and_then(named).map_or(0, |inventory| inventory.hosts);
        entry.impact_on(hosts)
    }

    /// The rules that the file goes by, where it says so.
    fn rules(&self) -> Option<RuleSet> {
        self.file.rules.as_ref()?.resolve(|name| self.id(DefinitionKind::Group, name)).ok()
    }

    fn machines(&self) -> Cluster {
        let instance = |(id, entry): (i64, &InstanceDefinition)| Instance {
            id: InstanceId::new(id),
            hostname: entry.hostname.clone(),
            node_type: entry.node_type,
            capacity: entry.capacity,
            enabled: entry.enabled,
            last_heartbeat: None,
        };
        let group = |(id, entry): (i64, &GroupDefinition)| {
            let ids = entry.instances.iter().filter_map(|name| self.id(DefinitionKind::Instance, name));
            InstanceGroup {
                id: GroupId::new(id),
                name: entry.name.clone(),
                members: if entry.container { Members::Container } else { Members::Instances(ids.collect()) },
                max_concurrent_jobs: entry.max_concurrent_jobs,
                max_forks: entry.max_forks,
            }
        };
        let source = |(id, entry): (i64, &InventorySourceDefinition)| {
            Some(InventorySource {
                id: InventorySourceId::new(id),
                inventory: self.inventory(&entry.inventory)?,
                update_on_launch: entry.update_on_launch,
                cache_timeout: entry.cache_timeout,
                source_project: entry.source_project.as_deref().and_then(|name| self.project(name)),
                last_update: None,
            })
        };
        let projects = (1..).zip(&self.file.projects).map(|(id, entry)| Project {
            id: ProjectId::new(id),
            update_on_launch: entry.update_on_launch,
            cache_timeout: entry.cache_timeout,
            last_update: None,
        });
        Cluster {
            instances: (1..).zip(&self.file.instances).map(instance).collect(),
            groups: (1..).zip(&self.file.groups).map(group).collect(),
            projects: projects.collect(),
            sources: (1..).zip(&self.file.inventory_sources).filter_map(source).collect(),
        }
    }

    /// The workflow job of a template that is cut into slices (R2): a node for each, and no edges between them.
    fn cut(&self, entry: &JobTemplateDefinition, id: JobTemplateId, job: &Template) -> Template {
        let slice = |node| NodeTemplate {
            id: node,
            starts: Some(Box::new(entry.slice(id, self))),
            convergence: Convergence::Any,
            template: None,
            expires_after: None,
        };
        graph_of(
            &job.name,
            GraphTemplate { nodes: entry.slice_nodes().map(slice).collect(), edges: Vec::new() },
        )
    }
}

impl Ids for Resolved<'_> {
    fn project(&self, name: &str) -> Option<ProjectId> {
        self.id(DefinitionKind::Project, name)
    }

    fn inventory(&self, name: &str) -> Option<InventoryId> {
        self.id(DefinitionKind::Inventory, name)
    }
}

/// How tasks behave of which the file says this much.
pub(super) fn behaviour(run_time: Option<&RunTime>, endings: Option<Endings>) -> Behaviour {
    Behaviour { run_time: run_time.cloned().unwrap_or(MINUTE), endings: endings.unwrap_or_default() }
}

/// What a workflow job with this graph is like.
fn graph_of(name: &str, graph: GraphTemplate) -> Template {
    Template {
        name: Arc::from(name),
        impact: Forks::ZERO,
        groups: Arc::from([]),
        own_keys: ThinVec::new(),
        behaviour: behaviour(None, None),
        graph: Some(Arc::new(graph)),
    }
}
