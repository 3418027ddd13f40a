//! What a definition makes of a new task: its work, its groups, its impact (R6.6), what runs it, and a workflow's graph.
//!
//! Decides everything that a launch or a plan leaves to the store. Costs a few look-ups a task; names, groups and what to run are
//! shared with the definition.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use scheduler_core::{
    Convergence, Edge, Forks, GroupId, INVENTORY_UPDATE_IMPACT, InventoryId, InventorySourceId,
    JobTemplateId, NodeId, OwnKey, PROJECT_UPDATE_IMPACT, Priority, Progress, ProjectId, SYSTEM_JOB_IMPACT,
    Seconds, ThinVec, Timestamp, WORKFLOW_IMPACT, Work, WorkflowTemplateId, job_impact,
};
use serde_json::Value;

use super::catalogue::{Catalogue, SystemJobId};
use super::table::Entry;
use crate::definition::{
    Ids, JobTemplateDefinition, NodeDefinition, Run, Starts, WorkflowDefinition, project_update,
};

/// What can be started, by id: what a launch or a node names.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    Template(JobTemplateId),
    /// One of the jobs into which a launch of a template is cut.
    Slice(JobTemplateId),
    Project(ProjectId),
    Source(InventorySourceId),
    SystemJob(SystemJobId),
    Workflow(WorkflowTemplateId),
    Approval {
        name: Arc<str>,
        timeout: Option<Seconds>,
    },
}

/// A new task, filled in from its definition.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) name: Arc<str>,
    pub(super) work: Work,
    pub(super) impact: Forks,
    pub(super) groups: Arc<[GroupId]>,
    pub(super) priority: Priority,
    pub(super) own_keys: ThinVec<OwnKey>,
    pub(super) run: Option<Arc<Run>>,
    pub(super) graph: Option<GraphRow>,
}

/// The graph of one workflow job.
#[derive(Debug)]
pub(super) struct GraphRow {
    pub(super) nodes: BTreeMap<NodeId, NodeRow>,
    pub(super) edges: Vec<Edge>,
    /// Laid over the payload of each job: what the launch of a template that is cut into slices was given.
    pub(super) payload: Option<Value>,
}

/// One node of it.
#[derive(Debug)]
pub(super) struct NodeRow {
    /// `None` when what it starts was removed before the workflow was launched.
    pub(super) starts: Option<Subject>,
    pub(super) convergence: Convergence,
    pub(super) progress: Progress,
}

impl Ids for Catalogue {
    fn project(&self, name: &str) -> Option<ProjectId> {
        self.projects.id(name)
    }

    fn inventory(&self, name: &str) -> Option<InventoryId> {
        self.inventories.id(name)
    }
}

impl Catalogue {
    /// What a task of this subject is; `None` when its definition was removed since.
    pub(super) fn work(&self, subject: &Subject) -> Option<Work> {
        Some(match subject {
            Subject::Template(id) => self.templates.get(*id)?.definition.work(*id, self),
            Subject::Slice(id) => self.templates.get(*id)?.definition.slice(*id, self),
            Subject::Project(id) => project_update(self.projects.get(*id)?.id),
            Subject::Source(id) => self.sources.get(*id)?.definition.work(*id, self),
            Subject::SystemJob(id) => {
                self.system_jobs.get(*id)?;
                Work::SystemJob {}
            }
            Subject::Workflow(id) => self.workflows.get(*id)?.definition.work(*id),
            Subject::Approval { .. } => Work::WorkflowApproval { expires: None },
        })
    }

    /// A new task of this subject, with `payload` laid over what its definition says; `None` when that was removed since.
    pub(super) fn fill(&self, subject: &Subject, payload: Option<&Value>, now: Timestamp) -> Option<Filled> {
        let work = self.work(subject)?;
        Some(match subject {
            Subject::Template(id) => self.fill_template(self.templates.get(*id)?, work, payload),
            Subject::Slice(id) => self.fill_job(self.templates.get(*id)?, work, payload),
            Subject::Project(id) => {
                Filled::update(self.projects.get(*id)?, work, PROJECT_UPDATE_IMPACT, payload)
            }
            Subject::Source(id) => {
                Filled::update(self.sources.get(*id)?, work, INVENTORY_UPDATE_IMPACT, payload)
            }
            Subject::SystemJob(id) => {
                Filled::update(self.system_jobs.get(*id)?, work, SYSTEM_JOB_IMPACT, payload)
            }
            Subject::Workflow(id) => {
                let workflow = self.workflows.get(*id)?;
                let mut filled = Filled::unplaced(&workflow.name, work);
                filled.priority = workflow.definition.priority;
                filled.graph = Some(self.graph(&workflow.definition));
                filled
            }
            Subject::Approval { name, timeout } => {
                let end =
                    |timeout: Seconds| now.checked_add_signed(TimeDelta::seconds(i64::from(timeout.get())));
                Filled::unplaced(name, Work::WorkflowApproval { expires: timeout.and_then(end) })
            }
        })
    }

