//! Writing a plan into a snapshot: what the next pass sees if nothing else happens and no time goes by.
//!
//! For whoever keeps the rows in memory, tests what follows from a plan, or writes a store of their own and wants to know what
//! a plan asks of it (R12.3). It is total or nothing: a plan that was not made of this snapshot is refused, and names the first
//! row that does not fit. What only a store can say, above all ids, comes from the caller by [`Fill`].
//!
//! Does not know what changed meanwhile: a store that others write to guards each row, and may leave out any start (R11).
//! Costs a copy of the snapshot, an entry for each of its rows, and a few steps for each part of the plan.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::table::{FxHashMap, unique};
use crate::{
    Action, Create, CreateId, Derived, Dispatch, DispatchId, End, Graph, Kind, NodeDecision, NodeId,
    NodeStep, Outcome, Place, Plan, Progress, Snapshot, State, TakeBack, Task, TaskId, TaskRef, Then,
};

/// What only the store can say.
pub trait Fill {
    /// Completes a new task: its id, its name, its groups and impact, an approval's `expires`. What the plan says of it stands
    /// there already, and the rest as in [`Task::new`].
    fn task(&mut self, create: &Create, task: &mut Task);

    /// The id of a new dispatch of this task.
    fn dispatch(&mut self, task: TaskId) -> DispatchId;

    /// The graph of a workflow job that starts, if the snapshot lacks it; an empty one unless this is overridden.
    fn graph(&mut self, workflow: &Task) -> Graph {
        Graph { workflow: workflow.id, nodes: Vec::new(), edges: Vec::new() }
    }
}

/// Why a plan is not one of the snapshot that it is to be written into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// The plan changes a task of which the snapshot holds no row, or several.
    #[error("the plan changes task {task}, of which the snapshot does not hold exactly one row")]
    Task {
        /// The task.
        task: TaskId,
    },
    /// The plan changes a task in a way that its state does not allow.
    #[error("what the plan decides about task {task} does not follow from its state")]
    State {
        /// The task.
        task: TaskId,
    },
    /// The plan changes a node that the snapshot lacks or that has moved already.
    #[error("the plan moves node {node} of {workflow}, which the snapshot does not hold as untouched")]
    Node {
        /// The workflow job.
        workflow: TaskId,
        /// The node.
        node: NodeId,
    },
    /// The plan refers to a creation that it does not hold.
    #[error("the plan refers to {create}, which it does not create")]
    Create {
        /// The creation.
        create: CreateId,
    },
    /// The id that the caller gave to a new task is taken.
    #[error("task {task} cannot be created: there is one already")]
    Taken {
        /// The id.
        task: TaskId,
    },
}

impl Plan {
    /// The snapshot that the next pass sees if nothing else happens: with every change of this plan, as a store commits it.
    ///
    /// A request to cancel ends a task that still waits, since nobody runs it. A link to a finished update that the snapshot
    /// does not hold is left out, since nothing waits for it.
    ///
    /// ```
    /// use scheduler_core::builder::{SnapshotBuilder, job};
    /// use scheduler_core::{Create, DispatchId, Fill, RuleSet, State, Task, TaskId, plan};
    ///
    /// /// Counts on from the largest number.
    /// struct Ids(i64);
    ///
    /// impl Fill for Ids {
    ///     fn task(&mut self, _: &Create, task: &mut Task) {
    ///         self.0 += 1;
    ///         task.id = TaskId::new(self.0);
    ///     }
    ///
    ///     fn dispatch(&mut self, _: TaskId) -> DispatchId {
    ///         self.0 += 1;
    ///         DispatchId::new(self.0)
    ///     }
    /// }
    ///
    /// let rules = RuleSet::default();
    /// let snapshot = SnapshotBuilder::at(1000)
    ///     .instance(1, "node-a", 20)
    ///     .group(1, "default", [1])
    ///     .with(job(43).impact(6).groups([1]))
    ///     .build();
    /// let next = plan(&snapshot, &rules).apply(&snapshot, &mut Ids(43))?;
    ///
    /// assert!(matches!(&next.tasks[0].state, State::Waiting(dispatch) if dispatch.id == DispatchId::new(44)));
    /// assert!(plan(&next, &rules).is_idle());
    /// # Ok::<(), scheduler_core::Misfit>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the plan was not made of this snapshot, or an id of the caller's is taken.
    pub fn apply(&self, snapshot: &Snapshot, fill: &mut impl Fill) -> Result<Snapshot, Misfit> {
        let mut writer = Writer {
            next: snapshot.clone(),
            rows: unique(snapshot.tasks.iter().enumerate().map(|(row, task)| (task.id, row))),
            created: Vec::with_capacity(self.creates.len()),
            fill,
        };
        for decision in &self.decisions {
            writer.decide(decision.task, &decision.action)?;
        }
        for create in &self.creates {
            writer.create(create)?;
        }
        for (create, &task) in self.creates.iter().zip(&writer.created.clone()) {
            writer.link(task, &create.dependencies)?;
        }
        for Derived { task, links } in &self.derived {
            writer.link(*task, links)?;
            writer.task(*task)?.dependencies_derived = true;
        }
        writer.advance(&self.nodes)?;
        Ok(writer.next)
    }
}

struct Writer<'f, F> {
    next: Snapshot,
    /// The row of each id; `None` for an id of several rows.
    rows: FxHashMap<TaskId, Option<usize>>,
    /// The ids of the new tasks.
    created: Vec<TaskId>,
    fill: &'f mut F,
}

