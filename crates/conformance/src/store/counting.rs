//! What metrics see.

use control_plane::ports::TaskStatus;

use crate::cluster::{template, workflow};
use crate::world::{Subject, World};

pub(super) async fn statistics_count(subject: Subject) {
    let world = World::new(subject).await;
    let running = world.launch(template("alone")).await;
    world.pass().await;
    world.take_up(running).await;
    world.launch(template("on-b")).await;
    world.launch(template("alone")).await;
    world.launch(template("alone")).await;
    world.pass().await;
    world.launch(template("deploy")).await;
    let counts = world.store.statistics().await.unwrap();
    let of = |status| counts.tasks.get(&status).copied().unwrap_or(0);
    assert_eq!(
        [of(TaskStatus::Pending), of(TaskStatus::Waiting), of(TaskStatus::Running)],
        [3, 1, 1],
        "unfinished ones by status"
    );
    assert!(counts.tasks.keys().all(|status| !status.is_finished()));
    assert_eq!(counts.holds.get("resource_held"), Some(&2));
    assert_eq!(counts.holds.values().sum::<u64>(), 2);
    // The message of the task that runs is void, and the store may have forgotten it already.
    assert!((1..=2).contains(&counts.outbox), "{}", counts.outbox);
    assert!(counts.outbox_oldest.is_some_and(|oldest| oldest <= counts.now));
    let of = |group: &str| counts.groups.get(group).map(|(capacity, used)| (capacity.get(), used.get()));
    assert_eq!(of("default"), Some((30, 2)));
    assert_eq!(of("only-b"), Some((10, 2)));
    assert_eq!(of("cloud"), Some((0, 0)));
}

pub(super) async fn statistics_of_an_idle_store_are_empty(subject: Subject) {
    let world = World::new(subject).await;
    let release = world.launch(workflow("release")).await;
    world.stage.cancel(&[release]).await.unwrap();
    world.pass().await;
    let counts = world.store.statistics().await.unwrap();
    assert_eq!(counts.tasks.values().sum::<u64>(), 0);
    assert!(counts.holds.is_empty());
    assert_eq!((counts.outbox, counts.outbox_oldest), (0, None));
}
