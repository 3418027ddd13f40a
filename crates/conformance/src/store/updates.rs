//! Update on launch by real passes (R4): what a store must remember of updates, and how it fills created ones in.

use control_plane::ports::{Launch, Launchable, TaskStatus};
use scheduler_core::{Kind, LaunchType, Outcome, Priority, Work};
use serde_json::json;

use crate::cluster::template;
use crate::world::{Subject, World, a_moment, forks};

async fn finish_all(world: &World, tasks: &[scheduler_core::TaskId], outcome: Outcome) {
    for &task in tasks {
        world.finish(task, outcome).await;
    }
}

pub(super) async fn r4_3_a_created_update_is_filled_in(subject: Subject) {
    let world = World::new(subject).await;
    let job = world.launch(Launch { priority: Some(Priority::new(5)), ..template("build") }).await;
    let first = world.pass().await;
    let update = first.created()[0];
    let second = world.pass().await;
    let row = second.seen(update);
    assert_eq!((row.name.as_ref(), row.kind()), ("fresh", Kind::ProjectUpdate));
    assert_eq!((row.launch_type, row.priority), (LaunchType::Dependency, Priority::new(5)));
    assert_eq!(row.impact, forks(1));
    let only_b = second.reading.snapshot.groups.iter().find(|group| group.name == "only-b").unwrap();
    assert_eq!(row.groups.as_ref(), [only_b.id]);
    let job = second.seen(job);
    assert!(job.dependencies_derived);
    assert_eq!(job.dependencies.as_slice(), [update]);
    assert_eq!((job.created - row.created).num_milliseconds(), 1000, "one second before the task's");
}

pub(super) async fn r4_a_job_waits_for_its_update_and_then_starts(subject: Subject) {
    let world = World::new(subject).await;
    let job = world.launch(template("build")).await;
    let update = world.pass().await.created()[0];
    world.passes().await;
    assert_eq!(world.status(update).await, TaskStatus::Waiting);
    assert_eq!(world.status(job).await, TaskStatus::Pending);
    assert_eq!(world.view(update).await.node, Some(world.b.instance), "in the project's groups");
    world.finish(update, Outcome::Successful).await;
    world.passes().await;
    assert_eq!(world.status(job).await, TaskStatus::Waiting);
}

pub(super) async fn r4_2_a_fresh_update_is_not_repeated(subject: Subject) {
    let world = World::new(subject).await;
    world.launch(template("build")).await;
    let update = world.pass().await.created()[0];
    world.passes().await;
    world.finish(update, Outcome::Successful).await;
    world.passes().await;
    let later = world.launch(template("build")).await;
    let passed = world.pass().await;
    assert_eq!(passed.plan.creates, []);
    let last = passed.reading.snapshot.projects.iter().find_map(|project| project.last_update).unwrap();
    assert_eq!((last.task, last.outcome), (update, Outcome::Successful));
    assert!(last.at.is_some());
    assert_eq!(world.status(later).await, TaskStatus::Waiting);
    let next = world.pass().await;
    assert_eq!(next.seen(later).dependencies.as_slice(), [update], "the link is recorded all the same");
}

pub(super) async fn r4_2_a_stale_update_is_repeated(subject: Subject) {
    let stale = json!({ "project": [
        { "name": "fresh", "update_on_launch": true, "cache_timeout": 0, "run": { "handler": "work" } },
    ]});
    let world = World::with(subject, &[stale]).await;
    world.launch(template("build")).await;
    let update = world.pass().await.created()[0];
    world.passes().await;
    world.finish(update, Outcome::Successful).await;
    a_moment().await;
    world.launch(template("build")).await;
    let again = world.pass().await.created();
    assert_eq!(again.len(), 1);
    assert_ne!(again[0], update);
}

