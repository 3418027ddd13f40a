//! The board: the snapshot's rows as the pass sees them, and what the pass has made of them so far.
//!
//! Decides which rows are malformed (R5, R6.2, R11) and finds the rows of dependencies, once. Knows nothing of claims or
//! capacity. Laying it costs one scan of the tasks, an index of their ids, and a look-up for each dependency.

use alloc::vec::Vec;

use super::index::Index;
use super::scan::{Columns, Found, scan};
use super::standing::Standing;
use super::tree::Tree;
use crate::table::{FxHashMap, FxHashSet, Row, Table, position, unique};
use crate::{
    Action, Decision, Derived, DispatchId, End, Instance, InstanceId, JobTemplateId, Kind, Malformed,
    Outcome, Plan, RuleSet, Snapshot, State, TakeBack, Task, TaskId, TaskRef, Then, Timestamp, Work,
};

/// The snapshot holds no row of a dependency.
pub(crate) const MISSING: Row = Row::MAX;
/// The snapshot holds several rows of a dependency.
pub(crate) const SEVERAL: Row = Row::MAX - 1;

pub(crate) struct Board<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) rules: &'a RuleSet,
    pub(crate) columns: Columns<'a>,
    /// What the one scan of the tasks found.
    pub(crate) found: Found,
    index: Index,
    malformed: FxHashMap<Row, Malformed>,
    /// The dependencies derived in this pass (R4).
    pub(crate) derived: Vec<Derived>,
    /// Where among them those of a row stand; empty when none were.
    pub(crate) derived_of: Table<Row>,
    /// The rows that were linked to another row of the snapshot.
    pub(crate) linked: Vec<Row>,
    pub(crate) dispatches: FxHashMap<Row, DispatchId>,
    pub(crate) tree: Tree,
    pub(crate) instances: FxHashMap<InstanceId, Option<&'a Instance>>,
    awaited: Awaited,
    pub(crate) more: bool,
}

/// The rows of the dependencies of each unfinished task, each [`MISSING`] or [`SEVERAL`] if it is not one.
#[derive(Default)]
struct Awaited {
    /// One task's after the other's.
    rows: Vec<Row>,
    /// Where each task's begin, and at last where they all end; empty when no task has any.
    first: Vec<u32>,
    /// Those that depend on an id not below their own. A cycle has such a row.
    upward: Vec<Row>,
    /// Those that depend on an id that no row has.
    dangling: Vec<Row>,
}

impl<'a> Board<'a> {
    pub(crate) fn lay(snapshot: &'a Snapshot, rules: &'a RuleSet) -> Self {
        let groups = unique((0..).zip(&snapshot.groups).map(|(row, group)| (group.id, row)));
        let (columns, found) = scan(snapshot, rules, |id| matches!(groups.get(id), Some(Some(_))));
        let mut board = Self {
            snapshot,
            rules,
            index: Index::new(&columns.id.0, &found.breaks),
            columns,
            found,
            malformed: FxHashMap::default(),
            derived: Vec::new(),
            derived_of: Table(Vec::new()),
            linked: Vec::new(),
            dispatches: FxHashMap::default(),
            tree: Tree::grow(&snapshot.graphs),
            instances: unique(snapshot.instances.iter().map(|instance| (instance.id, instance))),
            awaited: Awaited::default(),
            more: false,
        };
        board.awaited = board.resolve_dependencies();
        board
    }

    /// Finds the row of every dependency once.
    fn resolve_dependencies(&self) -> Awaited {
        let mut awaited = Awaited::default();
        if self.found.dependent.is_empty() {
            return awaited;
        }
        awaited.first.reserve_exact(self.snapshot.tasks.len().saturating_add(1));
        for &row in &self.found.dependent {
            // The rows up to this one begin here; all those between two dependents have none.
            awaited.first.resize((row as usize).saturating_add(1), position(awaited.rows.len()));
            let task = self.task(row);
            awaited.rows.extend(task.dependencies.iter().map(|&on| {
                let mut found = self.rows_of(on);
                match (found.next(), found.next()) {
                    (None, _) => MISSING,
                    (Some(row), None) => row,
                    (Some(_), Some(_)) => SEVERAL,
                }
            }));
            let own = awaited.rows.iter().rev().take(task.dependencies.len());
            if own.copied().any(|on| on == MISSING) {
                awaited.dangling.push(row);
            }
            if task.dependencies.iter().any(|&on| on >= task.id) {
                awaited.upward.push(row);
            }
        }
        awaited.first.resize(self.snapshot.tasks.len().saturating_add(1), position(awaited.rows.len()));
        awaited
    }

    /// The rows of the dependencies of an unfinished task, in the order of its list; [`MISSING`] or [`SEVERAL`] for what is
    /// not one row.
    pub(crate) fn dependency_rows(&self, row: Row) -> &[Row] {
        let at = row as usize;
        let Some(&[first, end]) = self.awaited.first.get(at..at.saturating_add(2)) else { return &[] };
        self.awaited.rows.get(first as usize..end as usize).unwrap_or_default()
    }

    /// The dependencies of an unfinished task, each with its row, [`MISSING`] or [`SEVERAL`]. Only the latter two cost a look at
    /// the task itself.
    pub(crate) fn dependencies(&self, row: Row) -> impl Iterator<Item = (TaskId, Row)> {
        self.dependency_rows(row).iter().enumerate().filter_map(move |(at, &on)| match on {
            MISSING | SEVERAL => Some((*self.task(row).dependencies.get(at)?, on)),
            on => Some((self.columns.id[on], on)),
        })
    }

