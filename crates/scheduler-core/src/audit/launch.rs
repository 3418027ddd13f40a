//! Update on launch (R4): which updates must be created, and which links derived.
//!
//! A new update is known by what it refreshes, since one serves the whole pass; so it is found in the plan wherever the
//! plan put it, and one that is missing does not make the others look wrong.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use chrono::TimeDelta;

use super::endings::Endings;
use super::rows::Rows;
use super::violation::{About, Fault, Violation};
use crate::{
    Create, CreateId, Derived, InventoryId, InventorySource, InventorySourceId, Kind, LaunchType, Malformed,
    Origin, Outcome, Plan, Priority, ProjectId, ProjectUpdateType, Seconds, State, Task, TaskId, TaskRef,
    Timestamp, Work,
};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Project(ProjectId),
    Source(InventorySourceId),
}

/// The links that the rules derive, new tasks by their positions in the plan.
pub(super) type Links = BTreeMap<TaskId, Vec<TaskRef>>;

/// The position of a creation that the plan lacks.
const LACKING: CreateId = CreateId::new(u32::MAX);

struct Launch<'l, 'a> {
    rows: &'l Rows<'a>,
    plan: &'l Plan,
    /// Where the plan creates the update of a target.
    created: BTreeMap<Target, CreateId>,
    sources: BTreeMap<InventoryId, Vec<&'a InventorySource>>,
    unfinished: BTreeMap<Target, (Timestamp, bool, TaskRef)>,
    /// What has an unfinished update that is asked to cancel.
    canceling: BTreeSet<Target>,
    finished: BTreeMap<Target, (Option<Timestamp>, TaskId, Outcome)>,
    expected: Vec<(CreateId, Create)>,
}

/// Checks derivations and the updates created for them; `order` is that of R1 as the snapshot stands. Gives the links.
pub(super) fn check(
    rows: &Rows<'_>,
    plan: &Plan,
    endings: &Endings,
    malformed: &BTreeMap<TaskId, Malformed>,
    order: &[&Task],
    out: &mut Vec<Violation>,
) -> Links {
    let mut launch = Launch::new(rows, plan);
    launch.see_rows(endings, malformed);
    launch.see_creations();
    let mut derived = Vec::new();
    for &task in order {
        let due = !task.dependencies_derived
            && matches!(task.kind(), Kind::Job | Kind::InventoryUpdate)
            && !endings.ends.contains_key(&task.id)
            && !malformed.contains_key(&task.id);
        if due {
            // None to itself nor to what it has, and each once: two sources may name one update as their last.
            let own: BTreeSet<TaskId> = task.dependencies.iter().copied().chain([task.id]).collect();
            let mut said = BTreeSet::new();
            let mut links = launch.derive(task);
            links.retain(|&link| !link.task().is_some_and(|on| own.contains(&on)) && said.insert(link));
            derived.push(Derived { task: task.id, links: links.into() });
        }
    }
    launch.compare_creations(out);
    compare_derived(plan, &derived, out);
    derived.into_iter().map(|derived| (derived.task, derived.links.into_vec())).collect()
}

fn target(work: &Work) -> Option<Target> {
    match work {
        Work::ProjectUpdate { project: Some(project), job_type: ProjectUpdateType::Check } => {
            Some(Target::Project(*project))
        }
        Work::InventoryUpdate { source: Some(source), .. } => Some(Target::Source(*source)),
        _ => None,
    }
}

impl<'l, 'a> Launch<'l, 'a> {
    fn new(rows: &'l Rows<'a>, plan: &'l Plan) -> Self {
        let mut created = BTreeMap::new();
        for (id, create) in numbered(plan) {
            if let (Origin::Dependency { .. }, Some(target)) = (create.origin, target(&create.work)) {
                created.entry(target).or_insert(id);
            }
        }
        let mut sources: BTreeMap<InventoryId, Vec<&'a InventorySource>> = BTreeMap::new();
        for source in rows.sources().filter(|source| source.update_on_launch) {
            sources.entry(source.inventory).or_default().push(source);
        }
        Self {
            rows,
            plan,
            created,
            sources,
            unfinished: BTreeMap::new(),
            canceling: BTreeSet::new(),
            finished: BTreeMap::new(),
            expected: Vec::new(),
        }
    }