    fn fill_template(
        &self,
        template: &Entry<JobTemplateId, JobTemplateDefinition>,
        work: Work,
        payload: Option<&Value>,
    ) -> Filled {
        let definition = &template.definition;
        if !definition.is_sliced() {
            return self.fill_job(template, work, payload);
        }
        let node = || NodeRow {
            starts: Some(Subject::Slice(template.id)),
            convergence: Convergence::Any,
            progress: Progress::Untouched,
        };
        let nodes = definition.slice_nodes().map(|slice| (slice, node())).collect();
        let mut filled = Filled::unplaced(&template.name, work);
        filled.priority = definition.priority;
        filled.graph = Some(GraphRow { nodes, edges: Vec::new(), payload: payload.cloned() });
        filled
    }

    fn fill_job(
        &self,
        template: &Entry<JobTemplateId, JobTemplateDefinition>,
        work: Work,
        payload: Option<&Value>,
    ) -> Filled {
        let definition = &template.definition;
        let inventory = definition.inventory.as_deref().and_then(|name| self.inventories.named(name));
        let hosts = inventory.map_or(0, |inventory| inventory.definition.hosts);
        Filled {
            name: Arc::clone(&template.name),
            work,
            impact: definition.impact_on(hosts),
            groups: Arc::clone(&template.groups),
            priority: definition.priority,
            own_keys: definition.own_keys.iter().cloned().collect(),
            run: overlaid(template.run.as_ref(), payload),
            graph: None,
        }
    }

    /// An ad hoc command on an inventory.
    pub(super) fn fill_command(
        &self,
        inventory: InventoryId,
        run: &Run,
        groups: Arc<[GroupId]>,
        forks: Option<u32>,
        payload: Option<&Value>,
    ) -> Filled {
        let hosts = self.inventories.get(inventory).map_or(0, |entry| entry.definition.hosts);
        Filled {
            // Not the command itself, whose arguments may hold secrets.
            name: Arc::from(run.handler.as_str()),
            work: Work::AdHocCommand { inventory: Some(inventory) },
            impact: job_impact(hosts, forks),
            groups,
            priority: Priority::default(),
            own_keys: ThinVec::new(),
            run: Some(Arc::new(run.clone().with(payload))),
            graph: None,
        }
    }

    /// The graph of a new workflow job.
    fn graph(&self, workflow: &WorkflowDefinition) -> GraphRow {
        let row = |node: &NodeDefinition| NodeRow {
            starts: self.subject(node),
            convergence: node.convergence,
            progress: Progress::Untouched,
        };
        let nodes = workflow.numbered().map(|(id, node)| (id, row(node))).collect();
        GraphRow { nodes, edges: workflow.edges(), payload: None }
    }

    fn subject(&self, node: &NodeDefinition) -> Option<Subject> {
        Some(match &node.starts {
            Starts::Template(name) => Subject::Template(self.templates.id(name)?),
            Starts::Project(name) => Subject::Project(self.projects.id(name)?),
            Starts::InventorySource(name) => Subject::Source(self.sources.id(name)?),
            Starts::SystemJob(name) => Subject::SystemJob(self.system_jobs.id(name)?),
            Starts::Workflow(name) => Subject::Workflow(self.workflows.id(name)?),
            Starts::Approval { timeout, .. } => {
                Subject::Approval { name: Arc::from(node.name.as_str()), timeout: *timeout }
            }
        })
    }
}

impl Filled {
    /// A task of a definition that says no more than what runs where.
    fn update<I, D>(entry: &Entry<I, D>, work: Work, impact: Forks, payload: Option<&Value>) -> Self {
        Self {
            name: Arc::clone(&entry.name),
            work,
            impact,
            groups: Arc::clone(&entry.groups),
            priority: Priority::default(),
            own_keys: ThinVec::new(),
            run: overlaid(entry.run.as_ref(), payload),
            graph: None,
        }
    }

    /// A workflow job or an approval: nothing runs, and it costs nothing (R6.5).
    fn unplaced(name: &Arc<str>, work: Work) -> Self {
        Self {
            name: Arc::clone(name),
            work,
            impact: WORKFLOW_IMPACT,
            groups: Arc::from([]),
            priority: Priority::default(),
            own_keys: ThinVec::new(),
            run: None,
            graph: None,
        }
    }
}

fn overlaid(run: Option<&Arc<Run>>, payload: Option<&Value>) -> Option<Arc<Run>> {
    match payload {
        None => run.cloned(),
        Some(_) => run.map(|run| Arc::new(run.as_ref().clone().with(payload))),
    }
}
