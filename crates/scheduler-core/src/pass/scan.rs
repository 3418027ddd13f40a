//! The one scan of the tasks: what every phase of a pass looks for, gathered while each row is read once.
//!
//! A row of the snapshot is three lines of the cache, and a million of them are far more than any cache holds: so what
//! phases ask again and again of any row is kept in small tables, and rows that one phase looks at in lists.

use alloc::vec::Vec;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::index;
use super::order::Queue;
use super::standing::Standing;
use crate::table::{Row, Table, position};
use crate::{GroupId, Kind, RuleSet, Snapshot, State, Task, TaskId, Work};

/// What the scan found, each list in the order of the rows.
#[derive(Default)]
pub(crate) struct Found {
    /// Every pending row.
    pub(crate) pending: Queue,
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
    pub(crate) groupless: Vec<Row>,
    /// Unfinished jobs and inventory updates whose dependencies are still to be derived (R4).
    pub(crate) underived: Vec<Row>,
    /// The rows whose id is not above the one before; the first few.
    pub(crate) breaks: Vec<Row>,
}

/// What is kept of every row.
pub(crate) struct Columns<'a> {
    pub(crate) id: Table<TaskId>,
    pub(crate) standing: Table<Standing>,
    pub(crate) kind: Table<Kind>,
    /// Tasks with the same list of groups are of one class.
    pub(crate) class: Table<Row>,
    /// The lists, and whether a group of theirs is known.
    pub(crate) classes: IndexMap<&'a [GroupId], bool, FxBuildHasher>,
}

/// Reads every row once.
pub(crate) fn scan<'a>(
    snapshot: &'a Snapshot,
    rules: &'a RuleSet,
    is_known: impl Fn(&GroupId) -> bool,
) -> (Columns<'a>, Found) {
    let rows = snapshot.tasks.len();
    let mut columns = Columns {
        id: Table(Vec::with_capacity(rows)),
        standing: Table(Vec::with_capacity(rows)),
        kind: Table(Vec::with_capacity(rows)),
        class: Table(Vec::with_capacity(rows)),
        classes: IndexMap::default(),
    };
    let mut found = Found { pending: Queue::with_capacity(rows), ..Found::default() };
    let mut recent = Recent([None; Recent::SLOTS]);
    let mut last: Option<TaskId> = None;
    for (row, task) in (0..).zip(&snapshot.tasks) {
        let named: &[GroupId] = if task.groups.is_empty() { &rules.default_groups } else { &task.groups };
        let (class, known) = recent.class(named, || {
            let entry = columns.classes.entry(named);
            let class = position(entry.index());
            (class, *entry.or_insert_with(|| named.iter().any(&is_known)))
        });
        columns.id.push(task.id);
        columns.class.push(class);
        columns.kind.push(task.kind());
        columns.standing.push(found.note(row, task, known));
        if last.is_some_and(|last| last >= task.id) && found.breaks.len() < index::FEW {
            found.breaks.push(row);
        }
        last = Some(task.id);
    }
    (columns, found)
}

impl Found {
    /// Notes a row where a phase will look for it, and gives it its standing.
    fn note(&mut self, row: Row, task: &Task, group_known: bool) -> Standing {
        let standing = match task.state {
            State::Pending => {
                self.pending.push(row, task);
                Standing::Pending
            }
            State::Waiting(_) | State::Running(_) => {
                self.holding.push(row);
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
            if !task.dependencies_derived && matches!(task.kind(), Kind::Job | Kind::InventoryUpdate) {
                self.underived.push(row);
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

/// The lists of groups that were met last, by where they lie: tasks share them, so that most need not be read again.
struct Recent<'a>([Option<(&'a [GroupId], Row, bool)>; Recent::SLOTS]);

impl<'a> Recent<'a> {
    const SLOTS: usize = 256;

    fn class(&mut self, list: &'a [GroupId], look_up: impl FnOnce() -> (Row, bool)) -> (Row, bool) {
        // Lists lie sixteen bytes apart at least.
        let slot = self.0.get_mut((list.as_ptr().addr() >> 4) % Self::SLOTS);
        match slot {
            Some(Some((other, class, known))) if core::ptr::eq(*other, list) => (*class, *known),
            slot => {
                let (class, known) = look_up();
                if let Some(slot) = slot {
                    *slot = Some((list, class, known));
                }
                (class, known)
            }
        }
    }
}