    fn saw_end(&mut self, target: Target, at: Option<Timestamp>, task: TaskId, outcome: Outcome) {
        let seen = self.finished.entry(target).or_insert((at, task, outcome));
        if (at, task) > (seen.0, seen.1) {
            *seen = (at, task, outcome);
        }
    }

    fn saw_start(&mut self, target: Target, created: Timestamp, new: bool, update: TaskRef) {
        let seen = self.unfinished.entry(target).or_insert((created, new, update));
        *seen = (*seen).max((created, new, update));
    }

    /// Updates that the snapshot knows of: rows, and the last ones of projects and sources that have no row.
    fn see_rows(&mut self, endings: &Endings, malformed: &BTreeMap<TaskId, Malformed>) {
        let projects = self.rows.projects().map(|row| (Target::Project(row.id), row.last_update));
        let sources = self.rows.sources().map(|row| (Target::Source(row.id), row.last_update));
        for (target, last) in projects.chain(sources).collect::<Vec<_>>() {
            if let Some(last) = last.filter(|last| self.rows.all(last.task).is_empty()) {
                self.saw_end(target, last.at, last.task, last.outcome);
            }
        }
        for task in self.rows.singles() {
            let Some(target) = target(&task.work).filter(|_| task.launch_type != LaunchType::Sync) else {
                continue;
            };
            match (endings.ends.get(&task.id), &task.state) {
                (Some(end), _) => self.saw_end(target, Some(self.rows.snapshot.now), task.id, end.outcome()),
                (None, State::Finished { outcome, at }) => self.saw_end(target, *at, task.id, *outcome),
                (None, _) if malformed.contains_key(&task.id) => {}
                (None, _) if endings.asked.contains_key(&task.id) => {
                    self.canceling.insert(target);
                }
                (None, _) => {
                    let update = TaskRef::Task { id: task.id, kind: task.kind() };
                    self.saw_start(target, task.created, false, update);
                }
            }
        }
    }

    /// Updates that workflow nodes create in this plan.
    fn see_creations(&mut self) {
        for (id, create) in numbered(self.plan) {
            if let (Origin::Node { .. }, None, Some(target)) =
                (create.origin, &create.failed, target(&create.work))
            {
                let update = TaskRef::New { id, kind: create.work.kind() };
                self.saw_start(target, self.rows.snapshot.now, true, update);
            }
        }
    }

