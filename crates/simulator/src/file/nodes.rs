//! From a file to a workload: the graphs of workflow templates.

use std::sync::Arc;

use definition::{NodeDefinition, Starts, WorkflowDefinition, project_update};
use scheduler_core::{Forks, InventorySourceId, JobTemplateId, NodeId, ProjectId, Work, WorkflowTemplateId};

use super::build::{Known, template};
use super::{Flaw, WorkloadFile};
use crate::Span;
use crate::workload::{GraphTemplate, NodeTemplate};

impl Known {
    /// The graph of a workflow template.
    pub(super) fn graph(
        &self,
        file: &WorkloadFile,
        position: usize,
        entry: &WorkflowDefinition,
        flaws: &mut Vec<Flaw>,
    ) -> GraphTemplate {
        let at = ("workflow", position);
        let nodes = entry.numbered().map(|(id, node)| self.node(file, id, node, at, flaws));
        GraphTemplate { nodes: nodes.collect(), edges: entry.edges() }
    }

    fn node(
        &self,
        file: &WorkloadFile,
        id: NodeId,
        entry: &NodeDefinition,
        at: (&'static str, usize),
        flaws: &mut Vec<Flaw>,
    ) -> NodeTemplate {
        let (mut own, mut expires_after) = (None, None);
        let starts = match &entry.starts {
            Starts::Template(name) => {
                self.templates.find(name, at, flaws).and_then(|id| self.job(file, JobTemplateId::new(id)))
            }
            Starts::Project(name) => {
                self.projects.find(name, at, flaws).map(|id| project_update(ProjectId::new(id)))
            }
            Starts::InventorySource(name) => {
                self.sources.find(name, at, flaws).and_then(|id| self.source_update(file, id))
            }
            Starts::SystemJob(name) => {
                let found = self.system_jobs.find(name, at, flaws);
                let position = found.and_then(|id| usize::try_from(id - 1).ok());
                own = position.and_then(|position| file.system_job(position, self, flaws));
                found.map(|_| Work::SystemJob {})
            }
            Starts::Workflow(name) => self
                .workflows
                .find(name, at, flaws)
                .and_then(|id| Self::workflow_job(file, WorkflowTemplateId::new(id))),
            Starts::Approval { timeout, run_time, endings } => {
                expires_after = timeout.map(|timeout| Span::from_whole_seconds(timeout.get().into()));
                own = Some(template(&entry.name, Forks::ZERO, Arc::from([]), run_time.as_ref(), *endings));
                Some(Work::WorkflowApproval { expires: None })
            }
        };
        NodeTemplate {
            id,
            starts: starts.map(Box::new),
            convergence: entry.convergence,
            template: own.map(Arc::new),
            expires_after,
        }
    }

    /// What a launch of a template is.
    pub(super) fn job(&self, file: &WorkloadFile, id: JobTemplateId) -> Option<Work> {
        let entry = entry(&file.job_templates, id.get())?;
        Some(entry.work(id, self))
    }

    /// An update of a source.
    pub(super) fn source_update(&self, file: &WorkloadFile, id: i64) -> Option<Work> {
        Some(entry(&file.inventory_sources, id)?.work(InventorySourceId::new(id), self))
    }

    /// A workflow job of a template.
    pub(super) fn workflow_job(file: &WorkloadFile, id: WorkflowTemplateId) -> Option<Work> {
        Some(entry(&file.workflows, id.get())?.work(id))
    }
}

/// The row of this id.
fn entry<D>(rows: &[D], id: i64) -> Option<&D> {
    usize::try_from(id - 1).ok().and_then(|position| rows.get(position))
}
