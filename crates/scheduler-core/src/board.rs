//! The board: the snapshot's rows as the pass sees them, and what the pass has made of them so far.
//!
//! Decides which rows are malformed (R5, R6.2, R11) and finds rows by id. Knows nothing of claims or capacity. Laying it
//! costs one scan of the tasks, and a sort by id when the rows are not in that order.

use alloc::vec::Vec;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::order::Key;
use crate::table::{FxHashMap, FxHashSet, Row, Table, position};
use crate::tree::Tree;
use crate::{
    Action, Decision, Derived, DispatchId, End, GroupId, Instance, InstanceId, Kind, Malformed, Outcome,
    Plan, RuleSet, Snapshot, State, TakeBack, Task, TaskId, TaskRef, Then, Timestamp, Work,
};

/// How a row stands at this point of the pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Pending.
    Pending,
    /// Waiting on a lost instance: as if pending, but still holding (R8.2).
    TakenBack,
    /// Waiting or running.
    Holding,
    /// Finished, in the snapshot or by this pass.
    Finished(Outcome),
}

impl Standing {
    pub(crate) fn is_unfinished(self) -> bool {
        !matches!(self, Self::Finished(_))
    }

    pub(crate) fn is_considered(self) -> bool {
        matches!(self, Self::Pending | Self::TakenBack)
    }
}

/// The snapshot holds no row of a dependency.
pub(crate) const MISSING: Row = Row::MAX;
/// The snapshot holds several rows of a dependency.
pub(crate) const SEVERAL: Row = Row::MAX - 1;

pub(crate) struct Board<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) rules: &'a RuleSet,
    pub(crate) standing: Table<Standing>,
    pub(crate) class: Table<u32>,
    pub(crate) classes: IndexMap<&'a [GroupId], bool, FxBuildHasher>,
    by_id: Option<Vec<(TaskId, Row)>>,
    duplicates: FxHashSet<TaskId>,
    malformed: FxHashMap<Row, Malformed>,
    /// The dependencies derived in this pass (R4), and where among them those of a row stand.
    pub(crate) derived: Vec<Derived>,
    pub(crate) linked: FxHashMap<Row, u32>,
    pub(crate) dispatches: FxHashMap<Row, DispatchId>,
    pub(crate) tree: Tree,
    pub(crate) instances: FxHashMap<InstanceId, Option<&'a Instance>>,
    pub(crate) groups: FxHashMap<GroupId, Option<Row>>,
    /// The rows of the dependencies of each unfinished task, one task after the other, and where each task's begin.
    dependency_rows: Vec<Row>,
    first_dependency: Table<u32>,
    /// What the one scan of the tasks found.
    pub(crate) found: Found,
    pub(crate) more: bool,
}

/// Rows that some phase looks at, gathered in one scan of the tasks, in the order of the rows.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What R1 compares, of every pending row.
    pub(crate) pending: Vec<Key>,
    /// Waiting and running.
    pub(crate) holding: Vec<Row>,
    /// Unfinished and asked to cancel (R8.3).
    pub(crate) asked: Vec<Row>,
    /// Unfinished approvals that can expire (R7.6).
    pub(crate) approvals: Vec<Row>,
    /// Unfinished, with dependencies (R5).
    pub(crate) dependent: Vec<Row>,
    /// Project updates and inventory updates (R4.2).
    pub(crate) updates: Vec<Row>,
    /// Unfinished, and no group of theirs is known (R6.2).
    groupless: Vec<Row>,
    /// Whether dependencies are still to be derived for some task (R4).
    pub(crate) underived: bool,
}

impl<'a> Board<'a> {
    pub(crate) fn lay(snapshot: &'a Snapshot, rules: &'a RuleSet) -> Self {
        let (by_id, duplicates) = index(&snapshot.tasks);
        let mut board = Self {
            snapshot,
            rules,
            standing: Table(Vec::with_capacity(snapshot.tasks.len())),
            class: Table(Vec::with_capacity(snapshot.tasks.len())),
            classes: IndexMap::default(),
            by_id,
            duplicates,
            malformed: FxHashMap::default(),
            derived: Vec::new(),
            linked: FxHashMap::default(),
            dispatches: FxHashMap::default(),
            tree: Tree::grow(&snapshot.graphs),
            instances: unique(snapshot.instances.iter().map(|instance| (instance.id, instance))),
            groups: unique((0..).zip(&snapshot.groups).map(|(row, group)| (group.id, row))),
            dependency_rows: Vec::new(),
            first_dependency: Table(Vec::new()),
            found: Found::default(),
            more: false,
        };
        board.scan();
        board
    }

