//! Removing what is over: what goes, what is kept and why, and that no pass notices.

use std::collections::BTreeMap;
use std::sync::Arc;

use control_plane::definition::DefinitionKind;
use control_plane::ports::{
    Ended, Kept, Launch, Launchable, Output, Purge, Purged, Reading, Reported, TaskStatus, Verdict,
};
use scheduler_core::{LaunchType, Outcome, TaskId, Timestamp, plan};
use serde_json::json;

use super::{Subject, World};
use crate::cluster::{refusal, template, workflow};
use crate::world::a_moment;

/// The store's time, later than whatever has ended so far.
async fn now(world: &World) -> Timestamp {
    a_moment().await;
    world.store.statistics().await.unwrap().now
}

/// A purge of all that has ended, in one portion.
async fn purge(world: &World) -> Purged {
    let portion = Purge::of(now(world).await, 1000);
    let looked = world.port.retention.purge(&Purge { dry_run: true, ..portion }).await.unwrap();
    let purged = world.port.retention.purge(&portion).await.unwrap();
    assert_eq!(looked, purged, "a dry run says what the purge does then");
    purged
}

fn counts(removed: u64, kept: &[(Kept, u64)]) -> Purged {
    Purged { removed, kept: BTreeMap::from_iter(kept.iter().copied()), next: None }
}

async fn ids(world: &World) -> Vec<TaskId> {
    let mut ids: Vec<TaskId> = world.stage.tasks().await.unwrap().iter().map(|task| task.id).collect();
    ids.sort_unstable();
    ids
}

/// Launches, starts, sends and ends these.
async fn done(world: &World, launch: Launch, outcome: Outcome) -> TaskId {
    let task = world.launch(launch).await;
    end(world, task, outcome).await;
    task
}

async fn end(world: &World, task: TaskId, outcome: Outcome) {
    world.passes().await;
    world.relay().await;
    world.finish(task, outcome).await;
    world.passes().await;
}

/// Ends the one job of a workflow that waits.
async fn end_one(world: &World, flow: TaskId) -> TaskId {
    world.passes().await;
    let job = world.job_of(flow, TaskStatus::Waiting).await;
    end(world, job, Outcome::Successful).await;
    job
}

async fn read(world: &World) -> Reading {
    world.store.read().await.unwrap()
}

/// As if it had been read at the same moment.
fn at(moment: Timestamp, mut reading: Reading) -> Reading {
    reading.snapshot.now = moment;
    reading.snapshot.tasks.sort_by_key(|task| task.id);
    reading
}

pub(super) async fn a_purge_of_an_empty_store_removes_nothing(subject: Subject) {
    let world = World::new(subject).await;
    assert_eq!(purge(&world).await, counts(0, &[]));
}

pub(super) async fn what_ended_before_the_moment_is_removed_and_nothing_else(subject: Subject) {
    let world = World::new(subject).await;
    let old = done(&world, template("deploy"), Outcome::Successful).await;
    let failed = done(&world, template("deploy"), Outcome::Failed).await;
    let moment = now(&world).await;
    let young = done(&world, template("deploy"), Outcome::Successful).await;
    let waiting = world.launch(template("deploy")).await;
    world.pass().await;
    let pending = world.launch(template("deploy")).await;
    assert_eq!(world.port.retention.ended_before(moment).await.unwrap(), 2);
    assert_eq!(world.port.retention.purge(&Purge::of(moment, 1000)).await.unwrap(), counts(2, &[]));
    assert_eq!(ids(&world).await, [young, waiting, pending]);
    for gone in [old, failed] {
        assert_eq!(world.stage.task(gone).await.unwrap(), None);
    }
    assert_eq!(world.port.retention.ended_before(moment).await.unwrap(), 0);
}

pub(super) async fn a_task_that_ended_at_the_moment_is_not_old_enough(subject: Subject) {
    let world = World::new(subject).await;
    let task = done(&world, template("deploy"), Outcome::Successful).await;
    let ended = world.view(task).await.finished.unwrap();
    assert_eq!(world.port.retention.purge(&Purge::of(ended, 1000)).await.unwrap(), counts(0, &[]));
    assert_eq!(ids(&world).await, [task]);
}

