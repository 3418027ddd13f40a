//! The audit: whether a plan is what the rules say, found out without the pass.
//!
//! Written from the rules a second time, plainly, and sharing nothing with the pass but the types: own indices, own
//! evaluation of the claims table, own ledger. What ends, what workflows do and what updates are needed is derived anew
//! from the snapshot and compared statement by statement; the decisions on pending tasks are replayed in the plan's order,
//! so that a wrong one is reported where it stands and what follows it is judged by what the plan did.
//!
//! It finds every deviation from the rules and from the crate's choices, with two freedoms: in which order the plan
//! speaks within one phase before the pending tasks (reaping, cancels, workflows, failures), and which of several
//! circles through a task it names, are the plan's.
//!
//! Costs a few map entries a task, and for each task that needs a place a look at each of its groups, however many
//! instances it has.

mod capacity;
mod circles;
mod claims;
mod disuse;
mod endings;
mod launch;
mod lend;
mod malformed;
mod order;
mod pending;
mod rows;
mod shelf;
mod steps;
mod violation;
mod waits;
mod workflow;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use self::endings::Endings;
use self::launch::Links;
use self::lend::Priorities;
use self::pending::{Before, Replayed};
use self::rows::Rows;
pub use self::violation::{About, Fault, Violation};
use crate::{
    Action, Decision, End, Malformed, Plan, RuleSet, Snapshot, State, Task, TaskCount, TaskId, Then,
};

/// Every way in which a plan differs from what the rules say; empty for every plan that [`crate::plan`] makes.
///
/// Total like the pass: no snapshot and no plan makes it fail.
///
/// ```
/// use scheduler_core::builder::{SnapshotBuilder, job};
/// use scheduler_core::{Action, Place, RuleSet, audit, plan};
///
/// let rules = RuleSet::default();
/// let snapshot = SnapshotBuilder::at(1000)
///     .instance(1, "node-a", 5)
///     .group(1, "default", [1])
///     .with(job(1).impact(6).groups([1]))
///     .build();
/// let mut decided = plan(&snapshot, &rules);
/// assert!(audit(&snapshot, &rules, &decided).is_empty());
///
/// // An idle instance takes what is larger than it is (R6.2), but no job starts without a place.
/// decided.decisions[0].action = Action::Start(Place::Nowhere);
/// let violations = audit(&snapshot, &rules, &decided);
/// assert!(violations[0].rule.starts_with("R6"), "{}", violations[0]);
/// ```
#[must_use]
pub fn audit(snapshot: &Snapshot, rules: &RuleSet, plan: &Plan) -> Vec<Violation> {
    let mut out = Vec::new();
    let rows = Rows::new(snapshot, rules);
    let malformed = malformed::malformed(&rows);

    let mut endings = Endings::default();
    endings.reap_and_cancel(&rows);
    let steps = workflow::advance(&rows, &mut endings);
    endings.fail_by_dependency(&rows);
    steps::check(plan, &steps, &mut out);

    let pending: Vec<&Task> = snapshot.tasks.iter().filter(|task| rows.is_pending(task)).collect();
    let none = Priorities::new();
    let as_it_stands = order_by(&rows, &malformed, &Links::new(), &none, pending.clone());
    let links = launch::check(&rows, plan, &endings, &malformed, &as_it_stands, &mut out);

    let alive: Vec<&Task> = pending.into_iter().filter(|task| !endings.ends.contains_key(&task.id)).collect();
    let before = Before { rows: &rows, ends: &endings.ends, malformed: &malformed, links: &links };
    let lent = lend::lent(&before, &alive);
    let order = order_by(&rows, &malformed, &links, &lent, alive);
    let said = before_placement(&rows, &endings, &order, plan, &mut out);
    let replayed = pending::replay(&before, &order, &said, &mut out);
    waits::check(&rows, &endings.ends, &replayed, &mut out);
    close(&rows, &endings, &replayed, plan, &mut out);
    out
}

/// R1; a task lends its place to what it depends on, by its row or by a link of this pass.
fn order_by<'a>(
    rows: &Rows<'a>,
    malformed: &BTreeMap<TaskId, Malformed>,
    links: &Links,
    lent: &Priorities,
    tasks: Vec<&'a Task>,
) -> Vec<&'a Task> {
    order::order(tasks, lent, |task| {
        if malformed.contains_key(&task.id) {
            return Vec::new();
        }
        let linked = links.get(&task.id).into_iter().flatten().filter_map(|link| link.task());
        task.dependencies.iter().copied().chain(linked).filter_map(|on| rows.sole(on)).collect()
    })
}

