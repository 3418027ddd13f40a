//! R4 and R5: dependencies, derived and failed.

use chrono::TimeDelta;
use std::collections::BTreeMap;

use scheduler_core::{
    Create, CreateId, Derived, End, InventorySource, InventorySourceId, Kind, LastUpdate, LaunchType, Origin,
    Outcome, Priority, Project, ProjectId, ProjectUpdateType, Seconds, State, Task, TaskId, TaskRef, Then,
    Timestamp, Work,
};

use super::{Model, only, sorted};

/// R5.
impl<'a> Model<'a> {
    /// R5 and choice 4: a task after all of its own dependencies; within a cycle from where the end enters, step by step.
    pub(super) fn fail_by_dependency(&mut self) {
        let mut left = self.unfinished_rows();
        left.retain(|row| self.is_pending(row));
        let mut ends: Vec<(&Task, End)> = Vec::new();
        while !left.is_empty() {
            let circle = self.next_circle(&left);
            left.retain(|row| !circle.contains(&row.id));
            loop {
                let ending = circle
                    .iter()
                    .filter_map(|&id| self.row(id))
                    .filter(|row| !self.ended.contains_key(&row.id));
                let mut ending: Vec<_> =
                    ending.filter_map(|row| Some((row, self.dependency_end(row)?))).collect();
                // Failure spreads before cancellation does.
                let failed = |(_, end): &(&Task, End)| end.outcome() == Outcome::Failed;
                if ending.iter().any(failed) {
                    ending.retain(failed);
                }
                self.ended.extend(ending.iter().map(|(row, end)| (row.id, end.outcome())));
                ends.extend(ending.iter().cloned());
                if ending.is_empty() {
                    break;
                }
            }
        }
        ends.sort_by_key(|(row, _)| row.id);
        for (row, end) in ends {
            self.act(row, Then::End(end));
        }
    }

