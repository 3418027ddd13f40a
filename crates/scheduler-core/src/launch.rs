//! Update on launch (R4): which updates pending jobs and inventory updates need, and which exist already.
//!
//! Decides from the latest update of each project and source. Looks at nothing unless a task's dependencies are still to
//! be derived; then costs one look at each update and each such task, and a look-up for each project and source that it
//! relies on.

use alloc::vec::Vec;

use chrono::TimeDelta;

use crate::board::{Board, SEVERAL, Standing};
use crate::table::{FxHashMap, Row, Table, position};
use crate::{
    Create, CreateId, Derived, InventoryId, InventorySource, InventorySourceId, Kind, LastUpdate, LaunchType,
    Origin, Outcome, Plan, Priority, Project, ProjectId, ProjectUpdateType, Seconds, State, TaskId, TaskRef,
    Timestamp, Work, order,
};

/// What an update refreshes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Target {
    Project(ProjectId),
    Source(InventorySourceId),
}

/// The latest updates of one target.
#[derive(Clone, Copy, Default)]
struct Latest {
    /// The unfinished one that was created last, then the highest id; new tasks after rows.
    unfinished: Option<(Timestamp, TaskRef)>,
    /// The one that finished last, then the highest id.
    finished: Option<(Option<Timestamp>, TaskId, Outcome)>,
}

/// The task that needs an update, or the new update that does.
#[derive(Clone, Copy)]
struct Needing {
    by: TaskRef,
    created: Timestamp,
    priority: Priority,
}

/// Derives the dependencies of every task for which that is still to be done, in the order of R1.
pub(crate) fn derive(board: &mut Board<'_>, sorted: &[Row], plan: &mut Plan) {
    let waits = |&row: &Row| board.columns.standing[row].is_considered() && board.malformed(row).is_none();
    let waiting = board.found.underived.iter().copied().filter(waits).count();
    if waiting == 0 {
        return;
    }
    let inherited: Vec<Row>;
    let order = if board.found.dependent.is_empty() {
        sorted
    } else {
        inherited = order::inherit(sorted, board.snapshot.tasks.len(), |row| lent_to(board, row));
        &inherited
    };
    let mut launch = Launch::look(board, plan);
    let mut derived = Vec::with_capacity(waiting);
    let mut derived_of = Table(vec![Row::MAX; board.snapshot.tasks.len()]);
    let mut linked = Vec::new();
    let mut links: Vec<TaskRef> = Vec::new();
    for &row in order.iter().filter(|row| waits(row)) {
        let task = board.task(row);
        if task.dependencies_derived || !matches!(task.kind(), Kind::Job | Kind::InventoryUpdate) {
            continue;
        }
        launch.dependencies(row, plan, &mut links);
        if links.iter().any(|link| link.task().is_some()) {
            linked.push(row);
        }
        derived_of[row] = position(derived.len());
        derived.push(Derived { task: task.id, links: links.as_slice().to_vec() });
        links.clear();
    }
    (board.derived, board.derived_of, board.linked) = (derived, derived_of, linked);
}

/// The rows to which a row lends its place in the snapshot as it stands: those of them that are pending there.
fn lent_to(board: &Board<'_>, row: Row) -> impl Iterator<Item = Row> {
    let sound = board.malformed(row).is_none();
    board.dependency_rows(row).iter().copied().filter(move |&on| sound && on < SEVERAL)
}

struct Launch<'b, 'a> {
    board: &'b Board<'a>,
    projects: FxHashMap<ProjectId, &'a Project>,
    sources: FxHashMap<InventorySourceId, &'a InventorySource>,
    by_inventory: FxHashMap<InventoryId, Vec<InventorySourceId>>,
    latest: FxHashMap<Target, Latest>,
}

impl<'b, 'a> Launch<'b, 'a> {
    fn look(board: &'b Board<'a>, plan: &Plan) -> Self {
        let snapshot = board.snapshot;
        let projects = crate::board::unique(snapshot.projects.iter().map(|project| (project.id, project)));
        let sources =
            crate::board::unique(snapshot.inventory_sources.iter().map(|source| (source.id, source)));
        let on_launch = projects.into_iter().filter_map(|(id, row)| Some((id, row?)));
        let projects: FxHashMap<_, _> = on_launch.filter(|(_, row)| row.update_on_launch).collect();
        let on_launch = sources.into_iter().filter_map(|(id, row)| Some((id, row?)));
        let sources: FxHashMap<_, _> = on_launch.filter(|(_, row)| row.update_on_launch).collect();
        let mut by_inventory: FxHashMap<InventoryId, Vec<InventorySourceId>> = FxHashMap::default();
        for source in sources.values() {
            by_inventory.entry(source.inventory).or_default().push(source.id);
        }
        for sources in by_inventory.values_mut() {
            sources.sort_unstable();
        }
        let mut launch = Self { board, projects, sources, by_inventory, latest: FxHashMap::default() };
        launch.collect(plan);
        launch
    }

