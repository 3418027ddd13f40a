//! A slow model of the rules, to hold the pass against.
//!
//! Written from the rules and the choices that stand beside them (`docs/rules.md`) alone: no index, no table made
//! beforehand, every question answered by looking through the whole snapshot again. It is meant to be read next to the
//! rules: each function names the one that it transcribes. It shares the vocabulary of the core (its types) and none of
//! its decisions, so that where the two plans differ, one of them misreads a rule.
//!
//! It costs the square of the snapshot at the least, and knows nothing of speed.

mod claims;
mod lend;
mod room;
mod updates;
mod workflows;

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::ptr;
use std::sync::Arc;

use scheduler_core::{
    Action, Decision, End, GroupId, InstanceId, Kind, Loss, Malformed, Outcome, Placement, Plan, Priority,
    Reason, Role, RuleSet, Snapshot, State, TakeBack, Task, TaskCount, TaskId, TaskRef, Then,
};

/// What a pass must decide, slowly.
#[must_use]
pub fn plan(snapshot: &Snapshot, rules: &RuleSet) -> Plan {
    let mut model = Model {
        snapshot,
        rules,
        plan: Plan::default(),
        ended: BTreeMap::new(),
        started: Vec::new(),
        places: Vec::new(),
        reserved: Vec::new(),
        reserved_limits: Vec::new(),
    };
    model.reap();
    model.cancel();
    model.expire_approvals();
    model.advance_workflows();
    model.fail_by_dependency();
    model.derive();
    model.consider_each();
    model.name_circles();
    model.plan.more = model.asks_for_more();
    model.plan
}