    /// Gives every row its standing and its class (the tasks with one list of groups), and notes what phases look for.
    fn scan(&mut self) {
        let mut last: (&[GroupId], u32, bool) = (&[], u32::MAX, false);
        let mut found = Found::default();
        found.pending.reserve_exact(self.snapshot.tasks.len());
        for (row, task) in (0..).zip(&self.snapshot.tasks) {
            let named: &[GroupId] =
                if task.groups.is_empty() { &self.rules.default_groups } else { &task.groups };
            if last.1 == u32::MAX || !core::ptr::eq(last.0, named) {
                let groups = &self.groups;
                let known = || named.iter().any(|group| matches!(groups.get(group), Some(Some(_))));
                let entry = self.classes.entry(named);
                let class = position(entry.index());
                last = (named, class, *entry.or_insert_with(known));
            }
            self.class.push(last.1);
            self.standing.push(found.note(row, task, last.2));
        }
        self.found = found;
        self.resolve_dependencies();
    }

    /// Finds the row of every dependency once.
    fn resolve_dependencies(&mut self) {
        if self.found.dependent.is_empty() {
            return;
        }
        let mut first = Table(vec![0; self.snapshot.tasks.len()]);
        let mut rows = Vec::new();
        for &row in &self.found.dependent {
            first[row] = position(rows.len());
            rows.extend(self.task(row).dependencies.iter().map(|&on| {
                let mut found = self.rows_of(on);
                match (found.next(), found.next()) {
                    (None, _) => MISSING,
                    (Some(row), None) => row,
                    (Some(_), Some(_)) => SEVERAL,
                }
            }));
        }
        (self.dependency_rows, self.first_dependency) = (rows, first);
    }

    /// The dependencies of an unfinished task, each with its row, [`MISSING`] or [`SEVERAL`].
    pub(crate) fn dependencies(&self, row: Row) -> impl Iterator<Item = (TaskId, Row)> {
        let ids = &self.task(row).dependencies;
        let first = if ids.is_empty() { 0 } else { self.first_dependency[row] as usize };
        let rows = self.dependency_rows.get(first..).unwrap_or_default();
        ids.iter().copied().zip(rows.iter().copied())
    }

    /// How a dependency stands; several rows stand together.
    pub(crate) fn dependency_standing(&self, (id, row): (TaskId, Row)) -> Option<Standing> {
        match row {
            MISSING => None,
            SEVERAL => self.joint_standing(id),
            row => Some(self.standing[row]),
        }
    }

    /// Marks what is malformed, once it is known which waiting tasks are taken back (R5, R6.2, R11). Of several faults the
    /// first in the order of [`Malformed`] is named.
    pub(crate) fn mark_malformed(&mut self) {
        let mut malformed = FxHashMap::default();
        for &row in &self.found.groupless {
            if self.standing[row].is_considered() && self.needs_group(row) {
                malformed.insert(row, Malformed::NoKnownGroup);
            }
        }
        self.mark_cycles(&mut malformed);
        for &row in &self.found.dependent {
            if self.standing[row].is_considered()
                && let Some(on) = self.missing_dependency(row)
            {
                malformed.insert(row, Malformed::MissingDependency { on });
            }
        }
        let twins = self.duplicates.iter().flat_map(|&id| self.rows_of(id));
        malformed.extend(
            twins.filter(|&row| self.standing[row].is_considered()).map(|row| (row, Malformed::DuplicateId)),
        );
        self.malformed = malformed;
    }

    fn needs_group(&self, row: Row) -> bool {
        let kind = self.task(row).kind();
        kind.needs_place() && !(kind.is_control() && self.rules.control_plane.is_some())
    }