pub(super) async fn what_is_removed_takes_all_that_hangs_on_it_along(subject: Subject) {
    let world = World::new(subject).await;
    let blocker = world.launch(template("alone")).await;
    let task = world.launch(template("alone")).await;
    world.pass().await;
    world.finish(blocker, Outcome::Successful).await;
    world.pass().await;
    world.relay().await;
    let assignment = world.take_up(task).await;
    let output = Output { text: "printed".into(), truncated: false };
    let mut ended = Ended::of(Outcome::Successful);
    ended.output = Some(output);
    assert_eq!(world.report(task, assignment.dispatch, Verdict::Ended(ended)).await, Reported::Written);
    assert_eq!(purge(&world).await, counts(2, &[]));
    assert_eq!(ids(&world).await, []);
    if let Some(admin) = &world.port.admin {
        assert_eq!(admin.output(task).await.unwrap(), None);
    }
    let again = Verdict::Ended(Ended::of(Outcome::Failed));
    assert_eq!(world.report(task, assignment.dispatch, again).await, Reported::Void);
}

pub(super) async fn r5_a_task_that_others_wait_for_is_kept_until_they_have_ended(subject: Subject) {
    let world = World::new(subject).await;
    let first = done(&world, template("deploy"), Outcome::Successful).await;
    let stranger = done(&world, template("deploy"), Outcome::Successful).await;
    let after = Launch { dependencies: vec![first], ..template("deploy") };
    let waiting = world.launch(after).await;
    assert_eq!(purge(&world).await, counts(1, &[(Kept::Dependency, 1)]));
    assert_eq!(ids(&world).await, [first, waiting]);
    assert_eq!(world.stage.task(stranger).await.unwrap(), None);
    end(&world, waiting, Outcome::Successful).await;
    assert_eq!(purge(&world).await, counts(2, &[]));
}

pub(super) async fn r5_a_launch_after_a_removed_task_is_refused(subject: Subject) {
    let world = World::new(subject).await;
    let gone = done(&world, template("deploy"), Outcome::Successful).await;
    purge(&world).await;
    let after = Launch { dependencies: vec![gone], ..template("deploy") };
    let why = refusal(world.stage.launch(&[after]).await);
    assert!(why.contains(&format!("there is no task {gone} to depend on")), "{why}");
}

pub(super) async fn r4_2_the_last_update_of_a_project_is_kept(subject: Subject) {
    let world = World::new(subject).await;
    let update = || Launch::of(Launchable::Project("fresh".into()));
    let older = done(&world, update(), Outcome::Successful).await;
    let last = done(&world, update(), Outcome::Failed).await;
    let other = done(&world, Launch::of(Launchable::Project("shop".into())), Outcome::Successful).await;
    let sync = Launch { launch_type: LaunchType::Sync, ..update() };
    done(&world, sync, Outcome::Successful).await;
    assert_eq!(purge(&world).await, counts(2, &[(Kept::LastUpdate, 2)]));
    assert_eq!(ids(&world).await, [last, other], "also of a project that does not update on launch now");
    assert_eq!(world.stage.task(older).await.unwrap(), None);
    let known = read(&world).await.snapshot.projects[0].last_update.unwrap();
    assert_eq!((known.task, known.outcome), (last, Outcome::Failed));
}

pub(super) async fn r4_2_the_last_update_of_an_inventory_source_is_kept(subject: Subject) {
    let world = World::new(subject).await;
    let update = || Launch::of(Launchable::InventorySource("cloud".into()));
    let mut ended = Vec::new();
    for _ in 0..2 {
        let task = world.launch(update()).await;
        world.passes().await;
        // The project that the source reads may come first.
        let before = read(&world).await;
        let waiting = before.snapshot.tasks.iter().filter(|row| row.state.placement().is_some());
        for id in waiting.map(|row| row.id).collect::<Vec<_>>() {
            end(&world, id, Outcome::Successful).await;
        }
        if world.status(task).await != TaskStatus::Successful {
            end(&world, task, Outcome::Successful).await;
        }
        ended.push(task);
    }
    assert_eq!(purge(&world).await, counts(1, &[(Kept::LastUpdate, 2)]), "the source's, and the project's");
    let left = ids(&world).await;
    assert!(left.contains(&ended[1]) && !left.contains(&ended[0]), "{left:?}");
    let known = read(&world).await.snapshot.inventory_sources[0].last_update.unwrap();
    assert_eq!(known.task, ended[1]);
}

