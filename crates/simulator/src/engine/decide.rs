//! Applying a plan: what a store writes, and what workers then do.

use std::sync::Arc;

use scheduler_core::{
    Action, Create, Derived, End, Kind, NodeDecision, NodeStep, Origin, Outcome, Place, Placement, Plan,
    Progress, Reason, State, Task, TaskId, TaskRef, Then,
};

use super::fill::is_of_workflow;
use super::store::{BarId, Source};
use super::world::World;
use crate::timeline::EndNote;

impl World<'_> {
    /// Applies a plan, whole.
    pub(super) fn apply(&mut self, plan: &Plan) {
        let created: Vec<TaskId> = plan.creates.iter().map(|_| self.next_task()).collect();
        for (create, &id) in plan.creates.iter().zip(&created) {
            self.create(create, id, &created);
        }
        for derived in &plan.derived {
            self.link(derived, &created);
        }
        for decision in &plan.nodes {
            self.advance_node(decision, &created);
        }
        for decision in &plan.decisions {
            if let Some(id) = self.store.find(decision.task) {
                self.decide(id, &decision.action, &created);
            }
        }
    }

    fn create(&mut self, create: &Create, id: TaskId, created: &[TaskId]) {
        let (mut task, template) = self.fill_in(create, id);
        task.dependencies = create.dependencies.iter().filter_map(|&link| resolve(link, created)).collect();
        let (failed, source) = (create.failed.is_some(), Source::Created(template));
        if let Origin::Node { workflow, node } = create.origin {
            self.nodes.insert(id, (workflow, node));
        }
        let workflow = match create.origin {
            Origin::Node { workflow, .. } if is_of_workflow(create) => Some(workflow),
            _ => None,
        };
        let bar = if failed { self.create_failed(task, source) } else { self.arrive(task, self.now, source) };
        if let Some(bar) = self.store.bar_mut(bar) {
            bar.workflow = workflow;
            if let Some(failure) = &create.failed {
                bar.end = Some(Arc::new(EndNote { token: "node_failure", sentence: failure.to_string() }));
            }
        }
    }

    /// A node's job that fails as it is created. Its row stays until the node has been told, which is when the node is
    /// advanced to it.
    fn create_failed(&mut self, task: Task, source: Source) -> BarId {
        let id = self.store.enter(&mut self.snapshot.tasks, task, self.now, source);
        if let Some(bar) = self.store.bar_mut(id) {
            (bar.considered, bar.finished) = (Some(self.now), Some(self.now));
            bar.outcome = Some(Outcome::Failed);
        }
        self.finished = self.finished.saturating_add(1);
        self.store.take(&mut self.snapshot.tasks, id);
        id
    }

    /// Dependencies that the pass derived (R4). One that is fresh holds nobody up.
    fn link(&mut self, derived: &Derived, created: &[TaskId]) {
        let Some(id) = self.store.find(derived.task) else { return };
        let links: Vec<TaskId> = derived.links.iter().filter_map(|&link| resolve(link, created)).collect();
        for &on in &links {
            let settled = self.is_settled(on) || self.store.find(on).is_none();
            if let Some(bar) = self.store.bar_mut(id) {
                bar.dependencies.push(on);
            }
            let row = self.store.row(id).and_then(|row| self.snapshot.tasks.get_mut(row));
            if let Some(task) = row.filter(|_| !settled) {
                task.dependencies.push(on);
                self.store.await_task(on);
            }
        }
        if let Some(task) = self.store.row(id).and_then(|row| self.snapshot.tasks.get_mut(row)) {
            task.dependencies_derived = true;
        }
    }

    fn advance_node(&mut self, decision: &NodeDecision, created: &[TaskId]) {
        let progress = match &decision.step {
            NodeStep::Run(create) => match created.get(create.position()) {
                Some(&task) => self.progress_of(task),
                None => return,
            },
            NodeStep::Skip(_) => Progress::Skipped,
            NodeStep::TemplateMissing => Progress::TemplateMissing,
        };
        let position = self.graphs.get(&decision.workflow).map(|(position, _)| *position);
        let graph = position.and_then(|position| self.snapshot.graphs.get_mut(position));
        if let Some(node) = graph.and_then(|graph| graph.nodes.iter_mut().find(|one| one.id == decision.node))
        {
            node.progress = progress;
        }
    }

    fn progress_of(&self, task: TaskId) -> Progress {
        let outcome = self.store.find(task).and_then(|id| self.store.bar(id)).and_then(|bar| bar.outcome);
        outcome.map_or(Progress::Job(task), |outcome| Progress::Ended { task, outcome })
    }

    fn decide(&mut self, id: BarId, action: &Action, created: &[TaskId]) {
        match action {
            Action::Start(place) => self.start(id, *place),
            Action::Hold(reason) => self.hold(id, reason, created),
            Action::End(end) => self.end(id, end),
            // No task stays waiting here, so that none is ever taken back or sent again.
            Action::TakeBack(back) => match &back.then {
                Then::Start(place) => self.start(id, *place),
                Then::Hold(reason) => self.hold(id, reason, created),
                Then::End(end) => self.end(id, end),
            },
            Action::Redispatch(_) => {}
            Action::RequestCancel { .. } => self.cancel(id),
            Action::Leave(malformed) => {
                if let Some(bar) = self.store.bar(id) {
                    self.malformed.insert(bar.task, malformed.clone());
                }
            }
        }
    }

    fn start(&mut self, id: BarId, place: Place) {
        let placement = Placement::from(place);
        let Some(task) = self.store.row(id).and_then(|row| self.snapshot.tasks.get_mut(row)) else { return };
        task.state = State::Running(Box::new(placement));
        let dependencies = std::mem::take(&mut task.dependencies);
        let (kind, cost, work) = (task.kind(), task.cost(), task.work.clone());
        self.claims.hold(self.rules, task);
        self.leave_pending(id);
        self.room.enter(&placement, cost);
        self.store.release(&mut self.snapshot.tasks, &dependencies);
        let (now, shared) = (self.now, self.store.shared(placement));
        if let Some(bar) = self.store.bar_mut(id) {
            bar.considered.get_or_insert(now);
            (bar.started, bar.placement) = (Some(now), shared);
            if let Some(wait) = bar.waits.last_mut() {
                wait.to = now;
            }
        }
        match kind {
            Kind::WorkflowJob => self.begin_workflow(id),
            _ => self.schedule_end(id, now),
        }
        self.watch_approval(&work);
    }

    fn hold(&mut self, id: BarId, reason: &Reason, created: &[TaskId]) {
        match reason {
            Reason::Dependency { on: TaskRef::New { id: new, kind } } => {
                let on = created.get(new.position()).map(|&id| TaskRef::Task { id, kind: *kind });
                let on = on.unwrap_or(TaskRef::New { id: *new, kind: *kind });
                self.store.hold(id, &Reason::Dependency { on }, self.now);
            }
            reason => self.store.hold(id, reason, self.now),
        }
    }

    fn end(&mut self, id: BarId, end: &End) {
        let now = self.now;
        if let Some(bar) = self.store.bar_mut(id) {
            bar.considered.get_or_insert(now);
            let workflow_end = matches!(end, End::WorkflowSuccessful);
            bar.end =
                (!workflow_end).then(|| Arc::new(EndNote { token: end.token(), sentence: end.to_string() }));
        }
        self.finish(id, end.outcome());
    }
}

fn resolve(link: TaskRef, created: &[TaskId]) -> Option<TaskId> {
    match link {
        TaskRef::Task { id, .. } => Some(id),
        TaskRef::New { id, .. } => created.get(id.position()).copied(),
    }
}