    /// Finds cycles among pending tasks. Only tasks that have dependencies can be on one.
    fn mark_cycles(&self, malformed: &mut FxHashMap<Row, Malformed>) {
        let considered = |row: &Row| self.standing[*row].is_considered();
        let rows: Vec<Row> = self.found.dependent.iter().copied().filter(considered).collect();
        let edges = |row: Row, next: &mut Vec<Row>| {
            self.pending_dependencies(row, next);
            next.retain(|&on| !self.task(on).dependencies.is_empty());
        };
        for component in crate::circle::components(&rows, self.snapshot.tasks.len(), edges) {
            let members: FxHashSet<Row> = component.iter().copied().collect();
            for &row in &component {
                let mut by: Vec<Row> = Vec::new();
                self.pending_dependencies(row, &mut by);
                by.retain(|on| members.contains(on));
                if let Some(by) = by.into_iter().map(|on| self.task(on).id).min() {
                    malformed.insert(row, Malformed::DependencyCycle { by });
                }
            }
        }
    }

    fn missing_dependency(&self, row: Row) -> Option<TaskId> {
        self.dependencies(row).filter(|&(_, row)| row == MISSING).map(|(on, _)| on).min()
    }

    /// The pending rows that a pending row depends on by its own list; ids with several rows lead nowhere.
    pub(crate) fn pending_dependencies(&self, row: Row, into: &mut Vec<Row>) {
        let unique = self.dependencies(row).map(|(_, on)| on).filter(|&on| on < SEVERAL);
        into.extend(unique.filter(|&on| self.standing[on].is_considered()));
    }

    #[expect(clippy::indexing_slicing, reason = "the standing table has one row for each task")]
    pub(crate) fn task(&self, row: Row) -> &'a Task {
        &self.snapshot.tasks[row as usize]
    }

    /// The one group with this id.
    pub(crate) fn group_row(&self, id: GroupId) -> Option<Row> {
        self.groups.get(&id).copied().flatten()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.snapshot.now
    }

    pub(crate) fn is_duplicate(&self, id: TaskId) -> bool {
        !self.duplicates.is_empty() && self.duplicates.contains(&id)
    }

    pub(crate) fn malformed(&self, row: Row) -> Option<&Malformed> {
        if self.malformed.is_empty() { None } else { self.malformed.get(&row) }
    }

    /// All rows with this id.
    pub(crate) fn rows_of(&self, id: TaskId) -> impl Iterator<Item = Row> {
        let (start, end) = match &self.by_id {
            Some(by_id) => {
                let start = by_id.partition_point(|&(other, _)| other < id);
                let length = by_id.iter().skip(start).take_while(|&&(other, _)| other == id).count();
                (start, start.saturating_add(length))
            }
            None => self.find(id).map_or((0, 0), |found| (found, found.saturating_add(1))),
        };
        (start..end).map(move |at| match &self.by_id {
            Some(by_id) => by_id.get(at).map_or(Row::MAX, |&(_, row)| row),
            None => position(at),
        })
    }

    /// Finds a row by its id where rows stand in the order of their ids: ids without gaps tell the row themselves.
    fn find(&self, id: TaskId) -> Option<usize> {
        let tasks = &self.snapshot.tasks;
        let gap = id.get().checked_sub(tasks.first()?.id.get());
        if let Some(guess) = gap.and_then(|gap| usize::try_from(gap).ok())
            && tasks.get(guess).is_some_and(|task| task.id == id)
        {
            return Some(guess);
        }
        tasks.binary_search_by_key(&id, |task| task.id).ok()
    }

    /// The one row with this id.
    pub(crate) fn row(&self, id: TaskId) -> Option<Row> {
        let mut rows = self.rows_of(id);
        rows.next().filter(|_| rows.next().is_none())
    }

    /// How the task or tasks with this id stand together; `None` when there is none.
    pub(crate) fn joint_standing(&self, id: TaskId) -> Option<Standing> {
        let mut joint = None;
        for row in self.rows_of(id) {
            let standing = self.standing[row];
            joint = Some(match (joint, standing) {
                (None, standing) => standing,
                (Some(known), Standing::Finished(outcome)) => match known {
                    Standing::Finished(other) => Standing::Finished(graver(outcome, other)),
                    unfinished => unfinished,
                },
                (Some(_), unfinished) => unfinished,
            });
        }
        joint
    }

    /// The links that this pass derived for a row.
    pub(crate) fn links(&self, row: Row) -> &[TaskRef] {
        if self.linked.is_empty() {
            return &[];
        }
        let derived = self.linked.get(&row).and_then(|&at| self.derived.get(at as usize));
        derived.map_or(&[], |derived| &derived.links)
    }

    pub(crate) fn reference(&self, row: Row) -> TaskRef {
        let task = self.task(row);
        TaskRef::Task { id: task.id, kind: task.kind() }
    }

    /// Ends a row: writes the decision, and lets the rest of the pass see it as ended (R8.4).
    pub(crate) fn end(&mut self, row: Row, end: End, plan: &mut Plan) {
        let task = self.task(row);
        let outcome = end.outcome();
        let held = task.state.is_holding() && (self.holds_claim(task) || task.kind().needs_place());
        let awaited = self.tree.parent(task.id).is_some_and(|workflow| {
            self.row(workflow).is_some_and(|row| {
                let task = self.task(row);
                task.kind() == Kind::WorkflowJob && matches!(task.state, State::Running(_))
            })
        });
        self.more |= held || awaited;
        let action = match self.dispatches.get(&row) {
            Some(&replaces) => {
                self.more = true;
                Action::TakeBack(alloc::boxed::Box::new(TakeBack { replaces, then: Then::End(end) }))
            }
            None => Action::End(end),
        };
        plan.decisions.push(Decision { task: task.id, kind: task.kind(), action });
        self.standing[row] = Standing::Finished(outcome);
    }

    fn holds_claim(&self, task: &Task) -> bool {
        crate::compiled::claims_of(self.rules, task).next().is_some()
    }
}

