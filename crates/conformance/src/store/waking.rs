//! Wake-ups: whoever listens hears of every change that concerns it (R12.2).

use control_plane::ports::{Ended, TaskStatus, Verdict, Wake};
use scheduler_core::Outcome;

use crate::cluster::{template, workflow};
use crate::world::{Subject, World, hear, joining, quiet};

pub(super) async fn r12_2_a_launch_wakes_the_schedulers(subject: Subject) {
    let world = World::new(subject).await;
    let mut ear = world.store.wakeups().await.unwrap();
    world.launch(template("deploy")).await;
    hear(&mut ear, Wake::Schedule).await;
}

pub(super) async fn r12_2_every_listener_hears(subject: Subject) {
    let world = World::new(subject).await;
    let mut one = world.store.wakeups().await.unwrap();
    let mut other = world.store.wakeups().await.unwrap();
    world.launch(template("deploy")).await;
    hear(&mut one, Wake::Schedule).await;
    hear(&mut other, Wake::Schedule).await;
}

pub(super) async fn r12_2_a_commit_with_messages_wakes_the_relays(subject: Subject) {
    let world = World::new(subject).await;
    world.launch(template("deploy")).await;
    let mut ear = world.store.wakeups().await.unwrap();
    world.pass().await;
    hear(&mut ear, Wake::Outbox).await;
}

pub(super) async fn r12_2_a_report_wakes_the_schedulers(subject: Subject) {
    let world = World::new(subject).await;
    let mut ear = world.store.wakeups().await.unwrap();
    for verdict in [Verdict::Ended(Ended::of(Outcome::Successful)), Verdict::HandedBack] {
        let task = world.launch(template("deploy")).await;
        world.pass().await;
        let dispatch = world.take_up(task).await.dispatch;
        quiet(&mut ear).await;
        world.report(task, dispatch, verdict).await;
        hear(&mut ear, Wake::Schedule).await;
    }
}

pub(super) async fn r12_2_a_cancel_wakes_whoever_must_act(subject: Subject) {
    let world = World::new(subject).await;
    let running = world.launch(template("deploy")).await;
    world.pass().await;
    world.take_up(running).await;
    let pending = world.launch(template("deploy")).await;
    let mut ear = world.store.wakeups().await.unwrap();
    world.stage.cancel(&[running]).await.unwrap();
    hear(&mut ear, Wake::Orders).await;
    quiet(&mut ear).await;
    world.stage.cancel(&[pending]).await.unwrap();
    hear(&mut ear, Wake::Schedule).await;
}

pub(super) async fn r12_2_a_cancel_that_reaches_through_a_workflow_wakes_the_workers(subject: Subject) {
    let world = World::new(subject).await;
    let release = world.launch(workflow("release")).await;
    world.passes().await;
    let job = world.job_of(release, TaskStatus::Waiting).await;
    world.take_up(job).await;
    let mut ear = world.store.wakeups().await.unwrap();
    world.stage.cancel(&[release]).await.unwrap();
    hear(&mut ear, Wake::Schedule).await;
    quiet(&mut ear).await;
    world.pass().await;
    hear(&mut ear, Wake::Orders).await;
}

pub(super) async fn r12_2_a_cancel_that_meets_a_claim_wakes_the_worker(subject: Subject) {
    let world = World::new(subject).await;
    let release = world.launch(workflow("release")).await;
    world.passes().await;
    let job = world.job_of(release, TaskStatus::Waiting).await;
    world.stage.cancel(&[release]).await.unwrap();
    let open = world.open().await;
    world.take_up(job).await;
    let mut ear = world.store.wakeups().await.unwrap();
    quiet(&mut ear).await;
    open.written().await;
    hear(&mut ear, Wake::Orders).await;
}

pub(super) async fn r12_2_a_node_that_comes_or_goes_wakes_the_schedulers(subject: Subject) {
    let world = World::new(subject).await;
    let mut ear = world.store.wakeups().await.unwrap();
    let joined = world.store.join(&joining("node-a")).await.unwrap();
    hear(&mut ear, Wake::Schedule).await;
    quiet(&mut ear).await;
    world.store.leave(joined.member).await.unwrap();
    hear(&mut ear, Wake::Schedule).await;
}

/// Every node hears it: one of them may be of that name, and must stop.
pub(super) async fn r12_2_a_join_wakes_whoever_it_replaces(subject: Subject) {
    let world = World::new(subject).await;
    let mut ear = world.store.wakeups().await.unwrap();
    quiet(&mut ear).await;
    world.store.join(&joining("node-a")).await.unwrap();
    hear(&mut ear, Wake::Members).await;
}