    /// R4.1.
    fn derive(&mut self, task: &Task) -> Vec<TaskRef> {
        let of = (TaskRef::Task { id: task.id, kind: task.kind() }, task.created, task.priority);
        match &task.work {
            Work::Job { project, inventory, sources_already_updated, .. } => {
                let mut links: Vec<TaskRef> =
                    project.and_then(|project| self.project(project, of)).into_iter().collect();
                let sources = inventory.and_then(|inventory| self.sources.get(&inventory).cloned());
                let updated: BTreeSet<InventorySourceId> = sources_already_updated.iter().copied().collect();
                for source in sources.into_iter().flatten() {
                    if !updated.contains(&source.id) {
                        links.push(self.source(source, of));
                    }
                }
                links
            }
            Work::InventoryUpdate { source_project: Some(project), .. } => {
                self.project(*project, of).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn project(&mut self, id: ProjectId, of: (TaskRef, Timestamp, Priority)) -> Option<TaskRef> {
        let project = self.rows.project(id).filter(|project| project.update_on_launch)?;
        let target = Target::Project(id);
        Some(self.latest(target, Kind::ProjectUpdate, project.cache_timeout).unwrap_or_else(|| {
            let work = Work::ProjectUpdate { project: Some(id), job_type: ProjectUpdateType::Check };
            self.create(target, work, of, 1)
        }))
    }

    fn source(&mut self, source: &InventorySource, of: (TaskRef, Timestamp, Priority)) -> TaskRef {
        let target = Target::Source(source.id);
        if let Some(latest) = self.latest(target, Kind::InventoryUpdate, source.cache_timeout) {
            return latest;
        }
        let work = Work::InventoryUpdate {
            source: Some(source.id),
            inventory: Some(source.inventory),
            source_project: source.source_project,
        };
        let update = self.create(target, work, of, 2);
        let place = self.expected.len().saturating_sub(1);
        let own = (update, earlier(of.1, 2), of.2);
        let on = source.source_project.and_then(|project| self.project(project, own));
        if let Some((_, create)) = self.expected.get_mut(place) {
            create.dependencies.extend(on);
        }
        update
    }

    /// R4.2: the update to link to, unless a new one is needed.
    fn latest(&self, target: Target, kind: Kind, timeout: Seconds) -> Option<TaskRef> {
        if let Some((_, _, update)) = self.unfinished.get(&target) {
            return Some(*update);
        }
        if self.canceling.contains(&target) {
            return None;
        }
        let &(at, id, outcome) = self.finished.get(&target)?;
        let stale = timeout.elapsed_since(at?, self.rows.snapshot.now);
        (outcome == Outcome::Successful && !stale).then_some(TaskRef::Task { id, kind })
    }

    /// R4.3.
    fn create(
        &mut self,
        target: Target,
        work: Work,
        of: (TaskRef, Timestamp, Priority),
        seconds: i64,
    ) -> TaskRef {
        let (by, created, priority) = of;
        let created = earlier(created, seconds);
        let id = self.created.get(&target).copied().unwrap_or(LACKING);
        let update = TaskRef::New { id, kind: work.kind() };
        let create = Create {
            origin: Origin::Dependency { of: by },
            work,
            launch_type: LaunchType::Dependency,
            priority,
            created: Some(created),
            dependencies: Vec::new(),
            dependencies_derived: true,
            failed: None,
        };
        self.expected.push((id, create));
        self.saw_start(target, created, true, update);
        update
    }

    fn compare_creations(&self, out: &mut Vec<Violation>) {
        let mut accounted = BTreeSet::new();
        let mut last: Option<CreateId> = None;
        for (id, expected) in &self.expected {
            accounted.insert(*id);
            let found = self.plan.creates.get(id.position());
            if found != Some(expected) {
                let by = match expected.origin {
                    Origin::Dependency { of: TaskRef::Task { id, .. } } => About::Task(id),
                    _ => About::Plan,
                };
                let about = if found.is_some() { About::Create(*id) } else { by };
                let fault = Fault::Creation {
                    expected: Some(Box::new(expected.clone())),
                    found: found.cloned().map(Box::new),
                };
                out.push(Violation { rule: "R4", about, fault });
            }
            if last.is_some_and(|last| last > *id) {
                out.push(Violation { rule: "R4", about: About::Create(*id), fault: Fault::OutOfOrder });
            }
            last = last.max(Some(*id).filter(|id| *id != LACKING));
        }
        let mut updates_began = false;
        for (id, create) in numbered(self.plan) {
            let is_update = matches!(create.origin, Origin::Dependency { .. });
            if is_update && !accounted.contains(&id) {
                let fault = Fault::Creation { expected: None, found: Some(Box::new(create.clone())) };
                out.push(Violation { rule: "R4", about: About::Create(id), fault });
            }
            if !is_update && updates_began {
                out.push(Violation { rule: "R9", about: About::Create(id), fault: Fault::OutOfOrder });
            }
            updates_began |= is_update;
        }
    }
}

/// The creations of a plan with their positions.
pub(super) fn numbered(plan: &Plan) -> impl Iterator<Item = (CreateId, &Create)> {
    (0..).map(CreateId::new).zip(&plan.creates)
}

fn earlier(moment: Timestamp, seconds: i64) -> Timestamp {
    moment.checked_sub_signed(TimeDelta::seconds(seconds)).unwrap_or(moment)
}

fn compare_derived(plan: &Plan, derived: &[Derived], out: &mut Vec<Violation>) {
    let mut report = |task, fault| out.push(Violation { rule: "R4", about: About::Task(task), fault });
    let places: BTreeMap<TaskId, usize> =
        derived.iter().enumerate().map(|(at, due)| (due.task, at)).collect();
    let mut said = BTreeSet::new();
    let mut furthest = 0;
    for found in &plan.derived {
        if !said.insert(found.task) {
            report(found.task, Fault::Twice);
            continue;
        }
        let place = places.get(&found.task).copied();
        let expected = place.and_then(|place| derived.get(place));
        if expected != Some(found) {
            report(found.task, Fault::Derivation { expected: expected.cloned(), found: Some(found.clone()) });
        }
        match place {
            Some(place) if place < furthest => report(found.task, Fault::OutOfOrder),
            Some(place) => furthest = place,
            None => {}
        }
    }
    for due in derived.iter().filter(|due| !said.contains(&due.task)) {
        report(due.task, Fault::Derivation { expected: Some(due.clone()), found: None });
    }
}
