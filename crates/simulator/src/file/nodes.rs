//! From a file to a workload: the graphs of workflow templates.

use std::collections::HashMap;
use std::sync::Arc;

use scheduler_core::{
    Edge, EdgeKind, Forks, InventoryId, InventorySourceId, JobTemplateId, NodeId, ProjectId,
    ProjectUpdateType, Work, WorkflowOf, WorkflowTemplateId,
};
use thin_vec::ThinVec;

use super::build::{Known, flaw, template};
use super::{Flaw, NodeEntry, Starts, WorkflowEntry, WorkloadFile};
use crate::Span;
use crate::workload::{GraphTemplate, NodeTemplate};

impl Known {
    /// The graph of a workflow template.
    pub(super) fn graph(
        &self,
        file: &WorkloadFile,
        position: usize,
        entry: &WorkflowEntry,
        flaws: &mut Vec<Flaw>,
    ) -> GraphTemplate {
        let at = ("workflow", position);
        let ids: HashMap<&str, NodeId> =
            entry.nodes.iter().zip(1..).map(|(node, id)| (node.name.as_str(), NodeId::new(id))).collect();
        if ids.len() < entry.nodes.len() {
            flaws.push(flaw(at, "two of its nodes have one name", "rename one of the two"));
        }
        let mut graph = GraphTemplate::default();
        for (node, id) in entry.nodes.iter().zip(1..) {
            let id = NodeId::new(id);
            graph.nodes.push(self.node(file, id, node, at, flaws));
            let ways = [
                (EdgeKind::Success, &node.on_success),
                (EdgeKind::Failure, &node.on_failure),
                (EdgeKind::Always, &node.always),
            ];
            for (on, children) in ways {
                for child in children {
                    match ids.get(child.as_str()) {
                        Some(&to) => graph.edges.push(Edge { from: id, to, on }),
                        None => {
                            let what =
                                format!("node {:?} leads to {child:?}, which is no node of it", node.name);
                            flaws.push(flaw(at, what, "name a node of the same workflow"));
                        }
                    }
                }
            }
        }
        if is_circular(&graph) {
            flaws.push(flaw(
                at,
                "its nodes form a circle",
                "a workflow never comes back to a node: cut one edge",
            ));
        }
        graph
    }

    fn node(
        &self,
        file: &WorkloadFile,
        id: NodeId,
        entry: &NodeEntry,
        at: (&'static str, usize),
        flaws: &mut Vec<Flaw>,
    ) -> NodeTemplate {
        let (mut own, mut expires_after) = (None, None);
        let starts = match &entry.starts {
            Starts::Template(name) => self
                .templates
                .find(name, at, flaws)
                .map(|id| self.job(file, JobTemplateId::new(id), at, flaws)),
            Starts::Project(name) => self.projects.find(name, at, flaws).map(project_update),
            Starts::InventorySource(name) => {
                self.sources.find(name, at, flaws).map(|id| self.source_update(file, id, at, flaws))
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
                .map(|id| self.workflow_job(file, WorkflowTemplateId::new(id))),
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

    /// A job of a template.
    pub(super) fn job(
        &self,
        file: &WorkloadFile,
        id: JobTemplateId,
        at: (&'static str, usize),
        flaws: &mut Vec<Flaw>,
    ) -> Work {
        let entry = usize::try_from(id.get() - 1).ok().and_then(|position| file.templates.get(position));
        let project = entry.and_then(|entry| entry.project.as_ref());
        let inventory = entry.and_then(|entry| entry.inventory.as_ref());
        Work::Job {
            project: project.and_then(|name| self.projects.find(name, at, flaws)).map(ProjectId::new),
            inventory: inventory
                .and_then(|name| self.inventories.find(name, at, flaws))
                .map(InventoryId::new),
            template: Some(id),
            allow_simultaneous: entry.is_some_and(|entry| entry.allow_simultaneous),
            sources_already_updated: ThinVec::new(),
        }
    }

    /// An update of a source.
    pub(super) fn source_update(
        &self,
        file: &WorkloadFile,
        id: i64,
        at: (&'static str, usize),
        flaws: &mut Vec<Flaw>,
    ) -> Work {
        let entry = usize::try_from(id - 1).ok().and_then(|position| file.sources.get(position));
        let inventory = entry.and_then(|entry| self.inventories.find(&entry.inventory, at, flaws));
        let project = entry.and_then(|entry| entry.source_project.as_ref());
        Work::InventoryUpdate {
            source: Some(InventorySourceId::new(id)),
            inventory: inventory.map(InventoryId::new),
            source_project: project.and_then(|name| self.projects.find(name, at, flaws)).map(ProjectId::new),
        }
    }

    /// A workflow job of a template.
    pub(super) fn workflow_job(&self, file: &WorkloadFile, id: WorkflowTemplateId) -> Work {
        let entry = usize::try_from(id.get() - 1).ok().and_then(|position| file.workflows.get(position));
        Work::WorkflowJob {
            of: WorkflowOf::Template(Some(id)),
            allow_simultaneous: entry.is_some_and(|entry| entry.allow_simultaneous),
        }
    }
}

/// A real update of a project.
pub(super) fn project_update(id: i64) -> Work {
    Work::ProjectUpdate { project: Some(ProjectId::new(id)), job_type: ProjectUpdateType::Check }
}

/// Whether nodes are left when those without parents are taken away again and again.
fn is_circular(graph: &GraphTemplate) -> bool {
    let mut left: Vec<NodeId> = graph.nodes.iter().map(|node| node.id).collect();
    loop {
        let led_to = |id: &NodeId| graph.edges.iter().any(|edge| edge.to == *id && left.contains(&edge.from));
        let next: Vec<NodeId> = left.iter().copied().filter(|id| led_to(id)).collect();
        if next.len() == left.len() {
            return !left.is_empty();
        }
        left = next;
    }
}
