//! One pass at a time (R12.1).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use control_plane::ports::TaskStatus;

use crate::cluster::template;
use crate::world::{Subject, World};

pub(super) async fn r12_1_a_second_pass_finds_the_lock_taken(subject: Subject) {
    let world = World::new(subject).await;
    let first = world.begin().await;
    assert!(world.store.begin().await.unwrap().is_none(), "busy");
    drop(first);
}

pub(super) async fn r12_1_dropping_a_pass_gives_the_lock_back(subject: Subject) {
    let world = World::new(subject).await;
    drop(world.begin().await);
    let mut second = world.begin().await;
    second.read().await.unwrap();
    drop(second);
    drop(world.begin().await);
}

pub(super) async fn r12_1_a_commit_gives_the_lock_back(subject: Subject) {
    let world = World::new(subject).await;
    world.open().await.written().await;
    assert!(world.store.begin().await.unwrap().is_some(), "free as soon as the commit is done");
}

pub(super) async fn r12_1_looking_needs_no_lock(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("deploy")).await;
    let pass = world.begin().await;
    let reading = world.store.read().await.unwrap();
    assert!(reading.snapshot.tasks.iter().any(|row| row.id == task));
    assert_eq!(world.status(task).await, TaskStatus::Pending);
    drop(pass);
}

pub(super) async fn r12_1_racing_passes_take_turns(subject: Subject) {
    let world = Arc::new(World::new(subject).await);
    let inside = Arc::new(AtomicUsize::new(0));
    let racers: Vec<_> = (0..12)
        .map(|_| {
            let (world, inside) = (Arc::clone(&world), Arc::clone(&inside));
            tokio::spawn(async move {
                for _ in 0..3 {
                    let mut pass = world.begin().await;
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two passes at once");
                    pass.read().await.unwrap();
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1, "two passes at once");
                    drop(pass);
                }
            })
        })
        .collect();
    for racer in racers {
        racer.await.unwrap();
    }
}

pub(super) async fn r12_1_each_task_is_started_once_however_many_race(subject: Subject) {
    let world = Arc::new(World::new(subject).await);
    let mut tasks = Vec::new();
    for _ in 0..10 {
        tasks.push(world.launch(template("deploy")).await);
    }
    let racers: Vec<_> = (0..6)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.pass().await.done.dispatched })
        })
        .collect();
    let mut dispatched = 0;
    for racer in racers {
        dispatched += racer.await.unwrap();
    }
    assert_eq!(dispatched, tasks.len());
    let mut sent: Vec<_> = world.relay().await.iter().map(|message| message.task).collect();
    sent.sort_unstable();
    assert_eq!(sent, tasks);
}

pub(super) async fn r12_3_a_dropped_pass_changes_nothing(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("deploy")).await;
    let open = world.open().await;
    assert_eq!(open.plan.starts().count(), 1);
    drop(open);
    assert_eq!(world.status(task).await, TaskStatus::Pending);
    assert_eq!(world.relay().await, []);
}

pub(super) async fn r12_3_a_pass_sees_what_the_last_one_wrote(subject: Subject) {
    let world = World::new(subject).await;
    let task = world.launch(template("deploy")).await;
    world.pass().await;
    let next = world.pass().await;
    assert!(next.seen(task).state.is_holding());
    assert_eq!(next.plan.starts().count(), 0);
}
