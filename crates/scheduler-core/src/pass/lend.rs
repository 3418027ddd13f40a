//! Priority lent through workflows (R1): who is held by a claim of a running workflow job lends its priority to that workflow's
//! pending jobs, so that it does not wait behind strangers for what holds it.
//!
//! Costs nothing while no job belongs to a workflow, or all pending tasks are of one priority; else a look-up for each claim
//! of each pending task, and a visit to each node of the workflows that hold somebody.

use alloc::vec::Vec;
use core::mem;

use super::board::Board;
use super::compiled::{ClaimTable, at, at_mut, modes};
use super::dependency;
use crate::table::{FxHashMap, FxHashSet, Row};
use crate::{Kind, Priority, State, TaskId};

/// The running workflow jobs that hold a key, by mode.
type Holders = [Vec<TaskId>; 6];

/// The priorities that pending rows have by others in this pass, where these are higher than their own. `sorted` stands in
/// the order of R1.
pub(crate) fn lend(board: &Board<'_>, sorted: &[Row]) -> FxHashMap<Row, Priority> {
    let priority = |row: &Row| board.task(*row).priority;
    if board.snapshot.graphs.is_empty() || sorted.first().map(priority) == sorted.last().map(priority) {
        return FxHashMap::default();
    }
    let mut lending = Lending::open(board);
    if lending.holders.is_empty() {
        return FxHashMap::default();
    }
    // The highest first: who lends to a workflow first lends most, and so does whatever is raised by it.
    for &row in sorted {
        let mut lenders = Vec::from([row]);
        while let Some(lender) = lenders.pop() {
            for workflow in lending.held_by(lender) {
                lending.raise(workflow, priority(&row), &mut lenders);
            }
        }
    }
    lending.raised
}

struct Lending<'b, 'a> {
    board: &'b Board<'a>,
    table: ClaimTable,
    /// Those that nobody has lent to yet.
    holders: FxHashMap<(Row, i64), Holders>,
    /// The workflows whose jobs were raised.
    served: FxHashSet<TaskId>,
    raised: FxHashMap<Row, Priority>,
}

impl<'b, 'a> Lending<'b, 'a> {
    fn open(board: &'b Board<'a>) -> Self {
        let table = ClaimTable::compile(board.rules);
        let mut holders: FxHashMap<(Row, i64), Holders> = FxHashMap::default();
        let workflows =
            board.found.holding.iter().filter(|&&row| board.columns.kind[row] == Kind::WorkflowJob);
        for task in workflows.map(|&row| board.task(row)) {
            if matches!(task.state, State::Running(_)) {
                for claim in table.wanted(task) {
                    at_mut(holders.entry((claim.resource, claim.key)).or_default(), claim.mode).push(task.id);
                }
            }
        }
        Self { board, table, holders, served: FxHashSet::default(), raised: FxHashMap::default() }
    }

    /// The running workflow jobs by whose claims a row is held (R2), each once for each of its claims: whoever comes later
    /// lends no more.
    fn held_by(&mut self, row: Row) -> Vec<TaskId> {
        let mut found = Vec::new();
        for wanted in self.table.wanted(self.board.task(row)) {
            let Some(holders) = self.holders.get_mut(&(wanted.resource, wanted.key)) else { continue };
            // What is malformed, or waits for a dependency, is not held by claims (R9).
            if self.board.malformed(row).is_some() || dependency::awaited(self.board, row).is_some() {
                return found;
            }
            for mode in modes(at(&self.table.kept[wanted.resource].forbidding, wanted.mode)) {
                found.append(&mut mem::take(at_mut(holders, mode)));
            }
        }
        found
    }

    /// Raises the pending jobs of a workflow and of those below it to a priority; those that it raises lend it on.
    fn raise(&mut self, workflow: TaskId, to: Priority, lenders: &mut Vec<Row>) {
        let board = self.board;
        let mut workflows = Vec::from([workflow]);
        while let Some(workflow) = workflows.pop() {
            if !self.served.insert(workflow) {
                continue;
            }
            let graphs = board.tree.graphs(workflow).iter();
            let graphs = graphs.filter_map(|&graph| board.snapshot.graphs.get(graph as usize));
            let jobs = graphs.flat_map(|graph| &graph.nodes).filter_map(|node| node.progress.job());
            for job in jobs.filter(|&job| board.tree.parent(job) == Some(workflow)) {
                workflows.push(job);
                for row in board.rows_of(job) {
                    if board.columns.standing[row].is_considered() && board.task(row).priority < to {
                        self.raised.entry(row).or_insert(to);
                        lenders.push(row);
                    }
                }
            }
        }
    }
}