/// The snapshot, and what this pass did so far.
struct Model<'a> {
    snapshot: &'a Snapshot,
    rules: &'a RuleSet,
    plan: Plan,
    /// How the tasks ended that this pass ended.
    ended: BTreeMap<TaskId, Outcome>,
    /// What this pass started, and where.
    started: Vec<(&'a Task, Placement)>,
    /// The older tasks that keep their place (R3), in the order of R1.
    places: Vec<&'a Task>,
    /// The instances that are reserved (R6.7).
    reserved: Vec<InstanceId>,
    /// The groups whose limits are reserved, each with the task that they are reserved for (R6.7).
    reserved_limits: Vec<(GroupId, &'a Task)>,
}

/// What the rows say.
impl<'a> Model<'a> {
    fn rows(&self, id: TaskId) -> impl Iterator<Item = &'a Task> + use<'a> {
        self.snapshot.tasks.iter().filter(move |row| row.id == id)
    }

    /// The row of this id, when there is exactly one (R11).
    fn row(&self, id: TaskId) -> Option<&'a Task> {
        only(self.rows(id))
    }

    /// Whether several rows have the task's id (R11).
    fn is_duplicate(&self, task: &Task) -> bool {
        self.row(task.id).is_none()
    }

    /// How a row ended, in this pass or before; `None` while it is unfinished.
    fn row_outcome(&self, row: &Task) -> Option<Outcome> {
        let in_this_pass = self.ended.get(&row.id).copied();
        in_this_pass.or(match row.state {
            State::Finished { outcome, .. } => Some(outcome),
            _ => None,
        })
    }

    /// Choice 1: unfinished while one row is; else failed if one failed, else canceled if one was.
    fn outcome(&self, id: TaskId) -> Option<Outcome> {
        let outcomes: Option<Vec<_>> = self.rows(id).map(|row| self.row_outcome(row)).collect();
        let outcomes = outcomes?;
        [Outcome::Failed, Outcome::Error, Outcome::Canceled, Outcome::Successful]
            .into_iter()
            .find(|outcome| outcomes.contains(outcome))
    }

    fn is_unfinished(&self, id: TaskId) -> bool {
        self.rows(id).any(|row| self.row_outcome(row).is_none())
    }

    /// A pending row, or one that is judged like it: a waiting task whose instance is lost (R8.2). Whether this pass
    /// ends it does not matter here.
    fn is_pending(&self, task: &Task) -> bool {
        task.state == State::Pending || self.is_taken_back(task)
    }

    fn is_taken_back(&self, task: &Task) -> bool {
        matches!(task.state, State::Waiting(_)) && self.loss(task).is_some()
    }

    /// R8.1: how the instance was lost that the task runs on, or is controlled by.
    fn loss(&self, task: &Task) -> Option<End> {
        if !task.kind().needs_place() || self.is_duplicate(task) {
            return None;
        }
        let placement = task.state.placement()?;
        [(placement.node, Role::Node), (placement.controller, Role::Controller)].into_iter().find_map(
            |(instance, role)| {
                let instance = instance?;
                Some(End::InstanceLost { instance, role, loss: self.instance_loss(instance)? })
            },
        )
    }

    /// R8.1; choice 1 for an instance with several rows.
    fn instance_loss(&self, id: InstanceId) -> Option<Loss> {
        let rows: Vec<_> = self.snapshot.instances.iter().filter(|instance| instance.id == id).collect();
        match rows.as_slice() {
            [] => Some(Loss::Gone),
            [one] => {
                let alive = one
                    .last_heartbeat
                    .is_some_and(|last| !self.rules.heartbeat_grace.elapsed_since(last, self.snapshot.now));
                (!alive).then_some(Loss::Silent { last_heartbeat: one.last_heartbeat })
            }
            _ => None,
        }
    }

    /// R11 and choice 2: what is wrong with a pending row, of several the first in this order.
    fn malformed(&self, task: &Task) -> Option<Malformed> {
        if !self.is_pending(task) {
            return None;
        }
        if self.is_duplicate(task) {
            return Some(Malformed::DuplicateId);
        }
        let dependencies = sorted(task.dependencies.iter().copied());
        if let Some(&on) = dependencies.iter().find(|&&on| self.rows(on).next().is_none()) {
            return Some(Malformed::MissingDependency { on });
        }
        if let Some(&by) = dependencies.iter().find(|&&by| self.pending_chain(by).contains(&task.id)) {
            return Some(Malformed::DependencyCycle { by });
        }
        let elsewhere = self.rules.control_plane.is_some() && task.kind().is_control();
        let lost = task.kind().needs_place()
            && !elsewhere
            && self.groups_of(task).iter().all(|&group| self.group(group).is_none());
        lost.then_some(Malformed::NoKnownGroup)
    }

    /// R5: this pending task, and those that it depends on by way of pending tasks.
    fn pending_chain(&self, first: TaskId) -> Vec<TaskId> {
        let mut chain = Vec::new();
        let mut next = vec![first];
        while let Some(id) = next.pop() {
            if let Some(row) = self.row(id).filter(|row| self.is_pending(row) && !chain.contains(&row.id)) {
                chain.push(id);
                next.extend(&row.dependencies);
            }
        }
        chain
    }
}

/// What becomes of tasks.
impl<'a> Model<'a> {
    fn decide(&mut self, task: &Task, action: Action) {
        if let Some(end) = action.end() {
            self.ended.insert(task.id, end.outcome());
        }
        self.plan.decisions.push(Decision { task: task.id, kind: task.kind(), action });
    }

    /// R8.2: the one decision about a task that is taken back says which dispatch it replaces.
    fn act(&mut self, task: &Task, then: Then) {
        let action = match &task.state {
            State::Waiting(dispatch) if self.is_taken_back(task) => {
                Action::TakeBack(Box::new(TakeBack { replaces: dispatch.id, then }))
            }
            _ => match then {
                Then::Start(place) => Action::Start(place),
                Then::Hold(reason) => Action::Hold(reason),
                Then::End(end) => Action::End(end),
            },
        };
        self.decide(task, action);
    }

