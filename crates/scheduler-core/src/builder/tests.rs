//! Defaults, conversions and every constructor of the builder.

use super::*;
use crate::{EdgeKind, Kind, NodeType, Outcome, Placement, Progress, State};

#[test]
fn integers_stand_for_ids_and_moments() {
    let snapshot =
        SnapshotBuilder::at(100).instance(1, "a", 10).group(1, "default", [1]).with(job(7)).build();
    assert_eq!(snapshot.now, moment(100));
    assert_eq!(snapshot.tasks[0].created, moment(7));
    assert_eq!(snapshot.instances[0].last_heartbeat, Some(moment(100)));
}

#[test]
fn every_kind_has_a_constructor() {
    let kinds: Vec<Kind> = SnapshotBuilder::at(0)
        .with(job(1))
        .with(project_update(2).project(1))
        .with(inventory_update(3).source(1).inventory(1))
        .with(ad_hoc_command(4).inventory(1))
        .with(system_job(5))
        .with(workflow_job(6).template(1))
        .with(workflow_approval(7))
        .with(sliced_workflow_job(8).template(1))
        .build()
        .tasks
        .iter()
        .map(Task::kind)
        .collect();
    assert_eq!(kinds[..7], Kind::ALL);
    assert_eq!(kinds[7], Kind::WorkflowJob);
}

#[test]
fn what_a_state_does_not_say_happened_now() {
    let snapshot = SnapshotBuilder::at(100)
        .with(job(1).waiting_on(1, 2).controlled_by(3))
        .with(job(2).finished(Outcome::Failed))
        .with(job(3).waiting_on(1, 2).dispatched(9, 50))
        .build();
    let State::Waiting(dispatch) = &snapshot.tasks[0].state else { panic!("it waits") };
    assert_eq!(dispatch.since, moment(100));
    let place = Placement { group: Some(1.into()), node: Some(2.into()), controller: Some(3.into()) };
    assert_eq!(dispatch.placement, place);
    assert_eq!(snapshot.tasks[1].state, State::Finished { outcome: Outcome::Failed, at: Some(moment(100)) });
    let State::Waiting(dispatch) = &snapshot.tasks[2].state else { panic!("it waits") };
    assert_eq!((dispatch.id, dispatch.since), (9.into(), moment(50)));
}

#[test]
fn graphs_and_rows_of_the_model_are_rows_too() {
    let built = graph(50).node(1, job(0).project(3)).with(node_without_template(2).all().job(51)).edge(
        1,
        2,
        EdgeKind::Success,
    );
    let row = built.clone().build();
    assert_eq!(row.nodes[1].progress, Progress::Job(51.into()));
    let snapshot = SnapshotBuilder::at(0).with([built]).with(row).build();
    assert_eq!(snapshot.graphs[0], snapshot.graphs[1]);
}

#[test]
fn nodes_have_their_types() {
    let snapshot = SnapshotBuilder::at(0)
        .execution(1, "a", 1)
        .control(2, "b", 1)
        .hop(3, "c")
        .with(instance(4, "d", 1).disabled().never_heard_of())
        .build();
    let types: Vec<NodeType> = snapshot.instances.iter().map(|instance| instance.node_type).collect();
    assert_eq!(types, [NodeType::Execution, NodeType::Control, NodeType::Hop, NodeType::Hybrid]);
    assert_eq!(snapshot.instances[3].last_heartbeat, None);
}

#[test]
fn a_moment_outside_the_calendar_is_its_end() {
    assert_eq!(moment(i64::MAX), Timestamp::MAX_UTC);
    assert_eq!(moment(i64::MIN), Timestamp::MIN_UTC);
}
