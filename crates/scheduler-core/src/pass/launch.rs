//! Update on launch (R4): which updates pending jobs and inventory updates need, and which exist already.
//!
//! Looks at nothing unless a task's dependencies are still to be derived; then costs one look at each update and each such
//! task, and a look-up for each project, inventory and source that it relies on. What a task would be linked to is found once for
//! each project and source, and kept side by side: a million tasks that share ten thousand of them find it in the cache.

use alloc::vec::Vec;

use chrono::TimeDelta;
use smallvec::SmallVec;

use super::board::{Board, SEVERAL};
use super::latest::{self, Target};
use super::order;
use super::reap::Requests;
use crate::table::{FEW, FxHashMap, FxHashSet, Lookup, Row, Table, position, unique};
use crate::{
    Create, CreateId, Derived, InventoryId, InventorySourceId, Kind, LaunchType, Origin, Plan, Priority,
    ProjectId, ProjectUpdateType, TaskId, TaskRef, Timestamp, Work,
};

/// The task that needs an update, or the new update that does.
#[derive(Clone, Copy)]
struct Needing {
    by: TaskRef,
    created: Timestamp,
    priority: Priority,
}

/// Derives the dependencies of every task for which that is still to be done, in the order of R1.
pub(crate) fn derive(board: &mut Board<'_>, sorted: &[Row], requests: &Requests, plan: &mut Plan) {
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
    let mut launch = Launch::look(board, requests, plan);
    let mut derived = Vec::with_capacity(waiting);
    let mut derived_of = Table(vec![Row::MAX; board.snapshot.tasks.len()]);
    let mut linked = Vec::new();
    for &row in order.iter().filter(|row| waits(row)) {
        let task = board.task(row);
        if task.dependencies_derived || !matches!(task.kind(), Kind::Job | Kind::InventoryUpdate) {
            continue;
        }
        let links = launch.dependencies(row, plan);
        if links.iter().any(|link| link.task().is_some()) {
            linked.push(row);
        }
        derived_of[row] = position(derived.len());
        derived.push(Derived { task: task.id, links });
    }
    (board.derived, board.derived_of, board.linked) = (derived, derived_of, linked);
}

/// The rows to which a row lends its place by its own list (R1), as far as they are pending.
pub(crate) fn lent_to(board: &Board<'_>, row: Row) -> impl Iterator<Item = Row> {
    let sound = board.malformed(row).is_none();
    board.dependency_rows(row).iter().copied().filter(move |&on| sound && on < SEVERAL)
}

/// A source that updates on launch.
struct Source {
    id: InventorySourceId,
    inventory: InventoryId,
    project: Option<ProjectId>,
    /// The update that a task that needs this source is linked to; none while one is still to be created.
    update: Option<TaskRef>,
}

/// The links of one task, each once, and none to what it depends on already. None leads to the task itself: what is derived
/// for is never what it needs.
struct Links<'t> {
    list: SmallVec<[TaskRef; 2]>,
    /// All of the list, once there are many.
    known: FxHashSet<TaskRef>,
    dependencies: Lookup<'t, TaskId>,
}

impl<'t> Links<'t> {
    fn beside(dependencies: &'t [TaskId]) -> Self {
        Self { list: SmallVec::new(), known: FxHashSet::default(), dependencies: Lookup::of(dependencies) }
    }

    fn add(&mut self, link: Option<TaskRef>) {
        let Some(link) = link else { return };
        if link.task().is_some_and(|on| self.dependencies.contains(on)) {
            return;
        }
        let many = self.list.len() >= FEW;
        if many && self.known.is_empty() {
            self.known.extend(self.list.iter().copied());
        }
        let new = if many { self.known.insert(link) } else { !self.list.contains(&link) };
        if new {
            self.list.push(link);
        }
    }
}

struct Launch<'b, 'a> {
    board: &'b Board<'a>,
    /// For each project that updates on launch, the update that a task that needs it is linked to.
    projects: FxHashMap<ProjectId, Option<TaskRef>>,
    /// By inventory, then by id.
    sources: Table<Source>,
    /// Which of the sources are an inventory's.
    of_inventory: FxHashMap<InventoryId, (Row, Row)>,
}