    /// The rows with an id of their own that this pass has not ended and that are unfinished, by id.
    fn unfinished_rows(&self) -> Vec<&'a Task> {
        let mut rows: Vec<_> = self.snapshot.tasks.iter().collect();
        rows.retain(|row| !self.is_duplicate(row) && self.row_outcome(row).is_none());
        rows.sort_by_key(|row| row.id);
        rows
    }

    /// R1: rows in their order by the priorities that they have or are lent, with the dependencies that `links` names just
    /// before the first that depends on them.
    fn order(
        &self,
        mut rows: Vec<&'a Task>,
        lent: &BTreeMap<TaskId, Priority>,
        links: &dyn Fn(&Task) -> Vec<TaskId>,
    ) -> Vec<&'a Task> {
        rows.sort_by_key(|row| (Reverse(lend::with_lent(lent, row)), row.created, row.id, row.kind()));
        let (mut seen, mut order) = (Vec::new(), Vec::new());
        for row in &rows {
            self.place_in_order(row, &rows, links, &mut seen, &mut order);
        }
        order
    }

    fn place_in_order(
        &self,
        task: &'a Task,
        rows: &[&'a Task],
        links: &dyn Fn(&Task) -> Vec<TaskId>,
        seen: &mut Vec<&'a Task>,
        order: &mut Vec<&'a Task>,
    ) {
        if seen.iter().any(|&other| ptr::eq(other, task)) {
            return;
        }
        seen.push(task);
        if self.malformed(task).is_none() {
            let its = links(task);
            for dependency in rows.iter().filter(|row| its.contains(&row.id) && !self.is_duplicate(row)) {
                self.place_in_order(dependency, rows, links, seen, order);
            }
        }
        order.push(task);
    }
}

/// R9 and R10: the pending tasks, each in its turn.
impl<'a> Model<'a> {
    /// The last phase of R9: one decision a task, until the limit is reached.
    fn consider_each(&mut self) {
        let rows = self.snapshot.tasks.iter();
        let rows: Vec<_> =
            rows.filter(|row| self.is_pending(row) && self.row_outcome(row).is_none()).collect();
        let links = |task: &Task| self.dependencies(task).iter().filter_map(|link| link.task()).collect();
        let lent = self.lent(&rows);
        let order = self.order(rows, &lent, &links);
        let limit = self.rules.start_limit.get();
        let mut unconsidered = 0;
        for task in order {
            let starts = self.plan.starts().count();
            if limit > 0 && u32::try_from(starts).is_ok_and(|starts| starts >= limit) {
                unconsidered += 1;
                continue;
            }
            let then = self.consider(task);
            self.act(task, then);
        }
        self.plan.unconsidered = TaskCount::new(unconsidered);
    }

    /// R9: malformed, dependencies, claims (R2, R3), capacity.
    fn consider(&mut self, task: &'a Task) -> Then {
        if let Some(malformed) = self.malformed(task) {
            return Then::Hold(Reason::Malformed(malformed));
        }
        if let Some(on) = self.awaited(task) {
            return Then::Hold(Reason::Dependency { on });
        }
        if let Some(reason) = self.blocked(task) {
            if self.rules.chronological {
                self.places.push(task);
            }
            return Then::Hold(reason);
        }
        if let Some(reason) = self.behind(task) {
            return Then::Hold(reason);
        }
        match self.find_room(task) {
            Ok(place) => {
                self.started.push((task, place.into()));
                Then::Start(place)
            }
            Err(reason) => {
                if self.is_overdue(task, &reason) {
                    self.reserve(task);
                    self.places.push(task);
                }
                Then::Hold(reason)
            }
        }
    }

    /// R5: the dependencies of a task, those included that this pass derived.
    fn dependencies(&self, task: &Task) -> Vec<TaskRef> {
        let own = task.dependencies.iter().filter_map(|&id| {
            let kind = self.rows(id).map(Task::kind).min()?;
            Some(TaskRef::Task { id, kind })
        });
        let derived = self.plan.derived.iter().filter(|derived| derived.task == task.id);
        own.chain(derived.flat_map(|derived| derived.links.iter().copied())).collect()
    }

    /// R5 and choice 3: the unfinished dependency that is named.
    fn awaited(&self, task: &Task) -> Option<TaskRef> {
        let links = self.dependencies(task).into_iter();
        links.filter(|link| link.task().is_none_or(|id| self.is_unfinished(id))).min()
    }

