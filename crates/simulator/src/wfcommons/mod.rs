//! Workflow runs in the WfFormat of WfCommons: tasks, parents and children, run times, machines.
//!
//! The run becomes one launch of a workflow job; its tasks become nodes that wait for all their parents and run as long as they ran.

mod dates;
mod run;

use std::sync::Arc;

use scheduler_core::{
    Convergence, Edge, EdgeKind, Forks, GroupId, Instance, InstanceGroup, InstanceId, InventoryId,
    JobTemplateId, Members, NodeType, ProjectId, Task, TaskCount, TaskId, ThinVec, Work, WorkflowOf,
    WorkflowTemplateId, cpu_capacity,
};

pub use run::{File, Machine, Run, Step};

use crate::workload::{GraphTemplate, NodeTemplate};
use crate::{Behaviour, Cluster, Ends, Launch, Moment, Span, Template, TemplateKey, Workload};

/// The one group.
const GROUP: GroupId = GroupId::new(1);

impl Run {
    /// The run as a workload, on its machines, or on so many copies of the first.
    #[must_use]
    pub fn workload(&self, copies: Option<u32>) -> Workload {
        let mut workload = Workload::new(self.name.clone(), self.began, self.cluster(copies));
        let template = WorkflowTemplateId::new(1);
        workload.catalogue.insert(
            TemplateKey::Workflow(template),
            Template {
                name: Arc::from(self.name.as_str()),
                impact: Forks::ZERO,
                groups: Arc::from([]),
                own_keys: ThinVec::new(),
                behaviour: Behaviour::fixed(Span::ZERO),
                graph: Some(Arc::new(self.graph())),
            },
        );
        let work = Work::WorkflowJob { of: WorkflowOf::Template(Some(template)), allow_simultaneous: false };
        let task = Task {
            name: Arc::from(self.name.as_str()),
            dependencies_derived: true,
            ..Task::new(TaskId::new(1), self.began, work)
        };
        workload.launches.push(Launch { at: Moment::START, task, ends: Ends::AsTemplate, cancel_at: None });
        workload
    }

    fn graph(&self) -> GraphTemplate {
        let mut nodes: Vec<NodeTemplate> = self.steps.iter().map(node).collect();
        nodes.sort_by_key(|node| node.id);
        let edges = self.edges.iter().map(|&(from, to)| Edge { from, to, on: EdgeKind::Success }).collect();
        GraphTemplate { nodes, edges }
    }

    /// Four forks a core, as the rules reckon (R6.6).
    fn cluster(&self, copies: Option<u32>) -> Cluster {
        let machines: Vec<(String, u32)> = match (copies, self.machines.first()) {
            (Some(copies), first) => {
                let (name, cores) = first.map_or(("node", 1), |first| (first.name.as_str(), first.cores));
                (1..=copies).map(|number| (format!("{name}-{number}"), cores)).collect()
            }
            (None, _) => self.machines.iter().map(|each| (each.name.clone(), each.cores)).collect(),
        };
        let instance = |(id, (hostname, cores)): (i64, (String, u32))| Instance {
            id: InstanceId::new(id),
            hostname,
            node_type: NodeType::Hybrid,
            capacity: cpu_capacity(cores),
            enabled: true,
            last_heartbeat: None,
        };
        let instances: Vec<Instance> = (1..).zip(machines).map(instance).collect();
        let group = InstanceGroup {
            id: GROUP,
            name: "machines".to_owned(),
            members: Members::Instances(instances.iter().map(|instance| instance.id).collect()),
            max_concurrent_jobs: TaskCount::new(0),
            max_forks: Forks::ZERO,
        };
        Cluster { instances, groups: vec![group], ..Cluster::default() }
    }
}

/// A node needs a project and an inventory, or a pass creates its job as failed (R7.3). Tasks of one program ran side by side,
/// so that its template allows it.
fn node(step: &Step) -> NodeTemplate {
    let ran = u64::try_from(step.ended.saturating_sub(step.started)).unwrap_or(0);
    NodeTemplate {
        id: step.node,
        starts: Some(Box::new(Work::Job {
            project: Some(ProjectId::new(1)),
            inventory: Some(InventoryId::new(1)),
            template: Some(JobTemplateId::new(step.template)),
            allow_simultaneous: true,
            sources_already_updated: ThinVec::new(),
        })),
        convergence: Convergence::All,
        template: Some(Arc::new(Template {
            name: Arc::from(step.name.as_str()),
            impact: step.impact,
            groups: Arc::from([GROUP]),
            own_keys: ThinVec::new(),
            behaviour: Behaviour::fixed(Span::from_millis(ran)),
            graph: None,
        })),
        expires_after: None,
    }
}