impl<'b, 'a> Launch<'b, 'a> {
    fn look(board: &'b Board<'a>, requests: &Requests, plan: &Plan) -> Self {
        let snapshot = board.snapshot;
        let projects = unique(snapshot.projects.iter().map(|project| (project.id, project)));
        let projects = projects.values().copied().flatten().filter(|project| project.update_on_launch);
        let sources = snapshot.inventory_sources.iter().map(|source| (source.id, source));
        let sources = unique(sources);
        let sources = sources.values().copied().flatten().filter(|source| source.update_on_launch);
        let latest = latest::Updates::look(board, requests, plan, projects.clone(), sources.clone());
        let mut launch = Self {
            board,
            projects: projects
                .map(|project| {
                    (project.id, latest.usable(Target::Project(project.id), project.cache_timeout))
                })
                .collect(),
            sources: Table(
                sources
                    .map(|source| Source {
                        id: source.id,
                        inventory: source.inventory,
                        project: source.source_project,
                        update: latest.usable(Target::Source(source.id), source.cache_timeout),
                    })
                    .collect(),
            ),
            of_inventory: FxHashMap::default(),
        };
        launch.sources.0.sort_unstable_by_key(|source| (source.inventory, source.id));
        for row in launch.sources.rows() {
            let end = row.saturating_add(1);
            let inventory = launch.of_inventory.entry(launch.sources[row].inventory);
            inventory.and_modify(|(_, last)| *last = end).or_insert((row, end));
        }
        launch
    }

    /// What a row depends on by R4.1: its project, then the sources of its inventory by id; each link once, and none that
    /// the row has already.
    fn dependencies(&mut self, row: Row, plan: &mut Plan) -> SmallVec<[TaskRef; 2]> {
        let task = self.board.task(row);
        let needing =
            Needing { by: self.board.reference(row), created: task.created, priority: task.priority };
        let mut links = Links::beside(&task.dependencies);
        match &task.work {
            Work::Job { project, inventory, sources_already_updated, .. } => {
                links.add(project.and_then(|project| self.project(project, needing, plan)));
                let sources = inventory.and_then(|inventory| self.of_inventory.get(&inventory).copied());
                let updated = Lookup::of(sources_already_updated);
                for source in sources.map_or(0..0, |(first, end)| first..end) {
                    if !updated.contains(self.sources[source].id) {
                        links.add(Some(self.source(source, needing, plan)));
                    }
                }
            }
            Work::InventoryUpdate { source_project, .. } => {
                links.add(source_project.and_then(|project| self.project(project, needing, plan)));
            }
            _ => {}
        }
        links.list
    }

    /// The update of a project, unless it does not update on launch; a new one if it must be (R4.2).
    fn project(&mut self, id: ProjectId, needing: Needing, plan: &mut Plan) -> Option<TaskRef> {
        let update = self.projects.get_mut(&id)?;
        Some(*update.get_or_insert_with(|| {
            let work = Work::ProjectUpdate { project: Some(id), job_type: ProjectUpdateType::Check };
            create(work, needing, 1, plan)
        }))
    }

    /// The update of a source; a new one if it must be (R4.2), with that of its project (R4.4).
    fn source(&mut self, row: Row, needing: Needing, plan: &mut Plan) -> TaskRef {
        let source = &mut self.sources[row];
        if let Some(update) = source.update {
            return update;
        }
        let (source_project, inventory) = (source.project, Some(source.inventory));
        let work = Work::InventoryUpdate { source: Some(source.id), inventory, source_project };
        let update = create(work, needing, 2, plan);
        source.update = Some(update);
        let created = before(needing.created, 2);
        let project = source_project
            .and_then(|project| self.project(project, Needing { by: update, created, ..needing }, plan));
        if let (TaskRef::New { id, .. }, Some(project)) = (update, project)
            && let Some(create) = plan.creates.get_mut(id.position())
        {
            create.dependencies.push(project);
        }
        update
    }
}

/// Creates an update, so many seconds before the task that needs it (R4.3).
fn create(work: Work, needing: Needing, seconds: i64, plan: &mut Plan) -> TaskRef {
    let new = TaskRef::New { id: CreateId::new(position(plan.creates.len())), kind: work.kind() };
    plan.creates.push(Create {
        origin: Origin::Dependency { of: needing.by },
        work,
        launch_type: LaunchType::Dependency,
        priority: needing.priority,
        created: Some(before(needing.created, seconds)),
        dependencies: Vec::new(),
        dependencies_derived: true,
        failed: None,
    });
    new
}

fn before(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.checked_sub_signed(TimeDelta::seconds(seconds)).unwrap_or(moment)
}