/// Checks the decisions that come before any task is placed; gives those on the tasks of `order`.
fn before_placement<'p>(
    rows: &Rows<'_>,
    endings: &Endings,
    order: &[&Task],
    plan: &'p Plan,
    out: &mut Vec<Violation>,
) -> Vec<&'p Decision> {
    let considered: BTreeSet<TaskId> = order.iter().map(|task| task.id).collect();
    let mut seen = BTreeSet::new();
    let mut placing = Vec::new();
    let mut phase = 0;
    for found in &plan.decisions {
        let about = About::Task(found.task);
        let (first, last) = phases(&found.action);
        if last < phase {
            out.push(Violation { rule: "R9", about, fault: Fault::OutOfOrder });
        }
        phase = phase.max(first);
        if considered.contains(&found.task) {
            placing.push(found);
            continue;
        }
        if !seen.insert(found.task) {
            out.push(Violation { rule: "R10", about, fault: Fault::Twice });
            continue;
        }
        let expected = endings.expected(rows, found.task);
        if expected.as_ref() != Some(&found.action) {
            let rule = expected.as_ref().map_or_else(|| rule_of(&found.action), rule_of);
            let fault = Fault::Decision {
                expected: expected.map(Box::new),
                found: Some(Box::new(found.action.clone())),
            };
            out.push(Violation { rule, about, fault });
        }
        if let Some(task) = rows.sole(found.task).filter(|task| task.kind() != found.kind) {
            let fault = Fault::WrongKind { expected: task.kind(), found: found.kind };
            out.push(Violation { rule: "R10", about, fault });
        }
    }
    let decided = endings.ends.keys().chain(endings.others.keys());
    for task in decided.filter(|task| !seen.contains(task)) {
        if let Some(expected) = endings.expected(rows, *task) {
            let rule = rule_of(&expected);
            let fault = Fault::Decision { expected: Some(Box::new(expected)), found: None };
            out.push(Violation { rule, about: About::Task(*task), fault });
        }
    }
    placing
}

/// The first and the last phase of R9 in which a decision may stand.
fn phases(action: &Action) -> (u8, u8) {
    match action {
        Action::Start(_) | Action::Hold(_) => (4, 4),
        Action::TakeBack(back) => match &back.then {
            Then::Start(_) | Then::Hold(_) => (4, 4),
            Then::End(End::DependencyFailed { .. } | End::DependencyCanceled { .. }) => (3, 3),
            Then::End(_) => (0, 1),
        },
        Action::End(End::InstanceLost { .. }) | Action::Redispatch(_) => (0, 0),
        Action::End(End::CancelRequested | End::CanceledWithWorkflow { .. })
        | Action::RequestCancel { .. } => (1, 1),
        Action::End(End::DependencyFailed { .. } | End::DependencyCanceled { .. }) => (3, 3),
        Action::End(_) | Action::Leave(_) => (2, 2),
    }
}

/// The rule that a decision before the placing of tasks follows.
fn rule_of(action: &Action) -> &'static str {
    match action {
        Action::Start(_) | Action::Hold(_) => "R10",
        Action::TakeBack(_) | Action::Redispatch(_) => "R8.2",
        Action::RequestCancel { .. } => "R8.3",
        Action::Leave(_) => "R7.7",
        Action::End(end) => match end {
            End::InstanceLost { .. } => "R8.1",
            End::DependencyFailed { .. } | End::DependencyCanceled { .. } => "R5",
            End::CancelRequested | End::CanceledWithWorkflow { .. } => "R8.3",
            End::ApprovalExpired { .. } => "R7.6",
            End::WorkflowSuccessful | End::WorkflowFailed { .. } => "R7.4",
            End::WorkflowCanceled => "R7.5",
        },
    }
}

/// R9: whether another pass should follow at once, and how many tasks were left.
fn close(rows: &Rows<'_>, endings: &Endings, replayed: &Replayed, plan: &Plan, out: &mut Vec<Violation>) {
    let ended = endings.ends.keys().filter_map(|&id| rows.sole(id)).any(|task| {
        let held = task.state.is_holding()
            && (task.kind().needs_place() || !claims::claims(rows.rules, task).is_empty());
        let workflow = rows.parent(task.id).and_then(|workflow| rows.sole(workflow));
        held || workflow.is_some_and(workflow::is_running_workflow)
    });
    let taken_back = rows.singles().any(|task| rows.is_taken_back(task));
    let told = endings.others.iter().any(|(&id, action)| {
        let waiting = |task: &Task| matches!(task.state, State::Waiting(_));
        matches!(action, Action::RequestCancel { .. }) && rows.sole(id).is_some_and(waiting)
    });
    let left = replayed.unconsidered > TaskCount::new(0);
    let expected =
        !plan.creates.is_empty() || replayed.started_workflow || ended || taken_back || told || left;
    if plan.more != expected {
        out.push(Violation { rule: "R9", about: About::Plan, fault: Fault::More { expected } });
    }
    if plan.unconsidered != replayed.unconsidered {
        let fault = Fault::Unconsidered { expected: replayed.unconsidered, found: plan.unconsidered };
        out.push(Violation { rule: "R9", about: About::Plan, fault });
    }
}
