//! The pass: the whole algorithm, phase by phase, in the order of R9.
//!
//! What each phase decides stands in its module. A pass is total and pure: the same snapshot gives the same plan on every
//! machine (R11). What a phase ends counts as ended for the phases after it, but keeps its claims and its capacity until
//! the next pass (R8.4), so that every subset of the starts is safe.
//!
//! Cost: a few scans of the rows, a sort of the pending ones unless they stand in order, and for each pending task a
//! look-up for each claim and at most one for each group that it names.

mod board;
pub(crate) mod capacity;
mod cells;
mod circle;
mod claims;
pub(crate) mod compiled;
mod dependency;
mod fleet;
mod flow;
mod group;
mod index;
mod latest;
mod launch;
mod lend;
pub(crate) mod order;
mod pool;
pub(crate) mod reap;
mod scan;
mod standing;
mod tree;
mod workflow;

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::table::Row;
use crate::{Action, Decision, Kind, Place, Plan, Reason, RuleSet, Snapshot, TakeBack, TaskCount, Then};
use board::Board;
use capacity::Ledger;
use claims::Claims;

/// Decides what a control plane does next: which tasks start and where, which updates to create, what workflows do, and
/// for every task that does not start, why.
///
/// Total: a malformed row is held with its reason and touches no other task (R11). Call [`Snapshot::validate`] first to
/// have malformed rows reported as errors instead.
#[must_use]
pub fn plan(snapshot: &Snapshot, rules: &RuleSet) -> Plan {
    let mut plan = Plan::default();
    let mut board = Board::lay(snapshot, rules);

    // R8: lost instances, overdue dispatches, cancels.
    let requests = reap::requests(&board);
    reap::take_back(&mut board);
    board.mark_malformed();
    reap::reap(&mut board, &requests, &mut plan);
    reap::cancel(&mut board, &requests, &mut plan);

    // R7: approvals and workflows.
    workflow::expire(&mut board, &mut plan);
    workflow::advance(&mut board, &requests, &mut plan);

    // R5 and R4: failed dependencies, then update on launch, in the order of R1 as the snapshot stands.
    dependency::end(&mut board, &mut plan);
    let pending = core::mem::take(&mut board.found.pending);
    let sorted = pending.sort(|row| board.task(row));
    launch::derive(&mut board, &sorted, &requests, &mut plan);

    // R1, then for each task R5, R2 and R3, R6.
    let order = order(&board, sorted);
    let started_workflow = consider(&board, &order, &mut plan);
    circle::close(&board, &order, &mut plan);

    plan.derived = core::mem::take(&mut board.derived);

    // R9: whether another pass should follow at once.
    let unconsidered = plan.unconsidered > TaskCount::new(0);
    plan.more = board.more || !plan.creates.is_empty() || started_workflow || unconsidered;
    plan
}

/// What is still to be considered, with the priorities that are lent in this pass, and each task after those that it waits
/// for (R1).
fn order(board: &Board<'_>, mut sorted: Vec<Row>) -> Vec<Row> {
    sorted.retain(|&row| board.columns.standing[row].is_considered());
    let raised = lend::lend(board, &sorted);
    if !raised.is_empty() {
        order::resort(&mut sorted, |row| (board.task(row), raised.get(&row).copied()));
    }
    if board.found.dependent.is_empty() && board.linked.is_empty() {
        return sorted;
    }
    order::inherit(&sorted, board.snapshot.tasks.len(), |row| {
        let linked = board.links(row).iter().filter_map(|link| board.row(link.task()?));
        launch::lent_to(board, row).chain(linked.filter(move |_| board.malformed(row).is_none()))
    })
}

/// How many rows are read together before they are judged one by one.
const READ_AHEAD: usize = 32;

