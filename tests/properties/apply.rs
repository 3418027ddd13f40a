//! A store in memory: the core's own, with ids that nobody has.

use std::collections::BTreeSet;

use proptest::prelude::*;
use scheduler_core::{
    Action, Create, Dispatch, DispatchId, Fill, Forks, Misfit, NodeId, Outcome, Plan, Snapshot, State, Task,
    TaskId, plan, strategies,
};

use crate::cases;
use crate::view::row;

/// Gives numbers that are not in use.
struct Counting {
    taken: BTreeSet<TaskId>,
    task: i64,
    dispatch: i64,
}

impl Fill for Counting {
    fn task(&mut self, _: &Create, task: &mut Task) {
        self.task += 1;
        while self.taken.contains(&TaskId::new(self.task)) {
            self.task += 1;
        }
        (task.id, task.name, task.impact) = (TaskId::new(self.task), "created".into(), Forks::new(1));
    }

    fn dispatch(&mut self, _: TaskId) -> DispatchId {
        self.dispatch = self.dispatch.wrapping_add(1);
        DispatchId::new(self.dispatch)
    }
}

/// The snapshot that the next pass sees if nothing else happens and no time goes by.
pub(crate) fn apply(snapshot: &Snapshot, plan: &Plan) -> Result<Snapshot, Misfit> {
    let nodes = snapshot.graphs.iter().flat_map(|graph| &graph.nodes);
    let jobs = nodes.filter_map(|node| node.progress.job());
    let taken = snapshot.tasks.iter().map(|task| task.id).chain(jobs).collect();
    let dispatches = snapshot.tasks.iter().filter_map(|task| match &task.state {
        State::Waiting(dispatch) => Some(dispatch.id.get()),
        _ => None,
    });
    plan.apply(snapshot, &mut Counting { taken, task: 10_000, dispatch: dispatches.max().unwrap_or(0) })
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn r12_a_plan_fits_the_snapshot_that_it_was_made_of(
        snapshot in strategies::malformed(), rules in strategies::rules(),
    ) {
        let plan = plan(&snapshot, &rules);
        let next = apply(&snapshot, &plan);
        prop_assert!(next.is_ok(), "{:?}", next);
        let next = next.unwrap_or_default();
        prop_assert_eq!(next.tasks.len(), snapshot.tasks.len() + plan.creates.len());
        for decision in plan.decisions.iter().filter(|decision| decision.action.changes_something()) {
            let (before, after) = (row(&snapshot, decision.task), row(&next, decision.task));
            prop_assert_ne!(before, after, "{:?} changes nothing", decision);
        }
    }

    #[test]
    fn r12_no_plan_fits_twice(snapshot in strategies::well_formed(), rules in strategies::rules()) {
        let plan = plan(&snapshot, &rules);
        let next = apply(&snapshot, &plan).expect("a plan fits its snapshot");
        let bound = |action: &Action| matches!(action, Action::Start(_) | Action::End(_) | Action::TakeBack(_));
        if plan.decisions.iter().any(|decision| bound(&decision.action)) || !plan.nodes.is_empty() {
            prop_assert!(apply(&next, &plan).is_err());
        }
    }
}

/// R8.3: nobody runs it, so a store need not ask anybody.
#[test]
fn r8_a_request_to_cancel_ends_what_waits_and_is_noted_at_what_runs() {
    let (snapshot, plan) = canceled_workflow();
    assert!(plan.more, "the room of task 2 is free in the next pass: {plan:#?}");
    let next = apply(&snapshot, &plan).expect("the plan fits");
    let ended = State::Finished { outcome: Outcome::Canceled, at: Some(snapshot.now) };
    assert_eq!(row(&next, TaskId::new(2)).map(|task| &task.state), Some(&ended));
    let running = row(&next, TaskId::new(3)).expect("it is there");
    assert!(running.cancel_requested && running.state.is_holding());
}

#[test]
fn r12_a_plan_of_another_snapshot_is_refused_by_the_row_that_does_not_fit() {
    let (snapshot, plan) = canceled_workflow();
    let mut gone = snapshot.clone();
    gone.tasks.retain(|task| task.id != TaskId::new(2));
    assert_eq!(apply(&gone, &plan), Err(Misfit::Task { task: TaskId::new(2) }));
    let mut over = snapshot.clone();
    over.tasks[1].state = State::Finished { outcome: Outcome::Successful, at: None };
    assert_eq!(apply(&over, &plan), Err(Misfit::State { task: TaskId::new(2) }));
    let mut moved = snapshot.clone();
    moved.graphs[0].nodes.retain(|node| node.progress.job().is_some());
    let node = NodeId::new(3);
    assert_eq!(apply(&moved, &plan), Err(Misfit::Node { workflow: TaskId::new(1), node }));
    let mut lacking = plan.clone();
    lacking.creates.clear();
    lacking.nodes[0].step = scheduler_core::NodeStep::Run(scheduler_core::CreateId::new(7));
    let create = scheduler_core::CreateId::new(7);
    assert_eq!(apply(&snapshot, &lacking), Err(Misfit::Create { create }));
}

/// Workflow 1 is asked to cancel; its job 2 waits to be taken up, its job 3 runs, its node 3 has not begun.
fn canceled_workflow() -> (Snapshot, Plan) {
    let text = "given\n  workflow 1 template 1 running cancel\n    node 1 job 2\n    node 2 job 3\n    node 3\n  \
        command 2 waiting since now\n  command 3 running\nplan tower-2018\n----\n";
    let file = testkit::scenario::ScenarioFile::parse("canceled", text).expect("a scenario");
    let scenario = file.scenarios.first().expect("one plan");
    let plan = plan(&scenario.snapshot, &scenario.rules);
    (scenario.snapshot.clone(), plan)
}

/// A dispatch counts only under its own id.
#[test]
fn r8_a_dispatch_that_was_replaced_meanwhile_is_not_replaced_again() {
    let (mut snapshot, mut plan) = canceled_workflow();
    let replaced = DispatchId::new(40);
    plan.nodes.clear();
    plan.decisions.retain(|decision| decision.task == TaskId::new(2));
    plan.decisions[0].action = Action::Redispatch(replaced);
    assert_eq!(apply(&snapshot, &plan), Err(Misfit::State { task: TaskId::new(2) }));
    let State::Waiting(dispatch) = &mut snapshot.tasks[1].state else { panic!("it waits") };
    **dispatch = Dispatch { id: replaced, ..**dispatch };
    let next = apply(&snapshot, &plan).expect("the plan fits");
    let State::Waiting(dispatch) = &next.tasks[1].state else { panic!("it waits") };
    assert!(dispatch.id > replaced);
}
