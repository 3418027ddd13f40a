//! From a file to a workload: the cluster and the catalogue.

use std::sync::Arc;

use definition::{Ids, InstanceDefinition, JobTemplateDefinition, Place};
use scheduler_core::{
    Convergence, Forks, GroupId, INVENTORY_UPDATE_IMPACT, Instance, InstanceGroup, InstanceId, InventoryId,
    InventorySource, InventorySourceId, JobTemplateId, Members, OwnKey, PROJECT_UPDATE_IMPACT, Project,
    ProjectId, SYSTEM_JOB_IMPACT, ThinVec, WorkflowTemplateId,
};

use super::names::Names;
use super::{Flaw, VERSION, WorkloadFile};
use crate::generate::DEFAULT_START;
use crate::workload::{GraphTemplate, NodeTemplate};
use crate::{Behaviour, Cluster, Endings, RunTime, Seed, Span, Template, TemplateKey, TimedChange, Workload};

/// How long a task runs of which the file says nothing.
const MINUTE: RunTime = RunTime::Fixed(Span::from_whole_seconds(60));

/// Every table's names.
pub(super) struct Known {
    instances: Names,
    pub(super) groups: Names,
    pub(super) projects: Names,
    pub(super) inventories: Names,
    pub(super) sources: Names,
    pub(super) templates: Names,
    pub(super) system_jobs: Names,
    pub(super) workflows: Names,
    default_groups: Arc<[GroupId]>,
}

impl WorkloadFile {
    /// The cluster alone, with what is known of its templates, and nothing that is launched.
    ///
    /// # Errors
    ///
    /// With everything that does not fit.
    pub fn cluster(&self) -> Result<Workload, Vec<Flaw>> {
        self.check_form()?;
        let mut flaws = Vec::new();
        let known = Known::of(self, &mut flaws);
        let workload = self.base(&known, &mut flaws);
        if flaws.is_empty() { Ok(workload) } else { Err(flaws) }
    }

    /// The workload. What is drawn, random moments of launch for example, follows from the seed.
    ///
    /// # Errors
    ///
    /// With everything that does not fit: names that nobody has, launches of nothing, a launch that depends on a later one,
    /// another version, or no launch at all.
    pub fn workload(&self, seed: Seed) -> Result<Workload, Vec<Flaw>> {
        self.check_version().map_err(|flaw| vec![flaw])?;
        self.check_form()?;
        let mut flaws = Vec::new();
        let known = Known::of(self, &mut flaws);
        let mut workload = self.base(&known, &mut flaws);
        self.launch_into(&mut workload, &known, seed, &mut flaws);
        for (position, text) in self.changes.iter().enumerate() {
            match text.parse::<TimedChange>() {
                Ok(change) => workload.changes.push(change),
                Err(error) => flaws.push(flaw(("changes", position), error.to_string(), "mend the line")),
            }
        }
        workload.sort();
        if flaws.is_empty() { Ok(workload) } else { Err(flaws) }
    }

    /// What is wrong with the definitions by themselves comes alone: nothing can be built of 4,000,000,000 slices.
    fn check_form(&self) -> Result<(), Vec<Flaw>> {
        let flaws: Vec<Flaw> = self.form().into_iter().map(|flaw| placed(self, flaw)).collect();
        if flaws.is_empty() { Ok(()) } else { Err(flaws) }
    }

    fn check_version(&self) -> Result<(), Flaw> {
        match self.version {
            Some(VERSION) => Ok(()),
            Some(other) => Err(flaw(
                ("", 0),
                format!(
                    "version: this is a workload of version {other}; this program reads version {VERSION}"
                ),
                "write it in that version, as `crates/simulator/FORMAT.md` describes it",
            )),
            None => Err(flaw(
                ("", 0),
                "version: missing",
                "add `version = 1` if it is what `crates/simulator/FORMAT.md` describes",
            )),
        }
    }

    fn base(&self, known: &Known, flaws: &mut Vec<Flaw>) -> Workload {
        let name = self.name.clone().unwrap_or_else(|| "workload".to_owned());
        let start = self.start.unwrap_or(DEFAULT_START);
        let mut workload = Workload::new(name, start, self.machines(known, flaws));
        self.catalogue_updates(&mut workload, known, flaws);
        for (position, entry) in self.job_templates.iter().enumerate() {
            let at = ("template", position);
            for (names, name) in [(&known.projects, &entry.project), (&known.inventories, &entry.inventory)] {
                if let Some(name) = name {
                    names.find(name, at, flaws);
                }
            }
            let template = Template {
                own_keys: entry.own_keys.iter().map(OwnKey::clone).collect(),
                ..template(
                    &entry.name,
                    self.impact(entry),
                    known.groups(&entry.groups, at, flaws),
                    entry.run_time.as_ref(),
                    entry.endings,
                )
            };
            let id = JobTemplateId::new(number(position));
            if entry.is_sliced() {
                let cut = cut(entry, id, &template, known);
                workload.catalogue.insert(TemplateKey::SlicedWorkflow(id), cut);
            }
            workload.catalogue.insert(TemplateKey::Job(id), template);
        }
        for (position, entry) in self.workflows.iter().enumerate() {
            let graph = known.graph(self, position, entry, flaws);
            let template = Template {
                graph: Some(Arc::new(graph)),
                ..template(&entry.name, Forks::ZERO, Arc::from([]), None, None)
            };
            workload
                .catalogue
                .insert(TemplateKey::Workflow(WorkflowTemplateId::new(number(position))), template);
        }
        workload
    }

