//! From a file to a workload: the graphs of workflow templates, and what a name of something launchable stands for.

use std::sync::Arc;

use definition::{DefinitionKind, Named, NodeDefinition, Starts, WorkflowDefinition, project_update};
use scheduler_core::{Forks, NodeId, SYSTEM_JOB_IMPACT, ThinVec, Work};

use super::build::{Resolved, behaviour};
use crate::workload::{GraphTemplate, NodeTemplate};
use crate::{Span, Template};

impl Resolved<'_> {
    /// The graph of a workflow template.
    pub(super) fn graph(&self, entry: &WorkflowDefinition) -> GraphTemplate {
        let nodes = entry.numbered().map(|(id, node)| self.node(id, node));
        GraphTemplate { nodes: nodes.collect(), edges: entry.edges() }
    }

    fn node(&self, id: NodeId, entry: &NodeDefinition) -> NodeTemplate {
        let (starts, template, expires_after) = match &entry.starts {
            Starts::Approval { timeout, run_time, endings } => {
                let approval = Template {
                    name: Arc::from(entry.name.as_str()),
                    impact: Forks::ZERO,
                    groups: Arc::from([]),
                    own_keys: ThinVec::new(),
                    behaviour: behaviour(run_time.as_ref(), *endings),
                    graph: None,
                };
                let expires_after = timeout.map(|timeout| Span::from_whole_seconds(timeout.get().into()));
                (Some(Work::WorkflowApproval { expires: None }), Some(approval), expires_after)
            }
            other => {
                let (work, own) = other.named().and_then(|named| self.work(named)).unzip();
                (work, own.flatten(), None)
            }
        };
        NodeTemplate {
            id,
            starts: starts.map(Box::new),
            convergence: entry.convergence,
            template: template.map(Arc::new),
            expires_after,
        }
    }

    /// What a launch of this is, and what it is like where the catalogue does not say: a system job has no key in it.
    pub(super) fn work(&self, (kind, name): Named<'_>) -> Option<(Work, Option<Template>)> {
        let file = self.file;
        let number: i64 = self.id(kind, name)?;
        let at = usize::try_from(number - 1).ok()?;
        let work = match kind {
            DefinitionKind::JobTemplate => file.job_templates.get(at)?.work(number.into(), self),
            DefinitionKind::Project => project_update(number.into()),
            DefinitionKind::InventorySource => file.inventory_sources.get(at)?.work(number.into(), self),
            DefinitionKind::SystemJob => {
                let own = self.template(file.system_jobs.get(at)?, SYSTEM_JOB_IMPACT);
                return Some((Work::SystemJob {}, Some(own)));
            }
            DefinitionKind::Workflow => file.workflows.get(at)?.work(number.into()),
            DefinitionKind::Inventory => Work::AdHocCommand { inventory: Some(number.into()) },
            DefinitionKind::Instance | DefinitionKind::Group => return None,
        };
        Some((work, None))
    }
}