    /// How a dependency stands; several rows stand together.
    pub(crate) fn dependency_standing(&self, (id, row): (TaskId, Row)) -> Option<Standing> {
        match row {
            MISSING => None,
            SEVERAL => self.joint_standing(id),
            row => Some(self.columns.standing[row]),
        }
    }

    /// Marks what is malformed, once it is known which waiting tasks are taken back (R5, R6.2, R11). Of several faults the
    /// first in the order of [`Malformed`] is named.
    pub(crate) fn mark_malformed(&mut self) {
        let mut malformed = FxHashMap::default();
        for &row in &self.found.groupless {
            if self.columns.standing[row].is_considered() && self.needs_group(row) {
                malformed.insert(row, Malformed::NoKnownGroup);
            }
        }
        self.mark_cycles(&mut malformed);
        for &row in &self.awaited.dangling {
            if self.columns.standing[row].is_considered()
                && let Some(on) = self.missing_dependency(row)
            {
                malformed.insert(row, Malformed::MissingDependency { on });
            }
        }
        let twins = self.index.duplicates().flat_map(|id| self.rows_of(id));
        malformed.extend(
            twins
                .filter(|&row| self.columns.standing[row].is_considered())
                .map(|row| (row, Malformed::DuplicateId)),
        );
        self.malformed = malformed;
    }

    fn needs_group(&self, row: Row) -> bool {
        let kind = self.task(row).kind();
        kind.needs_place() && !(kind.is_control() && self.rules.control_plane.is_some())
    }

    /// Finds cycles among pending tasks. Only tasks that have dependencies can be on one.
    fn mark_cycles(&self, malformed: &mut FxHashMap<Row, Malformed>) {
        let considered = |row: &Row| self.columns.standing[*row].is_considered();
        let rows: Vec<Row> = self.awaited.upward.iter().copied().filter(considered).collect();
        let edges = |row: Row, next: &mut Vec<Row>| {
            next.extend(self.pending_dependencies(row).filter(|&on| !self.dependency_rows(on).is_empty()));
        };
        for component in crate::component::components(&rows, self.snapshot.tasks.len(), edges) {
            let members: FxHashSet<Row> = component.iter().copied().collect();
            for &row in &component {
                let by = self.pending_dependencies(row).filter(|on| members.contains(on));
                if let Some(by) = by.map(|on| self.task(on).id).min() {
                    malformed.insert(row, Malformed::DependencyCycle { by });
                }
            }
        }
    }

    fn missing_dependency(&self, row: Row) -> Option<TaskId> {
        self.dependencies(row).filter(|&(_, row)| row == MISSING).map(|(on, _)| on).min()
    }

    /// The pending rows that a pending row depends on by its own list; ids with several rows lead nowhere.
    pub(crate) fn pending_dependencies(&self, row: Row) -> impl Iterator<Item = Row> {
        let unique = self.dependency_rows(row).iter().copied().filter(|&on| on < SEVERAL);
        unique.filter(|&on| self.columns.standing[on].is_considered())
    }

    #[expect(clippy::indexing_slicing, reason = "the standing table has one row for each task")]
    pub(crate) fn task(&self, row: Row) -> &'a Task {
        &self.snapshot.tasks[row as usize]
    }

    /// Reads what will be asked of these rows. Rows anywhere in memory are slow to reach one after the other, but reads that
    /// do not wait for each other go on at the same time.
    pub(crate) fn read_ahead(&self, rows: impl Iterator<Item = Row>) {
        let read = rows.map(|row| {
            let task = self.task(row);
            let key = match task.work {
                Work::Job { template, .. } => template.map_or(0, JobTemplateId::get),
                _ => 0,
            };
            key ^ i64::from(task.impact.get() ^ task.created.timestamp_subsec_nanos())
        });
        core::hint::black_box(read.fold(0, |sum, row| sum ^ row));
    }

    /// Whether a task was created longer ago than `reserve_after` (R3, R6.7).
    pub(crate) fn has_waited_long(&self, row: Row) -> bool {
        let long_ago = |after: crate::Seconds| after.elapsed_since(self.task(row).created, self.now());
        self.rules.reserve_after.is_some_and(long_ago)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.snapshot.now
    }

    pub(crate) fn is_duplicate(&self, id: TaskId) -> bool {
        self.index.is_duplicate(id)
    }

    pub(crate) fn malformed(&self, row: Row) -> Option<&Malformed> {
        if self.malformed.is_empty() { None } else { self.malformed.get(&row) }
    }

    /// All rows with this id.
    pub(crate) fn rows_of(&self, id: TaskId) -> impl Iterator<Item = Row> {
        self.index.rows_of(&self.columns.id.0, id)
    }

    /// The one row with this id.
    pub(crate) fn row(&self, id: TaskId) -> Option<Row> {
        self.index.row(&self.columns.id.0, id)
    }

    /// How the task or tasks with this id stand together; `None` when there is none.
    pub(crate) fn joint_standing(&self, id: TaskId) -> Option<Standing> {
        let mut joint = None;
        for row in self.rows_of(id) {
            let standing = self.columns.standing[row];
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
        let at = self.derived_of.0.get(row as usize);
        let derived = at.and_then(|&at| self.derived.get(at as usize));
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
        self.columns.standing[row] = Standing::Finished(outcome);
    }

    fn holds_claim(&self, task: &Task) -> bool {
        super::compiled::claims_of(self.rules, task).next().is_some()
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
