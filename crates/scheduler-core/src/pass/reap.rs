//! Lost instances, overdue dispatches and cancels (R8).
//!
//! Decides which holding tasks end or are taken back because their instance is gone or lost, which dispatches are sent
//! again, and how far a request to cancel reaches. Rows whose id is not unique are left alone. Costs one scan.

use alloc::vec::Vec;

use super::board::Board;
use super::standing::Standing;
use crate::table::{FxHashMap, Row};
use crate::{
    Action, Decision, End, Instance, InstanceId, Kind, Loss, Placement, Plan, Role, RuleSet, State, Task,
    TaskId, Timestamp,
};

/// The tasks that a request to cancel reaches: with the workflow whose request it is, or `None` for their own.
pub(crate) type Requests = FxHashMap<Row, Option<TaskId>>;

impl Board<'_> {
    /// How an instance was lost, if it was (R8.1). One with several rows is neither gone nor lost.
    pub(crate) fn loss(&self, id: InstanceId) -> Option<Loss> {
        let Some(row) = self.instances.get(&id) else { return Some(Loss::Gone) };
        let instance = (*row)?;
        let last_heartbeat = instance.last_heartbeat;
        if is_lost(instance, self.rules, self.now()) { Some(Loss::Silent { last_heartbeat }) } else { None }
    }

    /// The first instance of a placement that is lost: the one that runs the task, then the one that controls it.
    fn lost_instance(&self, placement: &Placement) -> Option<End> {
        let roles = [(placement.node, Role::Node), (placement.controller, Role::Controller)];
        roles.into_iter().find_map(|(instance, role)| {
            let instance = instance?;
            Some(End::InstanceLost { instance, role, loss: self.loss(instance)? })
        })
    }
}

/// Whether an instance was not heard of for too long, or never (R8.1).
pub(crate) fn is_lost(instance: &Instance, rules: &RuleSet, now: Timestamp) -> bool {
    instance.last_heartbeat.is_none_or(|heard| rules.heartbeat_grace.elapsed_since(heard, now))
}

/// Whom the requests to cancel reach (R8.3): those who were asked, and the unfinished jobs of workflows that were.
pub(crate) fn requests(board: &Board<'_>) -> Requests {
    let mut requests = Requests::default();
    let mut workflows: Vec<Row> = Vec::new();
    for &row in &board.found.asked {
        if !board.is_duplicate(board.task(row).id) {
            requests.insert(row, None);
            workflows.push(row);
        }
    }
    while let Some(row) = workflows.pop() {
        if board.task(row).kind() != Kind::WorkflowJob {
            continue;
        }
        let workflow = board.task(row).id;
        for job in jobs(board, workflow) {
            let reached = requests.get(&job);
            if reached.is_none() {
                workflows.push(job);
            }
            let nearer = reached.is_none_or(|by| by.is_some_and(|by| workflow < by));
            if nearer {
                requests.insert(job, Some(workflow));
            }
        }
    }
    requests
}

/// The unfinished jobs of a workflow's nodes that have one row.
fn jobs(board: &Board<'_>, workflow: TaskId) -> Vec<Row> {
    let graphs = board.tree.graphs(workflow).iter();
    let graphs = graphs.filter_map(|&graph| board.snapshot.graphs.get(graph as usize));
    let jobs = graphs.flat_map(|graph| &graph.nodes).filter_map(|node| node.progress.job());
    let own = jobs.filter(|&job| board.tree.parent(job) == Some(workflow)).filter_map(|job| board.row(job));
    own.filter(|&job| board.task(job).state.is_unfinished()).collect()
}

/// Marks the waiting tasks whose instance is lost: from here on they are as if pending (R8.2).
pub(crate) fn take_back(board: &mut Board<'_>) {
    for at in 0..board.found.holding.len() {
        let Some(&row) = board.found.holding.get(at) else { break };
        let task = board.task(row);
        if let State::Waiting(dispatch) = &task.state
            && is_reapable(board, task)
            && board.lost_instance(&dispatch.placement).is_some()
        {
            board.found.pending.push(row, task);
            board.columns.standing[row] = Standing::TakenBack;
            board.dispatches.insert(row, dispatch.id);
            board.more = true;
        }
    }
}

fn is_reapable(board: &Board<'_>, task: &Task) -> bool {
    task.kind().needs_place() && !board.is_duplicate(task.id)
}

/// Fails running tasks whose instance is lost, and sends overdue dispatches again (R8.1, R8.2).
pub(crate) fn reap(board: &mut Board<'_>, requests: &Requests, plan: &mut Plan) {
    let mut reaped: Vec<(TaskId, Row, Option<End>)> = Vec::new();
    for &row in &board.found.holding {
        let task = board.task(row);
        match &task.state {
            State::Running(placement) if is_reapable(board, task) => {
                if let Some(end) = board.lost_instance(placement) {
                    reaped.push((task.id, row, Some(end)));
                }
            }
            State::Waiting(dispatch) if is_reapable(board, task) => {
                let overdue = board.rules.dispatch_grace.elapsed_since(dispatch.since, board.now());
                if overdue && board.columns.standing[row] == Standing::Holding && !requests.contains_key(&row)
                {
                    reaped.push((task.id, row, None));
                }
            }
            _ => {}
        }
    }
    reaped.sort_unstable_by_key(|&(id, ..)| id);
    for (task, row, end) in reaped {
        match end {
            Some(end) => board.end(row, end, plan),
            None => {
                if let State::Waiting(dispatch) = &board.task(row).state {
                    let kind = board.task(row).kind();
                    plan.decisions.push(Decision { task, kind, action: Action::Redispatch(dispatch.id) });
                }
            }
        }
    }
}

/// Cancels what is pending, and approvals; passes requests on to what is waiting or running (R8.3).
pub(crate) fn cancel(board: &mut Board<'_>, requests: &Requests, plan: &mut Plan) {
    let mut reached: Vec<(TaskId, Row, Option<TaskId>)> =
        requests.iter().map(|(&row, &by)| (board.task(row).id, row, by)).collect();
    reached.sort_unstable();
    for (id, row, by) in reached {
        let task = board.task(row);
        let ends = match board.columns.standing[row] {
            Standing::Pending | Standing::TakenBack => true,
            Standing::Holding => is_nobodys(task),
            Standing::Finished(_) => continue,
        };
        match (ends, by) {
            (true, None) => board.end(row, End::CancelRequested, plan),
            (true, Some(workflow)) => board.end(row, End::CanceledWithWorkflow { workflow }, plan),
            (false, None) => {}
            (false, Some(workflow)) => {
                // The store ends one that still waits, and with it what it holds (R9).
                board.more |= matches!(task.state, State::Waiting(_));
                let action = Action::RequestCancel { workflow };
                plan.decisions.push(Decision { task: id, kind: task.kind(), action });
            }
        }
    }
}

/// Whether a holding task has nobody who could be told to end it: an approval, and a workflow job that was never let run.
fn is_nobodys(task: &Task) -> bool {
    match task.kind() {
        Kind::WorkflowApproval => true,
        Kind::WorkflowJob => matches!(task.state, State::Waiting(_)),
        _ => false,
    }
}