    /// What updates and system jobs are like.
    fn catalogue_updates(&self, workload: &mut Workload, known: &Known, flaws: &mut Vec<Flaw>) {
        for (position, entry) in self.projects.iter().enumerate() {
            let groups = known.groups(&entry.groups, ("project", position), flaws);
            let template =
                template(&entry.name, PROJECT_UPDATE_IMPACT, groups, entry.run_time.as_ref(), entry.endings);
            workload.catalogue.insert(TemplateKey::ProjectUpdate(ProjectId::new(number(position))), template);
        }
        for (position, entry) in self.inventory_sources.iter().enumerate() {
            let groups = known.groups(&entry.groups, ("inventory-source", position), flaws);
            let template = template(
                &entry.name,
                INVENTORY_UPDATE_IMPACT,
                groups,
                entry.run_time.as_ref(),
                entry.endings,
            );
            let key = TemplateKey::InventoryUpdate(InventorySourceId::new(number(position)));
            workload.catalogue.insert(key, template);
        }
        for position in (0..self.system_jobs.len()).rev() {
            if let Some(template) = self.system_job(position, known, flaws) {
                workload.catalogue.insert(TemplateKey::SystemJob, template);
            }
        }
    }

    /// What a system job is like.
    pub(super) fn system_job(
        &self,
        position: usize,
        known: &Known,
        flaws: &mut Vec<Flaw>,
    ) -> Option<Template> {
        let entry = self.system_jobs.get(position)?;
        let groups = known.groups(&entry.groups, ("system-job", position), flaws);
        Some(template(&entry.name, SYSTEM_JOB_IMPACT, groups, entry.run_time.as_ref(), entry.endings))
    }

    fn impact(&self, entry: &JobTemplateDefinition) -> Forks {
        let named = |name: &String| self.inventories.iter().find(|inventory| inventory.name == *name);
        let hosts = entry.inventory.as_ref().and_then(named).map_or(0, |inventory| inventory.hosts);
        entry.impact_on(hosts)
    }

    fn machines(&self, known: &Known, flaws: &mut Vec<Flaw>) -> Cluster {
        let instance = |(position, entry): (usize, &InstanceDefinition)| Instance {
            id: InstanceId::new(number(position)),
            hostname: entry.hostname.clone(),
            node_type: entry.node_type,
            capacity: entry.capacity,
            enabled: entry.enabled,
            last_heartbeat: None,
        };
        let mut cluster = Cluster {
            instances: self.instances.iter().enumerate().map(instance).collect(),
            ..Cluster::default()
        };
        for (position, entry) in self.groups.iter().enumerate() {
            let at = ("group", position);
            let members = entry.instances.iter().filter_map(|name| known.instances.find(name, at, flaws));
            let members = members.map(InstanceId::new).collect();
            cluster.groups.push(InstanceGroup {
                id: GroupId::new(number(position)),
                name: entry.name.clone(),
                members: if entry.container { Members::Container } else { Members::Instances(members) },
                max_concurrent_jobs: entry.max_concurrent_jobs,
                max_forks: entry.max_forks,
            });
        }
        for (position, entry) in self.projects.iter().enumerate() {
            cluster.projects.push(Project {
                id: ProjectId::new(number(position)),
                update_on_launch: entry.update_on_launch,
                cache_timeout: entry.cache_timeout,
                last_update: None,
            });
        }
        for (position, entry) in self.inventory_sources.iter().enumerate() {
            let at = ("inventory-source", position);
            let project = entry.source_project.as_ref();
            let project = project.and_then(|name| known.projects.find(name, at, flaws)).map(ProjectId::new);
            let Some(inventory) = known.inventories.find(&entry.inventory, at, flaws) else { continue };
            cluster.sources.push(InventorySource {
                id: InventorySourceId::new(number(position)),
                inventory: InventoryId::new(inventory),
                update_on_launch: entry.update_on_launch,
                cache_timeout: entry.cache_timeout,
                source_project: project,
                last_update: None,
            });
        }
        cluster
    }
}

