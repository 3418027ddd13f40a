//! What a launch of a definition becomes: its work with the ids that names stand for, its cost, its slices and its edges.

use std::collections::BTreeMap;

use scheduler_core::{
    Edge, EdgeKind, Forks, InventoryId, InventorySourceId, JobTemplateId, NodeId, ProjectId,
    ProjectUpdateType, ThinVec, Work, WorkflowOf, WorkflowTemplateId, job_impact,
};

use crate::{InventorySourceDefinition, JobTemplateDefinition, NodeDefinition, WorkflowDefinition};

/// The ids that names stand for, in a store or in a file.
pub trait Ids {
    /// Of a project.
    fn project(&self, name: &str) -> Option<ProjectId>;

    /// Of an inventory.
    fn inventory(&self, name: &str) -> Option<InventoryId>;
}

/// A real update of a project.
#[must_use]
pub const fn project_update(project: ProjectId) -> Work {
    Work::ProjectUpdate { project: Some(project), job_type: ProjectUpdateType::Check }
}

impl InventorySourceDefinition {
    /// An update of this source.
    #[must_use]
    pub fn work(&self, id: InventorySourceId, ids: &impl Ids) -> Work {
        Work::InventoryUpdate {
            source: Some(id),
            inventory: ids.inventory(&self.inventory),
            source_project: self.source_project.as_deref().and_then(|name| ids.project(name)),
        }
    }
}

impl JobTemplateDefinition {
    /// What a launch of this template is: a job, or a workflow job of slices (R2).
    #[must_use]
    pub fn work(&self, id: JobTemplateId, ids: &impl Ids) -> Work {
        if self.is_sliced() {
            let of = WorkflowOf::Slices(Some(id));
            return Work::WorkflowJob { of, allow_simultaneous: self.allow_simultaneous };
        }
        self.job(id, self.allow_simultaneous, ids)
    }

    /// One of the jobs into which a launch is cut. They run beside each other whatever the template allows (R2).
    #[must_use]
    pub fn slice(&self, id: JobTemplateId, ids: &impl Ids) -> Work {
        self.job(id, true, ids)
    }

    fn job(&self, id: JobTemplateId, allow_simultaneous: bool, ids: &impl Ids) -> Work {
        Work::Job {
            project: self.project.as_deref().and_then(|name| ids.project(name)),
            inventory: self.inventory.as_deref().and_then(|name| ids.inventory(name)),
            template: Some(id),
            allow_simultaneous,
            sources_already_updated: ThinVec::new(),
        }
    }

    /// Whether a launch is cut into slices.
    #[must_use]
    pub const fn is_sliced(&self) -> bool {
        self.slices > 1
    }

    /// The nodes of the graph of a launch that is cut: one for each slice, and no edges between them.
    pub fn slice_nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (1..=self.slices).map(|slice| NodeId::new(i64::from(slice)))
    }

    /// What a job costs on an inventory of so many hosts (R6.6).
    #[must_use]
    pub fn impact_on(&self, hosts: u32) -> Forks {
        self.impact.unwrap_or_else(|| job_impact(hosts, self.forks))
    }
}

impl WorkflowDefinition {
    /// What a launch of this workflow is.
    #[must_use]
    pub const fn work(&self, id: WorkflowTemplateId) -> Work {
        Work::WorkflowJob { of: WorkflowOf::Template(Some(id)), allow_simultaneous: self.allow_simultaneous }
    }

    /// Its nodes with their ids: their places in the file, from 1.
    pub fn numbered(&self) -> impl Iterator<Item = (NodeId, &NodeDefinition)> {
        (1..).map(NodeId::new).zip(&self.nodes)
    }

    /// The edges between its nodes; one that leads to no node is left out.
    #[must_use]
    pub fn edges(&self) -> Vec<Edge> {
        let ids: BTreeMap<&str, NodeId> =
            self.numbered().map(|(id, node)| (node.name.as_str(), id)).collect();
        let mut edges = Vec::new();
        for (from, node) in self.numbered() {
            let ways = [
                (EdgeKind::Success, &node.on_success),
                (EdgeKind::Failure, &node.on_failure),
                (EdgeKind::Always, &node.always),
            ];
            for (on, children) in ways {
                let children = children.iter().filter_map(|child| ids.get(child.as_str()));
                edges.extend(children.map(|&to| Edge { from, to, on }));
            }
        }
        edges
    }
}