/// One decision for each task in order, until the start limit is reached; whether a workflow job started.
fn consider(board: &Board<'_>, order: &[Row], plan: &mut Plan) -> bool {
    let mut claims = Claims::hold_all(board);
    let mut ledger = Ledger::open(board);
    let limit = board.rules.start_limit.get();
    let (mut starts, mut started_workflow) = (0, false);
    let first = plan.decisions.len();
    plan.decisions.reserve_exact(order.len());
    let mut held: Vec<Option<Reason>> = Vec::with_capacity(READ_AHEAD);
    for rows in order.chunks(READ_AHEAD) {
        look_ahead(board, rows, &mut held);
        for (&row, held) in rows.iter().zip(held.drain(..)) {
            if limit > 0 && starts >= limit {
                let considered = plan.decisions.len().saturating_sub(first);
                let left = order.len().saturating_sub(considered);
                plan.unconsidered = TaskCount::new(u32::try_from(left).unwrap_or(u32::MAX));
                return started_workflow;
            }
            let verdict = held.map_or_else(|| judge(board, &mut claims, &mut ledger, row), Err);
            let kind = board.columns.kind[row];
            if verdict.is_ok() {
                claims.hold(row);
                starts = starts.saturating_add(1);
                started_workflow |= kind == Kind::WorkflowJob;
            }
            let action = action(board, row, verdict);
            plan.decisions.push(Decision { task: board.columns.id[row], kind, action });
        }
    }
    started_workflow
}

/// What holds a row whatever else starts: it is malformed, or depends on what is not finished. Of the others all rows are
/// read, unless they follow each other in memory.
fn look_ahead(board: &Board<'_>, rows: &[Row], held: &mut Vec<Option<Reason>>) {
    held.clear();
    held.extend(rows.iter().map(|&row| match board.malformed(row) {
        Some(malformed) => Some(Reason::Malformed(malformed.clone())),
        None => dependency::awaited(board, row),
    }));
    let apart = rows.first().zip(rows.last()).and_then(|(first, last)| last.checked_sub(*first));
    if apart.is_none_or(|apart| (apart as usize).saturating_add(1) != rows.len()) {
        let free = rows.iter().zip(held.iter()).filter(|(_, held)| held.is_none());
        board.read_ahead(free.map(|(&row, _)| row));
    }
}

/// Claims, then capacity: the first "no" counts (R9), and one for what [`look_ahead`] found came before. Who is blocked keeps
/// its place (R3), and so does who has waited too long for room, which is reserved for it (R6.7).
fn judge(
    board: &Board<'_>,
    claims: &mut Claims<'_, '_>,
    ledger: &mut Ledger,
    row: Row,
) -> Result<Place, Reason> {
    if let Some(conflict) = claims.conflict(row) {
        if board.rules.chronological && matches!(conflict, Reason::Blocked { .. }) {
            claims.keep_place(row);
        }
        return Err(conflict);
    }
    if !board.columns.kind[row].needs_place() {
        return Ok(Place::Nowhere);
    }
    let (task, class) = (board.task(row), board.columns.class[row]);
    let verdict = ledger.place(task, class);
    if let Err(Reason::NoCapacity(lacks)) = &verdict
        && board.has_waited_long(row)
        && lacks.iter().any(|shortfall| shortfall.lack.is_of_room())
    {
        ledger.reserve(task, class, lacks);
        claims.keep_place(row);
    }
    verdict
}

/// The verdict as an action; for a task that was taken back, with the dispatch that it replaces (R8.2).
fn action(board: &Board<'_>, row: Row, verdict: Result<Place, Reason>) -> Action {
    let dispatch = if board.dispatches.is_empty() { None } else { board.dispatches.get(&row) };
    match (dispatch, verdict) {
        (None, Ok(place)) => Action::Start(place),
        (None, Err(reason)) => Action::Hold(reason),
        (Some(&replaces), verdict) => {
            let then = verdict.map_or_else(Then::Hold, Then::Start);
            Action::TakeBack(Box::new(TakeBack { replaces, then }))
        }
    }
}