    /// Tasks that depend on one another and on nobody else that is left: a single one where there is no cycle.
    fn next_circle(&self, left: &[&'a Task]) -> Vec<TaskId> {
        let chains = left.iter().map(|row| {
            let mut chain = vec![row.id];
            while let Some(next) = left.iter().find(|next| {
                let awaited = left.iter().filter(|row| chain.contains(&row.id));
                !chain.contains(&next.id)
                    && awaited.into_iter().any(|row| row.dependencies.contains(&next.id))
            }) {
                chain.push(next.id);
            }
            chain
        });
        sorted(chains.min_by_key(Vec::len).unwrap_or_default().into_iter())
    }

    /// R5: failed or error before canceled, of several the smallest id.
    fn dependency_end(&self, task: &Task) -> Option<End> {
        let ended = |outcomes: &[Outcome]| {
            let dependencies = task.dependencies.iter().copied();
            let on = dependencies
                .filter(|&on| self.outcome(on).is_some_and(|end| outcomes.contains(&end)))
                .min()?;
            let row = self.rows(on).min_by_key(|row| (row.kind(), row.name.clone()))?;
            Some((on, row.kind(), row.name.clone()))
        };
        if let Some((on, kind, name)) = ended(&[Outcome::Failed, Outcome::Error]) {
            return Some(End::DependencyFailed { on, kind, name });
        }
        let (on, kind, name) = ended(&[Outcome::Canceled])?;
        Some(End::DependencyCanceled { on, kind, name })
    }
}

/// Whom an update is for (R4.3).
#[derive(Clone, Copy)]
struct Asker {
    of: TaskRef,
    priority: Priority,
    created: Timestamp,
}

/// What is to be up to date.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target<'a> {
    Project(&'a Project),
    Source(&'a InventorySource),
}

/// R4.
impl<'a> Model<'a> {
    /// R4: once for every pending job and inventory update, in the order of R1 as the snapshot stands.
    pub(super) fn derive(&mut self) {
        let pending = self.snapshot.tasks.iter().filter(|row| self.is_pending(row)).collect();
        let links = |task: &Task| task.dependencies.to_vec();
        for task in self.order(pending, &BTreeMap::new(), &links) {
            let derives =
                matches!(task.kind(), Kind::Job | Kind::InventoryUpdate) && !task.dependencies_derived;
            if derives && self.malformed(task).is_none() && self.row_outcome(task).is_none() {
                let links = self.derive_for(task);
                self.plan.derived.push(Derived { task: task.id, links: links.into() });
            }
        }
    }

    /// R4.1, and R4.5: a task's own links; those that it has are not added again (choice 5).
    fn derive_for(&mut self, task: &Task) -> Vec<TaskRef> {
        let of = TaskRef::Task { id: task.id, kind: task.kind() };
        let asker = Asker { of, priority: task.priority, created: task.created };
        let mut links = Vec::new();
        for target in self.targets(&task.work) {
            let link = self.bring_up_to_date(target, asker);
            let known = link.task().is_some_and(|id| id == task.id || task.dependencies.contains(&id));
            if !known && !links.contains(&link) {
                links.push(link);
            }
        }
        links
    }

    /// R4.1: what the work needs up to date, in order.
    fn targets(&self, work: &Work) -> Vec<Target<'a>> {
        match work {
            Work::Job { project, inventory, sources_already_updated, .. } => {
                let mut sources: Vec<_> = self.snapshot.inventory_sources.iter().collect();
                sources.retain(|source| {
                    self.source(source.id).is_some()
                        && source.update_on_launch
                        && Some(source.inventory) == *inventory
                        && !sources_already_updated.contains(&source.id)
                });
                sources.sort_by_key(|source| source.id);
                self.project(*project).into_iter().chain(sources.into_iter().map(Target::Source)).collect()
            }
            Work::InventoryUpdate { source_project, .. } => {
                self.project(*source_project).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// A project that updates on launch.
    fn project(&self, id: Option<ProjectId>) -> Option<Target<'a>> {
        let project = only(self.snapshot.projects.iter().filter(|project| Some(project.id) == id))?;
        project.update_on_launch.then_some(Target::Project(project))
    }

    fn source(&self, id: InventorySourceId) -> Option<&'a InventorySource> {
        only(self.snapshot.inventory_sources.iter().filter(|source| source.id == id))
    }

    /// R4.2 and R4.3: the update to wait for, the fresh one, or a new one.
    fn bring_up_to_date(&mut self, target: Target<'a>, asker: Asker) -> TaskRef {
        if let Some(unfinished) = self.unfinished_update(target) {
            return unfinished;
        }
        if self.updates(target).into_iter().any(|row| self.row_outcome(row).is_none()) {
            // All that are left are asked to cancel.
            return self.new_update(target, asker);
        }
        match self.last_update(target) {
            Some(last) if last.outcome == Outcome::Successful && self.is_fresh(target, &last) => {
                TaskRef::Task { id: last.task, kind: target.kind() }
            }
            _ => self.new_update(target, asker),
        }
    }

    /// R4.2: the last created of the unfinished updates that are not asked to cancel, those that this pass creates included.
    fn unfinished_update(&self, target: Target<'a>) -> Option<TaskRef> {
        let kind = target.kind();
        let rows = self.updates(target).into_iter();
        let rows = rows.filter(|row| self.row_outcome(row).is_none() && self.asked(row).is_none());
        let rows = rows.map(|row| ((row.created, false, row.id.get()), TaskRef::Task { id: row.id, kind }));
        let creates = (0..).zip(&self.plan.creates);
        let creates =
            creates.filter(|(_, create)| create.failed.is_none() && target.is_updated_by(&create.work));
        let creates = creates.map(|(at, create)| {
            let created = create.created.unwrap_or(self.snapshot.now);
            ((created, true, i64::from(at)), TaskRef::New { id: CreateId::new(at), kind })
        });
        rows.chain(creates).max_by_key(|(last, _)| *last).map(|(_, update)| update)
    }

    /// R4.2 and choice 5: the update that finished last, one that this pass ended at `now`.
    fn last_update(&self, target: Target<'a>) -> Option<LastUpdate> {
        let rows = self.updates(target).into_iter().filter_map(|row| {
            let at = match row.state {
                State::Finished { at, .. } => at,
                _ => Some(self.snapshot.now),
            };
            Some(LastUpdate { task: row.id, outcome: self.row_outcome(row)?, at })
        });
        let recorded = target.recorded().filter(|recorded| self.rows(recorded.task).next().is_none());
        rows.chain(recorded).max_by_key(|last| (last.at, last.task, last.outcome))
    }

    /// R4.2: the rows that count as updates of the target. A malformed one that this pass ended is finished like any other.
    fn updates(&self, target: Target<'a>) -> Vec<&'a Task> {
        let mut rows: Vec<_> = self.snapshot.tasks.iter().collect();
        rows.retain(|row| {
            let goes_on = self.row_outcome(row).is_none();
            let malformed = self.is_duplicate(row) || goes_on && self.malformed(row).is_some();
            let counts = row.launch_type != LaunchType::Sync && !malformed;
            counts && target.is_updated_by(&row.work)
        });
        rows
    }

    fn is_fresh(&self, target: Target<'a>, last: &LastUpdate) -> bool {
        last.at.is_some_and(|at| !target.cache_timeout().elapsed_since(at, self.snapshot.now))
    }

    /// R4.3, and R4.4: a created inventory update derives its own at once.
    fn new_update(&mut self, target: Target<'a>, asker: Asker) -> TaskRef {
        let created = asker.created.checked_sub_signed(target.earlier()).unwrap_or(Timestamp::MIN_UTC);
        let work = target.work();
        let id = self.create(Create {
            origin: Origin::Dependency { of: asker.of },
            work: work.clone(),
            launch_type: LaunchType::Dependency,
            priority: asker.priority,
            created: Some(created),
            dependencies: Vec::new(),
            dependencies_derived: true,
            failed: None,
        });
        let update = TaskRef::New { id, kind: target.kind() };
        let itself = Asker { of: update, priority: asker.priority, created };
        let own: Vec<_> =
            self.targets(&work).into_iter().map(|target| self.bring_up_to_date(target, itself)).collect();
        if let Some(create) = self.plan.creates.get_mut(id.position()) {
            create.dependencies = own;
        }
        update
    }
}

impl Target<'_> {
    fn kind(self) -> Kind {
        match self {
            Self::Project(_) => Kind::ProjectUpdate,
            Self::Source(_) => Kind::InventoryUpdate,
        }
    }

    fn cache_timeout(self) -> Seconds {
        match self {
            Self::Project(project) => project.cache_timeout,
            Self::Source(source) => source.cache_timeout,
        }
    }

    fn recorded(self) -> Option<LastUpdate> {
        match self {
            Self::Project(project) => project.last_update,
            Self::Source(source) => source.last_update,
        }
    }

    /// R4.3: how long before the task it is created.
    fn earlier(self) -> TimeDelta {
        match self {
            Self::Project(_) => TimeDelta::seconds(1),
            Self::Source(_) => TimeDelta::seconds(2),
        }
    }

    /// R4.2: of the target, and not of job type `run`.
    fn is_updated_by(self, work: &Work) -> bool {
        match (self, work) {
            (Self::Project(target), Work::ProjectUpdate { project, job_type: ProjectUpdateType::Check }) => {
                *project == Some(target.id)
            }
            (Self::Source(target), Work::InventoryUpdate { source, .. }) => *source == Some(target.id),
            _ => false,
        }
    }

    fn work(self) -> Work {
        match self {
            Self::Project(project) => {
                Work::ProjectUpdate { project: Some(project.id), job_type: ProjectUpdateType::Check }
            }
            Self::Source(source) => Work::InventoryUpdate {
                source: Some(source.id),
                inventory: Some(source.inventory),
                source_project: source.source_project,
            },
        }
    }
}