pub(super) async fn the_last_update_of_a_project_that_was_removed_goes(subject: Subject) {
    let more = json!({ "project": [{ "name": "extra", "run": { "handler": "work" } }] });
    let world = World::with(subject, &[more]).await;
    done(&world, Launch::of(Launchable::Project("extra".into())), Outcome::Successful).await;
    assert_eq!(purge(&world).await, counts(0, &[(Kept::LastUpdate, 1)]));
    // Only people remove what they have defined.
    let Some(admin) = &world.port.admin else { return };
    assert!(admin.remove(DefinitionKind::Project, "extra").await.unwrap());
    assert_eq!(purge(&world).await, counts(1, &[]));
}

pub(super) async fn r12_4_a_task_with_a_message_in_the_outbox_is_kept(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("deploy")).await;
    world.pass().await;
    world.stage.cancel(&[task]).await.unwrap();
    assert_eq!(purge(&world).await, counts(0, &[(Kept::Unsent, 1)]));
    assert_eq!(world.relay().await, [], "it is void");
    assert_eq!(purge(&world).await, counts(1, &[]));
}

pub(super) async fn r7_an_unfinished_workflow_keeps_what_it_started(subject: Subject) {
    let world = World::new(subject).await;
    let release = world.launch(workflow("release")).await;
    let first = end_one(&world, release).await;
    assert_eq!(purge(&world).await, counts(0, &[(Kept::Workflow, 1)]));
    assert_eq!(world.status(first).await, TaskStatus::Successful);
    let second = end_one(&world, release).await;
    assert_eq!(world.status(release).await, TaskStatus::Successful, "the graph was there to the end");
    assert_eq!(purge(&world).await, counts(3, &[]));
    assert_eq!(world.stage.task(second).await.unwrap(), None);
    assert_eq!(ids(&world).await, []);
}

/// A workflow in a workflow, one job each, and its outer and inner workflow job and the inner job once all has ended.
async fn nested(world: &World) -> [TaskId; 3] {
    let outer = world.launch(workflow("outer")).await;
    world.passes().await;
    let inner = world.job_of(outer, TaskStatus::Running).await;
    let job = end_one(world, inner).await;
    assert_eq!(world.status(outer).await, TaskStatus::Successful);
    [outer, inner, job]
}

fn nesting() -> serde_json::Value {
    json!({ "workflow": [
        { "name": "inner", "node": [{ "name": "job", "starts": { "template": "deploy" } }] },
        { "name": "outer", "node": [{ "name": "flow", "starts": { "workflow": "inner" } }] },
    ] })
}

pub(super) async fn r7_a_nested_workflow_goes_with_its_outer_one(subject: Subject) {
    let world = World::with(subject, &[nesting()]).await;
    nested(&world).await;
    assert_eq!(purge(&world).await, counts(3, &[]));
    assert_eq!(ids(&world).await, []);
}

pub(super) async fn r7_a_workflow_of_which_a_part_is_needed_is_kept_whole(subject: Subject) {
    let world = World::with(subject, &[nesting()]).await;
    let [outer, inner, job] = nested(&world).await;
    let [_, _, _] = nested(&world).await;
    let waiting = world.launch(Launch { dependencies: vec![job], ..template("deploy") }).await;
    assert_eq!(purge(&world).await, counts(3, &[(Kept::Dependency, 1), (Kept::Workflow, 2)]));
    assert_eq!(ids(&world).await, [outer, inner, job, waiting]);
    assert_eq!(world.view(job).await.workflow, Some(inner));
}

pub(super) async fn r7_a_workflow_of_which_a_part_ended_later_is_kept_whole(subject: Subject) {
    let world = World::new(subject).await;
    let release = world.launch(workflow("release")).await;
    end_one(&world, release).await;
    let moment = now(&world).await;
    end_one(&world, release).await;
    assert_eq!(world.status(release).await, TaskStatus::Successful);
    let purged = world.port.retention.purge(&Purge::of(moment, 1000)).await.unwrap();
    assert_eq!(purged, counts(0, &[(Kept::Workflow, 1)]), "the others are not old enough to count");
    assert_eq!(ids(&world).await.len(), 3);
}

pub(super) async fn r7_slices_go_with_their_workflow(subject: Subject) {
    let world = World::new(subject).await;
    let sliced = world.launch(template("sliced")).await;
    world.passes().await;
    world.relay().await;
    for slice in world.jobs_of(sliced, TaskStatus::Waiting).await {
        world.finish(slice, Outcome::Successful).await;
    }
    world.passes().await;
    assert_eq!(purge(&world).await, counts(4, &[]));
    assert_eq!(ids(&world).await, []);
}