impl Found {
    /// Notes a row where a phase will look for it, and gives it its standing.
    fn note(&mut self, row: Row, task: &Task, group_known: bool) -> Standing {
        let standing = match task.state {
            State::Pending => {
                self.pending.push(crate::order::key(task, row));
                self.underived |=
                    !task.dependencies_derived && matches!(task.kind(), Kind::Job | Kind::InventoryUpdate);
                Standing::Pending
            }
            State::Waiting(_) | State::Running(_) => {
                self.holding.push(row);
                self.underived |= !task.dependencies_derived;
                Standing::Holding
            }
            State::Finished { outcome, .. } => Standing::Finished(outcome),
        };
        match task.work {
            Work::ProjectUpdate { .. } | Work::InventoryUpdate { .. } => self.updates.push(row),
            Work::WorkflowApproval { expires: Some(_) } if standing.is_unfinished() => {
                self.approvals.push(row);
            }
            _ => {}
        }
        if standing.is_unfinished() {
            if !task.dependencies.is_empty() {
                self.dependent.push(row);
            }
            if task.cancel_requested {
                self.asked.push(row);
            }
            if !group_known {
                self.groupless.push(row);
            }
        }
        standing
    }
}

fn graver(one: Outcome, other: Outcome) -> Outcome {
    let weight = |outcome| match outcome {
        Outcome::Failed => 3,
        Outcome::Error => 2,
        Outcome::Canceled => 1,
        Outcome::Successful => 0,
    };
    if weight(one) >= weight(other) { one } else { other }
}

/// An index by id, unless the rows are in that order already, and the ids of several rows.
fn index(tasks: &[Task]) -> (Option<Vec<(TaskId, Row)>>, FxHashSet<TaskId>) {
    if tasks.is_sorted_by(|one, next| one.id < next.id) {
        return (None, FxHashSet::default());
    }
    let mut by_id: Vec<(TaskId, Row)> = (0..).zip(tasks).map(|(row, task)| (task.id, row)).collect();
    by_id.sort_unstable();
    let twins = by_id.iter().zip(by_id.iter().skip(1)).filter(|((one, _), (next, _))| one == next);
    let duplicates = twins.map(|((id, _), _)| *id).collect();
    (Some(by_id), duplicates)
}

/// Rows by their ids; an id of several rows leads to `None`.
pub(crate) fn unique<K: core::hash::Hash + Eq, V>(
    rows: impl Iterator<Item = (K, V)>,
) -> FxHashMap<K, Option<V>> {
    let mut found: FxHashMap<K, Option<V>> = FxHashMap::default();
    for (id, row) in rows {
        found.entry(id).and_modify(|known| *known = None).or_insert(Some(row));
    }
    found
}
