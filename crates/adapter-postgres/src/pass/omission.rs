//! What of a plan is left out, and what rests on that (R12.3).
//!
//! A row that is left out takes with it all that the plan writes in its name: its message, the tasks that it asks for, the steps of its
//! graph. Where the plan ended it, it goes on unfinished: what depends on it neither ends nor starts by this plan (R5), the
//! workflow that it belongs to takes no step and does not end (R7), and so on along the chain. No other start rests on an
//! end, since what ends holds its claims and capacity throughout its pass (R8.4); nor on another start (R11). An update that was made
//! because the latest one ends here (R4) is one more at most.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use scheduler_core::{Origin, Plan, Progress, Snapshot, TaskId, TaskRef};

/// What of a plan is left out.
pub(super) struct Omission<'a> {
    snapshot: &'a Snapshot,
    plan: &'a Plan,
    /// Made when something is left out, which is rare.
    rests: OnceCell<Rests>,
    pub(super) rows: HashSet<TaskId>,
    /// Creations by their position.
    pub(super) creates: HashSet<usize>,
}

impl<'a> Omission<'a> {
    /// Nothing yet, of a plan that was made from this snapshot.
    pub(super) fn of(snapshot: &'a Snapshot, plan: &'a Plan) -> Self {
        let (rows, creates) = (HashSet::new(), HashSet::new());
        Self { snapshot, plan, rests: OnceCell::new(), rows, creates }
    }

    /// Adds rows with all that rests on them; whether there are more creations now.
    pub(super) fn leave_out(&mut self, mut rows: Vec<TaskId>) -> bool {
        while let Some(row) = rows.pop() {
            if self.rows.insert(row) {
                rows.extend(self.rests().on(row));
            }
        }
        self.leave_out_creations()
    }

    fn rests(&self) -> &Rests {
        self.rests.get_or_init(|| Rests::of(self.snapshot, self.plan))
    }

    fn leave_out_creations(&mut self) -> bool {
        let before = self.creates.len();
        // A creation may ask for another that stands before or after it: until nothing more is found.
        loop {
            let size = self.creates.len();
            for (at, create) in self.plan.creates.iter().enumerate() {
                let lost = match create.origin {
                    Origin::Node { workflow: id, .. }
                    | Origin::Dependency { of: TaskRef::Task { id, .. } } => self.rows.contains(&id),
                    Origin::Dependency { of: TaskRef::New { id, .. } } => {
                        self.creates.contains(&id.position())
                    }
                };
                if lost {
                    self.creates.insert(at);
                }
            }
            if self.creates.len() == size {
                return size > before;
            }
        }
    }

    /// The ids of these tasks, if none of them is left out.
    pub(super) fn known(&self, links: &[TaskRef], ids: &[i64]) -> Option<Vec<i64>> {
        let known = |link: &TaskRef| match link {
            TaskRef::Task { id, .. } => Some(id.get()),
            TaskRef::New { id, .. } if self.creates.contains(&id.position()) => None,
            TaskRef::New { id, .. } => ids.get(id.position()).copied(),
        };
        links.iter().map(known).collect()
    }

    /// The ids of the creations, where they are not left out.
    pub(super) fn created(&self, ids: &[i64]) -> Vec<Option<TaskId>> {
        let created = ids.iter().enumerate();
        created.map(|(at, &id)| (!self.creates.contains(&at)).then_some(TaskId::new(id))).collect()
    }
}

/// By each task that the plan ends, the tasks and workflows that it decided about with that end in view.
struct Rests(HashMap<TaskId, Vec<TaskId>>);

impl Rests {
    fn of(snapshot: &Snapshot, plan: &Plan) -> Self {
        let ended = plan.decisions.iter().filter(|decision| decision.action.end().is_some());
        let mut rests = Self(ended.map(|decision| (decision.task, Vec::new())).collect());
        for task in &snapshot.tasks {
            for dependency in &task.dependencies {
                rests.push(*dependency, task.id);
            }
        }
        for graph in &snapshot.graphs {
            for node in &graph.nodes {
                if let Progress::Job(job) = node.progress {
                    rests.push(job, graph.workflow);
                }
            }
        }
        rests
    }

    fn push(&mut self, ended: TaskId, on_it: TaskId) {
        if let Some(resting) = self.0.get_mut(&ended) {
            resting.push(on_it);
        }
    }

    fn on(&self, ended: TaskId) -> impl Iterator<Item = TaskId> {
        self.0.get(&ended).into_iter().flatten().copied()
    }
}
