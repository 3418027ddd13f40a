//! The latest updates of everything that updates on launch, and whether a task may rely on one (R4.2).
//!
//! Costs one look at each update of the snapshot and each one that the plan creates.

use super::board::Board;
use super::reap::Requests;
use super::standing::Standing;
use crate::table::{FxHashMap, position};
use crate::{
    CreateId, InventorySource, InventorySourceId, Kind, LastUpdate, LaunchType, Outcome, Plan, Project,
    ProjectId, ProjectUpdateType, Seconds, State, TaskId, TaskRef, Timestamp, Work,
};

/// What an update refreshes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    Project(ProjectId),
    Source(InventorySourceId),
}

/// The latest updates of one target.
#[derive(Clone, Copy, Default)]
struct Latest {
    /// Of the unfinished ones that go on the one that was created last, then the highest id; new tasks after rows.
    unfinished: Option<(Timestamp, TaskRef)>,
    /// Whether an unfinished one is asked to cancel.
    canceling: bool,
    /// The one that finished last, then the highest id.
    finished: Option<(Option<Timestamp>, TaskId, Outcome)>,
}

/// The latest updates of each target.
pub(crate) struct Updates {
    now: Timestamp,
    latest: FxHashMap<Target, Latest>,
}

impl Updates {
    /// The latest updates of these projects and sources.
    pub(crate) fn look<'a>(
        board: &Board<'_>,
        requests: &Requests,
        plan: &Plan,
        projects: impl Iterator<Item = &'a Project>,
        sources: impl Iterator<Item = &'a InventorySource>,
    ) -> Self {
        let mut latest: FxHashMap<Target, Latest> = FxHashMap::default();
        for project in projects {
            latest.entry(Target::Project(project.id)).or_default().saw(board, project.last_update);
        }
        for source in sources {
            latest.entry(Target::Source(source.id)).or_default().saw(board, source.last_update);
        }
        let mut updates = Self { now: board.now(), latest };
        if !updates.latest.is_empty() {
            updates.see_rows(board, requests);
            updates.see_new(plan);
        }
        updates
    }

    fn see_rows(&mut self, board: &Board<'_>, requests: &Requests) {
        for &row in &board.found.updates {
            let task = board.task(row);
            let Some(target) = target(&task.work) else { continue };
            if task.launch_type == LaunchType::Sync || board.is_duplicate(task.id) {
                continue;
            }
            if board.columns.standing[row].is_considered() && board.malformed(row).is_some() {
                continue;
            }
            let Some(latest) = self.latest.get_mut(&target) else { continue };
            match (board.columns.standing[row], &task.state) {
                (Standing::Finished(outcome), State::Finished { at, .. }) => {
                    latest.ended(*at, task.id, outcome);
                }
                (Standing::Finished(outcome), _) => latest.ended(Some(board.now()), task.id, outcome),
                // Who relied on it would end with it (R4.2).
                _ if requests.contains_key(&row) => latest.canceling = true,
                _ => latest.goes_on(task.created, board.reference(row)),
            }
        }
    }

    /// The updates that nodes of workflows got as their jobs in this pass.
    fn see_new(&mut self, plan: &Plan) {
        for (at, create) in plan.creates.iter().enumerate().filter(|(_, create)| create.failed.is_none()) {
            let Some(target) = target(&create.work) else { continue };
            let new = TaskRef::New { id: CreateId::new(position(at)), kind: create.work.kind() };
            if let Some(latest) = self.latest.get_mut(&target) {
                latest.goes_on(self.now, new);
            }
        }
    }

    /// The latest update, unless a new one is needed (R4.2).
    pub(crate) fn usable(&self, target: Target, timeout: Seconds) -> Option<TaskRef> {
        let latest = self.latest.get(&target)?;
        if let Some((_, unfinished)) = latest.unfinished {
            return Some(unfinished);
        }
        if latest.canceling {
            return None;
        }
        let (at, id, outcome) = latest.finished?;
        let fresh = outcome == Outcome::Successful && !timeout.elapsed_since(at?, self.now);
        let kind = match target {
            Target::Project(_) => Kind::ProjectUpdate,
            Target::Source(_) => Kind::InventoryUpdate,
        };
        fresh.then_some(TaskRef::Task { id, kind })
    }
}

impl Latest {
    fn goes_on(&mut self, created: Timestamp, update: TaskRef) {
        self.unfinished = self.unfinished.max(Some((created, update)));
    }

    fn ended(&mut self, at: Option<Timestamp>, id: TaskId, outcome: Outcome) {
        let newer = self.finished.is_none_or(|(other, other_id, _)| (at, id) > (other, other_id));
        if newer {
            self.finished = Some((at, id, outcome));
        }
    }

    /// Takes a project's or source's last update into account; of one that has a row too, the row counts.
    fn saw(&mut self, board: &Board<'_>, update: Option<LastUpdate>) {
        if let Some(update) = update
            && board.rows_of(update.task).next().is_none()
        {
            self.ended(update.at, update.task, update.outcome);
        }
    }
}

/// What an update refreshes, if it is one for R4.
fn target(work: &Work) -> Option<Target> {
    match work {
        Work::ProjectUpdate { project, job_type: ProjectUpdateType::Check } => project.map(Target::Project),
        Work::InventoryUpdate { source, .. } => source.map(Target::Source),
        _ => None,
    }
}
