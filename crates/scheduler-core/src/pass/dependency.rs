//! Dependencies: what failed ones do to their dependents (R5), and what is awaited.
//!
//! Ending by dependency visits each task with dependencies after those dependencies, so that the whole chain ends in one
//! pass; nothing is visited unless some dependency failed or was canceled. Costs a few looks at each dependency, in a cycle too.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::board::{Board, MISSING, SEVERAL};
use super::standing::Standing;
use crate::table::{FxHashMap, Row};
use crate::{End, Kind, Outcome, Plan, Reason, TaskId, TaskRef};

/// Ends every pending task that has a failed or canceled dependency, and those that depend on it (R5).
pub(crate) fn end(board: &mut Board<'_>, plan: &mut Plan) {
    let alive =
        |row: &Row| board.columns.standing[*row].is_considered() && !board.is_duplicate(board.task(*row).id);
    let dependent = board.found.dependent.iter().copied();
    let mut doom = Doom { board, outcomes: FxHashMap::default(), ends: Vec::new() };
    if !dependent.clone().any(|row| doom.is_possible(row) && alive(&row) && doom.cause(row).is_some()) {
        return;
    }
    let mut rows: Vec<Row> = dependent.filter(alive).collect();
    rows.sort_unstable_by_key(|&row| board.task(row).id);
    doom.spread(&rows);
    let mut ends = doom.ends;
    ends.sort_unstable_by_key(|(id, ..)| *id);
    for (_, row, end) in ends {
        board.end(row, end, plan);
    }
}

/// The tasks that end in this phase, while it goes on.
struct Doom<'b, 'a> {
    board: &'b Board<'a>,
    outcomes: FxHashMap<Row, Outcome>,
    ends: Vec<(TaskId, Row, End)>,
}

impl Doom<'_, '_> {
    /// Each row after its dependencies; a cycle when its last row comes up.
    fn spread(&mut self, rows: &[Row]) {
        let board = self.board;
        let size = board.snapshot.tasks.len();
        let edges = |row: Row, into: &mut Vec<Row>| into.extend(board.pending_dependencies(row));
        let cycles = crate::component::components(rows, size, edges);
        let mut cycle_of: FxHashMap<Row, usize> = FxHashMap::default();
        for (at, cycle) in cycles.iter().enumerate() {
            cycle_of.extend(cycle.iter().map(|&row| (row, at)));
        }
        let mut left: Vec<usize> = cycles.iter().map(Vec::len).collect();
        for row in super::order::inherit(rows, size, |row| board.pending_dependencies(row)) {
            let Some(&at) = cycle_of.get(&row) else {
                if let Some(cause) = self.cause(row) {
                    self.doom(row, cause);
                }
                continue;
            };
            let Some(left) = left.get_mut(at) else { continue };
            *left = left.saturating_sub(1);
            if *left == 0
                && let Some(cycle) = cycles.get(at)
            {
                self.spread_in_cycle(cycle);
            }
        }
    }

    /// Within a cycle failure goes from where it enters, step by step; a cancel only where nothing failed. After the first step
    /// only those can end that depend on one that ended in the step before.
    fn spread_in_cycle(&mut self, cycle: &[Row]) {
        let failed = cycle.iter().any(|&row| self.cause(row).is_some_and(|(_, failed)| failed));
        let mut dependents: FxHashMap<Row, Vec<Row>> = FxHashMap::default();
        for &row in cycle {
            for on in self.board.pending_dependencies(row) {
                dependents.entry(on).or_default().push(row);
            }
        }
        let mut next: Vec<Row> = cycle.to_vec();
        while !next.is_empty() {
            let alive = next.iter().filter(|row| !self.outcomes.contains_key(*row));
            let causes = alive.filter_map(|&row| Some((row, self.cause(row)?)));
            let step: Vec<_> = causes.filter(|&(_, (_, fails))| fails == failed).collect();
            next.clear();
            for (row, cause) in step {
                self.doom(row, cause);
                next.extend(dependents.get(&row).into_iter().flatten());
            }
            next.sort_unstable();
            next.dedup();
        }
    }

    /// Whether some dependency may have failed or been canceled, told without a look at ids.
    fn is_possible(&self, row: Row) -> bool {
        self.board.dependency_rows(row).iter().any(|&on| match on {
            MISSING => false,
            SEVERAL => true,
            on => matches!(
                self.board.columns.standing[on],
                Standing::Finished(outcome) if outcome != Outcome::Successful
            ),
        })
    }

    /// The dependency that ends a row, and whether by failure.
    fn cause(&self, row: Row) -> Option<(TaskId, bool)> {
        let ended = |wanted: fn(Outcome) -> bool| {
            let ended = self.board.dependencies(row).filter(|&on| self.outcome(on).is_some_and(wanted));
            ended.map(|(on, _)| on).min()
        };
        let failed = ended(|outcome| matches!(outcome, Outcome::Failed | Outcome::Error));
        let canceled = || ended(|outcome| outcome == Outcome::Canceled);
        failed.map(|on| (on, true)).or_else(|| canceled().map(|on| (on, false)))
    }

    fn outcome(&self, on: (TaskId, Row)) -> Option<Outcome> {
        if let Some(&outcome) = self.outcomes.get(&on.1) {
            return Some(outcome);
        }
        match self.board.dependency_standing(on)? {
            Standing::Finished(outcome) => Some(outcome),
            _ => None,
        }
    }

    fn doom(&mut self, row: Row, (on, failed): (TaskId, bool)) {
        let named = self.board.rows_of(on).map(|row| self.board.task(row));
        let (kind, name) = named
            .map(|task| (task.kind(), Arc::clone(&task.name)))
            .min()
            .unwrap_or((Kind::Job, Arc::from("")));
        let end = if failed {
            End::DependencyFailed { on, kind, name }
        } else {
            End::DependencyCanceled { on, kind, name }
        };
        self.outcomes.insert(row, end.outcome());
        self.ends.push((self.board.task(row).id, row, end));
    }
}

/// The unfinished dependency that a task waits for: the smallest id, rows before new tasks (R5).
pub(crate) fn awaited(board: &Board<'_>, row: Row) -> Option<Reason> {
    let links = board.links(row);
    if board.dependency_rows(row).is_empty() && links.is_empty() {
        return None;
    }
    let unfinished = |standing: Option<Standing>| standing.is_some_and(Standing::is_unfinished);
    let own = board.dependencies(row).filter(|&on| unfinished(board.dependency_standing(on)));
    let linked = links.iter().filter_map(|link| link.task());
    let linked = linked.filter(|&on| unfinished(board.joint_standing(on))).map(|on| (on, SEVERAL));
    let first = own.chain(linked).min().map(|(id, row)| {
        let kind = match row {
            MISSING | SEVERAL => board.rows_of(id).map(|row| board.columns.kind[row]).min(),
            row => Some(board.columns.kind[row]),
        };
        TaskRef::Task { id, kind: kind.unwrap_or(Kind::Job) }
    });
    let new = || links.iter().copied().filter(|link| link.task().is_none()).min();
    first.or_else(new).map(|on| Reason::Dependency { on })
}