pub(super) async fn a_purge_goes_on_where_the_portion_before_has_ended(subject: Subject) {
    let world = World::with(subject, &[nesting()]).await;
    let kept = done(&world, template("deploy"), Outcome::Successful).await;
    nested(&world).await;
    for _ in 0..4 {
        done(&world, template("deploy"), Outcome::Successful).await;
    }
    world.launch(Launch { dependencies: vec![kept], ..template("deploy") }).await;
    let moment = now(&world).await;
    for dry_run in [true, false] {
        let mut portion = Purge { dry_run, ..Purge::of(moment, 2) };
        let mut sum = Purged::default();
        let mut portions = 0;
        loop {
            let purged = world.port.retention.purge(&portion).await.unwrap();
            assert!(purged.removed <= 4, "two tasks, one of which may be a workflow of three: {purged:?}");
            sum.add(&purged);
            portions += 1;
            portion.after = purged.next;
            if purged.next.is_none() {
                break;
            }
        }
        assert_eq!(sum, counts(7, &[(Kept::Dependency, 1)]));
        assert!(portions >= 3, "{portions}");
    }
    assert_eq!(ids(&world).await.len(), 2);
}

pub(super) async fn a_dry_run_removes_nothing(subject: Subject) {
    let world = World::new(subject).await;
    let task = done(&world, template("deploy"), Outcome::Successful).await;
    let portion = Purge { dry_run: true, ..Purge::of(now(&world).await, 1000) };
    assert_eq!(world.port.retention.purge(&portion).await.unwrap(), counts(1, &[]));
    assert_eq!(ids(&world).await, [task]);
}

pub(super) async fn r12_3_a_purge_waits_for_the_pass_that_is_under_way(subject: Subject) {
    let world = World::new(subject).await;
    let update = done(&world, Launch::of(Launchable::Project("fresh".into())), Outcome::Successful).await;
    let job = world.launch(template("build")).await;
    let open = world.open().await;
    // Another update ends while the pass, which has read of the first, is not written yet.
    let moment = now(&world).await;
    let beside = Arc::clone(&world.port.retention);
    let purging = tokio::spawn(async move { beside.purge(&Purge::of(moment, 1000)).await.unwrap() });
    a_moment().await;
    assert!(!purging.is_finished(), "it does not go on beside a pass");
    open.written().await;
    assert_eq!(purging.await.unwrap(), counts(0, &[(Kept::Dependency, 1)]));
    let next = world.pass().await;
    assert_eq!(next.seen(job).dependencies.as_slice(), [update], "what the pass linked to is there");
}

pub(super) async fn r12_1_passes_go_on_after_a_purge(subject: Subject) {
    let world = World::new(subject).await;
    done(&world, template("deploy"), Outcome::Successful).await;
    let task = world.launch(template("deploy")).await;
    purge(&world).await;
    world.pass().await;
    assert_eq!(world.status(task).await, TaskStatus::Waiting);
}

pub(super) async fn r11_a_purge_changes_no_plan(subject: Subject) {
    let world = World::with(subject, &[nesting()]).await;
    nested(&world).await;
    done(&world, Launch::of(Launchable::Project("fresh".into())), Outcome::Successful).await;
    let first = done(&world, template("deploy"), Outcome::Successful).await;
    let failed = done(&world, template("deploy"), Outcome::Failed).await;
    let release = world.launch(workflow("release")).await;
    end_one(&world, release).await;
    world.launch(template("build")).await;
    world.launch(template("survey")).await;
    world.launch(Launch { dependencies: vec![first], ..template("alone") }).await;
    world.launch(Launch { dependencies: vec![failed], ..template("deploy") }).await;
    let before = read(&world).await;
    assert!(purge(&world).await.removed > 0);
    let moment = before.snapshot.now;
    let (before, after) = (at(moment, before), at(moment, read(&world).await));
    assert_eq!(before, after, "a pass reads the same");
    let decided = plan(&after.snapshot, &after.rules);
    assert_eq!(decided, plan(&before.snapshot, &before.rules));
    world.passes().await;
    assert_eq!(
        world.store.read().await.unwrap().snapshot.validate().map_err(|problems| problems.to_string()),
        Ok(())
    );
}