    /// The latest updates of everything that updates on launch.
    fn collect(&mut self, plan: &Plan) {
        for (&id, project) in &self.projects {
            self.latest.entry(Target::Project(id)).or_default().saw(self.board, project.last_update);
        }
        for (&id, source) in &self.sources {
            self.latest.entry(Target::Source(id)).or_default().saw(self.board, source.last_update);
        }
        for &row in &self.board.found.updates {
            let task = self.board.task(row);
            let Some(target) = target(&task.work) else { continue };
            if task.launch_type == LaunchType::Sync || self.board.is_duplicate(task.id) {
                continue;
            }
            if self.board.columns.standing[row].is_considered() && self.board.malformed(row).is_some() {
                continue;
            }
            let Some(latest) = self.latest.get_mut(&target) else { continue };
            match (self.board.columns.standing[row], &task.state) {
                (Standing::Finished(outcome), State::Finished { at, .. }) => {
                    latest.ended(*at, task.id, outcome);
                }
                (Standing::Finished(outcome), _) => latest.ended(Some(self.board.now()), task.id, outcome),
                _ => latest.goes_on(task.created, self.board.reference(row)),
            }
        }
        for (at, create) in plan.creates.iter().enumerate().filter(|(_, create)| create.failed.is_none()) {
            let Some(target) = target(&create.work) else { continue };
            let new = TaskRef::New { id: CreateId::new(position(at)), kind: create.work.kind() };
            if let Some(latest) = self.latest.get_mut(&target) {
                latest.goes_on(self.board.now(), new);
            }
        }
    }

    /// What a row depends on by R4.1: its project, then the sources of its inventory by id; each link once, and none that
    /// the row has already.
    fn dependencies(&mut self, row: Row, plan: &mut Plan, links: &mut Vec<TaskRef>) {
        let task = self.board.task(row);
        let needing =
            Needing { by: self.board.reference(row), created: task.created, priority: task.priority };
        let mut add = |link: Option<TaskRef>| {
            let new = |on: TaskId| on != task.id && !task.dependencies.contains(&on);
            links.extend(link.filter(|link| link.task().is_none_or(new) && !links.contains(link)));
        };
        match &task.work {
            Work::Job { project, inventory, sources_already_updated, .. } => {
                add(project.and_then(|project| self.project(project, needing, plan)));
                let mut number = 0;
                while let Some(source) = inventory.and_then(|inventory| self.source_of(inventory, number)) {
                    number += 1;
                    if !sources_already_updated.contains(&source) {
                        add(self.source(source, needing, plan));
                    }
                }
            }
            Work::InventoryUpdate { source_project, .. } => {
                add(source_project.and_then(|project| self.project(project, needing, plan)));
            }
            _ => {}
        }
    }

    /// The sources of an inventory that update on launch, by number, in the order of their ids.
    fn source_of(&self, inventory: InventoryId, number: usize) -> Option<InventorySourceId> {
        self.by_inventory.get(&inventory)?.get(number).copied()
    }

    fn project(&mut self, id: ProjectId, needing: Needing, plan: &mut Plan) -> Option<TaskRef> {
        let timeout = self.projects.get(&id)?.cache_timeout;
        if let Some(link) = self.usable(Target::Project(id), timeout) {
            return Some(link);
        }
        let work = Work::ProjectUpdate { project: Some(id), job_type: ProjectUpdateType::Check };
        Some(self.create(Target::Project(id), work, needing, 1, plan))
    }

    fn source(&mut self, id: InventorySourceId, needing: Needing, plan: &mut Plan) -> Option<TaskRef> {
        let source = *self.sources.get(&id)?;
        if let Some(link) = self.usable(Target::Source(id), source.cache_timeout) {
            return Some(link);
        }
        let (inventory, source_project) = (Some(source.inventory), source.source_project);
        let work = Work::InventoryUpdate { source: Some(id), inventory, source_project };
        let update = self.create(Target::Source(id), work, needing, 2, plan);
        let created = before(needing.created, 2);
        let project = source_project
            .and_then(|project| self.project(project, Needing { by: update, created, ..needing }, plan));
        if let (TaskRef::New { id, .. }, Some(project)) = (update, project)
            && let Some(create) = plan.creates.get_mut(id.position())
        {
            create.dependencies.push(project);
        }
        Some(update)
    }

    /// The latest update, unless a new one is needed (R4.2).
    fn usable(&self, target: Target, timeout: Seconds) -> Option<TaskRef> {
        let latest = self.latest.get(&target)?;
        if let Some((_, unfinished)) = latest.unfinished {
            return Some(unfinished);
        }
        let (at, id, outcome) = latest.finished?;
        let fresh = outcome == Outcome::Successful && !timeout.elapsed_since(at?, self.board.now());
        let kind = match target {
            Target::Project(_) => Kind::ProjectUpdate,
            Target::Source(_) => Kind::InventoryUpdate,
        };
        fresh.then_some(TaskRef::Task { id, kind })
    }

    /// Creates an update, so many seconds before the task that needs it (R4.3).
    fn create(
        &mut self,
        target: Target,
        work: Work,
        needing: Needing,
        seconds: i64,
        plan: &mut Plan,
    ) -> TaskRef {
        let created = before(needing.created, seconds);
        let new = TaskRef::New { id: CreateId::new(position(plan.creates.len())), kind: work.kind() };
        plan.creates.push(Create {
            origin: Origin::Dependency { of: needing.by },
            work,
            launch_type: LaunchType::Dependency,
            priority: needing.priority,
            created: Some(created),
            dependencies: Vec::new(),
            dependencies_derived: true,
            failed: None,
        });
        self.latest.entry(target).or_default().goes_on(created, new);
        new
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

fn before(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.checked_sub_signed(TimeDelta::seconds(seconds)).unwrap_or(moment)
}