pub(super) async fn r4_2_an_update_that_a_person_launched_counts(subject: Subject) {
    let world = World::new(subject).await;
    let update = world.launch(Launch::of(Launchable::Project("fresh".into()))).await;
    world.passes().await;
    world.finish(update, Outcome::Successful).await;
    let job = world.launch(template("build")).await;
    assert_eq!(world.pass().await.plan.creates, []);
    assert_eq!(world.status(job).await, TaskStatus::Waiting);
}

pub(super) async fn r4_2_an_update_of_launch_type_sync_does_not_count(subject: Subject) {
    let world = World::new(subject).await;
    let sync = Launch { launch_type: LaunchType::Sync, ..Launch::of(Launchable::Project("fresh".into())) };
    let update = world.launch(sync).await;
    world.passes().await;
    world.finish(update, Outcome::Successful).await;
    world.launch(template("build")).await;
    assert_eq!(world.pass().await.created().len(), 1);
}

pub(super) async fn r4_2_a_failed_update_fails_its_job_and_is_repeated_for_the_next(subject: Subject) {
    let world = World::new(subject).await;
    let job = world.launch(template("build")).await;
    let update = world.pass().await.created()[0];
    world.passes().await;
    world.finish(update, Outcome::Failed).await;
    world.passes().await;
    let view = world.view(job).await;
    assert_eq!(view.status, TaskStatus::Failed);
    assert!(view.explanation.starts_with("Previous Task Failed: "), "{}", view.explanation);
    world.launch(template("build")).await;
    assert_eq!(world.pass().await.created().len(), 1);
}

pub(super) async fn r4_3_one_update_serves_all_who_need_it(subject: Subject) {
    let world = World::new(subject).await;
    let jobs = world.stage.launch(&vec![template("build"); 5]).await.unwrap();
    let created = world.pass().await.created();
    assert_eq!(created.len(), 1);
    world.passes().await;
    world.finish(created[0], Outcome::Successful).await;
    world.passes().await;
    for job in jobs {
        assert_eq!(world.status(job).await, TaskStatus::Waiting);
    }
}

pub(super) async fn r4_4_an_inventory_update_waits_for_the_project_that_it_reads(subject: Subject) {
    let world = World::new(subject).await;
    let job = world.launch(template("survey")).await;
    let created = world.pass().await.created();
    assert_eq!(created.len(), 2);
    let next = world.pass().await;
    let inventory_update =
        *created.iter().find(|&&id| next.seen(id).kind() == Kind::InventoryUpdate).unwrap();
    let project_update = *created.iter().find(|&&id| next.seen(id).kind() == Kind::ProjectUpdate).unwrap();
    let row = next.seen(inventory_update);
    assert_eq!(row.dependencies.as_slice(), [project_update]);
    assert!(row.dependencies_derived);
    assert_eq!((row.name.as_ref(), row.impact), ("cloud", forks(1)));
    assert!(matches!(row.work, Work::InventoryUpdate { source: Some(_), source_project: Some(_), .. }));
    assert_eq!(next.seen(job).dependencies.as_slice(), [inventory_update]);

    finish_all(&world, &[project_update], Outcome::Successful).await;
    world.passes().await;
    assert_eq!(world.status(inventory_update).await, TaskStatus::Waiting);
    finish_all(&world, &[inventory_update], Outcome::Successful).await;
    world.passes().await;
    assert_eq!(world.status(job).await, TaskStatus::Waiting);

    let again = world.launch(template("survey")).await;
    assert_eq!(world.pass().await.plan.creates, [], "both are fresh");
    assert_eq!(world.status(again).await, TaskStatus::Waiting);
}

pub(super) async fn r8_3_a_canceled_update_cancels_its_job(subject: Subject) {
    let world = World::new(subject).await;
    let job = world.launch(template("build")).await;
    let update = world.pass().await.created()[0];
    world.passes().await;
    world.stage.cancel(&[update]).await.unwrap();
    world.passes().await;
    assert_eq!(world.status(update).await, TaskStatus::Canceled);
    assert_eq!(world.status(job).await, TaskStatus::Canceled);
}