impl Ids for Known {
    fn project(&self, name: &str) -> Option<ProjectId> {
        self.projects.id(name).map(ProjectId::new)
    }

    fn inventory(&self, name: &str) -> Option<InventoryId> {
        self.inventories.id(name).map(InventoryId::new)
    }
}

impl Known {
    fn of(file: &WorkloadFile, flaws: &mut Vec<Flaw>) -> Self {
        if file.instances.is_empty() && !file.groups.iter().any(|group| group.container) {
            let remedy = "add an [[instance]] with `hostname` and `capacity`";
            flaws.push(flaw(("", 0), "there is no instance and no container group to run on", remedy));
        }
        if file.groups.is_empty() {
            let remedy = "add a [[group]] with a `name` and the hostnames of its `instances`";
            flaws.push(flaw(("", 0), "there is no group", remedy));
        }
        Self {
            instances: Names::of("instance", file.instances.iter().map(|one| &one.hostname)),
            groups: Names::of("group", file.groups.iter().map(|one| &one.name)),
            projects: Names::of("project", file.projects.iter().map(|one| &one.name)),
            inventories: Names::of("inventory", file.inventories.iter().map(|one| &one.name)),
            sources: Names::of("inventory-source", file.inventory_sources.iter().map(|one| &one.name)),
            templates: Names::of("template", file.job_templates.iter().map(|one| &one.name)),
            system_jobs: Names::of("system-job", file.system_jobs.iter().map(|one| &one.name)),
            workflows: Names::of("workflow", file.workflows.iter().map(|one| &one.name)),
            default_groups: Arc::from([GroupId::new(1)]),
        }
    }

    /// The groups of these names; of none, the first of the file.
    pub(super) fn groups(
        &self,
        names: &[String],
        at: (&'static str, usize),
        flaws: &mut Vec<Flaw>,
    ) -> Arc<[GroupId]> {
        if names.is_empty() {
            return Arc::clone(&self.default_groups);
        }
        names.iter().filter_map(|name| self.groups.find(name, at, flaws)).map(GroupId::new).collect()
    }
}

/// A template without a graph.
pub(super) fn template(
    name: &str,
    impact: Forks,
    groups: Arc<[GroupId]>,
    run_time: Option<&RunTime>,
    endings: Option<Endings>,
) -> Template {
    Template {
        name: Arc::from(name),
        impact,
        groups,
        own_keys: ThinVec::new(),
        behaviour: Behaviour {
            run_time: run_time.cloned().unwrap_or(MINUTE),
            endings: endings.unwrap_or_default(),
        },
        graph: None,
    }
}

/// The workflow job of a template that is cut into slices (R2): a node for each, and no edges between them.
fn cut(entry: &JobTemplateDefinition, id: JobTemplateId, job: &Template, known: &Known) -> Template {
    let slice = |node| NodeTemplate {
        id: node,
        starts: Some(Box::new(entry.slice(id, known))),
        convergence: Convergence::Any,
        template: None,
        expires_after: None,
    };
    Template {
        name: Arc::clone(&job.name),
        impact: Forks::ZERO,
        groups: Arc::from([]),
        own_keys: ThinVec::new(),
        behaviour: Behaviour { run_time: MINUTE, endings: Endings::default() },
        graph: Some(Arc::new(GraphTemplate {
            nodes: entry.slice_nodes().map(slice).collect(),
            edges: Vec::new(),
        })),
    }
}

/// A flaw that is seen in the definitions alone, with its row.
fn placed(file: &WorkloadFile, flaw: definition::Flaw) -> Flaw {
    let remedy = "mend it: `crates/scheduler/FORMAT.md` describes the tables".to_owned();
    match &flaw.place {
        Place::Of(kind, name) => {
            let rows = file.names().into_iter().filter(|(of, _)| of == kind);
            // Of two with one name, the second is the one to rename.
            let row = rows.enumerate().filter(|(_, (_, of))| of == name).last();
            let position = row.map_or(0, |(position, _)| position);
            Flaw { table: kind.token(), position, what: format!("{name:?}: {}", flaw.message), remedy }
        }
        Place::Launch(position) => Flaw { table: "launch", position: *position, what: flaw.message, remedy },
        Place::Rules | Place::File => Flaw { table: "", position: 0, what: flaw.to_string(), remedy },
    }
}

/// The id of an entry.
pub(super) fn number(position: usize) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX).saturating_add(1)
}

pub(super) fn flaw(at: (&'static str, usize), what: impl Into<String>, remedy: impl Into<String>) -> Flaw {
    Flaw { table: at.0, position: at.1, what: what.into(), remedy: remedy.into() }
}
