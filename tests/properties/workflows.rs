//! R7 and R8: workflows, reaping and cancel.

use std::collections::BTreeSet;

use proptest::prelude::*;
use scheduler_core::{
    Action, EdgeKind, End, Graph, Kind, Node, NodeStep, Outcome, Plan, Progress, Snapshot, State, Task,
    TaskId, plan, strategies,
};

use crate::cases;
use crate::view::{cancel_reaches, is_on_lost, outcome, row};

/// What has become of a node when the plan is done.
#[derive(Debug, PartialEq)]
enum Fate {
    Open,
    Skipped,
    Ended(Outcome),
}

fn fate(snapshot: &Snapshot, plan: &Plan, graph: &Graph, node: &Node) -> Fate {
    let step = plan.nodes.iter().find(|step| step.workflow == graph.workflow && step.node == node.id);
    match (node.progress, step.map(|step| &step.step)) {
        (Progress::Skipped, _) | (Progress::Untouched, Some(NodeStep::Skip(_))) => Fate::Skipped,
        (Progress::TemplateMissing, _) | (Progress::Untouched, Some(NodeStep::TemplateMissing)) => {
            Fate::Ended(Outcome::Failed)
        }
        // Workflows advance before dependencies fail (R9): such an end is seen by the next pass.
        (Progress::Job(job), _) if ends_by_dependency(plan, job) => Fate::Open,
        (Progress::Job(job), _) => outcome(snapshot, plan, job).map_or(Fate::Open, Fate::Ended),
        (Progress::Ended { outcome, .. }, _) => Fate::Ended(outcome),
        (Progress::Untouched, _) => Fate::Open,
    }
}

fn ends_by_dependency(plan: &Plan, job: TaskId) -> bool {
    let end = plan.decision(job).and_then(|decision| decision.action.end());
    matches!(end, Some(End::DependencyFailed { .. } | End::DependencyCanceled { .. }))
}

fn has_way_out(graph: &Graph, node: &Node) -> bool {
    graph.edges.iter().any(|edge| edge.from == node.id && edge.on != EdgeKind::Success)
}

fn running(snapshot: &Snapshot) -> impl Iterator<Item = (&Graph, &Task)> {
    snapshot.graphs.iter().filter_map(|graph| Some((graph, row(snapshot, graph.workflow)?)))
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn r7_a_workflow_ends_exactly_when_every_node_is_settled(
        snapshot in strategies::well_formed(), rules in strategies::rules(),
    ) {
        let plan = plan(&snapshot, &rules);
        for (graph, workflow) in running(&snapshot) {
            let fates: Vec<_> = graph.nodes.iter().map(|node| (node, fate(&snapshot, &plan, graph, node))).collect();
            let settled = fates.iter().all(|(_, fate)| *fate != Fate::Open);
            let end = plan.decision(workflow.id).and_then(|decision| decision.action.end());
            prop_assert_eq!(end.is_some(), settled, "workflow {}: {:?}", workflow.id, fates);
            let failed = |(node, fate): &&(&Node, Fate)| {
                matches!(fate, Fate::Ended(outcome) if *outcome != Outcome::Successful) && !has_way_out(graph, node)
            };
            match end {
                Some(End::WorkflowSuccessful) => prop_assert!(fates.iter().find(failed).is_none()),
                Some(End::WorkflowFailed { node }) => {
                    prop_assert_eq!(Some(*node), fates.iter().filter(failed).map(|(node, _)| node.id).min());
                }
                Some(End::WorkflowCanceled) => prop_assert!(cancel_reaches(&snapshot, workflow)),
                other => prop_assert!(other.is_none(), "{:?}", other),
            }
        }
    }

    #[test]
    fn r7_only_untouched_nodes_move_and_each_once(
        snapshot in strategies::snapshot(), rules in strategies::rules(),
    ) {
        let plan = plan(&snapshot, &rules);
        let mut moved = BTreeSet::new();
        for step in &plan.nodes {
            prop_assert!(moved.insert((step.workflow, step.node)));
            let untouched = snapshot
                .graphs
                .iter()
                .filter(|graph| graph.workflow == step.workflow)
                .flat_map(|graph| &graph.nodes)
                .any(|node| node.id == step.node && node.progress == Progress::Untouched);
            prop_assert!(untouched);
            let canceled = cancel_reaches(&snapshot, row(&snapshot, step.workflow).unwrap());
            prop_assert!(!canceled || matches!(step.step, NodeStep::Skip(_)), "a canceled workflow spawns nothing");
        }
    }

    #[test]
    fn r7_an_expired_approval_fails(snapshot in strategies::well_formed(), rules in strategies::rules()) {
        let plan = plan(&snapshot, &rules);
        for task in &snapshot.tasks {
            if let scheduler_core::Work::WorkflowApproval { expires: Some(expires) } = task.work
                && task.state.is_unfinished()
            {
                let end = plan.decision(task.id).and_then(|decision| decision.action.end());
                prop_assert!(expires >= snapshot.now || end.is_some());
                let expired = matches!(end, Some(End::ApprovalExpired { .. }));
                prop_assert!(expires < snapshot.now || !expired);
            }
        }
    }

    #[test]
    fn r8_every_running_task_on_a_lost_instance_fails_and_no_other(
        snapshot in strategies::well_formed(), rules in strategies::rules(),
    ) {
        let plan = plan(&snapshot, &rules);
        for task in &snapshot.tasks {
            let action = plan.decision(task.id).map(|decision| &decision.action);
            let lost = is_on_lost(&snapshot, &rules, task);
            let reaped = matches!(action, Some(Action::End(End::InstanceLost { .. })));
            let taken_back = matches!(action, Some(Action::TakeBack(_)));
            match task.state {
                State::Running(_) => prop_assert_eq!(lost, reaped),
                State::Waiting(_) => prop_assert!(!reaped && (taken_back == lost || plan.unconsidered.get() > 0)),
                _ => prop_assert!(!reaped && !taken_back),
            }
        }
    }

    #[test]
    fn r8_a_request_to_cancel_reaches_everything_below_a_workflow(
        snapshot in strategies::well_formed(), rules in strategies::rules(),
    ) {
        let plan = plan(&snapshot, &rules);
        for task in snapshot.tasks.iter().filter(|task| task.state.is_unfinished() && cancel_reaches(&snapshot, task)) {
            let action = plan.decision(task.id).map(|decision| &decision.action);
            let ended = action.is_some_and(|action| action.end().is_some());
            let told = task.cancel_requested || matches!(action, Some(Action::RequestCancel { .. }));
            let approval = task.kind() == Kind::WorkflowApproval;
            let at_once = task.state == State::Pending || approval || is_on_lost(&snapshot, &rules, task);
            prop_assert!(ended || (!at_once && told), "{} goes on: {:?}", task.id, action);
        }
    }
}