impl<F: Fill> Writer<'_, F> {
    fn task(&mut self, task: TaskId) -> Result<&mut Task, Misfit> {
        let row = self.rows.get(&task).copied().flatten();
        row.and_then(|row| self.next.tasks.get_mut(row)).ok_or(Misfit::Task { task })
    }

    fn decide(&mut self, id: TaskId, action: &Action) -> Result<(), Misfit> {
        if !action.changes_something() {
            return Ok(());
        }
        let now = self.next.now;
        let task = self.task(id)?;
        let fits = match action {
            Action::Start(_) => task.state == State::Pending,
            Action::TakeBack(back) => is_dispatched(task, back.replaces),
            Action::Redispatch(dispatch) => is_dispatched(task, *dispatch),
            Action::End(_) => task.state.is_unfinished(),
            Action::RequestCancel { .. } => task.state.is_holding(),
            Action::Hold(_) | Action::Leave(_) => true,
        };
        if !fits {
            return Err(Misfit::State { task: id });
        }
        let ended = |end: &End| State::Finished { outcome: end.outcome(), at: Some(now) };
        match action {
            Action::Start(place) => self.start(id, *place)?,
            Action::End(end) => task.state = ended(end),
            Action::TakeBack(back) => match &**back {
                TakeBack { then: Then::Start(place), .. } => self.start(id, *place)?,
                TakeBack { then: Then::Hold(_), .. } => task.state = State::Pending,
                TakeBack { then: Then::End(end), .. } => task.state = ended(end),
            },
            Action::Redispatch(_) => {
                let dispatch = self.fill.dispatch(id);
                if let State::Waiting(waiting) = &mut self.task(id)?.state {
                    (waiting.id, waiting.since) = (dispatch, now);
                }
            }
            Action::RequestCancel { .. } => {
                task.cancel_requested = true;
                if matches!(task.state, State::Waiting(_)) {
                    task.state = State::Finished { outcome: Outcome::Canceled, at: Some(now) };
                }
            }
            Action::Hold(_) | Action::Leave(_) => {}
        }
        Ok(())
    }

    fn start(&mut self, id: TaskId, place: Place) -> Result<(), Misfit> {
        let now = self.next.now;
        let state = match place {
            Place::Nowhere => State::Running(Box::default()),
            place => {
                let dispatch = self.fill.dispatch(id);
                State::Waiting(Box::new(Dispatch { id: dispatch, since: now, placement: place.into() }))
            }
        };
        let task = self.task(id)?;
        task.state = state;
        if task.kind() == Kind::WorkflowJob {
            let started = task.clone();
            if self.next.graphs.iter().all(|graph| graph.workflow != id) {
                let graph = self.fill.graph(&started);
                self.next.graphs.push(graph);
            }
        }
        Ok(())
    }

    fn create(&mut self, create: &Create) -> Result<(), Misfit> {
        let now = self.next.now;
        let failed = State::Finished { outcome: Outcome::Failed, at: Some(now) };
        let mut task = Task {
            priority: create.priority,
            state: if create.failed.is_some() { failed } else { State::Pending },
            launch_type: create.launch_type,
            dependencies_derived: create.dependencies_derived,
            ..Task::new(TaskId::new(0), create.created.unwrap_or(now), create.work.clone())
        };
        self.fill.task(create, &mut task);
        let id = task.id;
        if self.rows.insert(id, Some(self.next.tasks.len())).is_some() {
            return Err(Misfit::Taken { task: id });
        }
        self.created.push(id);
        self.next.tasks.push(task);
        Ok(())
    }

    /// The id of a new task.
    fn id_of(&self, create: CreateId) -> Result<TaskId, Misfit> {
        self.created.get(create.position()).copied().ok_or(Misfit::Create { create })
    }

    fn link(&mut self, id: TaskId, links: &[TaskRef]) -> Result<(), Misfit> {
        for link in links {
            let on = match *link {
                TaskRef::Task { id, .. } if !self.rows.contains_key(&id) => continue,
                TaskRef::Task { id, .. } => id,
                TaskRef::New { id, .. } => self.id_of(id)?,
            };
            self.task(id)?.dependencies.push(on);
        }
        Ok(())
    }

    /// The steps of each workflow's nodes, which stand together in a plan.
    fn advance(&mut self, steps: &[NodeDecision]) -> Result<(), Misfit> {
        let graphs = unique(self.next.graphs.iter().enumerate().map(|(at, graph)| (graph.workflow, at)));
        for steps in steps.chunk_by(|one, next| one.workflow == next.workflow) {
            let Some(&NodeDecision { workflow, node, .. }) = steps.first() else { continue };
            let graph = graphs.get(&workflow).copied().flatten().ok_or(Misfit::Node { workflow, node })?;
            let nodes = self.next.graphs.get(graph).map_or(&[][..], |graph| &graph.nodes);
            let nodes = unique(nodes.iter().enumerate().map(|(at, node)| (node.id, at)));
            for NodeDecision { node, step, .. } in steps {
                let progress = match step {
                    NodeStep::Run(create) => Progress::Job(self.id_of(*create)?),
                    NodeStep::Skip(_) => Progress::Skipped,
                    NodeStep::TemplateMissing => Progress::TemplateMissing,
                };
                let row = nodes.get(node).copied().flatten();
                let graph = self.next.graphs.get_mut(graph);
                let moved = graph.zip(row).and_then(|(graph, row)| graph.nodes.get_mut(row));
                match moved.filter(|node| node.progress == Progress::Untouched) {
                    Some(node) => node.progress = progress,
                    None => return Err(Misfit::Node { workflow, node: *node }),
                }
            }
        }
        Ok(())
    }
}

fn is_dispatched(task: &Task, under: DispatchId) -> bool {
    matches!(&task.state, State::Waiting(dispatch) if dispatch.id == under)
}
