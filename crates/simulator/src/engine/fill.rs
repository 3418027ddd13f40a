//! What a store fills in (R4.3, R7.3), and what a runner would take: names, groups and impact of tasks that passes create,
//! run times and outcomes.

use std::sync::Arc;

use scheduler_core::{
    Create, Forks, Graph, LaunchType, Node, NodeId, Origin, Outcome, Progress, State, Task, TaskId, ThinVec,
    Work,
};

use super::agenda::Event;
use super::store::{BarId, Source};
use super::world::World;
use crate::workload::{Ends, GraphTemplate, NodeTemplate, Template, TemplateKey};
use crate::{Moment, Span};

impl World<'_> {
    /// The row of a task that a plan creates, without its links.
    pub(super) fn fill_in(&self, create: &Create, id: TaskId) -> (Task, Option<Arc<Template>>) {
        let node = match create.origin {
            Origin::Node { workflow, node } => self.node_template(workflow, node),
            Origin::Dependency { .. } => None,
        };
        let known = TemplateKey::of(&create.work).and_then(|key| self.workload.catalogue.get(&key));
        let own = node.as_ref().and_then(|node| node.template.clone());
        let template = own.as_deref().or(known);
        let mut work = create.work.clone();
        if let (Work::WorkflowApproval { expires }, Some(after)) =
            (&mut work, node.and_then(|node| node.expires_after))
        {
            *expires = Some(self.now.after(after).on_calendar(self.workload.start));
        }
        let now = self.now.on_calendar(self.workload.start);
        let task = Task {
            name: template.map_or_else(|| Arc::from(""), |template| Arc::clone(&template.name)),
            priority: create.priority,
            impact: template.map_or(Forks::new(1), |template| template.impact),
            state: match create.failed {
                Some(_) => State::Finished { outcome: Outcome::Failed, at: Some(now) },
                None => State::Pending,
            },
            launch_type: create.launch_type,
            groups: template
                .map_or_else(|| self.inherited_groups(create), |template| Arc::clone(&template.groups)),
            dependencies_derived: create.dependencies_derived,
            own_keys: template.map_or_else(ThinVec::new, |template| template.own_keys.clone()),
            ..Task::new(id, create.created.unwrap_or(now), work)
        };
        (task, own)
    }

    /// The groups of a created task of which nothing is known: those of the task that it is for.
    fn inherited_groups(&self, create: &Create) -> Arc<[scheduler_core::GroupId]> {
        let of = match create.origin {
            Origin::Dependency { of } => of.task(),
            Origin::Node { workflow, .. } => Some(workflow),
        };
        let row = of.and_then(|task| self.store.find(task)).and_then(|id| self.store.row(id));
        let task = row.and_then(|row| self.snapshot.tasks.get(row));
        task.map_or_else(|| Arc::from([]), |task| Arc::clone(&task.groups))
    }

    fn node_template(&self, workflow: TaskId, node: NodeId) -> Option<NodeTemplate> {
        let (_, template) = self.graphs.get(&workflow)?;
        let nodes = &template.as_ref()?.nodes;
        let at = nodes.binary_search_by_key(&node, |node| node.id).ok()?;
        nodes.get(at).cloned()
    }

    /// Decides when and how a task that started at this moment ends by itself. One that should have ended before now ends now.
    pub(super) fn schedule_end(&mut self, id: BarId, started: Moment) {
        let Some(bar) = self.store.bar(id) else { return };
        let (number, key) = (u64::from_ne_bytes(bar.task.get().to_ne_bytes()), bar.template);
        let created = match self.store.source(id) {
            Some(Source::Created(template)) => template.clone(),
            _ => None,
        };
        let ends = match self.store.source(id) {
            Some(Source::Launch(at)) => self.workload.launches.get(*at as usize).map(|launch| &launch.ends),
            Some(Source::Standing(at)) => self.workload.standing.get(*at as usize).map(|one| &one.ends),
            _ => None,
        };
        let standing =
            matches!(self.store.source(id), Some(Source::Standing(_))) && self.now <= Moment::START;
        let (at, outcome) = match ends {
            Some(Ends::Fixed(span, outcome)) if standing => (Moment::START.after(*span), *outcome),
            Some(Ends::Fixed(span, outcome)) => (started.after(*span), *outcome),
            other => {
                let own = match other {
                    Some(Ends::Drawn(behaviour)) => Some(&**behaviour),
                    _ => created.as_deref().map(|template| &template.behaviour),
                };
                let known = || key.and_then(|key| self.workload.catalogue.get(&key));
                let behaviour = own.or_else(|| known().map(|template| &template.behaviour));
                let (span, outcome) = behaviour.unwrap_or(&self.workload.fallback).draw(self.seed, number);
                (started.after(span), outcome)
            }
        };
        self.agenda.add(at.max(self.now), Event::End(id, outcome));
    }

    /// The graph of a workflow job that starts.
    pub(super) fn begin_workflow(&mut self, id: BarId) {
        let Some(bar) = self.store.bar(id) else { return };
        let (workflow, key) = (bar.task, bar.template);
        self.workflows = self.workflows.saturating_add(1);
        if let Some(template) = self.graph_of(key) {
            self.enter_graph(graph(workflow, &template), Some(template));
        }
    }

    /// When an approval that started expires, a pass must look.
    pub(super) fn watch_approval(&mut self, work: &Work) {
        if let Work::WorkflowApproval { expires: Some(expires) } = work {
            let at = Moment::of(*expires, self.workload.start).after(Span::from_millis(1));
            self.agenda.add(at.max(self.now), Event::Wake);
        }
    }

    /// A new id, above all that the workload has.
    pub(super) fn next_task(&mut self) -> TaskId {
        self.last_task = self.last_task.saturating_add(1);
        TaskId::new(self.last_task)
    }
}

/// The graph of a workflow job, untouched.
fn graph(workflow: TaskId, template: &GraphTemplate) -> Graph {
    let node = |node: &NodeTemplate| Node {
        id: node.id,
        starts: node.starts.clone(),
        convergence: node.convergence,
        progress: Progress::Untouched,
    };
    Graph { workflow, nodes: template.nodes.iter().map(node).collect(), edges: template.edges.clone() }
}

/// Whether a created task counts as launched by a workflow.
pub(super) fn is_of_workflow(create: &Create) -> bool {
    create.launch_type == LaunchType::Workflow
}