    /// R10 and choice 11: who waits for itself learns so.
    fn name_circles(&mut self) {
        let mut decisions = self.plan.decisions.clone();
        for decision in &mut decisions {
            let action = &mut decision.action;
            let held = match action {
                Action::Hold(reason) => reason,
                Action::TakeBack(back) => match &mut back.then {
                    Then::Hold(reason) => reason,
                    Then::Start(_) | Then::End(_) => continue,
                },
                _ => continue,
            };
            if let Some(circle) = self.circle(decision.task) {
                *held = Reason::Circle { waits: Box::new(held.clone()), circle };
            }
        }
        self.plan.decisions = decisions;
    }

    /// The shortest circle through a task: each waits for the next.
    fn circle(&self, task: TaskId) -> Option<Arc<[TaskRef]>> {
        let mut paths = VecDeque::from([vec![task]]);
        let mut seen = vec![];
        while let Some(path) = paths.pop_front() {
            let last = path.last().copied()?;
            for next in self.waits_for(last) {
                if next == task {
                    return Some(self.written_from_the_smallest(path));
                }
                if !seen.contains(&next) {
                    seen.push(next);
                    paths.push_back(path.iter().copied().chain([next]).collect());
                }
            }
        }
        None
    }

    fn written_from_the_smallest(&self, mut circle: Vec<TaskId>) -> Arc<[TaskRef]> {
        let smallest = circle.iter().enumerate().min_by_key(|(_, id)| **id).map_or(0, |(at, _)| at);
        circle.rotate_left(smallest);
        let kind = |id| self.row(id).map_or(Kind::Job, Task::kind);
        circle.into_iter().map(|id| TaskRef::Task { id, kind: kind(id) }).collect()
    }

    /// Choice 11: by its named reason, or a running workflow for its unfinished jobs.
    fn waits_for(&self, id: TaskId) -> Vec<TaskId> {
        let Some(row) = self.row(id) else { return Vec::new() };
        if self.is_running_workflow(row) && self.row_outcome(row).is_none() {
            let jobs = self.graph(id).into_iter().flat_map(|graph| &graph.nodes);
            let jobs = jobs.filter_map(|node| node.progress.job());
            return sorted(jobs.filter(|&job| self.is_unfinished(job)));
        }
        let reason = self.plan.decision(id).and_then(|decision| decision.action.hold());
        let waits_for = match reason {
            Some(Reason::Dependency { on }) => on.task(),
            // A holder that this very pass takes back lets go of its claims with the plan.
            Some(Reason::Blocked { holder, .. }) => {
                Some(*holder).filter(|&holder| !self.row(holder).is_some_and(|row| self.is_taken_back(row)))
            }
            Some(Reason::Behind { older, .. }) => Some(*older),
            _ => None,
        };
        waits_for.into_iter().collect()
    }

    /// R9 and choice 8.
    fn asks_for_more(&self) -> bool {
        let urgent = self.plan.decisions.iter().any(|decision| match &decision.action {
            Action::Start(_) => decision.kind == Kind::WorkflowJob,
            Action::TakeBack(_) => true,
            Action::RequestCancel { .. } => {
                self.row(decision.task).is_some_and(|row| matches!(row.state, State::Waiting(_)))
            }
            Action::End(_) => self.row(decision.task).is_some_and(|row| {
                let places =
                    row.state.placement().is_some_and(|placement| *placement != Placement::default());
                let holds = row.state.is_holding() && (places || !self.claims(row).is_empty());
                let above = self.workflow_of(row.id).and_then(|above| self.row(above));
                holds || above.is_some_and(|above| self.is_running_workflow(above))
            }),
            _ => false,
        });
        urgent || !self.plan.creates.is_empty() || self.plan.unconsidered.get() > 0
    }
}

/// The only one, if there is exactly one.
fn only<T>(mut of: impl Iterator<Item = T>) -> Option<T> {
    let first = of.next()?;
    of.next().is_none().then_some(first)
}

fn sorted<T: Ord>(of: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = of.collect();
    all.sort();
    all
}
